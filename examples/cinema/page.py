"""The page at `/`: what members see now, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:dark}*{box-sizing:border-box}
body{margin:0;background:#12131a;color:#e9e7e2;font:15px/1.5 system-ui,sans-serif}
main{max-width:1060px;margin:0 auto;padding:28px 20px 60px}
h1{font:600 26px/1.2 Georgia,serif;margin:0}h1 small{font:14px system-ui;color:#9a98a3;margin-left:10px}
h2{font-size:15px;font-weight:600;margin:30px 0 10px}h2 small{color:#9a98a3;font-weight:400}
ol{list-style:none;display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:10px;margin:0;padding:0}
li.film{border-radius:8px;padding:12px 12px 10px;min-height:104px;display:flex;flex-direction:column;
 justify-content:space-between;background:linear-gradient(150deg,hsl(var(--h) 34% 30%),hsl(var(--h) 40% 16%))}
li.film b{font:600 15px/1.25 Georgia,serif;overflow-wrap:anywhere}
li.film span{font-size:12px;color:#d9d5cc;opacity:.8}
li.film i{font-style:normal;color:#ffb4a2}
table{border-collapse:collapse;width:100%}td{padding:7px 10px 7px 0;border-top:1px solid
#2a2c38;vertical-align:top}
.on{color:#ff8f78;font-weight:600}.off{color:#8fbf9a}
@media(max-width:760px){ol{grid-template-columns:repeat(2,minmax(0,1fr))}}
"""


@dataclass(frozen=True)
class Shelf:
    """One member's shelf: who, where, and the films as (title, genre, country, language or None)."""

    title: str
    detail: str
    films: list[tuple[str, str, str, str | None]]


def render(shelves: list[Shelf], status: dict[str, Any]) -> str:
    """The whole page."""
    body = "".join(_shelf(shelf) for shelf in shelves)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="10">'
        '<meta name="viewport" content="width=device-width"><title>Cinema</title>'
        f"<style>{STYLE}</style><main><h1>Cinema<small>{status['films']:,} films · "
        f"{status['requests_per_second']:g} requests a second</small></h1>{body}"
        f"<h2>Faults</h2><table>{''.join(map(_fault, status['faults']))}</table>"
        f"<h2>Overrides and hotfixes</h2><table>{_remedies(status)}</table></main></html>"
    )


def _shelf(shelf: Shelf) -> str:
    films = "".join(_film(*film) for film in shelf.films)
    head = f"<h2>{escape(shelf.title)} <small>{escape(shelf.detail)}</small></h2>"
    return f"<section>{head}<ol>{films}</ol></section>"


def _film(title: str, genre: str, country: str, language: str | None) -> str:
    hue = sum(genre.encode()) * 37 % 360
    spoken = escape(language) if language else "<i>language unset</i>"
    return (
        f'<li class="film" style="--h:{hue}"><b>{escape(title)}</b>'
        f"<span>{escape(genre)} · {escape(country)} · {spoken}</span></li>"
    )


def _fault(fault: dict[str, Any]) -> str:
    state = (
        f'<td class="on">on since {escape(fault["since"][11:19])} UTC</td>'
        if fault["on"]
        else '<td class="off">off</td>'
    )
    return f"<tr><td>{escape(fault['name'])}</td><td>{escape(fault['what'])}</td>{state}</tr>"


def _remedies(status: dict[str, Any]) -> str:
    lines = [
        f"<tr><td>{escape(o['id'])}</td><td>{escape(o['kind'])}, {o['items']:,} films</td>"
        f"<td>until {escape(o['expires_at'][:16].replace('T', ' '))} UTC</td></tr>"
        for o in status["overrides"]
    ]
    lines += [f"<tr><td>{escape(name)}</td><td>in force</td><td></td></tr>" for name in status["hotfixes"]]
    if status["overrides_problem"]:
        lines.append(f'<tr><td class="on" colspan="3">{escape(status["overrides_problem"])}</td></tr>')
    return "".join(lines) or "<tr><td>none</td></tr>"

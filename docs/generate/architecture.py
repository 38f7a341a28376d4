"""The import contracts of pyproject.toml, drawn and listed."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from docs.generate.markdown import code, table

ROOT = Path(__file__).parents[2]
HOUSES = ("bot", "workers", "domain")
"""Drawn together, in the direction of the imports."""
WIDE, HIGH, GAP, TITLE = 900, 30, 6, 26
FONT, OUTLINE = 'font-family="sans-serif" font-size="13"', 'fill="white" stroke="#94a3b8"'
FILLS = ("#eef2ff", "#ecfdf5", "#fff7ed")


@cache
def contracts() -> tuple[Mapping[str, Any], ...]:
    """The contracts as pyproject.toml has them."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return tuple(written["tool"]["importlinter"]["contracts"])


@cache
def layered() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Package → its layers, the highest first; rooms of one layer are beside each other."""
    return {
        contract["containers"][0]: tuple(
            tuple(re.split(r"\s*[|:]\s*", layer)) for layer in contract["layers"]
        )
        for contract in contracts()
        if contract["type"] == "layers" and "containers" in contract
    }


def houses() -> str:
    """The picture of the three packages."""
    return drawn([(name, layered()[name]) for name in HOUSES])


def rooms() -> str:
    """The picture of the rooms that have layers of their own."""
    return drawn([(name, layers) for name, layers in layered().items() if name not in HOUSES])


def drawn(stacks: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> str:
    """An SVG of stacks; in each, a room may import from those below it."""
    top, parts = 0, list[str]()
    for place, (name, layers) in enumerate(stacks):
        high = TITLE + len(layers) * (HIGH + GAP) + GAP
        parts.append(
            f'<rect x="0" y="{top}" width="{WIDE}" height="{high}" rx="8" fill="{FILLS[place % 3]}"/>'
        )
        parts.append(f'<text x="12" y="{top + 18}" font-weight="bold">{escape(name)}</text>')
        for row, layer in enumerate(layers):
            parts += _boxes(layer, top + TITLE + row * (HIGH + GAP))
        top += high + 2 * GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {top}" {FONT}>'
    return "\n".join((head, *parts, "</svg>")) + "\n"


def _boxes(layer: Sequence[str], top: int) -> Iterator[str]:
    wide = (WIDE - 2 * GAP - (len(layer) - 1) * GAP) / len(layer)
    for place, name in enumerate(layer):
        left = GAP + place * (wide + GAP)
        yield f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{HIGH}" rx="4" {OUTLINE}/>'
        yield f'<text x="{left + wide / 2:.1f}" y="{top + 20}" text-anchor="middle">{escape(name)}</text>'


def listed() -> str:
    """A table for each package, and what else is forbidden."""
    tables = [f"### {code(package)}\n\n{_rooms(package, layers)}" for package, layers in layered().items()]
    forbidden = [
        (one["name"], _modules(one["source_modules"]), _modules(one["forbidden_modules"]))
        for one in _forbidden()
    ]
    return "\n\n".join(
        (*tables, "### Forbidden besides", table(("contract", "modules", "may not import"), forbidden))
    )


def _rooms(package: str, layers: Sequence[Sequence[str]]) -> str:
    rows = [(code(f"{package}.{name}"), said(f"{package}.{name}")) for layer in layers for name in layer]
    return table(("room, the highest first", "what happens there"), rows)


def _forbidden() -> Iterator[Mapping[str, Any]]:
    yield from (one for one in contracts() if one["type"] == "forbidden")


def _modules(names: Sequence[str]) -> str:
    return ", ".join(map(code, names))


def said(module: str) -> str:
    """The first sentence of a module's docstring."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())

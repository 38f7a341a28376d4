"""The one message for many incidents at once, and the list in its thread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from bot.messages import words
from bot.messages.blocks import Block, context, cut, escape, section
from bot.messages.link import Link, linked
from domain.incident.state import Incident
from domain.values import Severity

TITLE_MAX = 90
LINES = 10
"""Incidents listed in one section: with their links these are well under its 3,000 characters."""


class Flooded(NamedTuple):
    """Many incidents: how many, of which tables, from when to when; severity, number, title of the worst."""

    incidents: int
    tables: Sequence[str]
    began_at: datetime
    last_at: datetime
    worst: Sequence[tuple[Severity, int, str]]
    over: bool = False


def flooded(seen: Flooded, link: Link) -> tuple[str, list[Block]]:
    """The message, as text alone and as blocks."""
    tables = cut(", ".join(escape(one) for one in seen.tables), TITLE_MAX)
    several = "1 incident" if seen.incidents == 1 else f"{seen.incidents:,} incidents"
    text = f"🌊 {several} of {tables} in {words.lasting(seen.last_at - seen.began_at)}"
    now = "*It is over*: new ones have their own message again." if seen.over else "They are still coming."
    worst = [_line(*one, link) for one in seen.worst]
    return f"{text}. {now.replace('*', '')}", [
        section(f"*{text}*, in one message. {now}"),
        section("*The worst*\n" + "\n".join(worst)),
        context(
            "All are listed in the thread. `/recsysops incident 142` shows one of them with its buttons; "
            "once somebody takes it, it has a message of its own, as each SEV1 has. Those still open: "
            f"{linked('`/recsysops status`', link('/?status=open,acknowledged'))}."
        ),
    ]


def listed(incidents: Sequence[Incident], link: Link) -> tuple[str, list[Block]]:
    """Some of them, for the thread."""
    lines = [_line(one.severity, one.number, one.called, link) for one in incidents]
    text = f"#{incidents[0].number} – #{incidents[-1].number}" if incidents else "–"
    return text, [section("\n".join(lines[at : at + LINES])) for at in range(0, len(lines), LINES)]


def _line(severity: Severity, number: int, title: str, link: Link) -> str:
    called = linked(f"#{number}", link(f"/reports/{number}"))
    return f"{words.EMOJI[severity]} *{called}* {severity.value}  {cut(escape(title), TITLE_MAX)}"

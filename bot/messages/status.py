"""The list of incidents, for the slash command."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages import words
from bot.messages.blocks import Block, context, cut, escape, section
from bot.messages.link import Link, linked
from domain.incident.state import Incident

MOST_SHOWN = 20
TITLE_MAX = 160


def status(incidents: Sequence[Incident], link: Link) -> list[Block]:
    """One line an incident, the worst first."""
    if not incidents:
        return [section("✅ No incident is open.")]
    worst_first = sorted(incidents, key=lambda one: (one.severity.value, -one.number))
    lines = [section(line(one, link)) for one in worst_first[:MOST_SHOWN]]
    left = len(incidents) - MOST_SHOWN
    return [*lines, context(f"and {left} more")] if left > 0 else lines


def line(incident: Incident, link: Link) -> str:
    """The incident in two lines, with a link to its report."""
    who = f"{words.person(incident.assignee)} has it" if incident.assignee else "nobody has it"
    title = cut(escape(incident.title), TITLE_MAX)
    number = f"*{linked(f'#{incident.number}', link(f'/reports/{incident.number}'))}*"
    since = words.moment(incident.opened_at)
    sign = f"{words.EMOJI[incident.severity]} {number} {incident.severity.value}"
    return f"{sign}  {title}\n{incident.status} · since {since} · {who}"

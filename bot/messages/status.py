"""The list of incidents, for the slash command."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages import words
from bot.messages.blocks import Block, context, cut, escape, section
from bot.messages.link import Link, linked
from domain.incident.state import Incident

MOST_SHOWN = 20
"""How many are on a page."""

TITLE_MAX = 160


def status(incidents: Sequence[Incident], link: Link, in_all: int, page: int = 1) -> list[Block]:
    """
    One line per incident, in the order given: worst first.

    Args:
        incidents: this page's; if there are `MOST_SHOWN` of them, another page follows.
        in_all: how many there are on all pages.
    """
    if not incidents:
        return [section("✅ No incident is open." if page == 1 else f"There are only {in_all} incidents.")]
    lines = [section(line(one, link)) for one in incidents]
    left = in_all - page * MOST_SHOWN
    if left <= 0:
        return lines
    unresolved = incidents[0].status in ("open", "acknowledged")
    next_page = f" · `/recsysops status {page + 1}`" if unresolved else ""
    every = link(f"/?status={'open,acknowledged' if unresolved else 'resolved'}")
    return [*lines, context(f"and {linked(f'{left:,} more', every)}{next_page}")]


def line(incident: Incident, link: Link) -> str:
    """The incident in two lines, with a link to its report."""
    who = f"{words.person(incident.assignee)} has it" if incident.assignee else "nobody has it"
    title = cut(escape(incident.called), TITLE_MAX)
    number = f"*{linked(f'#{incident.number}', link(f'/reports/{incident.number}'))}*"
    opened = words.moment(incident.opened_at)
    sign = f"{words.EMOJI[incident.severity]} {number} {incident.severity.value}"
    return f"{sign}  {title}\n{incident.status} · opened {opened} · {who}{_waits(incident)}"


def _waits(incident: Incident) -> str:
    """What somebody else has to do now, so that it is not overlooked."""
    asked_for = incident.hotfix
    if asked_for is None or asked_for.stage != "chosen":
        return ""
    return f" · *a hotfix of {words.person(asked_for.chosen_by)} waits to be approved*"

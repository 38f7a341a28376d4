"""The ticket for the permanent fix that is left to do."""

from __future__ import annotations

import re

from bot.messages.blocks import Block, context, escape, section
from bot.messages.link import linked
from domain.incident.decide import DEPLOYED
from domain.incident.state import Incident, Ticket

_ADDRESS = re.compile(r"https?://[!#-&(-;=?-_a-{}~]+")


def ticket(incident: Incident) -> list[Block]:
    """One line about it; more prominent if it was closed while a hotfix still acts."""
    found = incident.ticket
    if found is None:
        return []
    said = f"*Ticket* {_linked(found)} {escape(_state(incident, found))}"
    return [section(said)] if _to_retire(incident, found) else [context(said)]


def plain(incident: Incident) -> str | None:
    """The same without markup, for the report; None if there is no ticket."""
    found = incident.ticket
    return f"Ticket {found.id or ''} {_state(incident, found)}".replace("  ", " ") if found else None


def address(incident: Incident) -> str | None:
    """The ticket's address; None if it has none that may be followed."""
    return safe(incident.ticket.url) if incident.ticket else None


def safe(url: str) -> str | None:
    """An address that a service gave us, if it may be followed and nothing in it ends the link."""
    return url if _ADDRESS.fullmatch(url) else None


def _linked(found: Ticket) -> str:
    name = escape(found.id or "")
    return linked(name, safe(found.url)) if name else ""


def _state(incident: Incident, found: Ticket) -> str:
    if found.id is None:
        return f"is being opened in “{found.tracker}” …"
    if found.closed_at is None:
        return "is open; closing it there marks the fix as done"
    if not found.closed_by_somebody:
        return "is closed: nothing is left to do"
    closed = "closed in its tracker"
    if incident.follow_up_ended_at is not None:
        closed += f"; follow-up {'dropped' if found.dropped else 'done'}"
    if _to_retire(incident, found):
        return f"{closed}: revert the hotfix if no longer needed"
    return closed


def _to_retire(incident: Incident, found: Ticket) -> bool:
    hotfix = incident.hotfix
    return found.closed_by_somebody and hotfix is not None and hotfix.stage in DEPLOYED

"""Follow-ups and the progress of each: in a list, on the App Home, in the message and in the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.messages import words
from bot.messages.blocks import Block, context, cut, header, section
from bot.messages.in_force import MOST_SHOWN
from bot.messages.inert import sentence
from bot.messages.link import Link, linked
from domain.incident.followed import CLOSED, FollowUpStanding, closed_unmerged, standing
from domain.incident.state import Incident

COLUMNS = ("Incident", "What changes", "State", "Owner", "Due", "")
DETAIL_MAX, SAYS_MAX = 160, 300
NONE_OPEN = "No follow-up is open."


def standings(
    incidents: Sequence[Incident], at: datetime, *, every: bool = False
) -> tuple[FollowUpStanding, ...]:
    """Those not done yet, or all: overdue ones first, then by due date."""
    found = [one for incident in incidents if (one := standing(incident, at)) is not None]
    kept = [one for one in found if every or one.state not in CLOSED]
    return tuple(sorted(kept, key=lambda one: (not one.overdue, one.due_at is None, one.due_at, -one.number)))


def state(one: FollowUpStanding) -> str:
    """
    Its state in words.

    >>> given = {"number": 1, "incident": "", "change": "check", "detail": ""}
    >>> state(FollowUpStanding(**given, state="written", overdue=True))
    'written, overdue'
    """
    return f"{one.state}, overdue" if one.overdue else one.state


def row(one: FollowUpStanding) -> tuple[str, ...]:
    """One row of a table; the last cell holds what is known about its state."""
    due = f"{one.due_at.astimezone(UTC):%Y-%m-%d}" if one.due_at else "–"
    owner = words.spoken(one.owner) if one.owner else "–"
    known = " ".join(filter(None, (one.says.partition("\n")[0], one.url)))
    return (f"#{one.number}", f"{one.change}: {one.detail}", state(one), owner, due, known)


def home_of(found: Sequence[FollowUpStanding], in_all: int, link: Link) -> list[Block]:
    """The part of the App Home that lists the first of them; empty if none is open."""
    return [header("Follow-ups"), *blocks(found, in_all, link)] if found else []


def blocks(found: Sequence[FollowUpStanding], in_all: int, link: Link) -> list[Block]:
    """The list of the first open follow-ups, as the slash command answers it."""
    if not found:
        return [section(NONE_OPEN)]
    left = in_all - MOST_SHOWN
    more = [context(f"and {left:,} more: `recsysops follow-up list`")] if left > 0 else []
    return [*(section(_line(one, link)) for one in found[:MOST_SHOWN]), *more]


def _line(one: FollowUpStanding, link: Link) -> str:
    number = linked(f"#{one.number}", link(f"/reports/{one.number}"))
    due = f" · due {words.moment(one.due_at, '{date_short_pretty}')}" if one.due_at else ""
    owner = f" · {words.person(one.owner)}" if one.owner else ""
    says = f"\n_{cut(sentence(one.says.partition(chr(10))[0]), SAYS_MAX)}_" if one.says else ""
    sign = "⏰ " if one.overdue else ""
    return f"{sign}*{number}* {cut(sentence(one.detail), DETAIL_MAX)}\n{state(one)}{owner}{due}{says}"


def became(incident: Incident) -> tuple[str, ...]:
    """What became of the follow-up, one sentence each, without markup: for the message and the report."""
    came, followed = incident.change_came, incident.followed
    said = []
    if came is not None and came.written:
        said.append("Declared, in shadow mode")
    elif came is not None and came.closed:
        said.append(f"Its pull request was closed without being merged: {came.url}")
    elif came is not None:
        said.append(f"In a pull request: {came.url}" if came.url else f"To be added by hand: {came.reason}")
    if followed is None:
        return tuple(said)
    if followed.harm is not None:
        said.append(f"It made something worse: {followed.harm}")
    if gone := followed.gone:
        by = f", by a pull request: {gone.url}" if gone.url else ""
        said.append(f"Taken back{by}" if gone.taken_back else f"For a person to take out: {gone.reason}")
    if followed.dropped is not None:
        said.append(f"Not to be done: {followed.dropped}")
    if followed.done_at is not None:
        how = "shown by a replay" if followed.done_by == "replay" else "as said"
        said.append(f"Done, {how}: {followed.done_says}")
    elif followed.earned is not None and followed.harm is None:
        said.append(f"It may leave shadow mode, {followed.earned}")
    return tuple(said)


def what_now(incident: Incident) -> str | None:
    """What can be done if its pull request was closed without being merged; otherwise None."""
    if not closed_unmerged(incident):
        return None
    if incident.status == "resolved":
        return "Reopen it there, or choose here."
    drop = f'`recsysops follow-up decline {incident.number} --reason "…"` if it is not to be done'
    return f"Reopen the pull request where it was closed, or {drop}"


def due(incident: Incident) -> str | None:
    """The date by which it is to be done, if it is not done yet; completes “due …”."""
    found = standing(incident, incident.last_at)
    if found is None or found.due_at is None or found.state in CLOSED:
        return None
    return f"{found.due_at.astimezone(UTC):%Y-%m-%d}"

"""
Which obligations the clock hands over again, the longest due first: found by an index, in batches.

Each card names the moment at which it has to be checked next. An append sets it anew; a check moves it
on. So nothing that waits is checked before its time, however much of it there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, update

from domain.incident.obligations import BOTS_OWN, DUE_AFTER, SCHEDULED, Obligation
from workers.store import attempts
from workers.store.attempts import LONGEST_PAUSE, Issue, Progress
from workers.store.tables import CardRow

_CARDS = CardRow.__table__  # type: ignore[attr-defined]

SLACK = timedelta(seconds=1)
"""How far the clocks of two processes may differ."""

_DUE = """
(SELECT stream, version, obligations FROM cards WHERE due_at <= %(at)s ORDER BY due_at LIMIT %(most)s)
UNION ALL
(SELECT stream, version, obligations FROM cards
    WHERE due_at > %(beyond)s AND owes AND obligations::jsonb - %(not_ours)s::text[] <> '{}' LIMIT %(most)s)
"""
"""
The second half is for a clock that was set back: no obligation waits longer than the longest pause, so any
that seems to was written before, and is checked now. Same index: beyond the pause there are only expiries.
"""

_MOVE = """
UPDATE cards SET due_at = moved.due_at
FROM unnest(%(streams)s::text[], %(versions)s::int[], %(moments)s::timestamptz[])
    AS moved (stream, version, due_at)
WHERE cards.stream = moved.stream AND cards.version = moved.version
"""


class Due(NamedTuple):
    """A card to check: what it owes, and its version at the time."""

    stream: str
    version: int
    owed: tuple[Obligation, ...]


class Reminder(NamedTuple):
    """The result of checking a card: what to hand over now, and when to check again."""

    card: Due
    now: tuple[Issue, ...]
    next_at: datetime | None


def look(connection: Connection, at: datetime, most: int) -> list[Reminder]:
    """Up to `most` cards whose time has come, the longest due first."""
    cards = _due(connection, at, most)
    progress = attempts.progress_of(
        connection, [obligation.event_id for card in cards for obligation in card.owed]
    )
    return [looked_at(card, progress, at) for card in cards]


def looked_at(card: Due, progress: dict[tuple[str, str], Progress], at: datetime) -> Reminder:
    """What a card owes that is to be handed over at a moment, given the progress of each obligation."""
    now: list[Issue] = []
    later: list[datetime] = []
    for obligation in card.owed:
        known = progress.get((obligation.event_id, obligation.kind))
        issued = known.handed_over if known else 0
        next_at = _next(obligation, known, at)
        if next_at <= at:
            now.append(Issue(card.stream, obligation, issued))
            next_at = at + attempts.pause(obligation.kind, issued + 1)
        later.append(next_at)
    return Reminder(card, tuple(now), min(later, default=None))


def handed_over(connection: Connection, looks: Iterable[Reminder], at: datetime) -> None:
    """Record that these were handed over, and when each card is checked next."""
    done = list(looks)
    attempts.count_issues(connection, [issue for one in done for issue in one.now], at)
    moved = {
        "streams": [one.card.stream for one in done],
        "versions": [one.card.version for one in done],
        "moments": [one.next_at for one in done],
    }
    connection.exec_driver_sql(_MOVE, moved)


def look_at_once(connection: Connection, stream: str, at: datetime) -> None:
    """Have the clock check a card at its next beat."""
    connection.execute(update(_CARDS).where(_CARDS.c.stream == stream).values(due_at=at))


def _due(connection: Connection, at: datetime, most: int) -> list[Due]:
    not_ours = [*SCHEDULED, *BOTS_OWN]
    asked = {"at": at, "beyond": at + LONGEST_PAUSE + SLACK, "not_ours": not_ours, "most": most}
    return [
        Due(row.stream, row.version, _read(row.obligations))
        for row in connection.exec_driver_sql(_DUE, asked)
    ]


def _read(spelled: str) -> tuple[Obligation, ...]:
    kept: dict[str, Sequence[str]] = json.loads(spelled)
    try:
        return tuple(
            Obligation(kind=kind, event_id=event_id, since=datetime.fromisoformat(since))
            for kind, (event_id, since) in kept.items()
            if kind not in BOTS_OWN
        )
    except (TypeError, ValueError):  # somebody else wrote it; the card is made again
        return ()


def _next(obligation: Obligation, known: Progress | None, at: datetime) -> datetime:
    """When it is handed over next; now, if it would wait for too long because a clock was set back."""
    if obligation.kind in SCHEDULED and obligation.since > at:
        return obligation.since
    first = timedelta(0) if obligation.kind in SCHEDULED else DUE_AFTER.get(obligation.kind, timedelta(0))
    pause = attempts.pause(obligation.kind, max(1, known.handed_over)) if known else first
    next_at = known.next_try_at if known else obligation.since + pause
    return at if next_at > at + pause + SLACK else next_at

"""Writes a note, once, when a table or something new in it has enough history to be judged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine

from domain.answer import BurnIn, BurnInNote
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.burn_in.burn_in import burn_in
from workers.store.lock import alone
from workers.store.memory import recall_beginning, remember

MEMORY = "burn_in:"
AGAIN = timedelta(days=1)
LATER = timedelta(hours=1)  # if it could not be read
NEVER = "1970-01-01T00:00:00+00:00"
MOST_NOTES = 50  # per table, the newest
_log = structlog.get_logger(__name__)


def keep_burn_ins(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    Examine the first table that is due, and write a note if it, or something new in it, is through burn-in.

    A table is due when its burn-in should be over, and once a day from then on. Only one per call, because
    looks at the other tables wait for it. Returns how many notes were written.
    """
    with alone(log, "tick:burn_in") as mine:
        if not mine:
            return 0
        with log.connect() as connection:
            kept = recall_beginning(connection, MEMORY)
        for table in recommender.tables.values():
            before: dict[str, Any] = kept.get(f"{MEMORY}{table.name}") or {"known": [], "notes": []}
            if table.time is not None and at >= datetime.fromisoformat(before.get("next_at", NEVER)):
                return _keep(log, recommender, table.name, before, at)
    return 0


def read_notes(log: Engine) -> tuple[BurnInNote, ...]:
    """All notes, the newest first."""
    with log.connect() as connection:
        kept = recall_beginning(connection, MEMORY)
    notes = [BurnInNote.model_validate(one) for table in kept.values() for one in table["notes"]]
    return tuple(sorted(notes, key=lambda one: one.told_at, reverse=True))


def _keep(log: Engine, recommender: Recommender, table: str, kept: dict[str, Any], at: datetime) -> int:
    try:
        found = burn_in(recommender, table, at)
    except SourceError as error:
        # The table's checks report that it cannot be read; whether it is through is asked again later.
        _log.info("not_looked_through", table=table, error=str(error))
        with log.begin() as connection:
            remember(connection, f"{MEMORY}{table}", {**kept, "next_at": at + LATER})
        return 0
    fresh = [what for what in _through(found) if what not in kept["known"]]
    notes = [BurnInNote(table=table, what=what, told_at=at, burn_in=found) for what in fresh]
    next_at = at + AGAIN if found.through else min(found.through_at, at + AGAIN)
    with log.begin() as connection:
        written = [one.model_dump(mode="json") for one in notes]
        remember(
            connection,
            f"{MEMORY}{table}",
            {
                "known": [*kept["known"], *fresh],
                "notes": [*kept["notes"], *written][-MOST_NOTES:],
                "next_at": next_at,
            },
        )
    for note in notes:
        _log.info("burned_in", table=table, what=note.what, odd=list(found.odd))
    return len(notes)


def _through(found: BurnIn) -> Iterator[str]:
    """What is through burn-in: the table, and what was added to it since."""
    if found.through:
        yield "the table"
        for one in found.newcomers:
            if one.through:
                yield f"column {one.column}" if one.value is None else f"{one.column} = {one.value}"

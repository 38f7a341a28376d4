"""
The worst choices that a model had ranked low, kept for a person to look at.

The tables forget; a few per day are kept for two weeks, with everything that was known about them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.answer import Miss
from domain.detection.data.window import last_end
from domain.detection.exposure.worst import keep_worst
from domain.detection.needs import LowRankedChoices
from domain.errors import ConfigurationError, RecsysopsError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.checks.plan import plan
from workers.declaration.check_kinds import asks
from workers.sources.aggregate.exposure import items_beside, lowest_choices
from workers.store.lock import alone
from workers.store.memory import recall, remember

MEMORY = "misses"
A_DAY, DAYS = 10, 14
MOST_READ = 200


def checks_of(recommender: Recommender) -> list[Check]:
    """The declared checks that look at low-ranked choices."""
    return [check for check in recommender.checks.values() if asks(check, LowRankedChoices)]


def keep_misses(log: Engine, recommender: Recommender, at: datetime) -> int:
    """
    Keep the worst choices of the windows that ended since the last call; returns how many are kept now.

    A table that cannot be read is reported by its check, and left out here.
    """
    checks = checks_of(recommender)
    with alone(log, "tick:misses") as mine:
        if not mine or not checks:
            return 0
        with log.connect() as connection:
            before = recall(connection, MEMORY) or {}
        until, found = dict(before.get("until", {})), list[Miss]()
        for check in checks:
            planned = plan(recommender, check)
            end = last_end(at - planned.table.settle, planned.window, planned.window, recommender.zone)
            start = datetime.fromisoformat(until[check.name]) if check.name in until else end - planned.window
            if start >= end:
                continue
            try:
                found += lowest_choices(recommender, planned.check, start, end, A_DAY)
            except RecsysopsError:
                continue
            until[check.name] = end.isoformat()
        if until == before.get("until"):
            return len(before.get("misses", ()))
        kept = keep_worst(_read(before), tuple(named(recommender, found)), A_DAY, DAYS)
        value = {"until": until, "misses": [one.model_dump(mode="json") for one in kept]}
        with log.begin() as connection:
            remember(connection, MEMORY, value)
        return len(kept)


def kept_misses(log: Engine) -> tuple[Miss, ...]:
    """The stored low-ranked choices, newest day first."""
    with log.connect() as connection:
        return _read(recall(connection, MEMORY) or {})


def read_misses(
    recommender: Recommender, at: datetime, since: datetime | None, where: Slice = (), limit: int = MOST_READ
) -> list[Miss]:
    """
    Each check's `limit` lowest-ranked choices in [since, at), read from the tables; by default those of the
    last day. `where`: only choices with these values.

    Raises:
        ConfigurationError: no check of kind misses is declared. SourceError: a table cannot be read.
    """
    checks = checks_of(recommender)
    if not checks:
        raise ConfigurationError(
            'no check looks for low-ranked choices; declare one of kind = "misses" whose table is the '
            "candidates of a model"
        )
    start = since or at - timedelta(days=1)
    found = list[Miss]()
    for check in checks:
        found += lowest_choices(recommender, plan(recommender, check).check, start, at, limit, where)
    return named(recommender, found)


def named(recommender: Recommender, misses: list[Miss]) -> list[Miss]:
    """The same choices with their items' titles, if these are declared."""
    title = recommender.items.title if recommender.items else None
    if title is None or not misses:
        return misses
    titles = items_beside(recommender)[title].astype(str)

    def name(one: Miss) -> Miss:
        beside = tuple(c.model_copy(update={"title": titles.get(c.item)}) for c in one.candidates)
        return one.model_copy(update={"title": titles.get(one.item), "candidates": beside})

    return [name(one) for one in misses]


def _read(kept: dict[str, list[object]]) -> tuple[Miss, ...]:
    return tuple(Miss.model_validate(one) for one in kept.get("misses", ()))

"""What `recsysops doctor` reads in the log: whether anything is watched now, and how rehearsals went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from domain.answer import WATCH, Advice
from domain.errors import RecsysopsError
from domain.improvement.rehearsal import newest_of
from domain.recommender.recommender import Recommender
from workers.detect.table_checks import looked_at, recall_all, table_checks
from workers.environment.settings import read_settings
from workers.log.rehearsals import rehearsals
from workers.store.connection import engine

LATE = timedelta(hours=1)
"""After the last look at any table, beyond which nothing seems to look any more; at least two looks' time."""


def examine_log(recommender: Recommender, environment: Mapping[str, str], at: datetime) -> Iterator[Advice]:
    """Why nothing is watched, and hotfixes that repaired nothing; a store that fails is reported as such."""
    if not recommender.checks:
        says, fix = "nothing is watched: no check is declared", "`recsysops check suggest` prints some to add"
        yield Advice(level="warning", where=WATCH, says=says, fix=fix)
    with suppress(RecsysopsError, SQLAlchemyError):
        named = read_settings(environment)
        if named.database_url is not None:
            log = engine(named.database(), named.workspace)
            try:
                yield from _looks(log, recommender, at)
                yield from _rehearsed(log, recommender)
            finally:
                log.dispose()
        elif recommender.checks:
            says, fix = "nothing is watched: neither is a store named nor does one run", "`recsysops up`"
            yield Advice(level="note", where=WATCH, says=says, fix=f"{fix} starts everything")


def _looks(log: Engine, recommender: Recommender, at: datetime) -> Iterator[Advice]:
    tables = table_checks(recommender)
    looks = filter(None, (looked_at(kept) for kept in recall_all(log, tables).values()))
    last, steps = max(looks, default=None), [planned.every for one in tables for planned in one.plans]
    if steps and (last is None or at - last > max(LATE, 2 * min(steps))):
        when = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
        fix = "`recsysops up`, or the processes clock and looks of the Procfile, start that"
        says = f"nothing is watched: no check has looked at a table {when}"
        yield Advice(level="warning", where=WATCH, says=says, fix=fix)


def _rehearsed(log: Engine, recommender: Recommender) -> Iterator[Advice]:
    with log.connect() as connection:
        newest = newest_of(rehearsals(connection))
    for name in recommender.hotfixes:
        last = newest.get(name)
        if last is not None and last.event.verdict == "nothing":
            says = f"repaired nothing when it was last rehearsed, on {last.event.day}: {last.event.says}"
            fix = f"fix that, then `recsysops rehearse --hotfix {name}`"
            yield Advice(level="warning", where=f"hotfixes.{name}", says=says, fix=fix)

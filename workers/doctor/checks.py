"""Compares declared checks with what they ask, for `recsysops doctor`: each asks its question of no rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from domain.answer import Advice
from domain.detection.judge.state import CheckState
from domain.errors import RecsysopsError, SourceError, TooFewRows
from domain.recommender.check import Check
from domain.recommender.options import Domains, Types
from domain.recommender.recommender import Recommender
from workers.checks.check_run import check_run_of, read_needed
from workers.checks.plan import plan, window_checks
from workers.declaration.check_kinds import find, found
from workers.declaration.own_keys import of_this_house
from workers.environment import clock
from workers.sources.engines.column_kinds import kind_of, types_now
from workers.sources.engines.files import kept_open
from workers.sources.engines.source import Source, open_source, unread

AHEAD = timedelta(days=366)
"""No row is read, so any time will do; by then every version that is released now has long been serving."""


def examine_checks(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """What keeps a check from asking its question, in the words of its own look; and what it asks in vain."""
    at = clock.now() + AHEAD
    for declared in window_checks(recommender):
        source = opened.get(plan(recommender, declared).table.name)
        if source is None and found(declared.kind) is not None:
            continue  # why its table cannot be read is reported for the table
        if said := _asked(recommender, declared, at):
            yield said
        if source is not None:
            yield from _in_vain(declared, source)


@kept_open()
def unfit(recommender: Recommender, names: Collection[str]) -> frozenset[str]:
    """The checks that need something undeclared, or something that their tables lack."""
    at, readable = clock.now() + AHEAD, set[str]()
    for table in recommender.tables:
        with suppress(SourceError), open_source(recommender, table):
            readable.add(table)  # one that cannot be read now tells nothing about its columns
    checks = [recommender.checks[name] for name in names]
    known = [one for one in checks if plan(recommender, one).table.name in readable]
    said = [(one.name, _asked(recommender, one, at)) for one in known]
    return frozenset(name for name, advice in said if advice is not None and advice.level == "error")


def _asked(recommender: Recommender, check: Check, at: datetime) -> Advice | None:
    """Why it cannot ask; for a kind of a team's own that can, that it does."""
    where = f"checks.{check.name}"
    try:
        kind, planned = find(check.kind), plan(recommender, check)
        run = check_run_of(recommender, planned, planned.grid(at))
        with unread():
            read_needed(kind, run, CheckState())
    except TooFewRows:
        return None
    except RecsysopsError as error:
        fix = "correct it there, or the declaration"
        return Advice(level="error", where=where, says=str(error), fix=fix)
    if check.kind in of_this_house():
        return None
    again = "measured again after a fix" if kind.measurable else "its fixes are judged by people"
    return Advice(level="ok", where=where, says=f"kind {check.kind} of your own; {again}")


def _in_vain(check: Check, source: Source) -> Iterator[Advice]:
    """What is declared about columns that hold something else: a look passes over it."""
    where = f"checks.{check.name}"
    for name in Domains.of(check).ranges:
        held = kind_of(source.rows[name]) if name in source.columns else None
        if held not in ("number", "integer", None):
            says = f"{name} holds {held}, which has no range"
            yield Advice(
                level="error", where=f"{where}.ranges", says=says, fix="write values, or take it out"
            )
    types = Types.of(check).types
    now = types_now(source) if types else {}
    for name, meant in types.items():
        if now.get(name) not in (meant, "integer" if meant == "number" else meant):
            says = f"{name} should hold {meant}; it holds {now.get(name, 'nothing: it is gone')}"
            yield Advice(level="warning", where=f"{where}.types", says=says, fix="correct types")

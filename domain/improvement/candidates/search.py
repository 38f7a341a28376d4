"""Which checks an incident gives reason to try, those that promise most first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from domain.detection.kind import Kind
from domain.improvement.candidates.candidate import Candidate, Declared, Kinds, needs_no_more, spelled
from domain.improvement.candidates.named import Named, named_by, of_standby
from domain.improvement.candidates.varied import (
    Varied,
    beside,
    by_slices,
    in_windows,
    more_often,
    more_sensitive,
)
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.keys.duration import parse_duration
from domain.recommender.lineage import lineage
from domain.recommender.options import Keyed
from domain.recommender.recommender import Recommender
from domain.recommender.shared_keys import own_keys
from domain.recommender.table import Table
from domain.values import CauseKind, Finding

TRAINING: CauseKind = "training_data"

MOST_CANDIDATES = 24
MOST_DIRECT = 14
"""Of these, that look for what the diagnosis named, before the checks that found it are varied."""


def candidates(
    recommender: Recommender, declared: Declared, kinds: Kinds, incident: Incident
) -> tuple[Candidate, ...]:
    """
    At most `MOST_CANDIDATES` checks.

    What the diagnosis named is looked for by itself, more often and in the shortest windows first: most
    incidents are found by what follows from their cause, and later than that. Then come the checks that found
    it, in shorter windows, more often, by other slices, and more sensitive; then what else does not look at
    its tables yet.

    Args:
        declared: the checks' keys as written.
        kinds: those that may be declared, by name.
    """
    found = [one for one in (incident.first_finding, *incident.also) if one is not None]
    named, tables = named_by(incident.diagnosis), list(_tables(recommender, found))
    if named.fault == TRAINING:
        named = replace(named, learned=tuple(_learned_from(recommender, kinds, tables)))
        tables += [recommender.tables[name] for name in named.learned]
    new = list(_of_new_kinds(recommender, kinds, found, tables, named))
    in_windows_of_their_own = [
        *_of_declared(recommender, declared, kinds, tables, named, in_windows),
        *(one for one, kind in new if named.is_looked_for_by(kind)),
    ]
    direct = [
        *of_standby(recommender, kinds, named.feed),
        *_of_declared(recommender, declared, kinds, tables, named, more_often),
        *sorted(in_windows_of_their_own, key=lambda one: _window(recommender, one)),
    ]
    varied, names = _varied(recommender, declared, kinds, found), {one.name for one in direct}
    distinct: dict[str, Candidate] = {}
    for one in (*direct[:MOST_DIRECT], *varied, *direct, *(one for one, _kind in new)):
        if one.name not in recommender.checks:
            distinct.setdefault(one.name, replace(one, direct=one.name in names))
    return tuple(distinct.values())[:MOST_CANDIDATES]


def _window(recommender: Recommender, candidate: Candidate) -> timedelta:
    written = candidate.keys.get("window")
    return parse_duration(written) if written else recommender.tables[candidate.keys["table"]].window


def _of_declared(
    recommender: Recommender,
    declared: Declared,
    kinds: Kinds,
    tables: Iterable[Table],
    named: Named,
    ways: Callable[[Check, Table, Kind[Any, Any]], Iterator[Varied]],
) -> Iterator[Candidate]:
    """The checks that look for what is named, of the tables concerned, varied in such ways."""
    concerned = {table.name: table for table in tables}
    for check in recommender.checks.values():
        kind, table = kinds.get(check.kind), concerned.get(check.table or "")
        if kind is None or table is None or check.name not in declared:
            continue
        looked_for = named.is_looked_for_by(kind) and _looks_at(check, named.column_for(kind))
        if looked_for or table.name in named.learned:
            yield from beside(check, declared[check.name], ways(check, table, kind))


def _varied(
    recommender: Recommender, declared: Declared, kinds: Kinds, found: Iterable[Finding]
) -> Iterator[Candidate]:
    """The checks that found it, otherwise."""
    first: dict[str, Finding] = {}
    for finding in found:
        first.setdefault(finding.check, finding)
    for name, finding in first.items():
        check = recommender.checks.get(name)
        kind = kinds.get(check.kind) if check is not None else None
        if check is None or kind is None or name not in declared or check.table not in recommender.tables:
            continue
        table = recommender.tables[check.table]
        ways = (
            *in_windows(check, table, kind),
            *more_often(check, table, kind),
            *by_slices(check, table, kind, finding),
            *more_sensitive(check, kind),
        )
        yield from beside(check, declared[name], ways)


def _of_new_kinds(
    recommender: Recommender, kinds: Kinds, found: Iterable[Finding], tables: Iterable[Table], named: Named
) -> Iterator[tuple[Candidate, Kind[Any, Any]]]:
    """
    Kinds that need no more said of them than the table, or the column that is named: first those that ask the
    engine what the checks ask that found it.
    """
    checks = [recommender.checks[one.check] for one in found if one.check in recommender.checks]
    alike = {type(kinds[one.kind].needs) for one in checks if one.kind in kinds}
    by_needs = sorted(kinds.items(), key=lambda one: type(one[1].needs) not in alike)
    for table in tables:
        for name, kind in by_needs:
            column = named.column_for(kind)
            if _is_looked_at(recommender, table, name, column) or not _suits(kind, table):
                continue
            called, says = f"{table.name}_{name}", f"{name} in {table.name}"
            if column:
                called, says = f"{called}_{column}", f"{name} of {column} in {table.name}"
            keys = {
                "kind": name,
                "table": table.name,
                "shadow": True,
                **dict(_keys(recommender, table, kind, named)),
            }
            yield Candidate(spelled(called), keys, says), kind
            if type(kind.needs) not in alike and not named.is_looked_for_by(kind):
                continue
            for end, changed, shorter in in_windows(
                Check(name=name, kind=name, table=table.name), table, kind
            ):
                one = Candidate(spelled(f"{called}_{end}"), {**keys, **changed}, f"{says} {shorter}")
                yield one, kind


def _keys(
    recommender: Recommender, table: Table, kind: Kind[Any, Any], named: Named
) -> Iterator[tuple[str, list[str]]]:
    """What is to be said of such a check besides its table."""
    if column := named.column_for(kind):
        yield "columns", [column]
        if kind.sliced != "never" and (by := named.dimensions_of(table)) is not None:
            yield "dimensions", by
    if issubclass(kind.options, Keyed) and (key := own_keys(recommender, table.name)):
        yield "key", list(key)


def _is_looked_at(recommender: Recommender, table: Table, kind: str, column: str | None) -> bool:
    """Whether a check of that kind looks at the table, and at that column of it."""
    checks = (one for one in recommender.checks.values() if (one.kind, one.table) == (kind, table.name))
    return any(_looks_at(check, column) for check in checks)


def _looks_at(check: Check, column: str | None) -> bool:
    columns = check.options.get("columns") or ()
    return column is None or not columns or column in columns


def _tables(recommender: Recommender, found: Iterable[Finding]) -> Iterator[Table]:
    """Those that something was found in, then those that they are made from."""
    hit = dict.fromkeys(one.table for one in found if one.table in recommender.tables)
    made_from = lineage(recommender.tables, recommender.models.values())
    above = dict.fromkeys(name for table in hit for name in sorted(made_from.above(table)))
    for name in dict.fromkeys((*hit, *above)):
        if recommender.tables[name].time is not None:
            yield recommender.tables[name]


def _learned_from(recommender: Recommender, kinds: Kinds, tables: Iterable[Table]) -> Iterator[str]:
    """What the models learned from that scored what is in these tables, and what logs their trainings."""
    made_from = lineage(recommender.tables, recommender.models.values())
    known = [table.name for table in tables]
    learned = [name for table in known for name in sorted(made_from.taught(table))]
    trainings = [name for name, kind in kinds.items() if kind.fault == TRAINING]
    logs = [check.table for check in recommender.checks.values() if check.kind in trainings and check.table]
    for name in dict.fromkeys((*learned, *logs)):
        if name not in known and name in recommender.tables and recommender.tables[name].time is not None:
            yield name


def _suits(kind: Kind[Any, Any], table: Table) -> bool:
    """Whether a kind can look at a table of which nothing more is said."""
    return bool(table.dimensions or not kind.only_slices) and needs_no_more(kind, {})

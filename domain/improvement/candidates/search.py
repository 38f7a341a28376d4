"""Which checks an incident gives reason to try, the most promising first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from domain.detection.kind import Kind
from domain.detection.needs import Needs
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

MOST_CANDIDATES = 48
MOST_DIRECT = 14
"""How many of them look for what the diagnosis named, before variations of the checks that found it."""


def candidates(
    recommender: Recommender, declared: Declared, kinds: Kinds, incident: Incident
) -> tuple[Candidate, ...]:
    """
    At most `MOST_CANDIDATES` checks.

    First come checks that look for what the diagnosis named, more often and in the shortest windows first:
    most incidents are found by consequences of their cause, and so later. Then come the checks that found it,
    with shorter windows, more often, by other slices, and more sensitive; then kinds that do not look at its
    tables yet.

    Args:
        declared: the checks' keys as written.
        kinds: the kinds that may be declared, by name.
    """
    found = [one for one in (incident.first_finding, *incident.also) if one is not None]
    named, tables = named_by(incident.diagnosis), list(_tables(recommender, found))
    if named.fault == TRAINING:
        named = replace(named, learned=tuple(_learned_from(recommender, kinds, tables)))
        known = {table.name for table in tables}
        tables += [recommender.tables[name] for name in named.learned if name not in known]
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
    """The checks of the tables concerned that look for what is named, varied in these `ways`."""
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
    """Variations of the checks that found it."""
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
            *more_sensitive(check, table, kind),
        )
        yield from beside(check, declared[name], ways)


def _of_new_kinds(
    recommender: Recommender, kinds: Kinds, found: Iterable[Finding], tables: Iterable[Table], named: Named
) -> Iterator[tuple[Candidate, Kind[Any, Any]]]:
    """
    Kinds that need nothing but the table, the named column, or what is declared: first those that ask the
    engine the same as the checks that found it, then those that suit the table.
    """
    checks = [recommender.checks[one.check] for one in found if one.check in recommender.checks]
    alike = {type(kinds[one.kind].needs) for one in checks if one.kind in kinds}
    for table in tables:
        for kind, own in _for_table(recommender, kinds, table, alike):
            column = named.column_for(kind)
            if _is_looked_at(recommender, table, kind.name, column) or not _may_look(kind, table, own):
                continue
            most = None if type(kind.needs) in alike or named.is_looked_for_by(kind) else 1
            for columns in _columns(column, own.get("columns", ())):
                keys = {**own, **dict(_keys(recommender, table, kind, named, columns))}
                every = _of_new_kind(kind, table, keys, column if columns == [column] else None)
                yield from ((one, kind) for one in islice(every, most))


def _of_new_kind(
    kind: Kind[Any, Any], table: Table, own: Mapping[str, Any], column: str | None
) -> Iterator[Candidate]:
    """One with its `own` keys, then with shorter windows; `column` is given where it looks at that alone."""
    called, says = f"{table.name}_{kind.name}", f"{kind.name} in {table.name}"
    if column:
        called, says = f"{called}_{column}", f"{kind.name} of {column} in {table.name}"
    keys = {"kind": kind.name, "table": table.name, "shadow": True, **own}
    yield Candidate(spelled(called), keys, says)
    for end, changed, shorter in in_windows(
        Check(name=called, kind=kind.name, table=table.name), table, kind
    ):
        yield Candidate(spelled(f"{called}_{end}"), {**keys, **changed}, f"{says} {shorter}")


def _columns(column: str | None, others: Collection[str]) -> Iterator[list[str] | None]:
    """All it would look at, if `column` is among them, as the next fault may be in another; then `column`."""
    if column is None:
        yield None
        return
    if column in others and len(others) > 1:
        yield list(others)
    yield [column]


def _for_table(
    recommender: Recommender, kinds: Kinds, table: Table, alike: Collection[type[Needs[Any]]]
) -> list[tuple[Kind[Any, Any], dict[str, Any]]]:
    """All kinds, most promising first, each with the keys that it would take where it suits the table."""
    found = list[tuple[bool, bool, Kind[Any, Any], dict[str, Any]]]()
    for kind in kinds.values():
        suited = next((one for one in kind.suits(recommender) if one.table == table.name), None)
        keys = dict(suited.keys) if suited else {}
        own = {key: list(one) if isinstance(one, tuple) else one for key, one in keys.items()}
        found.append((type(kind.needs) not in alike, suited is None, kind, own))
    return [(kind, own) for *_place, kind, own in sorted(found, key=lambda one: one[:2])]


def _keys(
    recommender: Recommender, table: Table, kind: Kind[Any, Any], named: Named, columns: list[str] | None
) -> Iterator[tuple[str, list[str]]]:
    """The keys that such a check needs besides its table."""
    if columns:
        yield "columns", columns
        if kind.sliced != "never" and (by := named.dimensions_of(table)) is not None:
            yield "dimensions", by
    if issubclass(kind.options, Keyed) and (key := own_keys(recommender, table.name)):
        yield "key", list(key)


def _is_looked_at(recommender: Recommender, table: Table, kind: str, column: str | None) -> bool:
    """Whether a check of that kind looks at the table and at that column of it."""
    checks = (one for one in recommender.checks.values() if (one.kind, one.table) == (kind, table.name))
    return any(_looks_at(check, column) for check in checks)


def _looks_at(check: Check, column: str | None) -> bool:
    columns = check.options.get("columns") or ()
    return column is None or not columns or column in columns


def _tables(recommender: Recommender, found: Iterable[Finding]) -> Iterator[Table]:
    """The tables in which something was found, then those that they are made from."""
    hit = dict.fromkeys(one.table for one in found if one.table in recommender.tables)
    made_from = lineage(recommender.tables, recommender.models.values())
    above = dict.fromkeys(name for table in hit for name in sorted(made_from.above(table)))
    for name in dict.fromkeys((*hit, *above)):
        if recommender.tables[name].time is not None:
            yield recommender.tables[name]


def _learned_from(recommender: Recommender, kinds: Kinds, tables: Iterable[Table]) -> Iterator[str]:
    """Training data among these tables, or of the models that scored them; and the logs of trainings."""
    made_from = lineage(recommender.tables, recommender.models.values())
    known = [table.name for table in tables]
    lessons = {name for model in recommender.models.values() for name in model.learned_from}
    learned = [name for table in known for name in sorted(made_from.taught(table) | lessons & {table})]
    trainings = [name for name, kind in kinds.items() if kind.fault == TRAINING]
    logs = [check.table for check in recommender.checks.values() if check.kind in trainings and check.table]
    for name in dict.fromkeys((*learned, *logs)):
        if name in recommender.tables and recommender.tables[name].time is not None:
            yield name


def _may_look(kind: Kind[Any, Any], table: Table, own: Mapping[str, Any]) -> bool:
    """Whether a kind can look at a table given only these keys."""
    return bool(table.dimensions or not kind.only_slices) and needs_no_more(kind, own)

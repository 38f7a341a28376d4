"""
Checks that might have found an incident sooner: candidates, to be replayed before anybody is shown one.

A candidate is always a check of its own beside those that are declared, never a change to one: it begins in
shadow mode, and until its record promotes it what paged people before goes on paging them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from domain.detection.kind import Kind
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.lineage import lineage
from domain.recommender.options import OfColumns
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding

MOST_CANDIDATES = 24
PARTS = (2, 4)
"""A window and what a change must reach are tried at a half and at a quarter."""

LEAST_WINDOW = timedelta(minutes=1)
SENSITIVITY = ("least_change", "least_rows")
"""Keys of every check that say what a change must reach; a kind's own are its options' `sensitivity`."""

Kinds = Mapping[str, Kind[Any, Any]]
Declared = Mapping[str, Mapping[str, Any]]
"""Check → its keys as they are written in the declaration."""


@dataclass(frozen=True)
class Candidate:
    """
    A check to be added: the keys of `[checks.NAME]` as they would be written, and what is new about it.

    `beside` is the declared check that it is a variation of; None where its kind is new to the table.
    """

    name: str
    keys: Mapping[str, Any]
    says: str
    beside: str | None = None


def candidates(
    recommender: Recommender, declared: Declared, kinds: Kinds, incident: Incident
) -> tuple[Candidate, ...]:
    """
    At most `MOST_CANDIDATES` checks that this incident gives reason to try: first those that found it, varied
    in window, sensitivity and slices; then kinds that do not look at its tables yet.

    Args:
        declared: the checks' keys as written, so that a variation keeps how they are spelled.
        kinds: those that may be declared, by name.
    """
    found = [one for one in (incident.first_finding, *incident.also) if one is not None]
    names = dict.fromkeys(one.check for one in found if one.check in recommender.checks)
    first = {name: next(one for one in found if one.check == name) for name in names}
    varied = [
        one
        for name in names
        if name in declared
        for one in _varied(recommender, recommender.checks[name], declared[name], kinds, first[name])
    ]
    distinct: dict[str, Candidate] = {}
    for one in (*varied, *_of_new_kinds(recommender, kinds, found, incident)):
        if one.name not in recommender.checks:
            distinct.setdefault(one.name, one)
    return tuple(distinct.values())[:MOST_CANDIDATES]


def _varied(
    recommender: Recommender, check: Check, written: Mapping[str, Any], kinds: Kinds, finding: Finding
) -> Iterator[Candidate]:
    if (kind := kinds.get(check.kind)) is None or check.table not in recommender.tables:
        return
    table = recommender.tables[check.table]
    by = (*_windows(check, table, kind), *_sensitivities(check, kind), *_slices(check, table, kind, finding))
    for suffix, changed, says in by:
        yield Candidate(
            name=_spelled(f"{check.name}_{suffix}"),
            keys={**written, **changed, "shadow": True},
            says=f"{check.name} {says}",
            beside=check.name,
        )


Varied = tuple[str, dict[str, Any], str]
"""The end of a name, the keys that differ, and that in words."""


def _windows(check: Check, table: Table, kind: Kind[Any, Any]) -> Iterator[Varied]:
    """Shorter windows; it looks as often as it does now, but at least as often as those are long."""
    if not kind.windows or check.schedule is not None:
        return
    every = check.every or (table.every if check.window is None else None) or timedelta.max
    for part in PARTS:
        window = (check.window or table.window) / part
        if window >= LEAST_WINDOW and window % timedelta(seconds=1) == timedelta(0):
            length = name_duration(window)
            looks = name_duration(min(every, window))
            yield length, {"window": length, "every": looks}, f"in windows of {length}"


def _sensitivities(check: Check, kind: Kind[Any, Any]) -> Iterator[Varied]:
    """Smaller changes count; an option only where the check declares it, for what is usual is the kind's."""
    own = {key: check.options.get(key) for key in kind.options.sensitivity}
    for key, value in {**{key: getattr(check, key) for key in SENSITIVITY}, **own}.items():
        for part in PARTS if value else ():
            less = float(f"{value / part:.3g}")
            yield f"{key}_{_spelled(less)}", {key: less}, f"with {key} = {less:g}"


def _slices(check: Check, table: Table, kind: Kind[Any, Any], finding: Finding) -> Iterator[Varied]:
    """Slices where it looked at the whole; only those of the incident where it looked at more."""
    if kind.sliced == "never":
        return
    usual = table.dimensions if kind.sliced == "always" else ()
    now = usual if check.dimensions is None else check.dimensions
    hit = tuple(dimension for dimension, _value in finding.slice)
    for dimensions in dict.fromkeys((table.dimensions, hit)):
        if dimensions and set(dimensions) != set(now):
            yield (
                "by_" + "_".join(dimensions),
                {"dimensions": list(dimensions)},
                f"by {', '.join(dimensions)}",
            )


def _of_new_kinds(
    recommender: Recommender, kinds: Kinds, found: Iterable[Finding], incident: Incident
) -> Iterator[Candidate]:
    """
    Kinds that need no more said of them than the table, or the column that the diagnosis names: first those
    that ask the engine what the checks ask that found it.
    """
    feature = incident.diagnosis.feature if incident.diagnosis else None
    alike = {type(kinds[one.kind].needs) for one in _checks(recommender, found) if one.kind in kinds}
    by_needs = sorted(kinds.items(), key=lambda one: type(one[1].needs) not in alike)
    looking = {(check.kind, check.table) for check in recommender.checks.values()}
    for table in _tables(recommender, found):
        for name, kind in by_needs:
            if (name, table.name) in looking or not _suits(kind, table):
                continue
            of_column = feature is not None and issubclass(kind.options, OfColumns)
            keys: dict[str, Any] = {"kind": name, "table": table.name, "shadow": True}
            if of_column:
                keys["columns"] = [feature]
            of = f" of {feature}" if of_column else ""
            end = f"_{_spelled(str(feature))}" if of_column else ""
            yield Candidate(_spelled(f"{table.name}_{name}{end}"), keys, f"{name}{of} in {table.name}")
            if type(kind.needs) in alike:
                plain = Check(name=name, kind=name, table=table.name)
                for suffix, changed, says in _windows(plain, table, kind):
                    called = _spelled(f"{table.name}_{name}_{suffix}")
                    yield Candidate(called, {**keys, **changed}, f"{name} in {table.name} {says}")


def _checks(recommender: Recommender, found: Iterable[Finding]) -> list[Check]:
    return [recommender.checks[one.check] for one in found if one.check in recommender.checks]


def _tables(recommender: Recommender, found: Iterable[Finding]) -> Iterator[Table]:
    """Those that something was found in, then those that they are made from."""
    hit = dict.fromkeys(one.table for one in found if one.table in recommender.tables)
    made_from = lineage(recommender.tables, recommender.models.values())
    above = dict.fromkeys(name for table in hit for name in sorted(made_from.above(table)))
    for name in dict.fromkeys((*hit, *above)):
        if recommender.tables[name].time is not None:
            yield recommender.tables[name]


def _suits(kind: Kind[Any, Any], table: Table) -> bool:
    """Whether a kind can look at a table of which nothing more is said."""
    if kind.only_slices and not table.dimensions:
        return False
    try:
        options = kind.read({})
        kind.fits({}, options)
    except (ValidationError, ValueError):
        return False
    return True


def _spelled(value: float | str) -> str:
    """
    As it may stand in the name of a check.

    >>> _spelled(0.125), _spelled("Main genre")
    ('0_125', 'Main_genre')
    """
    text = f"{value:g}" if isinstance(value, float) else value
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)

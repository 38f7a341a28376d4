"""An existing check varied: shorter windows, other slices, or more sensitive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from domain.detection.kind import Kind
from domain.improvement.candidates.candidate import Candidate, spelled
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.table import Table
from domain.values import Finding

WINDOW_PARTS, CHANGE_PARTS, LOOK_PARTS = (2, 4, 10), (2, 4), (10, 4, 2)
"""The window, the smallest change and the time between looks are divided by these."""

OVERLAPPING = (4, 2)
"""Looks per window: what a short window shows has to be seen twice."""

LEAST_WINDOW, LEAST_BETWEEN = timedelta(minutes=1), timedelta(seconds=30)
SENSITIVITY = ("least_change", "least_rows")
"""Keys of every check that set how large a change must be; a kind's own are in its options' `sensitivity`."""

Varied = tuple[str, dict[str, Any], str]
"""The suffix of a name, the keys that differ, and the difference in words."""


def beside(check: Check, written: Mapping[str, Any], varied: Iterable[Varied]) -> Iterator[Candidate]:
    """
    These variations of a declared check.

    Args:
        written: its keys as written, so that a variation keeps their spelling.
    """
    for suffix, changed, says in varied:
        yield Candidate(
            name=spelled(f"{check.name}_{suffix}"),
            keys={**written, **changed, "shadow": True},
            says=f"{check.name} {says}",
            beside=check.name,
        )


def in_windows(check: Check, table: Table, kind: Kind[Any, Any]) -> Iterator[Varied]:
    """Shorter windows; it looks as often as now, or as `looks_in` says if that is more often."""
    if not kind.shortens or check.schedule is not None:
        return
    every = check.every or (table.every if check.window is None else None) or timedelta.max
    for part in WINDOW_PARTS:
        window = (check.window or table.window) / part
        if window >= LEAST_WINDOW and window % timedelta(seconds=1) == timedelta(0):
            length, looks = name_duration(window), name_duration(min(every, looks_in(window)))
            often = f" looking every {looks}" if looks != length else ""
            yield length, {"window": length, "every": looks}, f"in windows of {length}{often}"


def looks_in(window: timedelta) -> timedelta:
    """
    How often to look in windows of this length.

    >>> [str(looks_in(timedelta(minutes=minutes))) for minutes in (1, 5)]
    ['0:00:30', '0:01:15']
    """
    return next(iter(_divided(window, OVERLAPPING)), window)


def _divided(span: timedelta, parts: Iterable[int]) -> list[timedelta]:
    """Its parts that are whole seconds and worth looking so often."""
    divided = (span / part for part in parts)
    return [one for one in divided if one >= LEAST_BETWEEN and one % timedelta(seconds=1) == timedelta(0)]


def more_often(check: Check, table: Table, kind: Kind[Any, Any]) -> Iterator[Varied]:
    """The same looks, as often as is useful: what begins between two of them has to wait for the next."""
    if check.schedule is not None:
        return
    window = check.window or table.window
    every = check.every or (table.every if check.window is None else None) or kind.every(window)
    if between := _divided(every, LOOK_PARTS):
        length = name_duration(between[0])
        yield f"every_{length}", {"every": length}, f"looking every {length}"


def more_sensitive(check: Check, table: Table, kind: Kind[Any, Any]) -> Iterator[Varied]:
    """
    Smaller changes count, looked for as often as is useful; an option is varied only where the check declares
    it, as its default is up to the kind.
    """
    looks = next((changed for _end, changed, _says in more_often(check, table, kind)), {})
    often = f" looking every {looks['every']}" if looks else ""
    own = {key: check.options.get(key) for key in kind.options.sensitivity}
    for key, value in {**{key: getattr(check, key) for key in SENSITIVITY}, **own}.items():
        for part in CHANGE_PARTS if value else ():
            less = float(f"{value / part:.3g}")
            yield f"{key}_{spelled(less)}", {key: less, **looks}, f"with {key} = {less:g}{often}"


def by_slices(check: Check, table: Table, kind: Kind[Any, Any], finding: Finding) -> Iterator[Varied]:
    """By slice where it looked at the whole; only by the incident's slices where it looked at more."""
    if kind.sliced == "never":
        return
    usual = table.dimensions if kind.sliced == "always" else ()
    now = usual if check.dimensions is None else check.dimensions
    hit = tuple(dimension for dimension, _value in finding.slice)
    for dimensions in dict.fromkeys((table.dimensions, hit)):
        if dimensions and set(dimensions) != set(now):
            by = ", ".join(dimensions)
            yield "by_" + "_".join(dimensions), {"dimensions": list(dimensions)}, f"by {by}"

"""What is odd about a table compared with related ones: values, types, clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from domain.detection.data.counts import Counts, Floats
from domain.detection.data.newcomer import HOURS, hours_apart

LEAST_SHARE = 0.01  # of the rows with a value: from here on the other table should know it
MOST_VALUES = 50
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class TableProfile:
    """A table's counts by hour and by dimension value, and its columns' types."""

    name: str
    counts: Counts
    types: Mapping[str, str]
    hourly: bool

    def shares(self, dimension: str) -> dict[str, float]:
        """Value → its share of the rows."""
        total = max(float(self.counts.total.sum()), 1.0)
        sums = self.counts.rows.sum(axis=0)
        return {
            where[0][1]: float(sums[place]) / total
            for place, where in enumerate(self.counts.slices)
            if len(where) == 1 and where[0][0] == dimension
        }

    def day(self) -> Floats:
        """(24,) rows by hour of the day, UTC."""
        hours = (
            np.array([self.counts.start(n).timestamp() for n in range(len(self.counts.total))])
            % DAY_SECONDS
            // (DAY_SECONDS // HOURS)
        )
        return np.bincount(hours.astype(np.intp), self.counts.total, minlength=HOURS).astype(float)


def odd_beside(own: TableProfile, other: TableProfile) -> Iterator[str]:
    """Sentences about where two tables disagree although they should agree."""
    for column, kind in own.types.items():
        if other.types.get(column, kind) != kind:
            yield f"{column} holds {kind} here, and {other.types[column]} in {other.name}"
    for dimension in sorted(_dimensions(own) & _dimensions(other)):
        mine, theirs = own.shares(dimension), other.shares(dimension)
        if max(len(mine), len(theirs)) <= MOST_VALUES:
            yield from _values(dimension, mine, theirs, other.name)
    if own.hourly and other.hourly and (apart := hours_apart(own.day(), other.day())):
        later = "later" if apart > 0 else "earlier"
        yield f"its day lies {abs(apart)} h {later} than that of {other.name}: is its time of another zone?"


def _dimensions(seen: TableProfile) -> set[str]:
    return {where[0][0] for where in seen.counts.slices if len(where) == 1}


def _values(
    dimension: str, mine: Mapping[str, float], theirs: Mapping[str, float], other: str
) -> Iterator[str]:
    for value, share in mine.items():
        if share >= LEAST_SHARE and value not in theirs:
            yield f"{dimension} = {value} in {share:.1%} of its rows, and never in {other}"
    for value, share in theirs.items():
        if share >= LEAST_SHARE and value not in mine:
            yield f"never {dimension} = {value}, which {share:.1%} of the rows of {other} have"

"""Numbers that have gone wrong, as columns of 0 and 1: what is usual is learned in the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

from domain.detection.data.counts import Floats
from domain.detection.data.tally import Tally
from domain.detection.data.window import Grid
from domain.detection.expect.reach import ONE_VALUE, exploded_from
from domain.detection.judge.state import CheckState
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sets import WINDOW, Names
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import finite, is_finite, kind_of
from workers.sources.engines.source import TIME, Source, open_source, united
from workers.sources.flagged.flags import Flagged, FlagRequest, flagged, looks_for_missing, tally_rows
from workers.sources.logged.scored import number_columns

NO_NUMBER, INFINITE, BEYOND = " not a number", " infinite", " exploded"
MOST_MARKS = 400  # per query: beyond that, one query per look is less work


@dataclass(frozen=True)
class Mark:
    """How a number has gone wrong: `what` happened to a column, beyond or at a `value`."""

    column: str
    what: str
    value: float = 0.0

    @property
    def name(self) -> str:
        """The same in every look."""
        return f"{self.column}{self.what}"

    @property
    def label(self) -> str:
        """Includes the value that was learned."""
        if self.what == BEYOND:
            return f"{self.column} beyond {self.value:,.4g}"
        return f"{self.column} = {self.value:,.6g}" if self.what == ONE_VALUE else self.name

    def holds(self, rows: Any) -> Any:
        """Whether a row has it."""
        value = rows[self.column].cast("float64")
        if self.what == NO_NUMBER:
            return value.isnan()
        if self.what == INFINITE:
            return ~is_finite(value) & ~value.isnan()
        if self.what == BEYOND:
            return is_finite(value) & (value.abs() > self.value)
        return value == self.value


@dataclass(frozen=True)
class Numbers:
    """
    The columns that a check examines, each with the marks that need no learning. (n_windows, n_columns) how
    far from 0 values reach, and the most frequent value; NaN if there is none.
    """

    columns: Names
    always: tuple[tuple[Mark, ...], ...]
    reaches: Floats
    frequent: Floats

    def marks(self, now: int, past: npt.NDArray[np.intp]) -> tuple[Mark, ...]:
        """
        NaN (left to a check for missing values if one looks at that column), infinite, far beyond the reach
        of the windows `past`, and the most frequent value of the window `now`.
        """
        marks = list[Mark]()
        for place, name in enumerate(self.columns):
            limit, same = exploded_from(self.reaches[past, place].tolist()), self.frequent[now, place]
            marks += self.always[place]
            marks += [] if limit is None else [Mark(name, BEYOND, limit)]
            marks += [] if np.isnan(same) else [Mark(name, ONE_VALUE, float(same))]
        return tuple(marks)


@dataclass(frozen=True)
class PastNumbers:
    """All windows with every mark that any of their looks asks for, to be cut for each look."""

    numbers: Numbers
    marks: tuple[Mark, ...]
    tally: Tally

    def until(self, last: int, history: int) -> Tally:
        """What a look at window `last` would have got by itself, had nothing been known to be wrong."""
        marks = self.numbers.marks(last, _before(last, history))
        part = self.tally.until(last, history)
        bad = part.bad[..., [self.marks.index(mark) for mark in marks]]
        names, labels = tuple(mark.name for mark in marks), tuple(mark.label for mark in marks)
        return replace(part, columns=names, bad=bad, labels=labels)


def flag_numeric(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """The marks of the judged window."""
    now = asked.learn_until
    numbers = _learn(recommender, source, rows, asked.check, now + 1, rows.filter(rows[TIME] >= asked.judged))
    past = np.array([place for place in range(now) if not asked.skips(place)], dtype=np.intp)
    marks = numbers.marks(now, past)
    found = {mark.name: mark.holds(rows) for mark in marks}
    return flagged(rows, found, tuple(mark.label for mark in marks))


def past_numbers(
    recommender: Recommender, check: Check, grid: Grid, dimensions: Names, history: int
) -> PastNumbers:
    """
    The numbers of all windows that have `history` windows before them.

    Raises:
        SourceError: as `tally_rows`; or the looks have too little in common.
    """
    with open_source(recommender, str(check.table)) as source:
        rows, _kept = windowed(recommender, source, source.between(grid.start, grid.end), grid, ())
        numbers = _learn(recommender, source, rows, check, grid.count, rows)
    # If windows are days, a past with the change to summer time holds one fewer.
    looks = (numbers.marks(at, _before(at, history)) for at in range(max(history - 1, 0), grid.count))
    marks = tuple(dict.fromkeys(mark for look in looks for mark in look))
    if len(marks) > MOST_MARKS:
        raise SourceError(f'table "{check.table}": {len(marks):,} values to count, which is too many at once')

    def flag(_recommender: Recommender, _source: Source, rows: Any, _asked: FlagRequest) -> Flagged:
        return flagged(rows, {str(place): mark.holds(rows) for place, mark in enumerate(marks)})

    return PastNumbers(numbers, marks, tally_rows(recommender, check, grid, dimensions, CheckState(), flag))


def _before(last: int, history: int) -> npt.NDArray[np.intp]:
    return np.arange(max(last - history, 0), last)


def _learn(
    recommender: Recommender, source: Source, rows: Any, check: Check, windows: int, judged: Any
) -> Numbers:
    """How far values reach in each window of `rows`, and which are the most frequent in those `judged`."""
    columns = number_columns(recommender, source, check)
    checks = recommender.checks.values()
    always = list[tuple[Mark, ...]]()
    for name in columns:
        missed = any(looks_for_missing(one, check, name) for one in checks)
        whats = () if kind_of(rows[name]) != "number" else (INFINITE,) if missed else (NO_NUMBER, INFINITE)
        always.append(tuple(Mark(name, what) for what in whats))
    reaches = _by_window(_reaches(source, rows, columns), windows, columns)
    frequent = _by_window(_most_frequent(source, judged, columns), windows, columns)
    return Numbers(columns, tuple(always), reaches, frequent)


def _by_window(frame: pd.DataFrame, windows: int, columns: Names) -> Floats:
    """A frame of `WINDOW`, place and held, as an array (windows, n_columns)."""
    held = np.full((windows, len(columns)), np.nan)
    held[frame[WINDOW].astype(int), frame["place"].astype(int)] = frame["held"].astype(float)
    return held


def _reaches(source: Source, rows: Any, columns: Names) -> pd.DataFrame:
    reaches = {str(place): finite(rows[name]).abs().max() for place, name in enumerate(columns)}
    wide = source.fetch(rows.group_by(WINDOW).aggregate(**reaches))
    return wide.melt(id_vars=WINDOW, var_name="place", value_name="held")


def _most_frequent(source: Source, rows: Any, columns: Names) -> pd.DataFrame:
    """The smallest if several: not every engine has a mode, and those that do each pick another one."""

    def most(place: int, name: str) -> Any:
        values = rows.select(WINDOW, held=finite(rows[name]))
        counts = values.filter(values["held"].notnull()).group_by(WINDOW, "held").aggregate(n=_.count())
        best = ibis.row_number().over(group_by=WINDOW, order_by=[ibis.desc("n"), "held"])
        top = counts.mutate(best=best).filter(_.best == 0)
        return top.select(WINDOW, place=ibis.literal(place, type="int64"), held=top["held"])

    if not columns:
        return pd.DataFrame({WINDOW: [], "place": [], "held": []})
    return source.fetch(united([most(place, name) for place, name in enumerate(columns)]))

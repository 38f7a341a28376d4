"""
Makes the search ask what the check asked: its measure or its ratio, at its window, against the same season.

A window of a day is read by the hour, one of half an hour by five minutes, so that an onset within it can be
seen; what is expected in some hours is what the same hours held in the weeks before. A ratio is searched as a
ratio: what its numerator would be, had each cell kept its former ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from pydantic import ValidationError

from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.window import Grid
from domain.recommender.check import Check
from domain.recommender.options import Divided
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.plan import window_of
from workers.sources.aggregate.series import ratio_cells

BACK = timedelta(hours=6)
LONG = timedelta(hours=1)  # from this window length on, the hour of the day or the day of the week matters
WINDOWS_BACK = 4  # read before the finding's own
LEAST_FINE = 72  # windows in which an onset is searched, if the check's own are long
WINDOWS = 360
FINE = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720, 1440)
)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
WEEKS, DAYS = tuple(n * WEEK for n in (1, 2, 3, 4)), tuple(n * DAY for n in (1, 2, 3))


@dataclass(frozen=True)
class FindingQuery:
    """
    What a finding was measured by, and the finer windows around it.

    `check` is null if it is no longer declared; `window` is the check's own. `back` are the earlier times
    that expectations come from, in the order in which they are tried; none if the hour does not matter.
    """

    check: Check | None
    window: timedelta
    width: timedelta
    count: int
    back: tuple[tuple[timedelta, ...], ...]

    @property
    def coarse(self) -> FindingQuery:
        """The same query with the check's own windows."""
        return replace(self, width=self.window, count=_count(self.window, self.window))

    @property
    def measure(self) -> str | None:
        """The column that is added up; without one, rows are counted."""
        return self.check.measure if self.check is not None and not self.divided else None

    @property
    def divided(self) -> bool:
        """Whether it is a mean or a ratio."""
        if self.check is None or self.check.measure is None:
            return False
        try:
            return Divided.of(self.check).divided
        except ValidationError:  # a kind that spells its own keys differently
            return False


def asked(recommender: Recommender, finding: Finding) -> FindingQuery:
    """The query of a finding's check, as it is declared now."""
    window = window_of(recommender, finding)
    finer = max((one for one in FINE if one <= _span(window) / LEAST_FINE), default=window)
    width = min(window, finer)
    back = (WEEKS, DAYS) if window >= LONG else ()
    return FindingQuery(recommender.checks.get(finding.check), window, width, _count(window, width), back)


def _span(window: timedelta) -> timedelta:
    """How far back to look."""
    return max(BACK, WINDOWS_BACK * window)


def _count(window: timedelta, width: timedelta) -> int:
    return int(min(WINDOWS, _span(window) / width))


def ratio_series(
    recommender: Recommender, finding: Finding, about: FindingQuery, end: datetime
) -> pd.DataFrame:
    """
    Windows of the slice: `observed` the numerator, `expected` that at the ratio of the first half.

    Raises:
        SourceError: a column is missing, or holds no numbers.
    """
    cells = _cells(recommender, about, end)
    inside = cells.inside(finding.slice) if finding.slice else np.ones(len(cells.codes), dtype=bool)
    numerator, denominator = (side[:, inside].sum(axis=1) for side in (cells.numerator, cells.denominator))
    half = slice(0, max(about.count // 2, 1))
    usual = numerator[half].sum() / max(denominator[half].sum(), 1e-12)
    starts = pd.DatetimeIndex([cells.start(n) for n in range(len(numerator))])
    return pd.DataFrame({"window_start": starts, "observed": numerator, "expected": usual * denominator})


def ratio_frame(
    recommender: Recommender, about: FindingQuery, since: datetime, end: datetime
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """
    Cells since then: `observed` the numerator, `expected` what it would be at each cell's former ratio, which
    for a small cell is drawn towards that of all.
    """
    cells = _cells(recommender, about, end)
    starts = np.array([cells.start(n) >= since for n in range(len(cells.numerator))])
    if not starts.any():
        starts[-1] = True
    now, now_of = cells.numerator[starts].sum(axis=0), cells.denominator[starts].sum(axis=0)
    then, then_of = cells.numerator[~starts].sum(axis=0), cells.denominator[~starts].sum(axis=0)
    usual = then.sum() / max(then_of.sum(), 1e-12)
    drawn = 1 / usual if usual > 0 else 1.0
    expected = now_of * (then + usual * drawn) / (then_of + drawn)
    names = {name: _values(cells, place) for place, name in enumerate(cells.dimensions)}
    return pd.DataFrame({**names, "observed": now, "expected": expected}), cells.dimensions


def _cells(recommender: Recommender, about: FindingQuery, end: datetime) -> RatioCells:
    start = end - about.count * about.width
    grid = Grid(start, about.width, about.count, ((start, 0),), recommender.zone)
    check = about.check
    if check is None:
        raise ValueError("the check is no longer declared; what it divided by what is not known")
    table = check.table or next(iter(recommender.tables))
    dimensions = check.dimensions if check.dimensions is not None else recommender.tables[table].dimensions
    return ratio_cells(recommender, check.model_copy(update={"table": table}), grid, tuple(dimensions))


def _values(cells: RatioCells, place: int) -> list[str]:
    return [cells.values[place][code] for code in cells.codes[:, place]]

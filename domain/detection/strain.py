"""
How far a metric strains against what its own past ever showed, in several ways at once.

Each way is a distance ≥ 0 from what was expected: of one window (spike), of the mean of an hour or of
four (level), of the mean of a day (decay), of the size of the errors (spread), and the length of a
standstill (silence). Its *return level* is what the past reached about once in `RETURN_DAYS`; the strain
is the distance over that level. So "1" means as far out as once in eight days, whatever the metric's
unit, noise and tails, and no distribution is assumed.

Source:
    Return levels: Coles (2001), "An Introduction to Statistical Modeling of Extreme Values", ch. 3;
    alarms on a stream's own extremes: Siffer et al. (2017), KDD; the tail beyond: Weissman (1978), J. Am.
    Stat. Ass. 73.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.counts import Floats
from domain.detection.season import DAY, Forecasts, forecasts

Way = Literal["spike", "season", "level", "spread", "decay", "silence"]

RETURN_DAYS, RETURN_WINDOWS = 8.0, 60  # how rare the return level is: the longer of both
REACH_DAYS, REACH_WINDOWS = 14, 8_640  # how much past a return level is learned from: the longer of both
LEAST_PAST = (60, 300)  # windows before anything is judged: two days, within these bounds
LEAST_DAYS = 21  # the same where windows are days
SHORT, LONG = (24, 4), (6, 8)  # a level is over this part of a day, and this many windows at the least
DECAY_DAYS, DECAY_GAP_DAYS, DECAY_LEAST_DAYS = 14, 2, 3  # what a day is held against, and how long before it
LEAST_DECAY = 5  # windows whose mean is held against the fortnight, at the least
STANDSTILL = 6  # windows alike in a row that are no standstill yet
TAIL_SHARE = 0.1  # of the past, from where on its tail's shape is read
LEAST_TAIL = 0.05  # of the tail's index; lighter ones are taken for this
DUST = 1e-9  # of the metric's size: what rounding leaves
MOST = 1_000.0  # a strain against a past that never moved at all


@dataclass(frozen=True)
class Strain:
    """
    One way: (n_windows,) observed, expected and distance in the metric's unit (silence: in windows).

    `level` is the return level of the distance; `windows` how many the judged one is taken together with.
    """

    way: Way
    windows: int
    observed: Floats
    expected: Floats
    distance: Floats
    level: Floats

    @property
    def ratio(self) -> Floats:
        """(n_windows,) the distance over the return level; 0 where there is too little past."""
        known = np.isfinite(self.distance) & np.isfinite(self.level) & (self.distance > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.minimum(self.distance / self.level, MOST)
        return np.asarray(np.where(known, ratio, 0.0))


@dataclass(frozen=True)
class Past:
    """A metric with what is needed to hold it against its past; (n_windows,) each, see `strains`."""

    y: Floats
    local_seconds: npt.NDArray[np.int64]
    width_seconds: float
    usable: npt.NDArray[np.bool_]

    @property
    def a_day(self) -> int:
        """Windows in a day, one at the least."""
        return max(int(DAY // self.width_seconds), 1)

    @property
    def learned(self) -> Floats:
        """The metric where it may be learned from, NaN elsewhere."""
        return np.where(self.usable, self.y, np.nan)

    @property
    def good(self) -> Floats:
        """The same with the last window, whatever it is: what is taken together over long."""
        return np.append(self.learned[:-1], self.y[-1:])

    def foretold(self) -> Forecasts:
        """What each window should be."""
        return forecasts(self.learned, self.local_seconds, self.width_seconds)


def strains(past: Past) -> tuple[Strain, ...]:
    """
    All ways, each window judged from those before it alone. A mean over hours leaves out what was wrong in
    them, so that an incident that is over is not found once more.

    The past's `y` is the metric, NaN where it has no value; `local_seconds` the local clock at the start
    of each window; `usable` which windows may be learned from.
    """
    foretold, a_day = past.foretold(), past.a_day
    ways = [
        _strain(past, "spike", 1, past.y, foretold.best),
        _strain(past, "season", 1, past.y, foretold.seasonal),
    ]
    good = replace(past, y=past.good)
    for one, windows in ((past, short_windows(a_day)), (good, max(a_day // LONG[0], LONG[1]))):
        ways += [level_strain(one, foretold, windows), spread_strain(one, foretold, windows)]
    day, before = _decay(past.good, past.learned, a_day)
    still = standstill(past.y)
    ways.append(_strain(good, "decay", max(a_day, LEAST_DECAY), day, before))
    ways.append(_strain(past, "silence", 1, still, np.zeros(len(still))))
    return tuple(ways)


def level_strain(past: Past, foretold: Forecasts, windows: int) -> Strain:
    """The mean of `windows` together, against the mean of what they should have been."""
    both = np.isfinite(past.y) & np.isfinite(foretold.seasonal)
    observed, expected = (_mean(np.where(both, one, np.nan), windows) for one in (past.y, foretold.seasonal))
    return _strain(past, "level", windows, observed, expected)


def spread_strain(past: Past, foretold: Forecasts, windows: int) -> Strain:
    """The mean error of `windows` together, whichever way each of them errs."""
    error = _mean(np.abs(past.y - foretold.best), windows)
    return _strain(past, "spread", windows, error, np.zeros(len(error)))


def standstill(y: Floats) -> Floats:
    """
    (n,) how many windows in a row nothing changed, no value at all being alike too; 0 up to `STANDSTILL`.
    """
    if not len(y):
        return np.zeros(0)
    same = np.append(False, (y[1:] == y[:-1]) | (np.isnan(y[1:]) & np.isnan(y[:-1])))
    place = np.arange(len(y))
    run = place - np.maximum.accumulate(np.where(same, 0, place))
    return np.where(run >= STANDSTILL, run, 0).astype(np.float64)


def tail_index(past: Floats, level: float, share: float) -> float:
    """
    How heavy the tail of `past` is beyond its top tenth: 0.5 means that four times as rare is twice as far.

    >>> round(tail_index(np.arange(1, 10_001) ** -0.5 * 100, 100 * 10 ** -0.5, 0.001), 2)
    0.5
    """
    where = float(np.quantile(past, 1 - TAIL_SHARE)) if len(past) else 0.0
    if where <= 0 or level <= where or share >= TAIL_SHARE:
        return LEAST_TAIL
    return max(float(np.log(level / where) / np.log(TAIL_SHARE / share)), LEAST_TAIL)


def short_windows(a_day: int) -> int:
    """How many windows are an hour, or enough to be told together from one alone."""
    return max(a_day // SHORT[0], SHORT[1])


def return_share(a_day: int) -> float:
    """The share of windows beyond the return level."""
    return 1 / max(RETURN_DAYS * a_day, RETURN_WINDOWS)


def least_past(a_day: int) -> int:
    """How many windows must have passed before one is judged."""
    return LEAST_DAYS if a_day == 1 else int(np.clip(2 * a_day, *LEAST_PAST))


def _mean(y: Floats, windows: int) -> Floats:
    return np.asarray(
        pd.Series(y).rolling(windows, min_periods=max(windows // 2, 1)).mean(), dtype=np.float64
    )


def _decay(y: Floats, learned: Floats, a_day: int) -> tuple[Floats, Floats]:
    """The mean of the last day, and of the fortnight that ended two days ago."""
    windows, least = max(a_day, LEAST_DECAY), max(DECAY_LEAST_DAYS * a_day, LEAST_DECAY)
    before = pd.Series(learned).rolling(DECAY_DAYS * a_day, min_periods=least).mean()
    before = before.shift(max(DECAY_GAP_DAYS * a_day, windows)).ffill()
    return _mean(y, windows), np.asarray(before, dtype=np.float64)


def _strain(past: Past, way: Way, windows: int, observed: Floats, expected: Floats) -> Strain:
    distance = np.abs(observed - expected)
    distance = np.where(distance <= DUST * np.abs(np.nan_to_num(past.y)), 0 * distance, distance)
    spoilt = pd.Series(~past.usable & np.isfinite(past.y)).rolling(windows, min_periods=1).max() > 0
    learned = np.where(spoilt | ~past.usable, np.nan, distance)
    return Strain(way, windows, observed, expected, distance, _return_level(learned, past.a_day))


def _return_level(distance: Floats, a_day: int) -> Floats:
    """
    (n,) what about one in `RETURN_DAYS` of the known distances before exceeded; NaN where these are few.
    """
    reach = max(REACH_WINDOWS, REACH_DAYS * a_day)
    known = pd.Series(distance).rolling(reach, min_periods=least_past(a_day))
    return np.asarray(known.quantile(1 - return_share(a_day)).shift(1).ffill(), dtype=np.float64)

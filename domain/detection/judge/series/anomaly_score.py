"""
How rare a metric's last window is by its own past, in several ways at once.

Each way is a distance ≥ 0 from what was expected: of one window (spike, season), of the mean of an hour or of
four (level), of the mean of a day (decay), of the size of the errors (spread), and the length of a
standstill (silence). The tail of the past's distances says how often one this large is to be expected, its
*return period* (`exceedance`). An anomaly is what, over all ways together, happens once in
`RETURN_DAYS`, whatever the metric's unit and noise.

Two things are learned separately. *What is expected* is not affected by anomalies. *How often it is so far
off* is: a metric that jumps every day is one that jumps every day, unless somebody confirmed that each of
these jumps was an incident.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import exp, inf, log
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.counts import Floats
from domain.detection.data.metric import Metric
from domain.detection.data.special_days import SpecialDays
from domain.detection.expect.season import DAY, Forecasts, forecasts
from domain.detection.judge.series.alerting import normal_windows
from domain.detection.judge.series.exceedance import tail_of

Way = Literal["spike", "season", "level", "spread", "decay", "silence"]
Marks = npt.NDArray[np.bool_]

RETURN_DAYS = 14.0  # days in which about one window is an anomaly by chance, in any of the ways
WAYS = 8  # ways that are examined together
# The share of chance alarms that each way may cause, 1 in all. Most faults show within the hour, so a mean
# of hours mostly adds false alarms. A decay shows in no other way.
QUICK_SHARE, DECAY_SHARE, SLOW_SHARE = 0.2, 0.125, 0.025  # for four ways, for one, for three
SELDOM_SHARE = 0.025  # of windows that were so far off: up to this share a window may be rare
TAIL_DAYS, TAIL_SHARE = 14, 0.5  # of the past that the tail is learned from: whichever is longer
LEAST_PAST = (60, 300)  # windows before anything is judged: two days within these bounds, or a day
LEAST_DAYS = 21  # the same if windows are days
SHORT, LONG = (24, 4), (6, 8)  # the level covers this part of a day, and at least this many windows
DECAY_DAYS, DECAY_GAP_DAYS, DECAY_LEAST_DAYS = 14, 2, 3  # what a day is compared with, and how long before it
USUAL = (0.05, 0.95)  # quantiles of a fortnight's windows that a day's are clipped to
LEAST_DECAY = 5  # least number of windows whose mean is compared with the fortnight
STANDSTILL = 6  # equal windows in a row that are not a standstill yet
LONGER = 1.5  # multiple of its longest standstill above which one is an anomaly
HOLIDAY_TIMES = 2.0  # factor from a day of rest about which nothing is said on a holiday
DUST = 1e-9  # of the metric's size: rounding errors
STEP_SHARE = 0.05  # of its size: how far a metric that never moved is assumed to move
MOST = 1_000.0  # an anomaly's score if nothing says how far the metric may move


@dataclass(frozen=True)
class AnomalyScore:
    """
    One way: (n_windows,) observed, expected and distance in the metric's unit (silence: in windows, and
    `expected` is the share of windows equal to their predecessor).

    `counted` is the distance where the tail may be learned from it, NaN elsewhere; `windows` how many windows
    are taken together with the judged one; `size` the mean absolute value of the metric before each. The
    distance of a decay leaves out what single windows add, which `observed` and `expected` include.
    """

    way: Way
    windows: int
    observed: Floats
    expected: Floats
    distance: Floats
    counted: Floats
    size: Floats
    a_day: int

    def until(self, last: int) -> AnomalyScore:
        """The same with window `last` as the last one."""
        cut = slice(last + 1)
        return replace(
            self,
            observed=self.observed[cut],
            expected=self.expected[cut],
            distance=self.distance[cut],
            counted=self.counted[cut],
            size=self.size[cut],
        )

    @property
    def share(self) -> float:
        """The share of the chance alarms that this way may cause; over all ways together, 1."""
        if self.way == "decay":
            return DECAY_SHARE
        slow = self.way == "silence" or self.windows > short_windows(self.a_day)
        return SLOW_SHARE if slow else QUICK_SHARE

    @property
    def known(self) -> Floats:
        """
        (n,) the distances that the tail is learned from: those of a fortnight, or of the later half of the
        past if that is longer, as the expectation has to be learned first.
        """
        reach = max(TAIL_DAYS * self.a_day, int(TAIL_SHARE * len(self.counted)))
        known = self.counted[max(len(self.counted) - 1 - reach, 0) : -1]
        return known[np.isfinite(known)]

    def rarity(self) -> Rarity:
        """How rare the last window's distance is, by those before it."""
        distance = float(self.distance[-1])
        if not distance > 0:
            return COMMON
        if self.way == "silence":
            before, alike = self._before(distance), float(self.expected[-1])
            return _standstill_rarity(before, distance, alike, self.a_day, self.share)
        known = self.known
        few = len(known) < least_past(self.a_day)
        if few or int((known >= distance).sum()) > SELDOM_SHARE * len(known):
            return COMMON
        tail = tail_of(known, self.a_day, STEP_SHARE * float(self.size[-1]), self.windows)
        surprise = tail.surprise(distance)
        limit = partial(tail.distance, _needed(self.a_day, self.share))
        return Rarity(_strength(surprise, self.a_day, self.share), limit, _p(surprise, self.share))

    def limit(self) -> float | None:
        """The distance above which the last window is an anomaly; None with too little past."""
        known = self.known
        if len(known) < least_past(self.a_day):
            return None
        tail = tail_of(known, self.a_day, STEP_SHARE * float(self.size[-1]), self.windows)
        return tail.distance(_needed(self.a_day, self.share))

    def usual(self) -> float:
        """The usual distance; for a standstill, the longest one before it."""
        if self.way == "silence":
            return float(np.max(self._before(float(self.distance[-1])), initial=0.0))
        known = self.known
        return float(np.median(known)) if len(known) else 0.0

    def _before(self, run: float) -> Floats:
        """(n,) the known distances of a standstill before the one over the last `run` windows."""
        before = self.counted[: max(len(self.counted) - 1 - int(run), 0)]
        return before[np.isfinite(before)]


@dataclass(frozen=True)
class Rarity:
    """
    Of the last window: `score` is the logarithm of its return period over that of an anomaly, so that 1 is
    an anomaly; `beyond` gives the distance at which it would be; `p_value` of so large a distance in any way.
    """

    score: float
    beyond: Callable[[], float]
    p_value: float

    @property
    def limit(self) -> float:
        """The distance from where on it is an anomaly."""
        return self.beyond()


COMMON = Rarity(0.0, lambda: inf, 1.0)
"""The rarity of a distance that occurs every other day."""


@dataclass(frozen=True)
class Past:
    """
    A metric with what is needed to compare it with its past; (n_windows,) each, see `anomaly_scores`.

    `usable` are the windows that the expectation is learned from, `counted` those that the tail of the
    distances is learned from.
    """

    y: Floats
    local_seconds: npt.NDArray[np.int64]
    width_seconds: float
    usable: Marks
    counted: Marks
    special: SpecialDays | None = None

    @property
    def ordinary(self) -> Marks:
        """(n_windows,) those that are no holiday."""
        return np.ones(len(self.y), dtype=bool) if self.special is None else ~self.special.marked

    @property
    def a_day(self) -> int:
        """Windows in a day, at least one."""
        return max(int(DAY // self.width_seconds), 1)

    @property
    def learned(self) -> Floats:
        """The metric where it may be learned from, NaN elsewhere."""
        return np.where(self.usable, self.y, np.nan)

    def forecast(self) -> Forecasts:
        """What each window should be."""
        special = self.special
        lived = self.local_seconds if special is None else special.as_lived(self.local_seconds)
        return forecasts(self.learned, lived, self.width_seconds)

    def beyond_holiday(self, observed: Floats, expected: Floats) -> Floats:
        """(n_windows,) how far observed is from expected; in a holiday, from what it may be then."""
        distance = np.abs(observed - expected)
        if self.special is None:
            return distance
        more = (observed > expected) == (expected > 0)
        allowed = np.abs(expected) * np.where(more, HOLIDAY_TIMES - 1, 1 - 1 / HOLIDAY_TIMES)
        part = self.special.holiday + self.special.edge
        return np.asarray(np.maximum(distance - part * np.nan_to_num(allowed), 0.0 * distance))


def anomaly_scores(past: Past) -> tuple[AnomalyScore, ...]:
    """
    All ways, each window judged only from those before it: so those of a long past contain every look's. A
    mean over hours leaves out what was wrong in them before the judged window, so that an incident that is
    over is not found once more.

    The past's `y` is the metric, NaN where it has no value; `local_seconds` the local clock at the start
    of each window.
    """
    forecast, a_day = past.forecast(), past.a_day
    ways = [
        _score(past, "spike", 1, past.y, forecast.best),
        _score(past, "season", 1, past.y, forecast.seasonal),
    ]
    every, long = past.ordinary, max(a_day // LONG[0], LONG[1])
    for windows, taken in ((short_windows(a_day), every), (long, past.usable)):
        ways += [level_score(past, forecast, windows, taken), spread_score(past, forecast, windows, taken)]
    still = standstill(past.y)
    ways.append(_decay(past))
    ways.append(replace(_score(past, "silence", 1, still, 0 * still), expected=_alike(past.y)))
    return tuple(ways)


def level_score(past: Past, forecast: Forecasts, windows: int, taken: Marks | None = None) -> AnomalyScore:
    """
    The mean of `windows` together, against the mean of what they should have been.

    Args:
        taken: (n_windows,) which of those before the judged one are included; all, if not given.
    """
    both = np.isfinite(past.y) & np.isfinite(forecast.seasonal)
    observed, expected = (
        _mean(np.where(both, one, np.nan), windows, taken) for one in (past.y, forecast.seasonal)
    )
    return _score(past, "level", windows, observed, expected)


def spread_score(past: Past, forecast: Forecasts, windows: int, taken: Marks | None = None) -> AnomalyScore:
    """The mean absolute error of `windows` together; see `level_score`."""
    error = _mean(past.beyond_holiday(past.y, forecast.best), windows, taken)
    return _score(past, "spread", windows, error, np.zeros(len(error)))


def standstill(y: Floats) -> Floats:
    """
    (n,) how many windows in a row nothing changed, a missing value counting as unchanged; 0 up to
    `STANDSTILL`.
    """
    if not len(y):
        return np.zeros(0)
    same = _same(y)
    place = np.arange(len(y))
    run = place - np.maximum.accumulate(np.where(same, 0, place))
    return np.where(run >= STANDSTILL, run, 0).astype(np.float64)


def short_windows(a_day: int) -> int:
    """How many windows make an hour, or enough that together they differ from a single one."""
    return max(a_day // SHORT[0], SHORT[1])


def least_past(a_day: int) -> int:
    """How many windows must have passed before one is judged."""
    least, most = LEAST_PAST
    return LEAST_DAYS if a_day == 1 else int(np.clip(2 * a_day, least, max(most, a_day)))


def past_of(metric: Metric, place: int, usable: Marks, counted: Marks) -> Past:
    """One series of `metric`, ready to be compared with its past."""
    width = metric.grid.width.total_seconds()
    return Past(metric.values(place), metric.local_seconds, width, usable, counted, metric.special_days)


def _needed(a_day: int, share: float) -> float:
    """How surprising a window has to be to be an anomaly, in a way of this share."""
    return log(RETURN_DAYS * a_day / share)


def _strength(surprise: float, a_day: int, share: float) -> float:
    return min(max((surprise + log(WAYS * share / a_day)) / log(RETURN_DAYS * WAYS), 0.0), MOST)


def _p(surprise: float, share: float) -> float:
    return min(1.0, exp(-surprise) / share)


def _standstill_rarity(before: Floats, run: float, alike: float, a_day: int, share: float) -> Rarity:
    """
    For a standstill over `run` windows, with a share `alike` of all windows equal to the one before: by
    chance, by how often and how long it stood still `before`, and relative to the longest of these times.
    """
    longest, needed = float(np.max(before, initial=0.0)), _needed(a_day, share)
    surprise = -run * log(alike)
    limit = max(LONGER * longest, needed / -log(alike), float(STANDSTILL))
    if longest > 0:
        tail = tail_of(before, a_day)
        surprise, limit = min(surprise, tail.surprise(run)), max(limit, tail.distance(needed))
    score = min(_strength(surprise, a_day, share), run / (LONGER * longest) if longest > 0 else MOST)
    return Rarity(score, lambda: limit, _p(surprise, share))


def _same(y: Floats) -> Marks:
    return np.append(False, (y[1:] == y[:-1]) | (np.isnan(y[1:]) & np.isnan(y[:-1])))


def _alike(y: Floats) -> Floats:
    """(n,) the share of windows up to each that equal the one before, once the metric has begun."""
    if not len(y):
        return np.zeros(0)
    begun = np.logical_or.accumulate(np.isfinite(y))
    return np.asarray((np.cumsum(_same(y) & begun) + 1) / (np.cumsum(begun) + 2), dtype=np.float64)


def _mean(y: Floats, windows: int, taken: Marks | None = None) -> Floats:
    """(n,) the mean of the known values in `windows`: the last one, and those before it that are `taken`."""
    before = pd.Series(y if taken is None else np.where(taken, y, np.nan))
    rolled = before.shift(1).rolling(max(windows - 1, 1), min_periods=1)
    known = np.isfinite(y)
    earlier = rolled.count().to_numpy() * (windows > 1)
    count = earlier + known
    total = np.where(earlier > 0, rolled.sum().to_numpy(), 0.0) + np.where(known, y, 0.0)
    least = max(windows // 2, 1)
    return np.asarray(np.where(count >= least, total / np.maximum(count, 1), np.nan), dtype=np.float64)


def _decay(past: Past) -> AnomalyScore:
    """
    The mean of the last day against that of the fortnight that ended two days ago; after a new normal, of its
    own fortnight.

    A decay is in all hours: for its distance, no window counts for more on either side than what that
    fortnight's windows usually held, so that a single spike is no decay.
    """
    a_day = past.a_day
    windows, least = max(a_day, LEAST_DECAY), max(DECAY_LEAST_DAYS * a_day, LEAST_DECAY)
    gap, held = max(DECAY_GAP_DAYS * a_day, windows), past.y.copy()
    before, usual = np.full((2, len(past.y)), np.nan)
    for begun in _normals(past.usable | ~past.ordinary, normal_windows(a_day)):
        held[begun:] = _bounded(past.y[begun:], past.learned[begun:], a_day, gap, least)
        for into, learned in ((before, past.learned), (usual, np.where(past.usable, held, np.nan))):
            rolled = pd.Series(learned[begun:]).rolling(DECAY_DAYS * a_day, min_periods=least).mean()
            into[begun:] = rolled.shift(gap).ffill()
    bounded = _score(past, "decay", windows, _mean(held, windows, past.usable), usual)
    return replace(bounded, observed=_mean(past.y, windows, past.usable), expected=before)


def _bounded(y: Floats, learned: Floats, a_day: int, gap: int, least: int) -> Floats:
    """(n,) the metric, clipped day by day to what the fortnight until `gap` windows before usually held."""
    held = y.copy()
    for day in range(gap, len(y), a_day):
        known = learned[max(day - gap - DECAY_DAYS * a_day, 0) : day - gap]
        known = known[np.isfinite(known)]
        if len(known) >= least:
            low, high = np.quantile(known, USUAL)
            held[day : day + a_day] = np.clip(y[day : day + a_day], low, high)
    return held


def _normals(usable: Marks, windows: int) -> list[int]:
    """Where the first normal begins, and each that follows after at least `windows` left-out ones."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], usable, [True]]).astype(int)))
    return [0, *(int(end) for begun, end in edges.reshape(-1, 2) if end - begun >= windows)]


def _score(past: Past, way: Way, windows: int, observed: Floats, expected: Floats) -> AnomalyScore:
    size, now = _size(past.y), np.abs(np.nan_to_num(past.y))
    distance = past.beyond_holiday(observed, expected)
    distance = np.where(distance <= DUST * np.maximum(size, now), 0 * distance, distance)
    left_out = pd.Series(~past.counted & np.isfinite(past.y)).rolling(windows, min_periods=1).max() > 0
    counted = np.where(left_out | ~past.counted, np.nan, distance)
    return AnomalyScore(way, windows, observed, expected, distance, counted, size, past.a_day)


def _size(y: Floats) -> Floats:
    """(n,) the mean absolute value of the windows before each; 0 where there is none."""
    known = np.isfinite(y)
    total, count = np.cumsum(np.where(known, np.abs(y), 0.0)), np.cumsum(known)
    return np.append(0.0, (total / np.maximum(count, 1))[:-1])[: len(y)]

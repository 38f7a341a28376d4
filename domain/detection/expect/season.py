"""
What the next window of a metric should be, from the windows before it alone.

Three forecasts compete: the level of the last hour or so, and the profiles of the day and of the week
brought to the present level. Whichever missed least during the past week is used, so that a metric without
a season is not given one. All are medians: a single bad day moves none of them.

Source:
    Seasonal medians after Tukey (1977), "Exploratory Data Analysis"; choosing among forecasts by their recent
    absolute errors after Timmermann (2006), "Forecast combinations", Handbook of Economic Forecasting 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.counts import Floats

DAY, WEEK, MONDAY = 86_400, 604_800, 345_600  # seconds; 1970 began on a Thursday
DAYS, LEAST_CYCLES, WEEKS = 7, 2, 4  # cycles in the median of a profile, at most and at least
NEXT_TO = 1  # windows on each side that smooth a profile
LEAST_LEVEL = 5  # least number of windows in the median of a level


@dataclass(frozen=True)
class Forecasts:
    """(n_windows,) each, in the metric's unit; NaN where there is too little past."""

    best: Floats
    seasonal: Floats


def forecasts(y: Floats, local_seconds: npt.NDArray[np.int64], width_seconds: float) -> Forecasts:
    """
    One step ahead for every window; window i is forecast from windows before i.

    Args:
        y: (n_windows,) the metric, NaN where it is unknown or not to be learned from.
        local_seconds: (n_windows,) local clock at the start of each; if a window is lived as another day and
            is not to be learned from, the clock of that other day.

    >>> flat = forecasts(np.full(300, 7.0), np.arange(300, dtype=np.int64) * 3_600, 3_600)
    >>> float(flat.best[-1]), float(flat.seasonal[-1])
    (7.0, 7.0)
    """
    a_day = max(int(DAY // width_seconds), 1)
    candidates = [median_before(y, max(a_day // 24, LEAST_LEVEL))]
    seasonal: list[Floats] = []
    for period, cycles in ((DAY, DAYS), (WEEK, WEEKS)):
        shape = _profile(y, local_seconds, width_seconds, period, cycles)
        slow, quick = (median_before(y - shape, max(reach, LEAST_LEVEL)) for reach in (a_day, a_day // 12))
        candidates += [shape + slow, shape + quick]
        seasonal.append(shape + slow)
    reach = 7 * a_day
    return Forecasts(_least_wrong(y, candidates, reach), _least_wrong(y, seasonal, reach))


def median_before(y: Floats, windows: int) -> Floats:
    """
    (n,) the median of the known values among the `windows` before each; if there is none, the last known one.
    """
    middle = pd.Series(y).rolling(windows, min_periods=min(3, windows)).median().shift(1)
    return np.asarray(middle.ffill(), dtype=np.float64)


def _profile(y: Floats, local: npt.NDArray[np.int64], width: float, period: int, cycles: int) -> Floats:
    """(n,) the median of the same place in the cycles before, smoothed with the places next to it."""
    if period < width or not len(y):
        return np.full(len(y), np.nan)
    since = local - (MONDAY if period == WEEK else 0)
    cycle, place = since // period, ((since % period) // width).astype(np.int64)
    cycle = cycle - cycle.min()
    table = np.full((int(cycle.max()) + 1, int(np.ceil(period / width))), np.nan)
    known = np.isfinite(y)
    table[cycle[known], place[known]] = y[known]
    before = np.vstack([np.full((cycles, table.shape[1]), np.nan), table[:-1]])
    middle = _middle(np.lib.stride_tricks.sliding_window_view(before, cycles, axis=0), LEAST_CYCLES)
    beside = 2 * NEXT_TO + 1
    if period > width * 2 * beside:
        edges = np.pad(middle, ((0, 0), (NEXT_TO, NEXT_TO)), constant_values=np.nan)
        middle = _middle(np.lib.stride_tricks.sliding_window_view(edges, beside, axis=1), 1)
    return np.asarray(middle[cycle, place], dtype=np.float64)


def _middle(view: Floats, least: int) -> Floats:
    """The median over the last axis of the known values; NaN if there are fewer than `least`."""
    ordered, known = np.sort(view, axis=-1), np.isfinite(view).sum(axis=-1)
    low, high = (np.maximum(known - 1, 0) // 2)[..., None], (known // 2)[..., None]
    high = np.minimum(high, view.shape[-1] - 1)
    both = (np.take_along_axis(ordered, one, axis=-1)[..., 0] for one in (low, high))
    return np.asarray(np.where(known >= least, sum(both) / 2, np.nan), dtype=np.float64)


def _least_wrong(y: Floats, candidates: list[Floats], reach: int) -> Floats:
    """
    (n,) the forecasts of the candidate with the least mean error over the `reach` windows before.
    """
    wrong = []
    for one in candidates:
        missed = pd.Series(np.abs(y - one)).rolling(reach, min_periods=min(LEAST_LEVEL, reach)).mean()
        wrong.append(missed.shift(1).ffill().to_numpy())
    error = np.where(np.isfinite(wrong) & np.isfinite(candidates), wrong, np.inf)
    chosen = np.asarray(candidates)[error.argmin(axis=0), np.arange(len(y))]
    return np.asarray(np.where(np.isfinite(error.min(axis=0)), chosen, np.nan), dtype=np.float64)

"""
A level with a long memory: one-step forecasts of every window of the history, for many slices at once.

The expectation for a single window follows the rows within days, as it must where traffic moves. A loss
that adds up over weeks needs a level that knows how long it has been at its value: an average with as much
memory as the past itself supports, times a season that is trusted as far as it exceeds chance. Every
forecast is made only from the windows before its own, and it is known how much of it stems from before any
given moment.

Source:
    A Poisson's level under a gamma prior whose weight is discounted from window to window, the steady model:
    Smith (1979), "A generalization of the Bayesian steady forecasting model", J. R. Stat. Soc. B 41(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from domain.detection.data.counts import Floats

DAY, HOUR, WEEK = 86_400, 3_600, 604_800
LEAST_CYCLES = 3  # cycles of a season, before it is learned at all
LEAST_CYCLE_WINDOWS = 5  # in the cycle of a running level, if windows have no season
SHORTEST_MEMORY = 5.0  # least number of windows after which half is forgotten
QUICK = 2  # memories, the longest in addition to that of all, from whose levels growth is estimated
MOST_GROWN = 2.0  # factor by which growth may extrapolate beyond what was seen
CLIP = 3.0  # standard deviations that a window counts for at most
LEAST_MEAN = 1e-9

Keys = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """
    A discounted mean, (n_windows, n_slices) before each window: the `level`, the `weight` that it has in
    units of the exposure, and the mean `age` in windows of what it was learned from.

    `keep` is the part of its weight that remains when one more window is learned.
    """

    keep: float
    level: Floats
    weight: Floats
    age: Floats


@dataclass(frozen=True)
class Memory:
    """
    One way to forecast, (n_windows, n_slices): the `mean` of each window, from those before it, which is
    `due` times the product of `levels`, each to its power (n_windows, n_slices); and the logarithm of the
    `growth` from window to window that it contains.
    """

    mean: Floats
    levels: tuple[tuple[Level, Floats], ...]
    growth: Floats

    def only(self, places: npt.NDArray[np.intp]) -> Memory:
        """The same for some of the slices."""
        levels = tuple(
            (
                Level(one.keep, one.level[:, places], one.weight[:, places], one.age[:, places]),
                power[:, places],
            )
            for one, power in self.levels
        )
        return Memory(self.mean[:, places], levels, self.growth[:, places])


@dataclass(frozen=True)
class Steady:
    """
    The same with several memories, the longest first; `rows`, and `due`, which is exposure times season
    (n_windows, n_slices); `learned` (n_windows,), how many windows were learned before each.
    """

    rows: Floats
    due: Floats
    learned: npt.NDArray[np.int64]
    memories: tuple[Memory, ...]


def forecast_steadily(
    rows: Floats, exposure: Floats, local_seconds: Keys, width_seconds: float, learn: Mask
) -> Steady:
    """
    Args:
        rows: (n_windows, n_slices) counts.
        exposure: (n_windows, 1) that rows are proportional to: 1 for a total, the total for its slices.
        local_seconds: (n_windows,) local clock at the start of each.
        learn: (n_windows,) those that may be learned from.
    """
    due = exposure * _season(rows, exposure, local_seconds, width_seconds, learn)
    learned = np.append(0, np.cumsum(learn))[:-1]
    half_lives = [np.inf]
    while (shorter := (len(rows) if len(half_lives) == 1 else half_lives[-1]) / 2) >= SHORTEST_MEMORY:
        half_lives.append(shorter)
    levels = [_level(rows, due, learn, learned, 0.5 ** (1.0 / half_life)) for half_life in half_lives]
    flat, one = np.zeros(rows.shape), np.ones(rows.shape)
    memories = [Memory(level.level * due, ((level, one),), flat) for level in levels]
    memories += [_growing(due, learned, levels[0], quick) for quick in levels[1 : 1 + QUICK]]
    return Steady(rows, due, learned, tuple(memories))


def _growing(due: Floats, learned: Keys, slow: Level, quick: Level) -> Memory:
    """
    Add the growth by which a quick level exceeds a slow one, given the age of each.

    Source:
        Double exponential smoothing: Brown (1963), "Smoothing, forecasting and prediction of discrete time
        series".
    """
    apart = np.maximum(slow.age - quick.age, 1.0)
    last = np.maximum.accumulate(np.where(np.diff(learned, prepend=0) > 0, np.arange(len(due)), 0))
    ahead = np.minimum(quick.age + (np.arange(len(due)) - last)[:, None], 2 * quick.age)
    most = np.log(MOST_GROWN) * apart / np.maximum(ahead, 1.0)
    beyond = np.log(quick.level / slow.level)
    power = ahead / apart * np.minimum(1.0, most / np.maximum(np.abs(beyond), LEAST_MEAN))
    power = np.where(slow.age - quick.age >= SHORTEST_MEMORY, power, 0.0)  # with a smaller gap it is chance
    mean = due * quick.level ** (1 + power) * slow.level**-power
    return Memory(mean, ((quick, 1 + power), (slow, -power)), beyond * power / np.maximum(ahead, 1.0))


def _level(rows: Floats, due: Floats, learn: Mask, learned: Keys, keep: float) -> Level:
    """Filtered twice: the second time, a window counts for at most so many standard deviations (`CLIP`)."""
    first = _filtered(rows[learn], due, learn, learned, keep)
    known = np.maximum((first.level * due)[learn], LEAST_MEAN)
    scale = np.sqrt(known)
    z = (rows[learn] - known) / scale
    limit = CLIP * np.sqrt(np.maximum(np.mean(np.clip(z, -CLIP, CLIP) ** 2, axis=0), 1.0))
    bounded = np.where(learned[learn][:, None] > 0, known + np.clip(z, -limit, limit) * scale, rows[learn])
    return _filtered(bounded, due, learn, learned, keep)


def _filtered(taught: Floats, due: Floats, learn: Mask, learned: Keys, keep: float) -> Level:
    when = np.arange(len(taught))[:, None]
    sums = (taught, due[learn], due[learn] * when)
    zero = np.zeros((1, taught.shape[1]))
    held, weight, moment = (
        np.vstack([zero, lfilter([1.0], [1.0, -keep], one, axis=0)])[learned] for one in sums
    )
    age = np.where(weight > 0, learned[:, None] - moment / np.maximum(weight, LEAST_MEAN), 0.0)
    overall = (taught.sum(axis=0) + 0.5) / np.maximum(due[learn].sum(axis=0), LEAST_MEAN)
    weight = weight + 0.5 / np.maximum(overall, LEAST_MEAN)  # half a row, before anything is known
    return Level(keep, (held + 0.5) / weight, weight, age)


def _season(rows: Floats, exposure: Floats, local: Keys, width: float, learn: Mask) -> Floats:
    """
    (n_windows, n_slices) what is usual at each window's place in the day and in the week, 1 on average: the
    factor of the hour, that of the weekday given the hour, and what remains for each pair of them.
    """
    span = len(rows) * width
    keys: list[Keys] = []
    hours, weekdays = (local % DAY) // HOUR, (local // DAY) % 7
    if width < DAY and span >= LEAST_CYCLES * DAY:
        keys.append(hours)
    if width <= DAY and span >= LEAST_CYCLES * WEEK:
        keys.append(weekdays)
        if width < DAY:
            keys.append(weekdays * 24 + hours)
    factor = np.ones(rows.shape)
    if not keys:
        return factor
    cycle = (WEEK if span >= LEAST_CYCLES * WEEK else DAY) / width
    base = _running(rows, exposure, learn, max(round(cycle), LEAST_CYCLE_WINDOWS))
    for key in keys:
        factor *= _factors(rows, base * factor, key, learn)
    return factor


def _running(rows: Floats, exposure: Floats, learn: Mask, cycle: int) -> Floats:
    """(n_windows, n_slices) rows at the level of the cycle around each window, truncated at the ends."""
    used = learn[:, None]
    sums = []
    for one in (np.where(used, rows, 0.0), np.where(used, np.broadcast_to(exposure, rows.shape), 0.0)):
        total = np.vstack([np.zeros((1, one.shape[1])), np.cumsum(one, axis=0)])
        low = np.maximum(np.arange(len(one)) - cycle // 2, 0)
        high = np.minimum(low + cycle, len(one))
        low = np.maximum(high - cycle, 0)
        sums.append(total[high] - total[low])
    held, due = sums
    return np.asarray(exposure * held / np.maximum(due, LEAST_MEAN))


def _factors(rows: Floats, base: Floats, keys: Keys, learn: Mask) -> Floats:
    """
    (n_windows, n_slices) rows over `base` in the windows of the same key before each, shrunk to 1 by as many
    rows as the keys' spread beyond chance warrants.
    """
    _, codes = np.unique(keys, return_inverse=True)
    places = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    held, due = np.where(learn[:, None], rows, 0.0), np.where(learn[:, None], base, 0.0)
    ends = np.array([[one[where].sum(axis=0) for where in places] for one in (held, due)])
    prior = _worth(rows, base, codes, learn, *ends)
    factor = np.ones(rows.shape)
    for where in places:
        before = [
            np.vstack([np.zeros(rows.shape[1]), np.cumsum(one[where], axis=0)[:-1]]) for one in (held, due)
        ]
        factor[where] = (before[0] + prior) / np.maximum(before[1] + prior, LEAST_MEAN)
    return factor


def _worth(rows: Floats, base: Floats, codes: Keys, learn: Mask, held: Floats, due: Floats) -> Floats:
    """
    (n_slices,) rows that "no season" counts for: the windows' own scatter over the variance between keys.

    `held`, `due` are (n_keys, n_slices), the sums over the windows of each key.
    """
    mean = (held / np.maximum(due, LEAST_MEAN))[codes]
    known = learn[:, None] & (base > LEAST_MEAN)
    off = np.where(known, (rows - mean * base) ** 2 / np.maximum(base, LEAST_MEAN), 0.0)
    windows, used = known.sum(axis=0), (due > LEAST_MEAN).sum(axis=0)
    own = np.maximum(off.sum(axis=0) / np.maximum(windows - used, 1), 1e-3)
    ratio = held / np.maximum(due, LEAST_MEAN)
    share = due / np.maximum(due.sum(axis=0), LEAST_MEAN)
    between = (share * (ratio - 1) ** 2).sum(axis=0)
    chance = own * used / np.maximum(due.sum(axis=0), LEAST_MEAN)
    return np.asarray(own / np.maximum(between - chance, 1e-6))

"""
What a total should be: its season (weekday and hour where there is enough of it), its level, its scatter.

A median of seasonal neighbours, brought to the present level, so that single bad days in the history neither
move the expectation nor widen the band, while a slow trend is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from domain.detection.counts import Floats

MAD_TO_SD = 1.4826
MEDIAN_VARIANCE = np.pi / 2  # of a median, against a mean, of normal values
LEAST_WEEKS = 3  # repetitions of a weekday and hour before they are used
LEAST_DAYS = 3  # repetitions of an hour of the day before it is used
LEAST_WINDOWS = 8  # history below which nothing is expected at all
SEASON_WINDOWS = (5, 28)  # the running level is a mean over one season, within these bounds
LEVEL_DAYS, LEVEL_WINDOWS = 7, 72  # the level now is the median of so many days, or shorter windows
LEAST_SCATTER = 0.0004  # (2 %)²: no feed repeats itself more exactly than that
DAY, HOUR, WEEK = 86_400, 3_600, 604_800


@dataclass(frozen=True)
class Expected:
    """The expected count of the judged window; `scatter` is the relative variance beyond counting noise."""

    mean: float
    scatter: float
    windows: int

    def band(self, confidence: float = 0.95) -> tuple[float, float]:
        """The central interval of the negative binomial with this mean and scatter."""
        tail = (1 - confidence) / 2
        distribution = self._distribution()
        return float(distribution.ppf(tail)), float(distribution.ppf(1 - tail))

    def p_value(self, observed: float) -> float:
        """Two-sided probability of something at least as far out as `observed`."""
        d = self._distribution()
        k = np.floor(observed)
        return float(min(1.0, 2 * min(d.cdf(k), d.sf(k - 1))))

    def _distribution(self) -> Any:
        size = 1 / max(self.scatter, 1e-9)
        return stats.nbinom(size, size / (size + max(self.mean, 1e-9)))


def season_keys(local_seconds: npt.NDArray[np.int64], width_seconds: float) -> list[npt.NDArray[np.int64]]:
    """The seasonal neighbours of each window, finest first: weekday and hour, hour of day, all alike."""
    hours = (local_seconds % DAY) // HOUR if width_seconds < DAY else np.zeros_like(local_seconds)
    weekdays = (local_seconds // DAY) % 7 if width_seconds <= DAY else np.zeros_like(local_seconds)
    return [weekdays * 24 + hours, hours, np.zeros_like(hours)]


def expect(
    total: Floats, local_seconds: npt.NDArray[np.int64], width_seconds: float, usable: npt.NDArray[np.bool_]
) -> Expected | None:
    """
    What the last window should hold, from those before it.

    Args:
        total: (n_windows,) counts, the last one the window in question (its value is not looked at).
        local_seconds: (n_windows,) local clock at the start of each.
        usable: (n_windows,) which windows may be learned from.

    Returns:
        None when there are fewer than eight usable windows.
    """
    past = np.flatnonzero(usable[:-1])
    if len(past) < LEAST_WINDOWS:
        return None
    y = total[past]
    reach = LEVEL_DAYS if width_seconds >= DAY else LEVEL_WINDOWS
    for key, least in zip(
        season_keys(local_seconds, width_seconds), (LEAST_WEEKS, LEAST_DAYS, 1), strict=True
    ):
        if _repeats(key, past, local_seconds, width_seconds, least):
            return _fit(y, key[past], int(key[-1]), _season_windows(key[past]), reach)
    return _fit(y, np.zeros(len(past), dtype=np.int64), 0, SEASON_WINDOWS[1], reach)


def _repeats(
    key: npt.NDArray[np.int64],
    past: npt.NDArray[np.intp],
    local: npt.NDArray[np.int64],
    width: float,
    least: int,
) -> bool:
    """
    Whether the judged window's season came at least `least` times: on that many weeks or days, not just
    windows.
    """
    same = past[key[past] == key[-1]]
    return len(np.unique(local[same] // max(DAY, int(width)))) >= least


def _season_windows(keys: npt.NDArray[np.int64]) -> int:
    return int(np.clip(len(np.unique(keys)), *SEASON_WINDOWS))


def _fit(y: Floats, keys: npt.NDArray[np.int64], now: int, season: int, reach: int) -> Expected:
    level = _levels(y, season)
    ratio = y / np.maximum(level, 1e-9)
    codes, inverse = np.unique(keys, return_inverse=True)
    profile = np.array([np.median(ratio[inverse == c]) for c in range(len(codes))])
    flat = y / np.maximum(profile[inverse], 1e-9)
    flat = flat[profile[inverse] > 0]
    level_now = float(np.median(flat[-reach:])) if len(flat) else 0.0
    place = np.searchsorted(codes, now)
    same = int((inverse == place).sum())
    mean = level_now * float(profile[place])
    scatter = _scatter(y, level, inverse)
    uncertain = 1 + MEDIAN_VARIANCE / same + MEDIAN_VARIANCE / min(reach, len(y))
    counting = (MEDIAN_VARIANCE / same + MEDIAN_VARIANCE / min(reach, len(y))) / max(mean, 1.0)
    return Expected(mean, scatter * uncertain + counting, len(y))


def _levels(y: Floats, season: int) -> Floats:
    """The running level: the median of the season around each window, both sides, cut at the ends."""
    half = max(season // 2, 2)
    width = 2 * half + 1
    padded = np.concatenate([np.full(half, np.nan), y, np.full(half, np.nan)])
    view = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(np.nanmean(_trimmed(view), axis=1))


def _trimmed(view: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each row without values further than four times its usual distance from its median."""
    middle = np.nanmedian(view, axis=1, keepdims=True)
    away = np.abs(view - middle)
    usual = MAD_TO_SD * np.nanmedian(away, axis=1, keepdims=True)
    return np.where(away <= np.maximum(4 * usual, 1e-9), view, np.nan)


def medians_of_others(values: Floats) -> Floats:
    """(n,) for each of (n,) values the median of the n − 1 others; n ≥ 2."""
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.intp)
    rank[order] = np.arange(len(values))
    ordered, others = values[order], len(values) - 1
    # Without the value of some rank, those from that rank on move down by one.
    low, high = (others - 1) // 2, others // 2
    return np.asarray((ordered[low + (rank <= low)] + ordered[high + (rank <= high)]) / 2)


def _scatter(y: Floats, level: Floats, inverse: npt.NDArray[np.intp]) -> float:
    """
    Relative variance beyond counting noise, from how far each window lies from the others of its season.

    Each window is left out of its own median; the squared distance is freed of what the median itself adds.
    """
    ratio = y / np.maximum(level, 1e-9)
    residual = np.full(len(y), np.nan)
    for code in np.unique(inverse):
        members = np.flatnonzero(inverse == code)
        if len(members) < 2:
            continue
        centre = medians_of_others(ratio[members])
        spread = np.sqrt(1 + MEDIAN_VARIANCE / (len(members) - 1))
        away = (ratio[members] / np.maximum(centre, 1e-9) - 1) / spread
        residual[members] = np.where(centre > 0, away, np.nan)
    seen = residual[np.isfinite(residual)]
    if len(seen) < 4:
        return 0.04
    variance = (MAD_TO_SD * float(np.median(np.abs(seen)))) ** 2
    tails = float(np.quantile(np.abs(seen), 0.9) / 1.645) ** 2
    noise = 1 / max(float(np.median(y)), 1.0)
    return max(max(variance, tails) - noise, LEAST_SCATTER)

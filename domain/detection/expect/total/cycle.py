"""
What windows usually hold at their place in the day or the week, learned only from earlier cycles.

The profile of a cycle is that of the cycles before it, so that its values for the past are forecasts,
and their errors are those that future ones will make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats

LEAST_CYCLES = 2  # cycles before a place in the cycle is known
FAR, NEVER_FAR = (
    4.0,
    0.3,
)  # multiple of the usual distance, and share of the median, beyond which a cycle is odd there
MAD_TO_SD = 1.4826
AROUND, BESIDE = 43_200.0, 3.5  # seconds, and least number of windows, on each side that make a level
DRAWN = 25.0  # things that the overall level counts for when a level is shrunk to it


@dataclass(frozen=True)
class Cycle:
    """
    `period` and `width` of a place in it, in seconds; at most `cycles` are learned from. Cycles are
    counted from `anchor` (seconds on the local clock), where the next one begins: those of the past are −1,
    −2, ….
    """

    period: float
    width: float
    cycles: int
    anchor: float

    @property
    def places(self) -> int:
        """How many places there are in a cycle."""
        return max(round(self.period / self.width), 1)

    def at(self, middles: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int64], Floats]:
        """(n,) cycle and place, a fraction from −0.5 on, of the windows whose middles are given."""
        since = np.asarray(middles, dtype=np.float64) - self.anchor
        cycle = np.floor(since / self.period)
        place = (since - cycle * self.period) / self.period * self.places - 0.5
        return cycle.astype(np.int64), np.asarray(place, dtype=np.float64)


@dataclass(frozen=True)
class Profiles:
    """
    (n_cycles + 1, places) what a window holds, by cycle, the next one last; NaN where that is not known.
    """

    cycle: Cycle
    table: Floats

    def of(self, middles: Floats, within: float | None = None) -> Floats:
        """
        (n,) what each window of the past, or of the next cycle, should hold by the cycles before its own.

        Args:
            within: seconds of a part of the cycle, such as a day; no interpolation across its boundaries.
        """
        cycle, place = self.cycle.at(middles)
        if within is not None and not within % self.cycle.width:
            each = within / self.cycle.width
            first = np.floor((place + 0.5) / each) * each
            place = np.clip(place, first, first + each - 1)
        return between(self.table[len(self.table) - 1 + cycle], place)


def learned(cycle: Cycle, middles: Floats, values: Floats, base: Floats) -> Profiles:
    """
    Args:
        middles: (n,) of the windows, on the local clock; all before the cycle's anchor.
        values: (n,) what they held, base: (n,) what that is divided by (1: the window itself); NaN where the
            window is not to be learned from.
    """
    number, place = cycle.at(middles)
    count, places = int(-number.min()) if len(number) else 1, cycle.places
    known = np.isfinite(values) & np.isfinite(base)
    at = (np.floor(place + 0.5).astype(np.int64) % places)[known]
    y, by_one = values[known], base[known] * _level(values[known], base[known], at, middles[known], places)
    flat = (number[known] + count) * places + at
    held, by = (np.bincount(flat, one, minlength=count * places) for one in (y, by_one))
    often = np.bincount(flat, minlength=count * places)
    usual = max(float(np.median(often[often > 0])), 1.0) if known.any() else 1.0
    some = (often >= usual / 2) & (by > 0)
    divided = np.where(some, by, 1.0)
    rate = np.where(some, held / divided, np.nan).reshape(count, places)
    noise = np.where(some, np.sqrt(np.maximum(held, 1.0)) / divided, np.nan).reshape(count, places)
    empty = np.full((cycle.cycles, places), np.nan)
    padded = np.vstack([empty, rate]), np.vstack([empty, noise])
    views = (np.lib.stride_tricks.sliding_window_view(one, cycle.cycles, axis=0) for one in padded)
    return Profiles(cycle, _without_odd_ones(*views))


def _level(
    values: Floats, base: Floats, place: npt.NDArray[np.int64], middles: Floats, places: int
) -> Floats:
    """
    (n,) what the windows of half a day around each held (a few windows if they are longer) relative to the
    share of their places: cycles at different levels have one shape.
    """
    if not len(values):
        return values
    due = np.bincount(place, base, minlength=places)
    mean = np.bincount(place, values, minlength=places) / np.where(due > 0, due, 1.0)
    usual = base * mean[place]
    width = float(np.median(np.diff(middles))) if len(middles) > 1 else 1.0
    half = max(AROUND, BESIDE * width)
    low, high = np.searchsorted(middles, middles - half), np.searchsorted(middles, middles + half)
    held, by = (np.append(0.0, np.cumsum(one)) for one in (values, usual))
    drawn = DRAWN * max(float(values.mean()), 1e-12) if values.mean() < 1 else DRAWN
    level = (held[high] - held[low] + drawn) / np.maximum(by[high] - by[low] + drawn, 1e-12)
    return np.asarray(level * max(float(values.mean()), 1e-12))


def between(rows: Floats, place: Floats) -> Floats:
    """(n,) the value of (n, places) at each place (n,), interpolated between two places; ends meet."""
    low = np.floor(place).astype(np.int64)
    part, places = place - low, rows.shape[-1]
    each = np.arange(len(place))
    left, right = rows[each, low % places], rows[each, (low + 1) % places]
    return np.asarray(np.where(part > 1e-9, left + part * (right - left), left))


def _without_odd_ones(view: Floats, noise: Floats) -> Floats:
    """The mean over the last axis of the known values, without those far from the median."""
    known = np.isfinite(view).sum(axis=-1)
    middle = _median(view, known)[..., None]
    away = np.abs(view - middle)
    usual = MAD_TO_SD * _median(away, known)
    usual = np.maximum(usual, _median(noise, known))[..., None]
    near = away <= np.maximum(FAR * usual, NEVER_FAR * middle)  # NaN is not near
    kept = np.where(near, view, 0.0).sum(axis=-1) / np.maximum(near.sum(axis=-1), 1)
    return np.asarray(np.where(known >= LEAST_CYCLES, kept, np.nan), dtype=np.float64)


def _median(view: Floats, known: npt.NDArray[np.int64]) -> Floats:
    """Over the last axis; NaN, which sorts last, is ignored, and returned if there is nothing else."""
    ordered = np.sort(view, axis=-1)
    low, high = (np.maximum(known - 1, 0) // 2)[..., None], (known // 2)[..., None]
    high = np.minimum(high, np.maximum(known - 1, 0)[..., None])
    both = [np.take_along_axis(ordered, one, axis=-1)[..., 0] for one in (low, high)]
    return np.asarray((both[0] + both[1]) / 2)

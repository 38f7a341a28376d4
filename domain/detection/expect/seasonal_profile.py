"""
At which hours, or on which weekdays, a slice usually has more or less of the total: TV in the evening.

Learned only as far as the history supports it: the swing between hours must be larger than that within them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.expect.total.baseline import DAY, season_keys

Keys = npt.NDArray[np.int64]

LEAST_REPEATS = 3  # least number of times that the judged hour or weekday was seen
LEAST_FACTOR = 0.05


def profile_keys(local_seconds: Keys, width_seconds: float, learn: npt.NDArray[np.bool_]) -> Keys | None:
    """
    (n_windows,) the hour of each window, or the weekday if a window is a day; None if the last one's
    has not come often enough yet, or windows are longer than days.
    """
    if width_seconds > DAY:
        return None
    weekday, hour, _ = season_keys(local_seconds, width_seconds)
    keys = weekday if width_seconds == DAY else hour
    days = np.unique((local_seconds // DAY)[:-1][(keys[:-1] == keys[-1]) & learn[:-1]])
    return keys if len(days) >= LEAST_REPEATS else None


@dataclass(frozen=True)
class SeasonalProfiles:
    """
    Sums over the windows that may be learned from: (n_keys, n_slices) `rows`, `due`; (n_slices,) `trust`.

    `trust` is how much of a swing is believed, 0 (none is beyond chance) up to 1.
    """

    keys: Keys
    rows: Floats
    due: Floats
    share: Floats
    trust: Floats

    def factor(self, window: int, rows: Floats | None, total: float) -> Floats:
        """
        (n_slices,) what is usual at that time, relative to the slice's share over all windows.

        Args:
            rows: the window's own, if it was learned from: it is excluded from what it is compared with.
        """
        key = self.keys[window]
        seen, due = self.rows[key], self.due[key]
        if rows is not None:
            seen, due = seen - rows, due - total * self.share
        ratio = np.where(due > 0, seen / np.maximum(due, 1e-9), 1.0)
        return np.asarray(np.maximum(1 + self.trust * (ratio - 1), LEAST_FACTOR))


def learn_profiles(total: Floats, rows: Floats, learn: npt.NDArray[np.bool_], keys: Keys) -> SeasonalProfiles:
    """
    Args:
        total: (n_windows,), rows: (n_windows, n_slices); the last window is not learned from.
        learn: (n_windows,) those that may be; keys: (n_windows,) of `profile_keys`.

    Source:
        How far each hour's mean is drawn to that of all: James & Stein (1961), 4th Berkeley Symposium, in the
        form of one minus the inverse of the variance ratio.
    """
    _, codes = np.unique(keys, return_inverse=True)
    known = np.flatnonzero(learn[:-1] & (total[:-1] > 0))
    count = int(codes.max()) + 1
    member = np.zeros((count, len(known)))
    member[codes[known], np.arange(len(known))] = 1.0
    y, n = rows[known], total[known]
    share = y.sum(axis=0) / max(float(n.sum()), 1.0)
    seen, due = member @ y, np.outer(member @ n, share)
    repeats = member.sum(axis=1)
    trust = _trust(y / np.maximum(np.outer(n, share), 1e-9), member, repeats)
    return SeasonalProfiles(codes, seen, due, share, np.where(share > 0, trust, 0.0))


def _trust(ratio: Floats, member: Floats, repeats: Floats) -> Floats:
    """One minus the variance within hours over that between them, at least 0."""
    used = repeats > 0
    member, repeats = member[used], repeats[used][:, None]
    if len(member) < 2 or repeats.sum() <= len(member):
        return np.zeros(ratio.shape[1])
    sums = member @ ratio
    within = ((ratio**2).sum(axis=0) - (sums**2 / repeats).sum(axis=0)) / (repeats.sum() - len(member))
    means = sums / repeats
    between = (repeats * (means - ratio.mean(axis=0)) ** 2).sum(axis=0) / (len(member) - 1)
    return np.asarray(np.clip(1 - within / np.maximum(between, 1e-12), 0.0, 1.0))

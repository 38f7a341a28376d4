"""
The scoring rule of the Numenta Anomaly Benchmark, standard profile, written from its description.

Each labelled window is won by its first detection, worth more the earlier it comes; a window without one
costs `MISSED`. Every detection outside costs up to `FALSE`, less right after a window, where it is merely
late. The sum over all series is scaled from 0 (a detector that says nothing) to 100 (one that detects the
first row of every window and says nothing else). Rows in the probationary period at the beginning of a
series do not count.

Source:
    Lavin & Ahmad (2015), "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly
    Benchmark", IEEE ICMLA; the scaled sigmoid 2/(1 + e^{5y}) − 1 of a position y, −1 at the window's left
    end and 0 at its right, as in the benchmark's published rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HIT, MISSED, FALSE = 1.0, 1.0, 0.11  # weights of the standard profile
PROBATION_SHARE, PROBATION_OF_AT_MOST = 0.15, 5_000  # of a series' rows
STEEP, FAR = 5.0, 3.0  # of the sigmoid, and the position beyond which a detection is simply false

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """One series: how many rows it has, and its windows (first row, last row), in order, both included."""

    rows: int
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """How many rows at the beginning do not count."""
        return int(PROBATION_SHARE * min(self.rows, PROBATION_OF_AT_MOST))


def worth(position: Floats) -> Floats:
    """
    The worth of a detection: 1 at a window's left end (−1, all but), 0 at its right end, −1 far behind it.

    >>> worth(np.array([-1.0, 0.0, 1.0, 4.0])).round(3).tolist()
    [0.987, 0.0, -0.987, -1.0]
    """
    inside = 2 / (1 + np.exp(STEEP * np.minimum(position, FAR))) - 1
    return np.asarray(np.where(position > FAR, -1.0, inside))


def row_scores(series: Labelled) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(rows,) what a detection at each row is worth, and the window it lies in (−1: none)."""
    score, window = np.full(series.rows, -FALSE), np.full(series.rows, -1, dtype=np.int64)
    best = float(worth(np.array([-1.0]))[0])
    for place, (first, last) in enumerate(series.windows):
        width = last - first + 1
        behind = np.arange(last + 1, series.rows)
        score[behind] = FALSE * worth((behind - last) / max(width - 1, 1))
        within = np.arange(first, last + 1)
        score[within] = HIT * worth(-(last - within + 1) / width) / best
        window[within] = place
    return score, window


def sweep(every: Sequence[Labelled], scores: Sequence[Floats]) -> tuple[Floats, Floats]:
    """
    The normalised score at each threshold worth trying, over all series together.

    Args:
        scores: for each series (rows,); a row is a detection where its score reaches the threshold.

    Returns:
        Thresholds, falling, the first one above all scores; and the score, 0–100 (below 0: worse than saying
        nothing).
    """
    steps = [_gains(series, score) for series, score in zip(every, scores, strict=True)]
    at = np.concatenate([place for place, _ in steps] or [np.zeros(0)])
    gain = np.concatenate([one for _, one in steps] or [np.zeros(0)])
    order = np.argsort(-at, kind="stable")
    at, total = at[order], np.cumsum(gain[order])
    last = np.flatnonzero(np.append(at[1:] != at[:-1], True)) if len(at) else np.zeros(0, dtype=int)
    windows = sum(len(series.windows) for series in every)
    thresholds = np.concatenate([[np.inf], at[last]])
    return thresholds, 100 * np.concatenate([[0.0], total[last]]) / max((HIT + MISSED) * windows, 1e-9)


def score_at(every: Sequence[Labelled], scores: Sequence[Floats], threshold: float) -> float:
    """The normalised score of the detections that reach `threshold`."""
    thresholds, swept = sweep(every, scores)
    return float(swept[np.flatnonzero(thresholds >= threshold)[-1]])


def best(every: Sequence[Labelled], scores: Sequence[Floats]) -> tuple[float, float]:
    """The best normalised score that one threshold for all series reaches, and that threshold."""
    thresholds, swept = sweep(every, scores)
    place = int(np.argmax(swept))
    return float(swept[place]), float(thresholds[place])


def _gains(series: Labelled, score: Floats) -> tuple[Floats, Floats]:
    """The gain over saying nothing as the threshold falls past each row's score; only scores above −∞."""
    worths, window = row_scores(series)
    counted = np.flatnonzero((np.arange(series.rows) >= series.probation) & np.isfinite(score))
    outside = counted[window[counted] < 0]
    at, gain = [score[outside]], [worths[outside]]
    for place in range(len(series.windows)):
        rows = counted[window[counted] == place]
        # The earliest detection counts: by falling score, each row gains what it is earlier than those above.
        falling = rows[np.lexsort((rows, -score[rows]))]
        earliest = np.maximum.accumulate(worths[falling]) if len(falling) else np.zeros(0)
        at.append(score[falling])
        gain.append(np.diff(earliest, prepend=-MISSED))
    return np.concatenate(at), np.concatenate(gain)

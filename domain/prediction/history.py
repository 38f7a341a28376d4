"""What past launches teach: a regression of first days, its errors, and how far a launch falls short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold

from domain.prediction.calendar import LaunchColumns
from domain.prediction.neighbours import Floats, distances
from domain.prediction.regression import Fitted, fit_counts

COMPARABLES = 15
FOLDS = 5
COVERAGE = 0.9


@dataclass(frozen=True)
class History:
    """
    Past launches and a regression learnt from them, all on the scale of log1p of the first day's count.

    Args:
        rows: (n_past,) one row a launch; `target` its first day.
        shortfalls: out-of-fold forecast less the median of comparable launches.
        residuals: |target − out-of-fold forecast|.
    """

    rows: pd.DataFrame
    target: Floats
    shortfalls: Floats
    residuals: Floats
    model: Fitted

    def interval(self, guesses: Floats) -> tuple[float, float]:
        """
        The interval (log) that holds the first day in 90 % of cases, where `guesses` are its possible
        forecasts.

        Split-conformal: past errors, in either direction, around each guess, all guesses equally likely. For
        a single guess it is the guess ± the 90 % quantile of past errors.
        """
        count = len(self.residuals)
        level = min(np.ceil((count + 1) * COVERAGE) / count, 1.0)
        errors = np.concatenate([self.residuals, -self.residuals])
        around = (np.asarray(guesses, float)[:, None] + errors[None, :]).ravel()
        # Quantiles of the mirrored values, so that both ends are rounded outwards.
        ends = [np.quantile(sign * around, (1 + level) / 2, method="inverted_cdf") for sign in (-1, 1)]
        return float(-ends[0]), float(ends[1])

    def tail_share(self, own: float) -> float:
        """The conformal rank from below; past the worst tenth, an exponential tail with its mean excess."""
        ordered = np.sort(self.shortfalls)
        tail = max(5, len(ordered) // 10)
        threshold = float(ordered[tail])
        if own >= threshold:
            return float((1 + np.count_nonzero(ordered <= own)) / (len(ordered) + 1))
        scale = float(np.mean(threshold - ordered[:tail])) or 1e-9
        return float((tail + 1) / (len(ordered) + 1) * np.exp(-(threshold - own) / scale))

    def comparable_places(
        self, row: pd.DataFrame, features: Sequence[str], suspects: Sequence[str]
    ) -> npt.NDArray[np.intp]:
        """Places in `rows` of the 15 launches nearest to `row` in all features that are not suspect."""
        fair = [name for name in features if name not in suspects] or list(features)
        return np.argsort(distances(row, self.rows, fair)[0], kind="stable")[:COMPARABLES]


_LEARNED: dict[tuple[LaunchColumns, int], History] = {}


def learn(past: pd.DataFrame, columns: LaunchColumns, seed: int) -> History:
    """
    Learn from `past` (see `past_launches`); each launch's error is that of a fit to the other four fifths.

    Cached, as successive looks learn from the same launches until another one has had its first day.
    """
    kept = _LEARNED.get((columns, seed))
    if kept is None or not kept.rows.equals(past):
        kept = _LEARNED[columns, seed] = _learn(past, columns, seed)
    return kept


def _learn(past: pd.DataFrame, columns: LaunchColumns, seed: int) -> History:
    features = columns.features
    target = np.log1p(np.maximum(past[columns.outcome].to_numpy(np.float64), 0.0))
    guess = np.empty(len(past))
    for train, held in KFold(FOLDS, shuffle=True, random_state=seed).split(past):
        guess[held] = fit_counts(past.iloc[train], features, target[train], seed).predict(past.iloc[held])
    apart = distances(past, past, features)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :COMPARABLES]
    return History(
        rows=past,
        target=target,
        shortfalls=guess - np.median(target[near], axis=1),
        residuals=np.abs(target - guess),
        model=fit_counts(past, features, target, seed),
    )

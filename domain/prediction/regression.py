"""
A regression for counts that may lie outside everything seen so far.

Trees alone cannot predict less than the smallest past outcome, and a missed launch is just that: so a ridge
regression extrapolates, and boosted trees learn its residuals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from domain.prediction.neighbours import Floats, is_numeric

LEVELS = 100  # categories kept per feature; rarer ones count as unset
PENALTY = 1.0


@dataclass(frozen=True)
class Scale:
    """How a numeric feature becomes linear: its logarithm where all of it is positive, standardised."""

    logarithm: bool
    centre: float
    spread: float

    def apply(self, values: Floats) -> Floats:
        """Standardised values; 0 where unset."""
        known = np.log(np.maximum(values, 1e-6)) if self.logarithm else values
        return np.nan_to_num((known - self.centre) / self.spread)


@dataclass(frozen=True)
class Fitted:
    """A fitted regression of the logarithm of counts."""

    features: tuple[str, ...]
    levels: dict[str, pd.Index]
    scales: dict[str, Scale]
    line: Ridge
    trees: HistGradientBoostingRegressor

    def predict(self, rows: pd.DataFrame) -> Floats:
        """(rows,) expected log1p of the count."""
        with threadpool_limits(limits=1):
            left_over = self.trees.predict(_encoded(rows, self.features, self.levels))
        return np.asarray(self.line.predict(_linear(rows, self)) + left_over, np.float64)


def fit_counts(rows: pd.DataFrame, features: Sequence[str], target: Floats, seed: int) -> Fitted:
    """
    Learn `target` (log1p of counts) from `features`: numbers and categories, both possibly with gaps.

    The data are small, so one thread: several would only wait for each other.
    """
    levels = {
        name: rows[name].astype("string").value_counts().index[:LEVELS]
        for name in features
        if not is_numeric(rows[name])
    }
    scales = {name: _scale(_numbers(rows, name)) for name in features if name not in levels}
    categorical = [name in levels for name in features]
    trees = HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=12,
        min_samples_leaf=max(5, min(20, len(rows) // 15)),
        categorical_features=categorical if any(categorical) else None,
        early_stopping=False,
        random_state=seed,
    )
    fitted = Fitted(tuple(features), levels, scales, Ridge(alpha=PENALTY), trees)
    inputs = _linear(rows, fitted)
    fitted.line.fit(inputs, target)
    with threadpool_limits(limits=1):
        trees.fit(_encoded(rows, features, levels), target - fitted.line.predict(inputs))
    return fitted


def _scale(values: Floats) -> Scale:
    known = values[np.isfinite(values)]
    logarithm = bool(known.size and known.min() > 0)
    known = np.log(known) if logarithm else known
    if not known.size:
        return Scale(False, 0.0, 1.0)
    return Scale(logarithm, float(known.mean()), float(known.std()) or 1.0)


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    return pd.to_numeric(rows[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _linear(rows: pd.DataFrame, fitted: Fitted) -> Floats:
    """(rows, numbers + categories): standardised numbers, then a column for each category."""
    parts = [scale.apply(_numbers(rows, name))[:, None] for name, scale in fitted.scales.items()]
    for name, known in fitted.levels.items():
        codes = known.get_indexer(pd.Index(rows[name].astype("string")))
        parts.append((codes[:, None] == np.arange(len(known))[None, :]).astype(float))
    return np.hstack(parts)


def _encoded(rows: pd.DataFrame, features: Sequence[str], levels: dict[str, pd.Index]) -> Floats:
    """(rows, features) for trees: numbers as they are, categories as codes, gaps as NaN."""
    out = np.empty((len(rows), len(features)))
    for place, name in enumerate(features):
        if name in levels:
            codes = levels[name].get_indexer(pd.Index(rows[name].astype("string"))).astype(float)
            out[:, place] = np.where(codes < 0, np.nan, codes)
        else:
            out[:, place] = _numbers(rows, name)
    return out

"""
What two models make of each feature: how the score depends on it on average, in both, on the same candidates.

Source:
    Partial dependence: Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals
    of Statistics 29(5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inside.changed import with_each
from domain.diagnosis.replay import Scorer

ROWS = 200  # candidates that the score is averaged over
STEPS = 7  # quantiles of a feature of numbers
MOST_VALUES = 7  # of a feature of texts, the most common

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """
    (n,) `values` of a feature with the mean score of each, around its middle: `before` by the former model,
    `now` by today's. `apart` is the root mean square of their difference.
    """

    feature: str
    values: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    apart: float

    @property
    def words(self) -> str:
        """Between which two values the difference is largest, and how far the score moves there in each."""
        off = np.array(self.now) - np.array(self.before)
        low, high = sorted((int(off.argmin()), int(off.argmax())))
        steps = [round(one[high] - one[low], 2) for one in (self.before, self.now)]
        return (
            f"`{self.feature}` {self.values[low]} → {self.values[high]} moves the score {steps[1]:+.2f} on "
            f"average, {steps[0]:+.2f} by the former model"
        )


def curves_of(
    former: Scorer, today: Scorer, candidates: pd.DataFrame, features: Sequence[str], *, seed: int = 0
) -> tuple[Curve, ...]:
    """
    One curve per feature, the most changed first; features without two different values are left out.

    Args:
        candidates: with `features` in the models' order.

    Raises:
        SourceError: a model cannot be asked.
    """
    rows = candidates[list(features)].sample(min(ROWS, len(candidates)), random_state=seed)
    found = [_curve(former, today, rows, name) for name in features]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.apart))


def _curve(former: Scorer, today: Scorer, rows: pd.DataFrame, name: str) -> Curve | None:
    values = _values(rows[name])
    if len(values) < 2:
        return None
    changed = with_each(rows, name, values)
    before, now = (model.score(changed).reshape(len(values), -1).mean(axis=1) for model in (former, today))
    before, now = before - before.mean(), now - now.mean()
    apart = float(np.sqrt(np.mean((now - before) ** 2)))
    return Curve(name, tuple(map(_said, values)), tuple(before.tolist()), tuple(now.tolist()), apart)


def _values(column: pd.Series) -> list[Any]:
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(known):
        numbers = known.to_numpy(np.float64)
        if not len(numbers):
            return []
        return list(np.unique(np.quantile(numbers, np.linspace(0, 1, STEPS), method="nearest")))
    return [str(one) for one in known.value_counts().index[:MOST_VALUES]]


def _said(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)

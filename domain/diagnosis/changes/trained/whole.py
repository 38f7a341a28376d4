"""
Whether the newest training took more rows in all than those before it, or fewer.

How much a training takes depends on how much happened, so it is no fault by itself. It is worth saying where
the training turned out differently from those before.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.stats import t as student

from domain.diagnosis.changes.trained.cells import LEAST_BEFORE, Floats
from domain.diagnosis.material import TrainingRows

FACTOR = 1.25  # of the usual rows, up or down, from which on it is worth saying
CHANCE = 0.01  # chance of a training as far from those before it
LEAST_SPREAD = 0.02  # of the rows: no two trainings take equally many


@dataclass(frozen=True)
class Whole:
    """The rows of the newest training, and those of the trainings `before` it."""

    rows: float
    before: Floats

    @property
    def words(self) -> str:
        """
        >>> Whole(3_000.0, np.array([5_800.0, 6_600.0])).words
        '52 % fewer rows than usual (3,000 where 5,800 to 6,600 were)'
        """
        usual = float(self.before.mean())
        counted = f"({self.rows:,.0f} where {self.before.min():,.0f} to {self.before.max():,.0f} were)"
        if self.rows < usual:
            return f"{100 * (1 - self.rows / usual):.0f} % fewer rows than usual {counted}"
        return f"{self.rows / usual:.1f} times as many rows as usual {counted}"


def whole_off(taken: TrainingRows) -> Whole | None:
    """
    The rows in all, where only one training in a hundred would be as far from those before; null where it is
    no further, or too few trainings are known.

    Source:
        Prediction interval of one more observation: Hahn & Meeker (1991), "Statistical Intervals", ch. 4; of
        logarithms, as trainings differ by shares.
    """
    rows = taken.counts.groupby("training")["rows"].sum().sort_index()
    if len(rows) <= LEAST_BEFORE or rows.index[0] != 0:
        return None
    logs = np.log(rows.to_numpy(np.float64) + 0.5)
    now, past = float(logs[0]), logs[1:]
    spread = max(float(past.std(ddof=1)), LEAST_SPREAD) * sqrt(1 + 1 / len(past))
    apart = abs(now - float(past.mean()))
    if apart < log(FACTOR) or 2 * float(student.sf(apart / spread, len(past) - 1)) > CHANCE:
        return None
    return Whole(float(rows.iloc[0]), rows.iloc[1:].to_numpy(np.float64))

"""What members chose, added to a log of candidates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from domain.resolution.stage import REWARD


def with_choices(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """As drawn by the propensities, each shown film played as often as the model without the fault says."""
    chance = np.random.default_rng(seed)
    shown = chance.random(len(rows)) < rows["propensity"]
    odds = 4.0 * rows["language_match"].fillna(0.5) + 1.5 * rows["genre_affinity"] + rows["popularity"] - 4.0
    played = shown & (chance.random(len(rows)) < 1 / (1 + np.exp(-odds)))
    return rows.assign(shown=shown, **{REWARD: played.astype(float)})

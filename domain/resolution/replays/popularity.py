"""Ranks logged requests of a slice by how popular items are, whatever the model thinks of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Bools, Floats
from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price, price
from domain.resolution.replays.logged_slice import in_slice, slice_given
from domain.resolution.stage import Stage
from domain.resolution.way import Parameters, Way, no_stage, unknown

APART = 60.0
"""Temperatures between what is shown and what is not, so that exploration shows nothing else."""


def _price(given: Parameters, around: Circumstances) -> Price:
    stage, column = around.stage, str(given["column"])
    if stage is None:
        return no_stage(around)
    inside = in_slice(stage.traffic, slice_given(given))
    if inside is None or column not in stage.traffic.rows:
        lacks = f"`{column}`" if column not in stage.traffic.rows else "a dimension of the slice"
        return unknown(around, f"not from the log: {lacks} is not logged")
    return price(stage, by_popularity(stage, inside, column))


def by_popularity(stage: Stage, inside: Bools, column: str) -> Floats:
    """
    (rows,) the scores, changed `inside` so that the most popular are shown and nothing is explored. The order
    among those that are shown is left open: exposure does not depend on it.

    Items without a value in `column` come last; ties stay in the order of the log.
    """
    traffic = stage.traffic
    popular = pd.to_numeric(traffic.rows[column], errors="coerce").fillna(-np.inf)
    place = popular.groupby(traffic.requests).rank(method="first", ascending=False).to_numpy(np.float64)
    below = np.where(place <= traffic.columns.top, 0.0, -APART * (traffic.temperature or 1.0))
    return np.where(inside, below, stage.now)


POPULARITY = Way(name="popularity", price=_price)

"""A version of the model that learned something wrong about a segment, after one that did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Floats
from domain.errors import CannotRehearse
from domain.resolution.rehearsal.planted import (
    LEAST_EFFECT,
    Healthy,
    Parameters,
    Planted,
    Rehearsal,
    Segment,
    shifted,
    spread,
)

WIDTH = 0.2  # share of the items, by rank of a feature, that the newest version scores wrongly
LEAST, MOST = 1.0, 2.0  # times the spread of the scores
MOSTLY = 0.5  # share of an item's candidates that has to lie in the segment


def plant(healthy: Healthy, seed: int) -> Planted:
    """
    Make the newest version score a segment of one feature too low.

    Raises:
        CannotRehearse: no other version ranked before, or no segment of a feature is shown less for it.
    """
    if healthy.versions is None:
        raise CannotRehearse("no version of the model is logged that took over from another")
    chance = np.random.default_rng(seed)
    by = -float(chance.uniform(LEAST, MOST)) * spread(healthy)
    for segment in _segments(healthy, chance, by):
        values = healthy.traffic.rows[segment.feature].astype(float)
        inside = values.between(segment.low, segment.high).to_numpy()
        mostly = pd.Series(inside).groupby(healthy.ids).mean()
        concerned = healthy.ids.isin(mostly.index[mostly > MOSTLY]).to_numpy()
        says = f"version {healthy.versions.now} scores {-by:.2g} too low where `{segment.feature}` lies "
        planted = shifted(healthy, f"{says}between {segment.low:.3g} and {segment.high:.3g}", inside, by)
        planted = replace(planted, concerned=concerned, segment=segment)
        if planted.effect <= -LEAST_EFFECT:
            return planted
    raise CannotRehearse("no segment of a feature is shown less where the model scores it lower")


def rolled_back(parameters: Parameters, planted: Planted) -> Floats:
    """Exposure ranked by the version rolled back to; as with the fault, if that is another version."""
    versions = planted.healthy.versions
    if versions is None or parameters.get("version") != versions.was:
        return planted.faulty
    return planted.healthy.traffic.exposure(versions.former)


def split(parameters: Parameters, planted: Planted) -> Floats:
    """Exposure with a share of the requests ranked by that version."""
    share = float(str(parameters["share"]))
    return share * rolled_back(parameters, planted) + (1 - share) * planted.faulty


ROLLED_BACK, SPLIT = Rehearsal(plant, rolled_back), Rehearsal(plant, split)


def _segments(healthy: Healthy, chance: np.random.Generator, by: float) -> Iterator[Segment]:
    """A random fifth of the values of each number that the model is fed, in random order."""
    rows = healthy.traffic.rows
    names = [name for name in healthy.traffic.columns.features if pd.api.types.is_numeric_dtype(rows[name])]
    for place in chance.permutation(len(names)):
        values, start = np.unique(rows[names[place]].dropna().astype(float)), chance.uniform(0.0, 1.0 - WIDTH)
        if len(values) > 1:
            # between two values, so that none lies on the edge whatever arithmetic reads it
            edges = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2, [values[-1] + 1.0]])
            first = int(start * len(values))
            last = min(first + max(1, int(WIDTH * len(values))), len(values))
            yield Segment(names[place], float(edges[first]), float(edges[last]), by)

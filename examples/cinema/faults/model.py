"""Faults in which a model serves that should not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from ..features import FEATURES
from ..ranking import Ranker, first_lesson, train
from .fault import Acts, Drawn, Fault, World

OLD_ROWS = 20_000
WEAK = ("genre_affinity", "language_match", "country_affinity", "popularity")


def _former(world: World, *, days: float, without: str) -> Ranker:
    """A model from before one of its features was useful."""
    at = (world.at - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    seed = 0 if world.rng is None else int(world.rng.integers(1 << 30))
    seen, played = first_lesson(world.audience, world.catalogue, at, seed)
    seen, played = seen[:OLD_ROWS], played[:OLD_ROWS]
    column = FEATURES.index(without)
    seen[:, column] = np.random.default_rng(seed).permutation(seen[:, column])
    return train(seen, played, at)


def _rolled_back(world: World) -> Drawn:
    old = _former(world, days=world.between(5, 30, 14), without=world.one_of(WEAK))
    size = f"trained {(world.at - old.trained_at).days} days before"
    return Drawn(Acts(ranker=old), size, (old.version, "ranker"))


def _other_file(world: World) -> Drawn:
    other = _former(world, days=world.between(5, 30, 14), without=world.one_of(WEAK))
    serving = replace(other, trained_at=world.ranker.trained_at)
    acts = Acts(ranker=serving, registered=False)
    return Drawn(
        acts, f"trained {(world.at - other.trained_at).days} days before", (serving.version, "ranker")
    )


FAULTS = (
    Fault(
        "model_rolled_back",
        "an older, weaker version of the model serves, and its registry says so",
        "model",
        "model",
        _rolled_back,
    ),
    Fault(
        "another_model_file",
        "another model than the registered one serves, under the registered one's version",
        "model",
        "model",
        _other_file,
    ),
)

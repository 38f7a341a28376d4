"""Faults between the catalogue and the model: in the features it is fed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..features import FEATURES
from ..members import DEVICES, REGIONS
from .fault import Acts, Drawn, Fault, Floats, Scene, World, slice_of

BLANK = ("genre_affinity", "mobile")


def _missing(world: World) -> Drawn:
    feature = world.one_of(("genre_affinity", "country_affinity", "popularity", "rating"), BLANK[0])
    device = world.one_of(DEVICES, BLANK[1])
    acts = Acts(seen=_filled(feature, {"device": device}, np.nan))
    return Drawn(acts, "all of them", (feature,), (slice_of(device=device),))


def _constant(world: World) -> Drawn:
    feature = world.one_of(("popularity", "genre_affinity", "language_match", "rating"))
    dimension = world.one_of(("device", "region"))
    values = DEVICES if dimension == "device" else tuple(region.name for region in REGIONS[:4])
    where = {dimension: world.one_of(values)}
    value = round(world.between(0.2, 0.8, 0.5), 2)
    return Drawn(
        Acts(seen=_filled(feature, where, value)), f"{value} for all", (feature,), (slice_of(**where),)
    )


def _stale(world: World) -> Drawn:
    def seen(scene: Scene, fed: Floats) -> Floats:
        new = scene.catalogue.new(scene.at)[scene.films]
        fed[..., FEATURES.index("popularity")][new] = 0.0
        return fed

    return Drawn(Acts(seen=seen), "0 for all of them", ("popularity",), ((),))


def _filled(feature: str, where: dict[str, str], value: float) -> Callable[[Scene, Floats], Floats]:
    def seen(scene: Scene, fed: Floats) -> Floats:
        fed[..., FEATURES.index(feature)][scene.on(where)] = value
        return fed

    return seen


FAULTS = (
    Fault("missing_values", "a bug feeds NaN for genre_affinity on mobile", "features", "feature", _missing),
    Fault(
        "feature_constant",
        "one feature is the same number for all films on one device or in one region",
        "features",
        "feature",
        _constant,
    ),
    Fault(
        "popularity_stale",
        "the popularity of new films is not counted: the model is fed 0",
        "features",
        "feature",
        _stale,
    ),
)

"""Faults after the model: adjustments of scores, filters, caps."""

from __future__ import annotations

import numpy as np

from ..members import DEVICES, REGIONS
from ..rails import retrieve
from .catalogue import COUNTRIES, GENRES
from .fault import Acts, Bools, Drawn, Fault, Floats, Scene, World, slice_of

HELD_DOWN = ("Documentary", 1.5)
POPULAR = 12  # a blocked film is one of this many that are candidates most often


def _held_down(world: World) -> Drawn:
    genre = world.one_of(("Documentary", *GENRES[:3]), HELD_DOWN[0])
    amount = round(world.between(1.2, 2.5, HELD_DOWN[1]), 2)

    def score(scene: Scene) -> Floats:
        return np.where(scene.on({"genre": genre}), -amount, 0.0).astype(np.float32)

    acts = Acts(score=score)
    return Drawn(acts, f"{amount} log-odds", ("ranker", "score", "log_odds"), (slice_of(genre=genre),))


def _boosted(world: World) -> Drawn:
    where = {"country": world.one_of(COUNTRIES)}
    amount = round(world.between(2.0, 4.0, 3.0), 2)

    def score(scene: Scene) -> Floats:
        return np.where(scene.on(where), amount, 0.0).astype(np.float32)

    return Drawn(
        Acts(score=score), f"{amount} log-odds", ("ranker", "score", "log_odds"), (slice_of(**where),)
    )


def _blocked(world: World) -> Drawn:
    often = np.bincount(retrieve(world.audience, world.catalogue, world.at).ravel())
    film = int(world.one_of([int(place) for place in np.argsort(-often, kind="stable")[:POPULAR]]))
    device = world.one_of(DEVICES)

    def kept(scene: Scene) -> Bools:
        blocked: Bools = (scene.films == film) & scene.on({"device": device})
        return ~blocked

    item = str(world.catalogue.ids[film])
    return Drawn(Acts(kept=kept), "never shown there", (item,), (slice_of(device=device),))


def _filtered(world: World) -> Drawn:
    where = {
        "genre": world.one_of(GENRES),
        "region": world.one_of(tuple(region.name for region in REGIONS[:4])),
    }

    def kept(scene: Scene) -> Bools:
        return ~scene.on(where)

    return Drawn(Acts(kept=kept), "never shown there", ("genre", "impressions"), (slice_of(**where),))


def _capped(world: World) -> Drawn:
    country = world.one_of(COUNTRIES[:4])

    def kept(scene: Scene) -> Bools:
        there = scene.on({"country": country})
        return ~there | (np.cumsum(there, axis=1) <= 1)

    acts = Acts(kept=kept)
    return Drawn(acts, "one film a shelf", ("country", "impressions"), (slice_of(country=country),))


FAULTS = (
    Fault(
        "production_bias",
        "production ranks documentaries lower than the model does",
        "serving",
        "serving",
        _held_down,
    ),
    Fault(
        "boost_bug",
        "a boost meant for a few films is added to all of one country",
        "serving",
        "serving",
        _boosted,
    ),
    Fault("film_blocked", "a popular film is never shown on one device", "serving", "filter", _blocked),
    Fault("genre_filtered", "one genre is never shown in one region", "serving", "filter", _filtered),
    Fault("country_cap", "at most one film of one country is shown a shelf", "serving", "filter", _capped),
)

"""For every kind of member on every device: which films are eligible, and how likely each is to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from .acts import Acts, Scene
from .catalogue import Catalogue
from .features import FEATURES, features, noise, true_log_odds
from .members import DEVICES, Audience
from .ranking import Ranker

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

SHELF = 10  # films shown per request
RETRIEVED = 52  # candidates per rail besides the new films
TEMPERATURE = 0.8  # amount of exploration: log-odds are divided by it


@dataclass(frozen=True)
class Adjustments:
    """What changes serving besides catalogue and model: overrides, and bugs."""

    boosts: Mapping[int, float] = field(default_factory=dict)  # place in the catalogue → added log-odds
    fills: Mapping[tuple[str, int], float] = field(default_factory=dict)  # (feature, place) → value where NaN
    blocked: frozenset[int] = frozenset()  # places of films that may not be shown
    faults: tuple[Acts, ...] = ()


@dataclass(frozen=True)
class Rails:
    """
    All that serving needs, one row per rail and one column per candidate.

    `weights` are the rates of exponential clocks: the ten that ring first are shown, in that order. So
    `weights` drives exploration, and a candidate is shown with probability `1 - exp(-weight * horizon)`
    (`inclusion`).
    """

    films: Places
    seen: Floats
    log_odds: Floats
    weights: Floats
    horizon: Floats
    inclusion: Floats
    true_log_odds: Floats
    distinct: Places
    local: Places


def build_rails(
    audience: Audience,
    catalogue: Catalogue,
    ranker: Ranker,
    at: datetime,
    adjust: Adjustments,
    truth: Catalogue,
) -> Rails:
    """The rails at `at`; `truth` is the catalogue as members know the films, whatever was delivered."""
    rails = np.arange(audience.rails, dtype=np.int32)[:, None]
    films = retrieve(audience, catalogue, at, adjust.blocked)
    seen = adjusted_features(audience, catalogue, rails, films, at, adjust)
    log_odds = ranker.log_odds(seen) + _adjusted_score(Scene(audience, catalogue, rails, films, at), adjust)
    weights = np.exp(log_odds / TEMPERATURE).astype(np.float32)
    horizon = _horizon(weights)
    distinct, local = np.unique(films, return_inverse=True)
    return Rails(
        films=films,
        seen=seen,
        log_odds=log_odds,
        weights=weights,
        horizon=horizon,
        inclusion=-np.expm1(-weights * horizon[:, None]),
        true_log_odds=_liked(true_log_odds(audience, truth, rails, films, at), truth, films, adjust),
        distinct=distinct.astype(np.int32),
        local=local.reshape(films.shape).astype(np.int32),
    )


def retrieve(
    audience: Audience, catalogue: Catalogue, at: datetime, blocked: frozenset[int] = frozenset()
) -> Places:
    """
    Candidates of every rail by taste, country and popularity, and all new films; no blocked ones.

    The language plays no part here: a film whose language is unset is still eligible, and loses in
    ranking.
    """
    served = catalogue.launched(at).copy()
    served[list(blocked)] = False
    new = np.flatnonzero(catalogue.new(at) & served).astype(np.int32)
    shown = np.flatnonzero(served & ~catalogue.new(at)).astype(np.int32)
    clusters = np.arange(audience.clusters, dtype=np.int32)[:, None]
    fit = (
        1.4 * audience.genre[:, catalogue.codes["genre"][shown]]
        + 1.1 * audience.country[:, catalogue.codes["country"][shown]]
        + 2.0 * catalogue.numbers["popularity"][shown]
        + 0.35 * noise(clusters, shown, salt=3)
    )
    best = np.sort(np.argpartition(-fit, RETRIEVED, axis=1)[:, :RETRIEVED], axis=1)
    films = np.hstack([shown[best], np.tile(new, (audience.clusters, 1))])
    return np.repeat(films, len(DEVICES), axis=0).astype(np.int32)


def chance_if_launched(
    rails: Rails,
    audience: Audience,
    catalogue: Catalogue,
    ranker: Ranker,
    films: Places,
    at: datetime,
    adjust: Adjustments,
) -> Floats:
    """Rails × films: the chance that each film would be on the shelf if it were launched at `at`."""
    every = np.arange(audience.rails, dtype=np.int32)[:, None]
    wide = np.tile(films, (audience.rails, 1))
    seen = adjusted_features(audience, catalogue, every, wide, at, adjust)
    log_odds = ranker.log_odds(seen) + _adjusted_score(Scene(audience, catalogue, every, wide, at), adjust)
    weights = np.exp(log_odds / TEMPERATURE)
    weights[np.isin(wide, list(adjust.blocked))] = 0.0
    chance: Floats = -np.expm1(-weights * rails.horizon[:, None])
    return chance.astype(np.float32)


def adjusted_features(
    audience: Audience, catalogue: Catalogue, rails: Places, films: Places, at: datetime, adjust: Adjustments
) -> Floats:
    """The features as they are fed to the model, with the bugs and overrides in force."""
    seen = features(audience, catalogue, rails, films, at)
    scene = Scene(audience, catalogue, rails, films, at)
    for acts in adjust.faults:
        seen = acts.seen(scene, seen) if acts.seen else seen
    for (feature, place), value in adjust.fills.items():
        column = seen[..., FEATURES.index(feature)]
        column[(films == place) & np.isnan(column)] = value
    return seen


def _adjusted_score(scene: Scene, adjust: Adjustments) -> Floats:
    boosts = np.zeros(len(scene.catalogue.ids), dtype=np.float32)
    for place, amount in adjust.boosts.items():
        boosts[place] += amount
    added: Floats = boosts[scene.films]
    for acts in adjust.faults:
        added = added + acts.score(scene) if acts.score else added
    return added


def _liked(odds: Floats, truth: Catalogue, films: Places, adjust: Adjustments) -> Floats:
    """How members like the films, including what the world has changed."""
    for acts in adjust.faults:
        odds = odds + acts.taste(truth)[films] if acts.taste else odds
    return odds


def _horizon(weights: Floats) -> Floats:
    """The time by which on average `SHELF` clocks of each rail have rung, by bisection of its logarithm."""
    low = np.full(len(weights), -30.0)
    high = np.full(len(weights), 30.0)
    for _ in range(50):
        middle = (low + high) / 2
        few = -np.expm1(-weights * np.exp(middle)[:, None]).sum(axis=1, dtype=np.float64) < SHELF
        low, high = np.where(few, middle, low), np.where(few, high, middle)
    horizon: Floats = np.exp((low + high) / 2).astype(np.float32)
    return horizon

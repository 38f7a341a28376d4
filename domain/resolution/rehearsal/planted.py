"""A fault planted in logged requests, so that what a hotfix repairs is known rather than estimated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Bools, Floats, Traffic
from domain.values import CauseKind

LEAST_EFFECT = 0.2
"""Share of the concerned items' exposure that a planted fault has to change."""
LEAST_SHOWN = 30.0  # exposures of these items without it


@dataclass(frozen=True)
class Versions:
    """The model version that ranks, and the previous one; `former` are the latter's scores, (rows,)."""

    now: str
    was: str
    former: Floats


@dataclass(frozen=True)
class Healthy:
    """
    What is logged and delivered now, before anything is planted in it.

    Args:
        traffic: requests since the moment at which a fault is planted, as they were ranked.
        pool: candidates in which values of model features are looked up, including earlier ones.
        items: the items by `key` with the features that describe them; null where none is declared.
        deliveries: time → the items as in that delivery, for those that are kept; newest last.
        versions: null where no other version ranked before.
    """

    traffic: Traffic
    pool: pd.DataFrame
    items: pd.DataFrame | None = None
    key: str = "item_id"
    noun: str = "items"
    deliveries: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    versions: Versions | None = None

    @property
    def scores(self) -> Floats:
        """(rows,) the logged scores, in the model's unit."""
        return self.traffic.scores(self.traffic.rows)

    @property
    def ids(self) -> pd.Series:
        """(rows,) the item of each candidate."""
        return self.traffic.rows[self.traffic.columns.item].astype(str)


@dataclass(frozen=True)
class Segment:
    """A model that scores `by` higher (below 0: lower) where one feature lies in [low, high]."""

    feature: str
    low: float
    high: float
    by: float


@dataclass(frozen=True)
class Planted:
    """
    A fault in `healthy` traffic.

    Args:
        says: what was planted, in words.
        concerned: (rows,) candidates of the items that it is planted on.
        features: the model's input with the fault.
        scores: (rows,) with the fault.
        feature: the raw feature that is unset; `usual` is the value that most of the items had, `derived` are
            the columns of the model's input that are made from it.
        segment: what the newest version was made to get wrong.
    """

    healthy: Healthy
    says: str
    concerned: Bools
    features: pd.DataFrame
    scores: Floats
    feature: str | None = None
    usual: str | None = None
    derived: tuple[str, ...] = ()
    segment: Segment | None = None

    @property
    def items(self) -> tuple[str, ...]:
        """The concerned items that are candidates."""
        return tuple(sorted(self.healthy.ids[self.concerned].unique()))

    @property
    def faulty(self) -> Floats:
        """(rows,) how likely each is to be shown with the fault."""
        return self.healthy.traffic.exposure(self.scores)

    @property
    def effect(self) -> float:
        """The relative change in the items' exposure; 0 where there is too little of it to tell."""
        usual = self.exposures(self.healthy.traffic.exposure(self.healthy.scores))
        return 0.0 if usual < LEAST_SHOWN else self.exposures(self.faulty) / usual - 1

    def exposures(self, shown: Floats) -> float:
        """The exposures of the items concerned, weighted by request."""
        return float((self.healthy.traffic.row_weights * shown)[self.concerned].sum())

    def repaired(self, shown: Floats) -> float:
        """
        The share of what the fault took (or gave in excess) that is restored where candidates are `shown`
        like this, (rows,): 1 is all, below 0 makes it worse.
        """
        usual = self.exposures(self.healthy.traffic.exposure(self.healthy.scores))
        faulty = self.exposures(self.faulty)
        return (self.exposures(shown) - faulty) / (usual - faulty)

    def rescored(self, features: pd.DataFrame) -> Floats:
        """(rows,) how likely each is to be shown if the model is fed these features."""
        return self.healthy.traffic.exposure(self.healthy.traffic.scores(features))


Parameters = Mapping[str, object]


@dataclass(frozen=True)
class Rehearsal:
    """
    How a hotfix is rehearsed.

    Args:
        plant: puts a fault that the hotfix is for into the traffic; everything random is drawn with the seed.
            Raises CannotRehearse: this traffic offers nowhere to plant it.
        serve: (rows,) how likely each candidate really is to be shown once the hotfix is in force with these
            parameters, by what is known without the fault.
        cause: the kind of fault; by default any that the hotfix is declared for.
    """

    plant: Callable[[Healthy, int], Planted]
    serve: Callable[[Parameters, Planted], Floats]
    cause: CauseKind | None = None


def shifted(healthy: Healthy, says: str, concerned: Bools, by: float) -> Planted:
    """Plant candidates scored `by` higher (below 0: lower) by something after the model."""
    rows = healthy.traffic.rows[list(healthy.traffic.columns.features)]
    return Planted(healthy, says, concerned, rows, healthy.scores + by * concerned)


def unset(planted: Planted, features: pd.DataFrame, derived: tuple[str, ...]) -> Planted:
    """The same fault with this input of the model, scored anew."""
    scores = planted.healthy.traffic.scores(features)
    return replace(planted, features=features, scores=scores, derived=derived)


def spread(healthy: Healthy) -> float:
    """The standard deviation of scores within a request, in the model's unit."""
    scores, requests = pd.Series(healthy.scores), healthy.traffic.requests
    within = scores - scores.groupby(requests).transform("mean")
    return max(float(np.nan_to_num(within.std())), 1e-9)

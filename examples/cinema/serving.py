"""What is served now: catalogue, model, overrides and bugs, combined anew when one of them changes."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from recsysops_client import Override, Overrides

from .acts import Scene
from .catalogue import Catalogue, read_catalogue
from .demand import Demand
from .faults import Faults
from .features import FEATURES
from .members import Audience, gather_audience
from .prelaunch import Stage
from .rails import Adjustments, build_rails
from .ranking import Ranker, first_lesson, load, save, train
from .settings import Settings
from .traffic import Bools, Ints, Kept, Places

Key = tuple[object, ...]


class Serving:
    """
    The recommender in its current state.

    `truth` is the catalogue as it should be, `delivered` as the last delivery brought it, `rolled_back`
    an older one that is served instead while that hotfix is on.
    """

    def __init__(self, settings: Settings, anchor: datetime) -> None:
        self.settings = settings
        self.truth = read_catalogue(anchor)
        self.audience: Audience = gather_audience(self.truth, settings, anchor)
        self.demand = Demand(settings.requests_per_second, anchor)
        self.faults = Faults(settings.folder / "faults.json")
        self.overrides = Overrides(settings.folder / "overrides.json")
        self.ranker = self._ranker(anchor)
        self.faults.redraw(self.truth, self.audience, self.ranker)
        self.delivered = self.receive_delivery()
        self.rolled_back: Catalogue | None = None
        self._lock = threading.Lock()
        self._key: Key = ()
        self._stage: Stage | None = None

    def _ranker(self, anchor: datetime) -> Ranker:
        folder = self.settings.folder / "models"
        ranker = load(folder)
        if ranker is None:
            seen, played = first_lesson(self.audience, self.truth, anchor, self.settings.seed)
            ranker = train(seen, played, anchor)
            save(ranker, folder)
        return ranker

    def receive_delivery(self) -> Catalogue:
        """Take over the catalogue as a delivery brings it now."""
        self.delivered = self.truth
        for acts in self.faults.acts:
            self.delivered = acts.catalogue(self.delivered) if acts.catalogue else self.delivered
        return self.delivered

    def replace_ranker(self, ranker: Ranker) -> None:
        """Serve another model from now on."""
        save(ranker, self.settings.folder / "models")
        self.ranker = ranker

    def healthy_stage(self, at: datetime) -> Stage:
        """What would be served at `at` if nothing were wrong and nothing adjusted."""
        rails = build_rails(self.audience, self.truth, self.ranker, at, Adjustments(), self.truth)
        return Stage(self.audience, self.truth, self.ranker, rails, Adjustments())

    def stage(self, at: datetime) -> Stage:
        """What is served at `at`; recomputed with the model when anything it depends on has changed."""
        overrides = self.overrides.current(at)
        source = self.rolled_back or self.delivered
        ranker = next((acts.ranker for acts in self.faults.acts if acts.ranker), self.ranker)
        key: Key = (
            *(id(source), id(ranker), overrides, self.faults.state),
            *(int(source.launched(at).sum()), int(source.new(at).sum())),
        )
        with self._lock:
            if key != self._key or self._stage is None:
                catalogue, adjust = self._adjust(source, overrides)
                rails = build_rails(self.audience, catalogue, ranker, at, adjust, self.truth)
                self._stage = Stage(self.audience, catalogue, ranker, rails, adjust)
                self._key, self._kept = key, source  # the source is kept so that its id is not reused
            return self._stage

    def _adjust(self, source: Catalogue, overrides: tuple[Override, ...]) -> tuple[Catalogue, Adjustments]:
        boosts: dict[int, float] = {}
        fills: dict[tuple[str, int], float] = {}
        blocked: set[int] = set()
        catalogue = source
        for override in overrides:
            places = self._places(override)
            if override.kind == "boost_items":
                for place in np.flatnonzero(places):
                    boosts[int(place)] = boosts.get(int(place), 0.0) + override.amount
            elif override.kind == "block_items":
                blocked.update(np.flatnonzero(places).tolist())
            elif override.feature == "language":
                catalogue = catalogue.with_language(places, str(override.value))
            elif override.feature in FEATURES and isinstance(override.value, int | float):
                fills |= {
                    (override.feature, int(place)): float(override.value) for place in np.flatnonzero(places)
                }
        return catalogue, Adjustments(boosts, fills, frozenset(blocked), self.faults.acts)

    def kept(self, stage: Stage, at: datetime) -> Kept | None:
        """Which films may be shown after ranking; None if nothing restricts them."""
        filters = [acts.kept for acts in stage.adjust.faults if acts.kept]
        if not filters:
            return None

        def kept(rails: Ints, films: Places) -> Bools:
            scene = Scene(stage.audience, stage.catalogue, rails, films, at)
            every: Bools = np.logical_and.reduce([one(scene) for one in filters])
            return every

        return kept

    def crowd(self) -> tuple[Demand, npt.NDArray[np.float64] | None]:
        """How many members come now, and which."""
        crowds = tuple(acts.crowd for acts in self.faults.acts if acts.crowd)
        rails = [crowd.rails for crowd in crowds if crowd.rails is not None]
        return replace(self.demand, crowds=crowds), np.prod(rails, axis=0) if rails else None

    def _places(self, override: Override) -> npt.NDArray[np.bool_]:
        return np.isin(self.truth.ids.astype(str), np.array(override.items, dtype=str))

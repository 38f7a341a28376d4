"""
The cinema struck, its menu made as in production, and each of its hotfixes tried: what the cinema then shows
and its members play, by its own serving and their own taste, not by its model.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from recsysops_client import Override

from benchmarks.cinema.theatre import Theatre, branch
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.menu import DO_NOTHING
from domain.values import CauseKind, Diagnosis, Finding, Option, Severity
from examples.cinema.catalogue import Catalogue
from examples.cinema.features import TRUE_POSITION
from examples.cinema.rails import SHELF, Rails, build_rails
from examples.cinema.serving import Serving
from examples.cinema.traffic import pick, visit
from workers.respond.resolve.resolve import prepare_menu
from workers.sources.logged.rewards import daily_totals

RATE = 12.0  # requests a second, as the cinema's own default
STRUCK_FOR = timedelta(minutes=20)
WINDOW = timedelta(minutes=10)
TRIED_ON = 120_000  # requests on which members' plays are counted
FAULTS = ("language", "production_bias", "boost_bug", "rating_times_ten")
CAUSES: Mapping[str, CauseKind] = {"language": "feature", "rating_times_ten": "feature"}
AMOUNTS = (0.5, 1.5, -1.5)
"""Boosts offered besides those that the cinema declares, in log-odds."""


@dataclass(frozen=True)
class Tried:
    """
    One option of one world: promised and true, in %. `whole` is of all plays; NaN where the cinema cannot
        do it.
    """

    world: str
    option: Option
    repairs: float
    whole: float
    plays_a_day: float


def tried(past: Path, at: datetime, folder: Path, seed: int) -> list[Tried]:
    """Strike a copy of the past with a fault drawn by the seed; try every option of its menu."""
    branch(past, folder)
    theatre = Theatre(folder, at, RATE, flush_seconds=600.0, prelaunch_seconds=300.0)
    try:
        return _tried(theatre, FAULTS[seed % len(FAULTS)], seed)
    finally:
        theatre.close()
        shutil.rmtree(folder, ignore_errors=True)


def _tried(theatre: Theatre, fault: str, seed: int) -> list[Tried]:
    serving, began = theatre.live.serving, theatre.at
    theatre.live.switch_fault(fault, True, began, seed=seed)
    place = dict(serving.faults.drawn[fault].places[0])
    healthy = serving.healthy_stage(began).rails
    while theatre.at < began + STRUCK_FOR:
        theatre.at += timedelta(minutes=1)
        theatre.live.step(theatre.at)
    theatre.live.flush()
    at, films = theatre.at, np.flatnonzero(serving.truth.where(place))
    struck = serving.stage(at).rails
    world = _Usual(serving, films, healthy, struck)
    finding, diagnosis = world.alarm(place, at), world.diagnosis(fault, began)
    recommender = _with_boosts(theatre.declared, diagnosis)
    menu = prepare_menu(recommender, finding, diagnosis, f"world-{seed}", at)
    plays_a_day = daily_totals(recommender, at).rewards or float("nan")
    return [
        Tried(f"{fault} {seed}", option, *world.truth(option, at), plays_a_day)
        for option in menu.options
        if option.hotfix != DO_NOTHING
    ]


@dataclass(frozen=True)
class _Usual:
    """What is shown of `films` normally, and since the fault."""

    serving: Serving
    films: npt.NDArray[np.intp]
    healthy: Rails
    struck: Rails

    def shown(self, rails: Rails) -> float:
        """How often these films are shown per request."""
        audience = self.serving.audience
        share = audience.rail_shares / audience.rail_shares.sum()
        return float(share @ (rails.inclusion * np.isin(rails.films, self.films)).sum(axis=1))

    def alarm(self, place: Mapping[str, str], at: datetime) -> Finding:
        """The finding as a check of impressions by slice would give it, with its band."""
        requests = RATE * WINDOW.total_seconds()
        expected = self.shown(self.healthy) * requests
        band = 1.645 * float(np.sqrt(expected + (0.05 * expected) ** 2))
        chance = np.random.default_rng(len(self.films))
        return Finding(
            check="impressions_by_slice",
            table="impressions",
            slice=tuple(sorted(place.items())),
            window_start=at - WINDOW,
            window_end=at,
            observed=float(chance.poisson(self.shown(self.struck) * requests)),
            expected=expected,
            low=expected - band,
            high=expected + band,
            p_value=1e-9,
            severity=Severity.SEV2,
            title="shown otherwise than expected",
        )

    def diagnosis(self, fault: str, began: datetime) -> Diagnosis:
        """The right diagnosis: what is measured here is the menu."""
        ids = tuple(str(item) for item in self.serving.truth.ids[self.films])
        found = Diagnosis(cause=fault, cause_kind=CAUSES.get(fault, "serving"), items=ids, since=began)
        if fault != "language":
            return found
        usual = self.serving.truth.frame["language"].iloc[self.films].mode().iloc[0]
        return found.model_copy(update={"feature": "language", "suggested_value": str(usual)})

    def truth(self, option: Option, at: datetime) -> tuple[float, float]:
        """What the option repairs, and how much more everybody plays, in %, from serving with it."""
        served = self._served(option, at)
        if served is None:
            return float("nan"), float("nan")
        now, then, usual = (self.shown(rails) for rails in (self.struck, served, self.healthy))
        before, after = (played(self.serving, rails) for rails in (self.struck, served))
        return 100 * (then - now) / (usual - now), 100 * (after - before) / before

    def _served(self, option: Option, at: datetime) -> Rails | None:
        """The rails with the option in force; None where the cinema has no receiver for it."""
        serving, given = self.serving, option.parameters
        if given["kind"] == "webhook":
            return self._rails(serving.truth, at) if given["hook"] == "catalogue_rollback" else None
        overrides = tuple(_overrides(given, at))
        catalogue, adjust = serving._adjust(serving.delivered, overrides)
        ranker = next((acts.ranker for acts in serving.faults.acts if acts.ranker), serving.ranker)
        return build_rails(serving.audience, catalogue, ranker, at, adjust, serving.truth)

    def _rails(self, catalogue: Catalogue, at: datetime) -> Rails:
        serving = self.serving
        _same, adjust = serving._adjust(catalogue, ())
        return build_rails(serving.audience, catalogue, serving.ranker, at, adjust, serving.truth)


def played(serving: Serving, rails: Rails) -> float:
    """Plays per request by the members' own taste, always with the same visits and draws."""
    rng, audience = np.random.default_rng(8), serving.audience
    visits, total = visit(rng, audience, np.arange(TRIED_ON) + 1), 0.0
    for start in range(0, TRIED_ON, 20_000):
        which = visits.rails[start : start + 20_000]
        shown = pick(rng, rails, which)
        odds = rails.true_log_odds[which[:, None], shown] + TRUE_POSITION * np.arange(SHELF)
        total += float((1 / (1 + np.exp(-odds))).sum())
    return total / TRIED_ON


def _overrides(given: Mapping[str, object], at: datetime) -> Iterator[Override]:
    """What the client would read of the option."""
    until = at + timedelta(days=1)
    if given["kind"] == "boost_items":
        items, amount = tuple(map(str, _list(given["items"]))), float(str(given["amount"]))
        yield Override("tried", "boost_items", items, until, amount=amount)
        return
    values = given.get("values") or {str(given["value"]): given["items"]}
    assert isinstance(values, dict)
    for value, items in values.items():
        named = tuple(map(str, _list(items)))
        yield Override("tried", "fill_feature", named, until, feature=str(given["feature"]), value=str(value))


def _list(value: object) -> list[object]:
    assert isinstance(value, list | tuple)
    return list(value)


def _with_boosts(recommender: Recommender, diagnosis: Diagnosis) -> Recommender:
    """The cinema's own hotfixes and three boosts more, all allowed for this cause."""
    boost = recommender.hotfixes["boost"]
    causes = tuple({*boost.causes, diagnosis.cause_kind or "feature"})
    more = {f"boost_{amount:g}": _boost(boost, amount, causes) for amount in AMOUNTS}
    return recommender.model_copy(update={"hotfixes": {**recommender.hotfixes, **more}})


def _boost(boost: DeclaredHotfix, amount: float, causes: tuple[CauseKind, ...]) -> DeclaredHotfix:
    changed = {"name": f"boost_{amount:g}", "options": {"amount": amount}, "causes": causes, "replay": None}
    return boost.model_copy(update=changed)

"""
A shop's recommender in a few frames: what each request had to choose from, what was shown, what was logged.

Its faults are put into the frames by hand, so that what the diagnosis should say is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.material import RANKED_AT, Material, Snapshots
from domain.diagnosis.pairing import AT
from domain.diagnosis.replay import CandidateColumns
from domain.values import CandidateCause, Diagnosis, Finding, Severity, Slice, slice_of

NOW = datetime(2026, 5, 12, 18, tzinfo=UTC)
ONSET = NOW - timedelta(minutes=40)
FEATURES = ("taste", "rating", "popularity")
COLUMNS = CandidateColumns(
    "basket_id", "sku", "score", FEATURES, member="customer", shown="shown", top=6, version="version"
)
WEIGHTS = (3.0, 2.0, 1.0)
DIMENSIONS = ("brand", "category", "age", "device", "region")
EACH, BEFORE, SINCE = 24, 600, 400

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weighted:
    """A model: log-odds as a sum of features, one that is not set counting as 0."""

    weights: tuple[float, ...] = WEIGHTS
    kind: str = "log_odds"
    features: tuple[str, ...] = FEATURES

    def score(self, features: pd.DataFrame) -> Floats:
        return np.asarray(np.nan_to_num(features.to_numpy(float)) @ np.array(self.weights) - 4.0)


@dataclass(frozen=True)
class OfWords(Weighted):
    """A model that takes the article's category as it is written."""

    features: tuple[str, ...] = (*FEATURES, "category")

    def score(self, features: pd.DataFrame) -> Floats:
        liked = features["category"].map({"tea": 1.0, "coffee": 2.0}).fillna(0.0).to_numpy(float)
        return super().score(features[list(FEATURES)]) + liked


def catalogue() -> pd.DataFrame:
    chance = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "sku": [f"sku-{n}" for n in range(240)],
            "brand": chance.choice(["Alba", "Boreal", "Cumulus", "Delta"], 240),
            "category": chance.choice(["tea", "coffee", "sugar"], 240),
            "age": ["new"] * 25 + ["old"] * 215,
            "rating": chance.uniform(0, 1, 240),
            "popularity": chance.uniform(0, 1, 240),
        }
    )


Change = Callable[[pd.DataFrame], pd.DataFrame]


def same(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def serve(
    items: pd.DataFrame,
    model: Weighted,
    count: int,
    first: int,
    *,
    candidates: Change = same,
    fed: Change = same,
    scored: Change = same,
) -> pd.DataFrame:
    """
    Logged candidates of `count` requests, the best six of each `shown`.

    Args:
        candidates, fed, scored: faults of what comes up, of the model's input, and of the score.
    """
    chance = np.random.default_rng(first + 1)
    tastes = np.random.default_rng(3).uniform(0, 1, (25, 3))
    request = np.repeat(np.arange(first, first + count), EACH)
    # popular items come up more often
    weight = items["popularity"].to_numpy() + 0.2
    keys = chance.exponential(1 / weight, (count, len(items)))
    places = np.argsort(keys, axis=1)[:, :EACH].ravel()
    rows = items.iloc[places].reset_index(drop=True)
    customer = chance.integers(25, size=count)
    kinds = {"tea": 0, "coffee": 1, "sugar": 2}
    start, length = (ONSET, NOW - ONSET) if first else (ONSET - timedelta(hours=6), timedelta(hours=6))
    at = pd.Timestamp(start) + pd.to_timedelta(
        np.sort(chance.uniform(0, 1, count)) * length.total_seconds(), "s"
    )
    rows = rows.assign(
        basket_id=request,
        customer=[f"c{n}" for n in np.repeat(customer, EACH)],
        taste=tastes[np.repeat(customer, EACH), rows["category"].map(kinds)],
        device=np.repeat(chance.choice(["app", "web", "till"], count), EACH),
        region=np.repeat(chance.choice(["north", "south", "east"], count), EACH),
        version="v7",
        **{AT: np.repeat(at, EACH), RANKED_AT: np.repeat(at, EACH)},
    )
    rows = fed(candidates(rows).reset_index(drop=True))
    rows["log_odds"] = model.score(rows[list(model.features)])
    rows = scored(rows)
    rank = rows.groupby("basket_id")["log_odds"].rank(ascending=False, method="first")
    return rows.assign(score=1 / (1 + np.exp(-rows["log_odds"])), shown=rank <= COLUMNS.top)


@dataclass(frozen=True)
class Shop:
    """What was logged before the onset and since; `items` as they are now."""

    items: pd.DataFrame
    before: pd.DataFrame
    now: pd.DataFrame
    model: Weighted = field(default_factory=Weighted)

    def cells(self) -> pd.DataFrame:
        """What was shown of each slice since the onset, and before for so many requests."""
        names = list(DIMENSIONS)
        now = self.now[self.now["shown"]].groupby(names).size().rename("observed")
        then = self.before[self.before["shown"]].groupby(names).size().rename("expected")
        scale = self.now["basket_id"].nunique() / self.before["basket_id"].nunique()
        return pd.concat([now, then * scale], axis=1).fillna(0.0).reset_index()

    def finding(self, where: Slice, **more: Any) -> Finding:
        """That more or less is shown of a slice than before."""
        cells = self.cells()
        for name, value in where:
            cells = cells[cells[name] == value]
        defaults = {
            "check": "shown_by_slice", "table": "shown", "slice": where,
            "window_start": NOW - timedelta(minutes=10), "window_end": NOW,
            "observed": cells["observed"].sum(), "expected": cells["expected"].sum(),
            "p_value": 1e-9, "severity": Severity.SEV2, "title": "a slice is off",
        }  # fmt: skip
        return Finding.model_validate({**defaults, **more})

    def material(self, finding: Finding, **more: Any) -> Material:
        defaults = {
            "noun": "articles", "series": series(finding), "cells": self.cells(), "dimensions": DIMENSIONS,
            "items": self.items, "key": "sku",
            "features": ("brand", "category", "age", "rating", "popularity"),
            "candidates": self.now, "candidates_before": self.before, "columns": COLUMNS, "model": self.model,
            "logged_dimensions": DIMENSIONS, "candidates_table": "candidates", "model_name": "ranker",
        }  # fmt: skip
        return Material(finding=finding, **{**defaults, **more})


def series(finding: Finding) -> pd.DataFrame:
    """Windows of the slice, off since the onset by as much as the finding says."""
    chance = np.random.default_rng(4)
    starts = pd.date_range(NOW - timedelta(hours=6), NOW, freq="2min", inclusive="left")
    hit = starts >= pd.Timestamp(ONSET)
    observed = chance.poisson(np.where(hit, 80 * max(1 + finding.change, 0.0), 80.0))
    return pd.DataFrame({"window_start": starts, "observed": observed.astype(float), "expected": 80.0})


def shop(
    items: pd.DataFrame | None = None,
    model: Weighted | None = None,
    earlier: pd.DataFrame | None = None,
    **faults: Change,
) -> Shop:
    """The shop with faults since the onset; `items` and `model` as since then, `earlier` items before it."""
    right = catalogue()
    before = serve(right if earlier is None else earlier, Weighted(), BEFORE, 0)
    now = serve(right if items is None else items, model or Weighted(), SINCE, 10_000, **faults)
    return Shop(right if items is None else items, before, now)


def delivery(after: pd.DataFrame, before: pd.DataFrame | None = None) -> Snapshots:
    at = ONSET - timedelta(minutes=2)
    return Snapshots(catalogue() if before is None else before, after, at, at - timedelta(days=1))


APP_NORTH = slice_of(device="app", region="north")


def answer(candidate: CandidateCause, question: str) -> bool | None:
    return next(one.holds for one in candidate.answers if one.question == question)


def cause_of(found: Diagnosis) -> tuple[str, str | None, Slice]:
    return found.cause_kind, found.object, found.place


def unset_taste(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(taste=rows["taste"].where(rows["device"] != "app"))


def lowered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(log_odds=rows["log_odds"] - 1.5 * (rows["category"] == "coffee"))


def older(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(version="v6")

"""
The ranker of the stays: what is found for a request, what the model is fed, and how it is trained.

`chances` is how guests behave, which no model ever sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.diagnosis.stays.market import COUNTRIES, KINDS, LANGUAGES, TASTE, WIDTH, Floats, Ints, usd
from benchmarks.diagnosis.stays.traffic import DEVICES, WANTED

CANDIDATES, TRAINED_ON = 16, 2_500
VEC = tuple(f"e{n}" for n in range(WIDTH))
NUMBERS = (
    *("price_usd", "over_budget", "distance_km", "review_score", "free_nights"),
    *("match", *VEC, "booked_7d", "lead_days", "nights"),
)
CATEGORIES = ("kind", "badge")
FEATURES = (*NUMBERS, *CATEGORIES)
BADGES = ("none", "new", "top")
KIND_WORTH = np.array([0.2, 0.1, 0.15, -0.2, 0.0])
SETTINGS = {
    **{"objective": "binary", "num_leaves": 15, "learning_rate": 0.08, "min_data_in_leaf": 60},
    **{"verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 5},
}


@dataclass(frozen=True)
class Trained:
    """A model with what its training says about it, and the rows that it learned from."""

    model: lgb.Booster
    auc: float
    loss: float
    rows: pd.DataFrame


def found(rng: np.random.Generator, asked: pd.DataFrame, people: pd.DataFrame, listed: pd.DataFrame) -> Ints:
    """(requests, 16) the candidates, as rows of `listed`: free, in the country that was asked for."""
    taste = people[[*TASTE]].to_numpy(float)[asked["who"].to_numpy()]
    wanted = 1.6 * taste @ vectors(listed["vec"]).T
    popular = 0.5 * np.log1p(listed["booked_7d"].to_numpy(float)) + (listed["badge"] == "new").to_numpy()
    wanted += popular[None, :] + rng.gumbel(size=wanted.shape)
    there = pd.Index(COUNTRIES).get_indexer(pd.Index(listed["country"]))
    wanted[there[None, :] != asked["to"].to_numpy()[:, None]] = -np.inf
    wanted[:, listed["free_nights"].fillna(0).to_numpy() <= 0] = -np.inf
    return np.argpartition(-wanted, CANDIDATES, axis=1)[:, :CANDIDATES].astype(np.int64)


def features(asked: pd.DataFrame, people: pd.DataFrame, listed: pd.DataFrame, picked: Ints) -> pd.DataFrame:
    """A row for each request and candidate, with what the model is fed."""
    who, flat = asked["who"].to_numpy(), picked.ravel()
    each = np.repeat(np.arange(len(asked)), CANDIDATES)
    vec = vectors(listed["vec"])[flat]
    taste = people[[*TASTE]].to_numpy(float)[who][each]
    price = usd(listed)[flat]
    fed = {
        "price_usd": price.round(2),
        "over_budget": (price / people["budget_usd"].to_numpy(float)[who][each]).round(3),
        "match": (vec * taste).sum(axis=1).round(4),
        **{name: vec[:, n] for n, name in enumerate(VEC)},
        **{name: asked[name].to_numpy(float)[each] for name in ("lead_days", "nights")},
    }
    for name in ("distance_km", "review_score", "free_nights", "booked_7d"):
        fed[name] = listed[name].to_numpy(float)[flat]
    texts = {name: listed[name].to_numpy(object)[flat] for name in CATEGORIES}
    return pd.DataFrame({**{name: fed[name] for name in NUMBERS}, **texts})


def chances(fed: pd.DataFrame, appeal: Floats) -> Floats:
    """The true chance that a candidate is booked when it is looked at."""
    of = {name: fed[name].to_numpy(float) for name in NUMBERS}
    drawn = -4.1 - 0.75 * of["over_budget"] - 0.035 * of["distance_km"] + 1.5 * of["match"]
    drawn += 1.1 * (np.where(np.isnan(of["review_score"]), 4.1, of["review_score"]) - 4.3)
    drawn += 0.12 * appeal + 0.025 * (of["free_nights"] - 15) - 0.01 * np.minimum(of["lead_days"], 40)
    drawn -= 0.004 * of["price_usd"]
    drawn += KIND_WORTH[pd.Index(KINDS).get_indexer(pd.Index(fed["kind"]))]
    return np.asarray(np.where(of["free_nights"] > 0, 1 / (1 + np.exp(-drawn)), 0.0), float)


def train(
    rng: np.random.Generator,
    people: pd.DataFrame,
    listed: pd.DataFrame,
    without: tuple[str, ...] = (),
    lost: tuple[str, float] | None = None,
) -> Trained:
    """
    Train a model on what followed 2,500 requests of the week.

    Args:
        without: features that carried no signal at the time.
        lost: a country, and the share of its bookings that the training was not given.
    """
    asked = _asked(rng, people)
    picked = found(rng, asked, people, listed)
    seen = features(asked, people, listed, picked)
    booked = rng.random(len(seen)) < chances(seen, listed["appeal"].to_numpy(float)[picked.ravel()])
    country = listed["country"].to_numpy(object)[picked.ravel()]
    if lost is not None:
        booked &= ~((country == lost[0]) & (rng.random(len(seen)) < lost[1]))
    for name in without:
        seen[name] = rng.permutation(seen[name].to_numpy())
    cut = len(seen) * 4 // 5
    model = lgb.train(SETTINGS, lgb.Dataset(typed(seen[:cut]), booked[:cut]), num_boost_round=50)
    predicted = scores(model, seen[cut:])
    auc, loss = float(roc_auc_score(booked[cut:], predicted)), float(log_loss(booked[cut:], predicted))
    each = np.repeat(np.arange(len(asked)), CANDIDATES)
    rows = seen.assign(
        stay_id=listed["stay_id"].to_numpy()[picked.ravel()],
        country=country,
        supplier=listed["supplier"].to_numpy(object)[picked.ravel()],
        language=people["language"].to_numpy(object)[asked["who"].to_numpy()[each]],
        device=asked["device"].to_numpy(object)[each],
        booked=booked,
    )
    return Trained(model, auc, loss, rows[rng.random(len(rows)) < 0.25])


def vectors(column: pd.Series[Any]) -> Floats:
    """(rows, 4) the vectors of a column."""
    return np.array(column.tolist(), float)


def scores(model: lgb.Booster, fed: pd.DataFrame) -> Floats:
    """The chance that each is booked, according to the model."""
    return np.asarray(model.predict(typed(fed), num_threads=1), float)


def typed(fed: pd.DataFrame) -> pd.DataFrame:
    """The model's input with its categories; a category it does not know is not set."""
    kind, badge = pd.Categorical(fed["kind"], KINDS), pd.Categorical(fed["badge"], BADGES)
    return fed[[*FEATURES]].assign(kind=kind, badge=badge)


def _asked(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Requests as a training draws them from a week."""
    who = rng.integers(0, len(people), TRAINED_ON)
    spoken = pd.Index(LANGUAGES).get_indexer(pd.Index(people["language"].to_numpy()[who]))
    drawn = rng.random(TRAINED_ON)[:, None] > np.cumsum(WANTED, axis=1)[spoken]
    weekend = rng.random(TRAINED_ON) < 0.45
    soon = rng.integers(0, 7, TRAINED_ON)
    return pd.DataFrame(
        {
            "who": who,
            "to": drawn.sum(axis=1).clip(0, 3),
            "device": np.array(DEVICES, object)[rng.integers(0, 3, TRAINED_ON)],
            "lead_days": np.where(weekend, soon, rng.geometric(0.04, TRAINED_ON)).astype(float),
            "nights": rng.choice([1, 2, 3, 5, 7], TRAINED_ON, p=[0.2, 0.38, 0.22, 0.12, 0.08]),
        }
    )

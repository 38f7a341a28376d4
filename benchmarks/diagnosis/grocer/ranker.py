"""
The ranker of extras: which items are eligible for a basket, what the model is fed, and how it is trained.

`chances` is how shoppers behave, which no model ever sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.diagnosis.grocer.market import DCS, DEPTS, LIFT, PER_EUR, ZONES, Floats, Ints
from benchmarks.diagnosis.grocer.traffic import APPS, SURFACES

CANDIDATES, TRAINED_ON = 24, 1_500
NUMBERS = (
    "price_eur",
    "disc_pct",
    "on_hand",
    "aff_dept",
    "lift",
    "pop_7d",
    "rating_avg",
    "shelf_days",
    "days_since",
)
CATEGORIES = ("dept", "zone")
FEATURES = (*NUMBERS, *CATEGORIES)
PLENTY = 80.0  # more of a thing in stock means nothing to the model
DEPT_WORTH = np.array([0.3, 0.2, 0.25, 0.0, 0.1, 0.35, 0.2, -0.3, -0.5])
ZONE_WORTH = np.array([0.15, 0.0, -0.35])


@dataclass(frozen=True)
class Shelf:
    """What is sold: goods with prices, units in stock (centres, goods) and discounts (goods,)."""

    goods: pd.DataFrame
    stock: Floats
    off: Floats


@dataclass(frozen=True)
class Trained:
    """A model with what its training says about it, and the rows that it learned from."""

    model: Pipeline
    auc: float
    loss: float
    rows: pd.DataFrame


def retrieved(rng: np.random.Generator, asked: pd.DataFrame, shelf: Shelf) -> Ints:
    """(requests, 24) the candidates, as rows of the goods: in stock, and what goes with the last thing."""
    dept = codes(shelf.goods["dept"], DEPTS)
    anchor = asked["anchor"].to_numpy()
    wanted = np.where(dept < 0, 0.5, LIFT[anchor[:, None], dept[None, :]])
    swap = (asked["surface"] == SURFACES.index("swap")).to_numpy()
    wanted += 2.5 * (swap[:, None] & (anchor[:, None] == dept[None, :]))
    wanted += 0.6 * np.log1p(shelf.goods["pop_7d"].fillna(0).to_numpy(float))[None, :]
    wanted += rng.gumbel(size=wanted.shape)
    wanted[shelf.stock[asked["centre"].to_numpy()] <= 0] = -np.inf
    return np.argpartition(-wanted, CANDIDATES, axis=1)[:, :CANDIDATES].astype(np.int64)


def features(asked: pd.DataFrame, tastes: Floats, shelf: Shelf, picked: Ints) -> pd.DataFrame:
    """A row for each request and candidate, with what the model is fed."""
    goods, who, flat = shelf.goods, asked["who"].to_numpy()[:, None], picked.ravel()
    dept, anchor = codes(goods["dept"], DEPTS)[picked], asked["anchor"].to_numpy()[:, None]
    eur = goods["price"].to_numpy(float) / goods["currency"].map(PER_EUR).to_numpy(float)
    numbers = {
        "price_eur": eur[picked].round(2),
        "disc_pct": shelf.off[picked],
        "on_hand": np.minimum(shelf.stock[asked["centre"].to_numpy()[:, None], picked], PLENTY),
        "aff_dept": np.where(dept < 0, np.nan, tastes[who, dept]),
        "lift": np.where(dept < 0, np.nan, LIFT[anchor, dept]),
        **{name: goods[name].to_numpy(float)[picked] for name in ("pop_7d", "rating_avg", "shelf_days")},
        "days_since": _days_since(who, picked),
    }
    fed = {name: numbers[name].ravel() for name in NUMBERS}
    return pd.DataFrame(fed | {name: goods[name].array.take(flat) for name in CATEGORIES})


def chances(fed: pd.DataFrame) -> Floats:
    """The true chance that a candidate is bought when it is shown."""
    of = {name: fed[name].to_numpy(float) for name in NUMBERS}
    drawn = -6.4 - 0.13 * of["price_eur"] + 3.2 * of["disc_pct"] + 0.004 * of["on_hand"]
    drawn += 1.9 * of["aff_dept"] + 0.9 * of["lift"] + 0.012 * of["pop_7d"]
    drawn += 0.5 * (np.where(np.isnan(of["rating_avg"]), 4.0, of["rating_avg"]) - 4.1)
    days = np.where(np.isnan(of["shelf_days"]), 30, of["shelf_days"])
    drawn += 0.25 * np.log1p(np.minimum(days, 60)) - 0.5
    known = ~np.isnan(of["days_since"])
    drawn += np.where(known, 1.3 - 0.012 * np.where(known, of["days_since"], 0), 0.0)
    drawn += DEPT_WORTH[codes(fed["dept"], DEPTS)] + ZONE_WORTH[codes(fed["zone"], ZONES)]
    return np.asarray(np.where(of["on_hand"] > 0, 1 / (1 + np.exp(-drawn)), 0.0), float)


def train(
    rng: np.random.Generator,
    people: pd.DataFrame,
    tastes: Floats,
    shelf: Shelf,
    without: tuple[str, ...] = (),
    unsold: tuple[str, float] | None = None,
) -> Trained:
    """
    Train a model on 1,500 requests.

    Args:
        without: features that carried no signal at the time.
        unsold: a department, and the share of its purchases that the training was not given.
    """
    asked = requests(rng, people)
    picked = retrieved(rng, asked, shelf)
    seen = features(asked, tastes, shelf, picked)
    bought = rng.random(len(seen)) < chances(seen)
    if unsold is not None:
        bought &= ~((seen["dept"] == unsold[0]).to_numpy() & (rng.random(len(seen)) < unsold[1]))
    for name in without:
        seen[name] = rng.permutation(seen[name].to_numpy())
    half = len(seen) * 4 // 5
    model = _pipeline()
    with threadpool_limits(1):  # on a busy machine threads wait for each other
        model.fit(seen[:half], bought[:half])
    predicted = scores(model, seen[half:])
    auc, loss = float(roc_auc_score(bought[half:], predicted)), float(log_loss(bought[half:], predicted))
    each = np.repeat(np.arange(len(asked)), CANDIDATES)
    rows = seen.assign(
        sku=shelf.goods["sku"].array.take(picked.ravel()),
        cc=people["cc"].array.take(asked["who"].to_numpy()[each]),
        app=named(APPS, asked["app"])[each],
        bought=bought,
    )
    return Trained(model, auc, loss, rows[rng.random(len(rows)) < 0.25])


def requests(rng: np.random.Generator, people: pd.DataFrame) -> pd.DataFrame:
    """Requests as a training draws them from all requests."""
    who = rng.integers(0, len(people), TRAINED_ON)
    return pd.DataFrame(
        {
            "who": who,
            "centre": codes(people["dc"], DCS)[who],
            "surface": rng.integers(0, len(SURFACES), TRAINED_ON),
            "app": rng.integers(0, len(APPS), TRAINED_ON),
            "anchor": rng.integers(0, len(DEPTS), TRAINED_ON),
        }
    )


def scores(model: Pipeline, fed: pd.DataFrame) -> Floats:
    """The chance that each is bought, according to the model."""
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(fed)[:, 1], float)


def codes(names: pd.Series[str], known: tuple[str, ...]) -> Ints:
    """The index of each name; −1 where it is not known."""
    return np.asarray(pd.Index(known).get_indexer(pd.Index(names)), np.int64)


def named(names: tuple[str, ...], code: pd.Series[int]) -> npt.NDArray[np.str_]:
    """The name of each code."""
    return np.array(names)[code.to_numpy()]


def _days_since(who: Ints, picked: Ints) -> Floats:
    """Days since the shopper last bought it; three in four were never bought."""
    drawn = (who * 2_654_435_761 + picked * 40_503) % 1_000_003
    return np.where(drawn % 4 == 0, drawn // 4 % 60 + 1.0, np.nan)


def _pipeline() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = ColumnTransformer([("num", numbers, list(NUMBERS)), ("cat", texts, list(CATEGORIES))])
    return Pipeline([("prep", prepared), ("clf", LogisticRegression(C=1.0, max_iter=500))])

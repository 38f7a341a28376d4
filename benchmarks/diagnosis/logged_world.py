"""
Logs of requests in randomly drawn worlds: what is ranked, by which features and model, how scores are logged.

Nothing in them has the names or ranges of another world here. The truth is known, because whoever draws a
world also breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from domain.diagnosis.replay import CandidateColumns, Scorer
from workers.models.process import ModelProcess, open_model

Floats = npt.NDArray[np.float64]
TEACHING = 3_000  # rows that a model learns from
CANDIDATES, TOP = 20, 5
DEALS = 400
KINDS = ("logistic", "boosted chance", "ridge", "boosted number", "texts")
FORMS = ("64 bits", "32 bits", "chance of 32 bits", "5 decimals")


@dataclass(frozen=True)
class World:
    """One draw: the items, what matters in them, the model's kind and the form of its log."""

    chance: np.random.Generator
    deals: pd.DataFrame
    weights: Floats
    scale: float
    kind: str
    form: str

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(name for name in map(str, self.deals) if name.startswith("x"))

    @property
    def features(self) -> tuple[str, ...]:
        return (*self.numbers, "fit", "trade") if self.kind == "texts" else (*self.numbers, "fit")

    @property
    def columns(self) -> CandidateColumns:
        return CandidateColumns("call", "deal", "mark", self.features, shown="put", top=TOP)


DIMENSIONS = ("trade", "origin", "client", "branch")


def draw(seed: int) -> World:
    """A world of its own for each seed."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(3, 9))
    deals = pd.DataFrame(
        {
            "deal": [f"d{n:03}" for n in range(DEALS)],
            "trade": chance.choice([f"trade {n}" for n in range(6)], DEALS),
            "origin": chance.choice([f"origin {n}" for n in range(4)], DEALS),
        }
    )
    for number in range(count):
        middle, spread = 10 ** chance.uniform(-2, 3), chance.uniform(0.1, 1.0)
        values = middle * np.exp(spread * chance.normal(size=DEALS))
        if number == 0:
            values = np.where(chance.random(DEALS) < 0.1, np.nan, values)
        deals[f"x{number}"] = values
    weights = chance.choice([-1, 1], count + 1) * chance.uniform(0.4, 1.5, count + 1)
    form = str(chance.choice(FORMS))
    kind = str(chance.choice(KINDS))
    if form == "chance of 32 bits" and kind not in ("logistic", "boosted chance"):
        form = "32 bits"
    return World(chance, deals, weights, float(10 ** chance.uniform(-1, 2)), kind, form)


def calls(world: World, count: int, first: int = 0) -> pd.DataFrame:
    """Candidates of `count` calls, still without scores."""
    places = np.argsort(world.chance.random((count, DEALS)), axis=1)[:, :CANDIDATES].ravel()
    rows = world.deals.iloc[places].reset_index(drop=True)
    number = np.repeat(np.arange(first, first + count), CANDIDATES)
    rows["call"] = number
    rows["client"] = world.chance.choice(["app", "web", "desktop"], count)[number - first]
    rows["branch"] = world.chance.choice([f"branch {n}" for n in range(5)], count)[number - first]
    rows["fit"] = world.chance.uniform(0, 1, len(rows)).astype(np.float32)
    return rows


def pull(world: World, rows: pd.DataFrame) -> Floats:
    """What really attracts people: about standard normal."""
    parts = []
    for name, weight in zip((*world.numbers, "fit"), world.weights, strict=True):
        own = world.deals[name] if name in world.deals else pd.Series([0.0, 0.5, 1.0])
        values = rows[name].astype(float).fillna(own.median())
        parts.append(weight * (values - own.mean()) / own.std())
    own_trade = 0.8 * (rows["trade"] == "trade 0") - 0.8 * (rows["trade"] == "trade 1")
    return np.asarray(sum(parts) / np.sqrt(len(parts)) + own_trade, np.float64)


def taught(world: World, seed: int, skew: float = 0.0) -> Any:
    """A fitted estimator; `skew` is how much more it is taught to like one trade's labels."""
    chance = np.random.default_rng(seed)
    rows = calls(world, TEACHING // CANDIDATES)
    liked = pull(world, rows) + skew * (rows["trade"] == "trade 2") + skew * rows["fit"]
    inputs: Any = rows[list(world.features)]
    if world.kind in ("ridge", "boosted number", "texts"):
        labels = world.scale * (3 + liked + 0.5 * chance.normal(size=len(rows)))
    else:
        labels = chance.random(len(rows)) < expit(liked - 1)
    if world.kind != "texts":
        inputs = inputs.to_numpy(float)
    with threadpool_limits(1):  # on busy cores, one thread learns so small a model faster
        return _estimator(world).fit(inputs, labels)


def _estimator(world: World) -> Any:
    numbers = (SimpleImputer(strategy="median"), StandardScaler())
    match world.kind:
        case "logistic":
            return make_pipeline(*numbers, LogisticRegression(C=10.0))
        case "ridge":
            return make_pipeline(*numbers, Ridge())
        case "texts":
            columns = make_column_transformer(
                (OneHotEncoder(), ["trade"]), (make_pipeline(*numbers), [*world.numbers, "fit"])
            )
            return make_pipeline(columns, Ridge())
        case "boosted chance":
            return HistGradientBoostingClassifier(max_iter=30, random_state=0)
    return HistGradientBoostingRegressor(max_iter=30, random_state=0)


@contextmanager
def running(*estimators: Any) -> Iterator[list[ModelProcess]]:
    """Each estimator written to a file and opened in a process of its own, as for a diagnosis."""
    with TemporaryDirectory() as folder:
        opened: list[ModelProcess] = []
        try:
            for number, estimator in enumerate(estimators):
                path = Path(folder) / f"{number}.skops"
                skops.io.dump(estimator, path)
                opened.append(open_model(path))
            yield opened
        finally:
            for one in opened:
                one.close()


def logged(
    world: World,
    rows: pd.DataFrame,
    model: Scorer,
    added: Floats | None = None,
    gone: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """
    The rows as they are logged: scored, with `added` where it is given, and the best five put.

    Args:
        gone: (rows,) those set aside after scoring.
    """
    scores = model.score(rows[list(world.features)])
    changed = scores if added is None else np.where(added != 0, scores + added, scores)
    mark: npt.NDArray[Any] = changed
    match world.form:
        case "32 bits":
            mark = changed.astype(np.float32)
        case "chance of 32 bits":
            mark = (1 / (1 + np.exp(-changed))).astype(np.float32)
        case "5 decimals":
            mark = np.round(changed, 5)
    ranked = pd.Series(changed if gone is None else np.where(gone, -np.inf, changed))
    place = ranked.groupby(rows["call"].to_numpy()).rank(ascending=False, method="first")
    put = (place <= TOP) & np.isfinite(ranked)
    return rows.assign(mark=mark, put=put.to_numpy())

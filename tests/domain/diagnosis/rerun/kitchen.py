"""Recipes for cooks: predicted minutes of reading, some of whose inputs are texts and some not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from domain.diagnosis.replay import CandidateColumns

FEATURES = ("cuisine", "steps", "calories", "rating_before")
COLUMNS = CandidateColumns("visit", "recipe", "predicted_minutes", FEATURES, shown="listed", top=4)
DIMENSIONS = ("cuisine", "app", "diet")
CUISINES = ("thai", "peruvian", "basque", "georgian")


class Kitchen:
    """A regression of a text, two numbers, and one that is not always known."""

    kind = "number"

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        inputs = recipes(chance, 600)
        minutes = 40 + 0.9 * inputs["steps"] + 0.02 * inputs["calories"] + 9 * (inputs["cuisine"] == "thai")
        self.estimator: Any = make_pipeline(
            make_column_transformer(
                (OneHotEncoder(handle_unknown="ignore"), ["cuisine"]),
                (SimpleImputer(strategy="median"), ["steps", "calories", "rating_before"]),
            ),
            Ridge(),
        ).fit(inputs[list(FEATURES)], minutes + chance.normal(0, 8, len(inputs)))

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.asarray(self.estimator.predict(features[list(FEATURES)]), np.float64)

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, npt.NDArray[np.float64]]:
        if requests is None:
            return {"64 bits": self.score(features)}
        found = np.empty(len(features))
        for one in np.unique(requests):
            found[requests == one] = self.score(features[requests == one])
        return {"64 bits": found}


def recipes(chance: np.random.Generator, count: int) -> pd.DataFrame:
    rating = chance.uniform(1, 5, count).round(1)
    return pd.DataFrame(
        {
            "recipe": np.arange(count) + 70_000,
            "cuisine": chance.choice(CUISINES, count, p=[0.4, 0.3, 0.2, 0.1]),
            "diet": chance.choice(["any", "vegan"], count, p=[0.8, 0.2]),
            "steps": chance.integers(3, 30, count).astype(float),
            "calories": chance.uniform(100, 1_400, count),
            "rating_before": np.where(chance.random(count) < 0.3, np.nan, rating),
        }
    )


def visits(
    model: Kitchen,
    count: int,
    seed: int,
    width: npt.DTypeLike = np.float64,
    *,
    apart: bool = False,
) -> pd.DataFrame:
    """
    Candidates of `count` visits, 12 each, the best four listed.

    Args:
        apart: scored visit by visit instead of all at once.
    """
    chance = np.random.default_rng(seed)
    book = recipes(np.random.default_rng(4), 300)
    chosen = np.concatenate([chance.choice(len(book), 12, replace=False) for _ in range(count)])
    rows = book.iloc[chosen].reset_index(drop=True)
    number = np.repeat(np.arange(count), 12)
    rows["visit"] = [f"v{one}" for one in number]
    rows["app"] = chance.choice(["ios", "android", "kiosk"], count)[number]
    rows["predicted_minutes"] = model.readings(rows, number if apart else None)["64 bits"].astype(width)
    place = rows.groupby("visit")["predicted_minutes"].rank(ascending=False, method="first")
    return rows.assign(listed=place <= COLUMNS.top)

"""A recommender in a few frames, with a known truth: films of France lose their language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from domain.diagnosis.replay import CandidateColumns
from domain.values import Finding, Severity, slice_of

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
DELIVERED = AT - timedelta(minutes=30)
MODEL_FEATURES = ("language_match", "genre_affinity", "popularity")
COLUMNS = CandidateColumns(
    "request_id", "item_id", "score", MODEL_FEATURES, member="member_id", propensity="propensity", top=5
)
LANGUAGES = {"France": "French", "Denmark": "Danish", "Japan": "Japanese", "Canada": "French"}
TEMPERATURE = 0.65


class Linear:
    """The model's scores in log-odds."""

    kind = "log_odds"

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def score(self, features: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.asarray(self.estimator.decision_function(features[list(MODEL_FEATURES)].to_numpy(float)))


def catalogue(chance: np.random.Generator) -> pd.DataFrame:
    country = chance.choice(list(LANGUAGES), 400, p=[0.2, 0.3, 0.25, 0.25])
    language = [LANGUAGES[name] if chance.random() < 0.95 else "English" for name in country]
    return pd.DataFrame(
        {
            "item_id": [f"film-{n}" for n in range(400)],
            "country": country,
            "language": language,
            "genre": chance.choice(["drama", "comedy"], 400),
            "popularity": chance.uniform(0, 1, 400),
        }
    )


def log_of(
    chance: np.random.Generator, items: pd.DataFrame, model: Linear, requests: int, first: int
) -> pd.DataFrame:
    """Candidates of `requests`, 30 each, with the propensities of an exponential race."""
    tastes = np.random.default_rng(0)
    speaks = {name: tastes.uniform(0, 1, 20) for name in ("French", "Danish", "Japanese", "English")}
    likes = {name: tastes.uniform(0, 1, 20) for name in ("drama", "comedy")}
    parts = []
    for number in range(first, first + requests):
        member = int(chance.integers(20))
        rows = items.iloc[chance.choice(len(items), 30, replace=False)].copy()
        rows["request_id"], rows["member_id"] = number, f"member-{member}"
        rows["language_match"] = [
            speaks[x][member] if isinstance(x, str) else np.nan for x in rows["language"]
        ]
        rows["genre_affinity"] = [likes[genre][member] for genre in rows["genre"]]
        score = model.score(rows)
        weights = np.exp(score / TEMPERATURE)
        low, high = -20.0, 20.0
        for _ in range(60):
            middle = (low + high) / 2
            few = (1 - np.exp(-weights * np.exp(middle))).sum() < COLUMNS.top
            low, high = (middle, high) if few else (low, middle)
        rows["score"] = 1 / (1 + np.exp(-score))
        rows["propensity"] = 1 - np.exp(-weights * np.exp(low))
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def trained(chance: np.random.Generator) -> Linear:
    inputs = chance.uniform(0, 1, (4_000, 3))
    odds = inputs @ np.array([4.0, 1.5, 1.0]) - 4.0
    played = chance.random(4_000) < 1 / (1 + np.exp(-odds))
    pipeline = make_pipeline(SimpleImputer(strategy="constant", fill_value=0.0), LogisticRegression(C=100.0))
    return Linear(pipeline.fit(inputs, played))


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """Items before and after, candidates before and after, the model, and the finding."""
    chance = np.random.default_rng(11)
    model, before = trained(chance), catalogue(chance)
    after = before.copy()
    french = after["country"] == "France"
    after.loc[french, "language"] = None
    finding = Finding(
        check="slices",
        table="impressions",
        slice=slice_of(country="France"),
        window_start=AT - timedelta(minutes=5),
        window_end=AT,
        observed=30,
        expected=100,
        p_value=1e-6,
        severity=Severity.SEV2,
        title="films of France are shown 70 % less",
    )
    return SimpleNamespace(
        at=AT,
        delivered=DELIVERED,
        model=model,
        before=before,
        after=after,
        concerned=tuple(before.loc[french, "item_id"]),
        columns=COLUMNS,
        candidates_before=log_of(chance, before, model, 250, 0),
        candidates=log_of(chance, after, model, 200, 1_000),
        finding=finding,
    )

"""A radio's model that can only be called: what moves its score near some tracks, and when nobody knows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.inside.surrogate import MIXTURES, ROWS, surrogate_of
from domain.diagnosis.items.attribution import attribute_gap, only_called
from domain.diagnosis.material import Material
from domain.diagnosis.replay import CandidateColumns
from domain.errors import SourceError, TooFewRows
from domain.values import Finding, Severity
from workers.models.process import open_model

FEATURES = ("tempo", "loudness", "plays_last_week", "language")
NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Called:
    """A model of which nobody knows more than what it answers."""

    answers: Callable[[pd.DataFrame], Any]
    kind: str = "number"

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.asarray(self.answers(features), np.float64)


def tracks(count: int, seed: int, **fixed: Any) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "tempo": chance.normal(120, 20, count),
            "loudness": chance.normal(-9, 3, count),
            "plays_last_week": chance.poisson(300, count).astype(float),
            "language": chance.choice(["Irish", "Breton", "Welsh"], count),
        }
    )
    return rows.assign(**fixed)


def airtime(rows: pd.DataFrame) -> Any:
    sung = rows["language"].map({"Irish": 1.0, "Breton": 2.0, "Welsh": 1.5}).fillna(0.0)
    return np.tanh(rows["loudness"] / 30) + sung + 0.001 * rows["plays_last_week"].fillna(0.0)


def test_the_feature_that_holds_them_down_is_named_with_its_pull_and_how_surely() -> None:
    found = surrogate_of(Called(airtime), tracks(60, 1, language=None), tracks(300, 2), FEATURES)
    name, pull = found.pulls[0]
    assert name == "language"
    assert pull == pytest.approx(-1.5, abs=0.15)
    assert found.gap == pytest.approx(sum(part for _, part in found.pulls), abs=0.05)
    assert dict(found.pulls).get("tempo", 0.0) == pytest.approx(0.0, abs=0.02)
    assert found.trusted
    assert found.fidelity > 0.95
    assert (found.mixtures, found.held_out) == (ROWS * MIXTURES, ROWS * MIXTURES // 4)


def test_a_category_never_seen_before_is_one_more_value() -> None:
    rows = tracks(60, 1, language=[f"dialect {n}" for n in range(60)])
    found = surrogate_of(Called(airtime), rows, tracks(300, 2), FEATURES)
    assert found.pulls[0][0] == "language"
    assert found.trusted


def test_where_one_feature_works_only_with_another_it_is_not_to_be_trusted() -> None:
    def together(rows: pd.DataFrame) -> Any:
        return np.sign(rows["tempo"] - 120) * np.sign(rows["loudness"] + 9)

    found = surrogate_of(Called(together), tracks(60, 1), tracks(300, 2), FEATURES)
    assert not found.trusted
    assert found.fidelity < 0.3


def test_chance_alone_is_never_taken_for_fidelity() -> None:
    chance = np.random.default_rng(5)
    noise = Called(lambda rows: chance.normal(size=len(rows)))
    trusted = [
        surrogate_of(noise, tracks(60, n), tracks(300, n + 99), FEATURES, seed=n).trusted for n in range(20)
    ]
    assert not any(trusted)


def test_one_of_ten_thousand_features_is_named_in_seconds() -> None:
    names = [f"f{n}" for n in range(10_000)]
    chance = np.random.default_rng(3)
    rows = pd.DataFrame(chance.normal(size=(200, 10_000)), columns=names)
    rows.loc[:59, "f4711"] = 9.0
    model = Called(lambda rows: -2.0 * rows["f4711"] + 0.1 * rows["f1"])
    began = time.monotonic()
    found = surrogate_of(model, rows[:60], rows[60:], names)
    assert time.monotonic() - began < 600  # seconds where nothing else runs
    assert found.pulls[0][0] == "f4711"
    assert found.pulls[0][1] == pytest.approx(-18.0, rel=0.1)
    assert found.trusted


def test_of_so_many_features_none_is_tried_by_itself() -> None:
    rows = pd.DataFrame(np.zeros((40, 1_001)), columns=[f"f{n}" for n in range(1_001)])
    model = Called(lambda rows: rows["f0"])
    with pytest.raises(SourceError, match=r"of 1,001 features, more than 1,000, each by itself"):
        attribute_gap(model, rows[:20], rows[20:], [f"f{n}" for n in range(1_001)])


@pytest.mark.parametrize("sides", [(7, 300), (60, 7), (60, 0)])
def test_too_few_to_compare_with_is_said(sides: tuple[int, int]) -> None:
    mine, others = sides
    with pytest.raises(TooFewRows, match=f"{mine} candidates concerned and {others} others: 8 needed"):
        surrogate_of(Called(airtime), tracks(mine, 1), tracks(others, 2), FEATURES)


def test_a_model_that_gives_everything_one_score_has_no_surrogate() -> None:
    with pytest.raises(TooFewRows, match="the same score"):
        surrogate_of(Called(lambda rows: np.ones(len(rows))), tracks(60, 1), tracks(300, 2), FEATURES)


def test_tracks_that_differ_in_nothing_have_no_surrogate() -> None:
    alike = pd.concat([tracks(1, 1)] * 60, ignore_index=True)
    order = Called(lambda rows: np.arange(len(rows)))
    with pytest.raises(TooFewRows, match="do not differ"):
        surrogate_of(order, alike, alike, FEATURES)


def logged(model: Any, **hit: Any) -> Material:
    """What a radio logs of 40 requests of 20 tracks each, thirty of its tracks hit alike."""
    rows = tracks(800, 4)[list(FEATURES[:3])]
    rows["track"] = [f"track-{n % 200}" for n in range(800)]
    rows["request"] = np.arange(800) // 20
    late = rows["track"].isin([f"track-{n}" for n in range(30)])
    for name, value in hit.items():
        rows.loc[late, name] = value
    rows["score"] = model.score(rows[list(FEATURES[:3])])
    catalogue = pd.DataFrame(
        {"track": [f"track-{n}" for n in range(200)], "band": ["low"] * 30 + ["high"] * 170}
    )
    finding = Finding(
        check="airtime", table="airings", slice=(("band", "low"),), window_start=NOON - timedelta(hours=1),
        window_end=NOON, observed=10, expected=40, p_value=1e-9, severity=Severity.SEV2, title="…",
    )  # fmt: skip
    return Material(
        finding=finding, noun="tracks", items=catalogue, key="track", features=("band",), candidates=rows,
        candidates_before=rows, model=model,
        columns=CandidateColumns("request", "track", "score", FEATURES[:3]),
    )  # fmt: skip


def lines(material: Material, word: str) -> list[str]:
    return [line.statement for line in diagnose(material).evidence if word in line.statement]


def fitted(estimator: Any) -> Any:
    rows = tracks(2_000, 8)[list(FEATURES[:3])]
    return estimator.fit(rows, np.abs(rows["loudness"] + 9) + rows["plays_last_week"] / 10)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestRegressor(30, max_depth=8, random_state=0),
        make_pipeline(StandardScaler(), SVR(C=10.0)),
    ],
    ids=["a forest", "a kernel"],
)
def test_the_diagnosis_says_it_of_a_file_that_nothing_takes_apart(tmp_path: Path, estimator: Any) -> None:
    skops.io.dump(fitted(estimator), tmp_path / "radio.skops")
    with open_model(tmp_path / "radio.skops") as model:
        (line,) = lines(logged(model, plays_last_week=265.0), "local surrogate")
    assert line.startswith("Near them a local surrogate gives the model's score as a sum: `plays_last")
    assert "`plays_last_week` -" in line
    assert "of -" in line
    assert "on 250 held-out mixtures" in line


def test_a_sum_that_is_not_to_be_trusted_is_no_attribution() -> None:
    def together(rows: pd.DataFrame) -> Any:
        return np.sign(rows["tempo"] - 120) * np.sign(rows["loudness"] + 9)

    found = diagnose(logged(Called(together)))
    (line,) = (one for one in found.evidence if "local surrogate" in one.statement)
    assert line.kind == "other"
    assert "is not to be trusted around them (R² " in line.statement


def test_of_trees_which_are_read_themselves_nothing_more_is_said(tmp_path: Path) -> None:
    skops.io.dump(fitted(HistGradientBoostingRegressor(max_iter=20)), tmp_path / "radio.skops")
    with open_model(tmp_path / "radio.skops") as model:
        material = logged(model, plays_last_week=265.0)
        rows = material.candidates
        assert rows is not None
        assert not only_called(model, rows[list(FEATURES[:3])], rows[list(FEATURES[:3])])
        assert lines(material, "local surrogate") == []
        assert lines(material, "pulls the most") != []


def test_without_comparable_candidates_the_other_steps_still_speak() -> None:
    material = logged(Called(lambda rows: rows["tempo"]))
    few = material.candidates[material.candidates["track"].isin(["track-0", "track-1", "track-50"])]  # type: ignore[index]
    found = diagnose(Material(**{**vars(material), "candidates": few}))
    said = [line.statement for line in found.evidence]
    assert any(
        one.startswith("What moves the model's score near them could not be examined: ") for one in said
    )

"""A library that lends tools: its logged scores are compared with what its model's file computes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import skops.io
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from domain.values import Finding
from tests.workers.checks.looked import findings_at
from workers.checks.measure import measure
from workers.checks.run import FAULT, State, run_checks
from workers.declaration.declare import load
from workers.doctor import doctor
from workers.models.recomputed import MOST_ROWS

END = datetime(2026, 5, 7, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
FEATURES = ["near", "power", "worn"]
A_WINDOW, OFFERED = 60, 8
REGISTRY = 'registry = { path = "lender.json", version = "build" }\n'
DECLARED = """
[recommender]
name = "tools"

[tables.offers]
path = "offers.parquet"
time = "offered_at"
window = "{window}"
dimensions = ["branch", "trade"]

[models.lender]
path = "lender.skops"
features = ["near", "power", "worn"]
candidates = "offers"
request = "visit"
item = "tool"
score = "rating"
version = "build"
registry = { path = "lender.json", version = "build" }

[checks.parity]
kind = "score_parity"
table = "offers"
"""


class Scorer(Protocol):
    """A model of scikit-learn that gives log-odds."""

    def decision_function(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(rows,) from (rows, features)."""
        ...


Spoil = Callable[[pd.DataFrame, pd.Series], pd.DataFrame]


def fitted(seed: int = 1) -> Scorer:
    chance = np.random.default_rng(seed)
    seen = chance.normal(size=(600, 3))
    lent = chance.random(600) < expit(seen @ [1.2, -0.4, 0.7] * (1 if seed == 1 else -1))
    model: Scorer = make_pipeline(StandardScaler(), LogisticRegression()).fit(seen, lent)
    return model


def offers(
    model: Scorer, windows: int = 8, visits: int = A_WINDOW, width: timedelta = QUARTER
) -> pd.DataFrame:
    chance = np.random.default_rng(3)
    rows = windows * visits * OFFERED
    frame = pd.DataFrame(chance.normal(size=(rows, 3)), columns=FEATURES)
    frame["visit"] = [f"visit-{n // OFFERED}" for n in range(rows)]
    frame["tool"] = [f"tool-{n}" for n in chance.integers(0, 90, rows)]
    seconds = windows * width.total_seconds() * (1 - (np.arange(rows) // OFFERED + 0.5) / (rows / OFFERED))
    frame["offered_at"] = (pd.Timestamp(END) - pd.to_timedelta(seconds, unit="s")).floor("us").as_unit("us")
    frame["branch"] = np.repeat(chance.choice(["harbour", "mill", "square"], rows // OFFERED), OFFERED)
    frame["trade"] = chance.choice(["joiner", "mason", "painter", "plumber"], rows)
    frame["build"] = "b12"
    frame["rating"] = model.decision_function(frame[FEATURES].to_numpy())
    return frame


def last(frame: pd.DataFrame, width: timedelta = QUARTER) -> pd.Series:
    """The two windows that are looked at last: what is seen in one alone is not reported yet."""
    return frame["offered_at"] >= pd.Timestamp(END - 2 * width)


def found(
    folder: Path,
    frame: pd.DataFrame,
    *,
    model: Scorer | None = None,
    window: str = "15m",
    declared: str = DECLARED,
) -> list[Finding]:
    """What is reported when the last window is looked at, after the two before it."""
    frame.to_parquet(folder / "offers.parquet")
    skops.io.dump(model or fitted(), folder / "lender.skops")
    (folder / "lender.json").write_text('{"build": "b12"}', encoding="utf-8")
    (folder / "recsysops.toml").write_text(declared.replace("{window}", window), encoding="utf-8")
    recommender = load(folder, {})
    return findings_at(recommender, END, recommender.tables["offers"].window)


def adjusted(frame: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    return frame.assign(rating=frame["rating"] - 0.7 * (now & (frame["trade"] == "mason")))


def another_file(frame: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    other = fitted(2).decision_function(frame[FEATURES].to_numpy())
    return frame.assign(rating=frame["rating"].where(~now, other))


def fed_otherwise(frame: pd.DataFrame, now: pd.Series) -> pd.DataFrame:
    return frame.assign(power=frame["power"].mask(now & (frame["branch"] == "mill"), 0.0))


@pytest.mark.parametrize(
    ("spoil", "where", "share"),
    [
        (adjusted, (("trade", "mason"),), 1.0),
        (another_file, (), 1.0),
        (fed_otherwise, (("branch", "mill"),), 1.0),
    ],
)
def test_what_serving_does_to_scores_is_reported_with_where_it_does_it(
    spoil: Spoil, where: tuple[tuple[str, str], ...], share: float, tmp_path: Path
) -> None:
    frame = offers(fitted())
    (finding,) = found(tmp_path, spoil(frame, last(frame)))
    assert finding.slice == where
    assert finding.observed == pytest.approx(share * _rows(frame, where))
    assert "rating is not what the model computes in 100 % of the rows" in finding.title


def test_a_boost_that_makes_more_than_one_of_probabilities_is_reported_where_it_is(tmp_path: Path) -> None:
    frame = offers(fitted())
    frame["rating"] = expit(frame["rating"])
    boosted = last(frame) & (frame["trade"] == "mason")
    (finding,) = found(tmp_path, frame.assign(rating=frame["rating"].mask(boosted, 2.2 * frame["rating"])))
    assert finding.slice == (("trade", "mason"),)


def test_of_a_file_that_never_served_it_is_said_that_nothing_can_be_judged(tmp_path: Path) -> None:
    assert found(tmp_path, offers(fitted()), model=fitted(2)) == []
    result = run_checks(load(tmp_path, {}), END + timedelta(seconds=30), State())
    assert "it is not the model that serves" in result.notes["parity"]


@pytest.mark.parametrize(("window", "width"), [("1m", QUARTER / 15), ("7d", timedelta(days=7))])
def test_it_is_so_for_windows_of_a_minute_and_of_a_week(
    window: str, width: timedelta, tmp_path: Path
) -> None:
    frame = offers(fitted(), width=width)
    assert found(tmp_path, frame, window=window) == []
    (finding,) = found(tmp_path, adjusted(frame, last(frame, width)), window=window)
    assert finding.slice == (("trade", "mason"),)


def _rows(frame: pd.DataFrame, where: tuple[tuple[str, str], ...]) -> int:
    held = frame["offered_at"] >= pd.Timestamp(END - QUARTER)
    for name, value in where:
        held &= frame[name] == value
    return int(held.sum())


@pytest.mark.parametrize(
    "logged",
    [
        lambda scores: scores,
        lambda scores: scores.astype(np.float32),
        expit,
        lambda scores: expit(scores).round(4),
    ],
    ids=["log-odds", "in 32 bits", "a chance", "a chance to four decimals"],
)
def test_however_a_score_is_logged_it_is_recognised(
    logged: Callable[[pd.Series], pd.Series], tmp_path: Path
) -> None:
    frame = offers(fitted())
    assert found(tmp_path, frame.assign(rating=logged(frame["rating"]))) == []
    spoilt = adjusted(frame, last(frame))
    (finding,) = found(tmp_path, spoilt.assign(rating=logged(spoilt["rating"])))
    assert finding.slice == (("trade", "mason"),)


def test_rows_of_another_version_are_no_fault_of_this_file(tmp_path: Path) -> None:
    frame = offers(fitted())
    former = frame["offered_at"] < pd.Timestamp(END - 5 * QUARTER)
    canary = ~former & (frame["branch"] == "square")
    other = fitted(2).decision_function(frame[FEATURES].to_numpy())
    frame = frame.assign(
        rating=frame["rating"].mask(former | canary, other),
        build=frame["build"].mask(former, "b11").mask(canary, "b13"),
    )
    assert found(tmp_path, frame) == []


KEPT = ('version = "build"\n', 'version = "build"\nkept = { path = "{version}.skops" }\n')


@pytest.mark.parametrize("registry", ["", REGISTRY], ids=["no registry", "a registry"])
def test_a_former_version_and_a_canary_are_held_to_their_own_files(registry: str, tmp_path: Path) -> None:
    frame = offers(fitted())
    former = frame["offered_at"] < pd.Timestamp(END - 5 * QUARTER)
    canary = ~former & (frame["branch"] == "square")
    files = {name: fitted(seed) for name, seed in (("b11", 2), ("b13", 4))}
    frame["build"] = frame["build"].mask(former, "b11").mask(canary, "b13")
    for name, model in files.items():
        skops.io.dump(model, tmp_path / f"{name}.skops")
        own = model.decision_function(frame[FEATURES].to_numpy())
        frame["rating"] = frame["rating"].mask(frame["build"] == name, own)
    declared = DECLARED.replace(*KEPT).replace(REGISTRY, registry)
    assert found(tmp_path, frame, declared=declared) == []
    boosted = last(frame) & canary
    (finding,) = found(
        tmp_path, frame.assign(rating=frame["rating"].mask(boosted, frame["rating"] + 0.4)), declared=declared
    )
    assert finding.slice == (("branch", "square"),)


def test_right_after_a_release_the_past_is_that_of_the_version_before(tmp_path: Path) -> None:
    frame = offers(fitted())
    former = ~last(frame)
    skops.io.dump(fitted(2), tmp_path / "b11.skops")
    other = fitted(2).decision_function(frame[FEATURES].to_numpy())
    frame = frame.assign(rating=frame["rating"].mask(former, other), build=frame["build"].mask(former, "b11"))
    spoilt = adjusted(frame, last(frame))
    assert found(tmp_path, spoilt) == []  # two windows are too few to judge
    (finding,) = found(tmp_path, spoilt, declared=DECLARED.replace(*KEPT))
    assert finding.slice == (("trade", "mason"),)


def test_what_was_logged_without_a_score_or_without_a_feature_is_looked_at_by_others(tmp_path: Path) -> None:
    frame = offers(fitted())
    hit = last(frame) & (frame["trade"] == "painter")
    assert found(tmp_path, frame.assign(rating=frame["rating"].mask(hit))) == []
    assert found(tmp_path, frame.assign(worn=frame["worn"].mask(hit))) == []


def test_a_model_that_takes_what_is_not_set_is_held_to_it(tmp_path: Path) -> None:
    chance = np.random.default_rng(4)
    seen = chance.normal(size=(400, 3))
    seen[chance.random((400, 3)) < 0.3] = np.nan
    trees = HistGradientBoostingClassifier(max_iter=10).fit(seen, chance.random(400) < 0.4)
    frame = offers(trees)
    hit = chance.random(len(frame)) < 0.4
    frame["worn"] = frame["worn"].mask(hit)
    frame["rating"] = trees.decision_function(frame[FEATURES].to_numpy())
    assert found(tmp_path, frame, model=trees) == []
    (finding,) = found(tmp_path, adjusted(frame, last(frame)), model=trees)
    assert finding.slice == (("trade", "mason"),)


def test_of_a_log_that_is_too_long_a_part_of_the_visits_is_computed_again(tmp_path: Path) -> None:
    frame = offers(fitted(), visits=800)
    assert len(frame) > 2 * MOST_ROWS
    (finding,) = found(tmp_path, adjusted(frame, last(frame)))
    assert finding.slice == (("trade", "mason"),)
    part = MOST_ROWS / len(frame)
    assert finding.observed == pytest.approx(part * _rows(frame, finding.slice), rel=0.15)


def test_it_is_measured_again_once_it_is_fixed(tmp_path: Path) -> None:
    frame = offers(fitted(), windows=9)
    frame["offered_at"] += QUARTER
    (finding,) = found(tmp_path, adjusted(frame, last(frame) & (frame["offered_at"] < pd.Timestamp(END))))
    recommender = load(tmp_path, {})
    assert not measure(recommender, finding, END - QUARTER, END).within
    assert measure(recommender, finding, END, END + QUARTER).within


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (('candidates = "offers"\n', ""), "needs the log of a model"),
        (('path = "lender.skops"', 'path = "gone.skops"'), "gone.skops"),
    ],
)
def test_what_it_cannot_do_without_is_said_by_the_doctor_and_by_a_look(
    wrong: tuple[str, str], says: str, tmp_path: Path
) -> None:
    found(tmp_path, offers(fitted()))
    (tmp_path / "recsysops.toml").write_text(
        DECLARED.replace("{window}", "15m").replace(*wrong), encoding="utf-8"
    )
    lines = doctor.check(tmp_path, environment={}, at=END)
    assert any(says in line.says for line in lines if line.where == "checks.parity")
    (fault,) = run_checks(load(tmp_path, {}), END, State()).findings
    assert fault.subject == FAULT
    assert says in fault.title

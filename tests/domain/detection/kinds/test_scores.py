"""Scores of a model: a shift is reported with size and place, a collapse as what it is, chance not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.detection.data.histogram import Bins, Histograms
from domain.detection.judge.state import CheckState
from domain.detection.kinds.models.scores import describe_scores, judge_scores
from domain.detection.kinds.rows.drift import judge_drift
from domain.recommender.check import Check
from domain.values import Finding

from ..rows import CELLS, DEVICES, histograms
from ..traffic import HOUR, grid

CHECK = Check(name="scores", kind="scores", table="candidates")
EDGES = tuple(np.round(np.quantile(np.random.default_rng(0).beta(2, 8, 100_000), np.linspace(0, 1, 11)), 4))


def scored(
    windows: int = 24,
    rows: int = 1_500,
    logit: dict[str, float] | None = None,
    constant: dict[str, float] | None = None,
    drift: float = 0.1,
    seed: int = 0,
) -> Histograms:
    """
    Scores of 0–1 by device, whose log-odds wander by `drift` from window to window; in the last window they
    are moved by `logit` on a device, or are all one `constant`.
    """
    chance = np.random.default_rng(seed)
    counts = np.zeros((windows, len(CELLS), len(EDGES) - 1))
    for window in range(windows):
        wander = chance.normal(0, drift)
        for place, device in enumerate(DEVICES):
            p = chance.beta(2, 8, rows)
            odds = np.log(p / (1 - p)) + wander
            last = window == windows - 1
            odds = odds + (logit or {}).get(device, 0.0) * last
            score = 1 / (1 + np.exp(-odds))
            if constant and last and device in constant:
                score = np.full(rows, constant[device])
            counts[window, place + 1] = np.histogram(np.clip(score, EDGES[0], EDGES[-1]), EDGES)[0]
    counts[:, 0] = counts[:, 1:].sum(axis=1)
    bins = Bins("score", edges=tuple(float(edge) for edge in EDGES))
    return Histograms(grid(HOUR, windows), CELLS, (bins,), counts.sum(axis=-1), (counts,))


def look(given: Histograms, check: Check = CHECK) -> tuple[Finding, ...]:
    return judge_scores(check, given, CheckState()).findings


def test_scores_that_sank_on_one_device_are_reported_there_with_the_size_of_it() -> None:
    (found,) = look(scored(logit={"tv": -1.0}))
    assert found.slice == (("device", "tv"),)
    assert found.subject == "score"
    assert found.title.startswith("candidates where device = tv: score moved by 0.129 on average")
    assert "mostly lower (stability index 1." in found.title
    assert found.high is not None and found.observed > found.high


def test_a_model_that_says_the_same_of_everything_is_reported_as_that() -> None:
    (found,) = look(scored(constant=dict.fromkeys(DEVICES, 0.123)))
    assert found.slice == ()
    assert "candidates: score says nearly the same of everything: 100 % lie from 0." in found.title
    (found,) = look(scored(constant={"web": 0.123}))
    assert found.slice == (("device", "web"),)


def test_scores_that_always_lie_together_have_not_fallen_in() -> None:
    bins = Bins("score", edges=(0.0, 0.5, 1.0))
    words = describe_scores(bins, np.array([80.0, 20.0]), np.array([95.0, 5.0]))
    assert "moved by" in words


def test_a_single_value_is_named_once() -> None:
    bins = Bins("score", edges=(0.5,))
    assert "are about 0.5" in describe_scores(bins, np.array([0.0]), np.array([10.0]))


@pytest.mark.parametrize("drift", [0.0, 0.1, 0.4])
def test_models_that_wander_anyway_raise_no_alarm(drift: float) -> None:
    """A first look may spend about 1 in 800; four of 150 are chance less than once in ten thousand."""
    alarms = sum(bool(look(scored(drift=drift, rows=400, seed=9_000 + seed))) for seed in range(150))
    assert alarms <= 3


def test_a_shift_by_half_of_the_odds_is_found_at_one_look() -> None:
    check = CHECK.with_options(least_share=0.05)
    found = [
        look(scored(logit=dict.fromkeys(DEVICES, -0.7), drift=0.05, seed=seed), check) for seed in range(40)
    ]
    assert sum(bool(one) and one[0].slice == () for one in found) >= 38


def test_a_shift_that_is_sure_and_small_is_no_matter() -> None:
    assert look(scored(rows=40_000, drift=0.0, logit=dict.fromkeys(DEVICES, 0.1))) == ()


def test_it_is_drift_to_the_arithmetic_and_stands_beside_it() -> None:
    one = histograms(shift={"tv": 0.5})
    assert [f.p_value for f in look(replace(one))] == [
        f.p_value for f in judge_drift(CHECK, one, CheckState()).findings
    ]

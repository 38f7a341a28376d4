"""Many estimates, each moved towards those of similar ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.expect.shrink import shrink

ESTIMATES = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(0.05, 2)), min_size=3, max_size=25, unique_by=lambda pair: pair[0]
)


@settings(max_examples=30, deadline=None)
@given(ESTIMATES)
def test_no_estimate_moves_away_from_nothing_or_across_it(pairs: list[tuple[float, float]]) -> None:
    estimate, error = (np.array(column) for column in zip(*pairs, strict=True))
    shrunk = shrink(estimate, error)
    assert np.all(np.abs(shrunk.mean) <= np.abs(estimate) + 1e-9)
    assert np.all(shrunk.mean * estimate >= -1e-12)
    assert np.all((shrunk.low <= shrunk.high) & (shrunk.wrong_sign >= 0) & (shrunk.wrong_sign <= 1))


@settings(max_examples=20, deadline=None)
@given(ESTIMATES)
def test_the_other_way_round_everything_is_the_other_way_round(pairs: list[tuple[float, float]]) -> None:
    estimate, error = (np.array(column) for column in zip(*pairs, strict=True))
    there, back = shrink(estimate, error), shrink(-estimate, error)
    assert np.allclose(there.mean, -back.mean, atol=1e-6)
    assert np.allclose(there.low, -back.high, atol=1e-4)


def test_nine_in_ten_intervals_hold_the_truth_and_signs_are_as_sure_as_they_say() -> None:
    chance = np.random.default_rng(8)
    held, wrong, sure = [], [], []
    for _round in range(10):
        truth = np.where(chance.random(500) < 0.1, chance.normal(0, 1.5, 500), chance.normal(0, 0.2, 500))
        error = chance.uniform(0.1, 0.6, 500)
        shrunk = shrink(truth + error * chance.standard_normal(500), error)
        held.append(np.mean((shrunk.low <= truth) & (truth <= shrunk.high)))
        chosen = shrunk.wrong_sign < 0.05
        wrong.append(float(np.sum(np.sign(shrunk.mean[chosen]) != np.sign(truth[chosen]))))
        sure.append(float(chosen.sum()))
    assert 0.87 < np.mean(held) < 0.93
    assert sum(wrong) / sum(sure) < 0.05


def test_where_nothing_is_there_everything_goes_to_nothing() -> None:
    chance = np.random.default_rng(4)
    shrunk = shrink(chance.normal(0, 0.3, 400), np.full(400, 0.3))
    assert np.abs(shrunk.mean).max() < 0.3
    assert (shrunk.wrong_sign < 0.05).sum() == 0

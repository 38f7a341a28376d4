"""The engagement of items: shrunk where little is known, and corrected for the positions they were in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.exposure.engagement import estimate_engagement, shrink_rates
from domain.errors import TooFewRows
from tests.domain.detection.exposed import ATTENTION, PLACES, rows, traffic

COUNTS = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 5_000)), min_size=5, max_size=30)


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_a_rate_lies_between_the_items_own_and_that_of_all(counts: list[tuple[int, int]]) -> None:
    count, exposure = (np.array(column, dtype=float) for column in zip(*counts, strict=True))
    rates = shrink_rates(count, exposure)
    prior = (rates.shape - count) / (rates.rate - exposure)
    own = count / exposure
    low, high = np.minimum(own, prior) - 1e-9, np.maximum(own, prior) + 1e-9
    assert np.all((low <= rates.mean) & (rates.mean <= high))


@settings(max_examples=25, deadline=None)
@given(COUNTS, st.integers(0, 10_000))
def test_the_order_of_items_says_nothing(counts: list[tuple[int, int]], seed: int) -> None:
    count, exposure = (np.array(column, dtype=float) for column in zip(*counts, strict=True))
    order = np.random.default_rng(seed).permutation(len(count))
    there, back = shrink_rates(count, exposure).mean, shrink_rates(count[order], exposure[order]).mean
    assert np.allclose(there[order], back, rtol=1e-3)


def test_little_is_known_of_an_item_that_was_seldom_shown() -> None:
    count, exposure = np.array([1.0, 60, 30, 25, 33, 28]), np.array([3.0, 1000, 1000, 1000, 1000, 1000])
    rates = shrink_rates(count, exposure)
    assert rates.mean[0] < 0.07  # not the third that it was chosen
    assert rates.log_variance[0] > 3 * rates.log_variance[1]
    assert rates.mean[1] == rates.mean.max()


def test_a_guide_that_is_right_is_followed_and_one_that_is_not_is_left() -> None:
    chance = np.random.default_rng(5)
    merit = chance.gamma(3, 0.01, 400)
    much = shrink_rates(chance.poisson(merit * 50_000).astype(float), np.full(400, 50_000.0))
    wrong = shrink_rates(chance.permutation(much.shape - 3), np.full(400, 50_000.0))
    seen = chance.poisson(merit * 60).astype(float), np.full(400, 60.0)
    error = {
        name: float(np.mean((shrink_rates(*seen, guide).log_mean - np.log(merit)) ** 2))
        for name, guide in (("none", None), ("right", much), ("wrong", wrong))
    }
    assert error["right"] < 0.2 * error["none"]
    assert error["wrong"] < 1.2 * error["none"]


def test_what_stands_on_top_is_not_taken_for_worth_more() -> None:
    """The better items stand higher; the attention of each place is still found within a tenth."""
    chance = np.random.default_rng(11)
    merit = np.sort(chance.gamma(4, 0.01, 200))[::-1]
    frame = rows(chance, [f"i{n:03d}" for n in range(200)], np.ones(200), merit, 4_000_000)
    rank = frame["item"].str[1:].astype(int) / 200
    kept = chance.binomial(frame["shown"].astype(int), np.exp(-3 * np.abs(rank - frame["position"] / PLACES)))
    frame["chosen"] = chance.binomial(
        kept, np.clip(merit[frame["item"].str[1:].astype(int)] * ATTENTION[frame["position"] - 1], 0, 1)
    ).astype(float)
    frame["shown"] = kept.astype(float)
    attention = np.array(list(estimate_engagement(frame).attention.values()))
    assert np.allclose(attention / attention[0], ATTENTION, atol=0.1)


def test_attention_is_one_on_average_over_what_was_shown() -> None:
    merit = estimate_engagement(traffic(1).production)
    shown = traffic(1).production.groupby("position")["shown"].sum()
    mean = sum(merit.attention[int(str(place))] * n for place, n in shown.items()) / shown.sum()
    assert mean == pytest.approx(1.0, abs=1e-6)


def test_nothing_is_said_of_ten_items_with_nine_choices() -> None:
    frame = pd.DataFrame(
        {"item": list("abcdefghij"), "position": 1, "shown": 50.0, "chosen": [1.0] * 9 + [0.0]}
    )
    with pytest.raises(TooFewRows, match="9 choices in all"):
        estimate_engagement(frame)

"""Medians with their intervals, and times beside earlier times: as certain as so few of them allow."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.improvement.spread import _arrangements, spread_of, times_as_long

MINUTE = timedelta(minutes=1)
SPANS = st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), min_size=1, max_size=40)


def minutes(*of: float) -> list[timedelta]:
    return [one * MINUTE for one in of]


@given(SPANS)
def test_a_median_lies_in_its_interval_and_in_the_middle_half(spans: list[timedelta]) -> None:
    found = spread_of([*spans, None])
    assert found.count == len(spans)
    assert found.median is not None
    slack = timedelta(microseconds=1)
    assert found.quarter is not None and found.three_quarters is not None
    assert found.quarter - slack <= found.median <= found.three_quarters + slack
    if len(spans) < 5:
        assert (found.low, found.high) == (None, None)
    else:
        assert found.low is not None and found.high is not None
        assert found.low <= found.median <= found.high


def test_of_nothing_nothing_is_known() -> None:
    assert spread_of([None]).model_dump(exclude_none=True) == {"count": 0}
    assert times_as_long([], minutes(1)) is None


@pytest.mark.parametrize("count", [5, 12, 40])
def test_the_interval_of_a_median_holds_it_in_nine_of_ten_draws_or_more(count: int) -> None:
    rng, true = np.random.default_rng(7), float(np.exp(1.0))
    held = 0
    for _ in range(1_000):
        found = spread_of(timedelta(minutes=float(one)) for one in rng.lognormal(1.0, 1.2, count))
        assert found.low is not None and found.high is not None
        held += found.low <= true * MINUTE <= found.high
    assert 0.88 <= held / 1_000 <= 0.99


@pytest.mark.parametrize(("before", "now"), [(4, 3), (6, 9), (30, 12), (60, 60)])
def test_what_takes_half_as_long_is_held_by_the_interval_in_nine_of_ten_draws_or_more(
    before: int, now: int
) -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        then, late = (
            [timedelta(minutes=float(one)) for one in factor * rng.lognormal(2.0, 1.0, count)]
            for factor, count in ((1.0, before), (0.5, now))
        )
        found = times_as_long(then, late)
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 0.5 <= found.high
    assert 0.86 <= held / 400 <= 0.99


def test_two_times_beside_two_say_nothing_and_three_beside_three_do() -> None:
    assert times_as_long(minutes(1, 2), minutes(3, 4)) is None
    found = times_as_long(minutes(10, 11, 12), minutes(1, 2, 3))
    assert found is not None and found.high is not None
    assert found.high < 1


@given(st.integers(1, 5), st.integers(1, 5))
def test_arrangements_are_counted_as_one_by_one(before: int, now: int) -> None:
    counted = np.zeros(before * now + 1)
    for places in combinations(range(before + now), now):
        counted[sum(places) - now * (now - 1) // 2] += 1
    assert _arrangements(before, now) == counted.tolist()
    assert counted.sum() == comb(before + now, now)

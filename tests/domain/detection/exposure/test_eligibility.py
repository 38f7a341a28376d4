from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.exposure.eligibility import Chance, chance_of, eligibility_change

TOTAL = 100_000.0


def test_chance_that_shows_it_alike_is_rarely_taken_for_a_change() -> None:
    chance = np.random.default_rng(11)
    then, now = chance.poisson(400, 2_000), chance.poisson(20, 2_000)
    found = [
        eligibility_change(Chance(a + b, 1.05 * TOTAL), Chance(a, TOTAL), Chance(b, TOTAL / 20))
        for a, b in zip(then, now, strict=True)
    ]
    assert sum(one is not None for one in found) / len(found) <= 0.015


@pytest.mark.parametrize("own", [0.0, 1.0, 3.0])
def test_that_it_is_hardly_shown_any_more_is_seen_though_there_are_few(own: float) -> None:
    changed = eligibility_change(
        Chance(400, TOTAL), Chance(400, TOTAL), Chance(own, TOTAL / 20)
    )  # 20 were due
    assert changed is not None
    assert changed.high < -0.4
    assert changed.now < 0.3


def test_where_chance_shows_nothing_nothing_is_known() -> None:
    nobody = pd.DataFrame({"item": ["a"], "explored": [False], "shown": [9.0]})
    assert chance_of(nobody, ["a"]) == Chance(0.0, 0.0)
    assert eligibility_change(Chance(0.0, 0.0), Chance(0.0, 0.0), Chance(0.0, 0.0)) is None


@given(st.integers(0, 500), st.integers(0, 500))
def test_what_is_less_then_is_more_now_and_the_interval_holds_the_change(then: int, now: int) -> None:
    whole = Chance(float(then + now), 2 * TOTAL)
    found = eligibility_change(whole, Chance(then, TOTAL), Chance(now, TOTAL))
    if found is not None:
        assert (found.change < 0) == (now < then) == (found.now < found.then)
        assert found.low <= found.change <= found.high

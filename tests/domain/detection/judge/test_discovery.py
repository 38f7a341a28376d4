from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.judge.discovery import (
    ALPHA,
    FALSE_ALARMS_PER_WEEK,
    REMEMBERED,
    Wealth,
    benjamini_hochberg,
    level,
    spend,
)

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array)


@given(p_values, st.floats(0.001, 0.2), st.floats(1.0, 4.0))
def test_a_wider_level_never_discovers_less(p: np.ndarray, alpha: float, more: float) -> None:
    assert not (benjamini_hochberg(p, alpha) & ~benjamini_hochberg(p, min(alpha * more, 1.0))).any()


@given(p_values, st.data())
def test_a_smaller_p_value_never_loses_a_discovery(p: np.ndarray, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(p) - 1))
    smaller = p.copy()
    smaller[place] *= data.draw(st.floats(0, 1))
    assert not (benjamini_hochberg(p, ALPHA) & ~benjamini_hochberg(smaller, ALPHA)).any()


@given(p_values, st.randoms())
def test_the_order_of_slices_does_not_matter(p: np.ndarray, chance: Random) -> None:
    order = list(range(len(p)))
    chance.shuffle(order)
    assert (benjamini_hochberg(p, ALPHA)[order] == benjamini_hochberg(p[order], ALPHA)).all()


def test_noise_alone_is_discovered_in_no_more_than_the_level_of_looks() -> None:
    chance = np.random.default_rng(11)
    looks = [benjamini_hochberg(chance.random(500), 0.05).any() for _ in range(2_000)]
    assert 0.03 < np.mean(looks) < 0.07


def test_levels_over_many_looks_sum_to_less_than_alpha_and_the_weekly_allowance() -> None:
    wealth, spent = Wealth(), 0.0
    for _ in range(10_000):
        spent += level(wealth, looks_per_week=1e12)
        wealth = spend(wealth, found=False)
    assert spent < ALPHA / 2


def test_a_check_that_found_something_may_look_closer_for_a_while() -> None:
    wealth = Wealth()
    for _ in range(100):
        wealth = spend(wealth, found=False)
    before = level(wealth, looks_per_week=1e12)
    assert level(spend(wealth, found=True), looks_per_week=1e12) > 10 * before


def test_the_first_discovery_earns_what_was_not_spent_at_first_and_each_later_one_twice_that() -> None:
    """LORD++ begins with half of alpha, so the first discovery earns the other half: else more is false."""
    looks = 100

    def earned(*found_at: int) -> float:
        return level(Wealth(looks=looks, found_at=found_at), looks_per_week=1e12)

    first, second = earned(looks) - earned(), earned(50, looks) - earned(50)
    assert first == pytest.approx(level(Wealth(), looks_per_week=1e12))
    assert second == pytest.approx(2 * first)


@pytest.mark.parametrize("found_at", [(), tuple(range(1, REMEMBERED + 1))])
def test_no_look_has_less_than_the_weekly_allowance_nor_more_than_alpha(found_at: tuple[int, ...]) -> None:
    wealth = Wealth(looks=REMEMBERED, found_at=found_at)
    assert level(wealth, looks_per_week=1.0) >= FALSE_ALARMS_PER_WEEK
    assert level(wealth, looks_per_week=1e-6) == ALPHA
    assert level(wealth, looks_per_week=0.0) == ALPHA
    assert level(wealth, looks_per_week=1e12) <= ALPHA


def test_the_weekly_allowance_holds_however_long_nothing_was_found() -> None:
    assert level(Wealth(looks=10**6), looks_per_week=7) == FALSE_ALARMS_PER_WEEK / 7


def test_what_is_remembered_stays_small() -> None:
    wealth = Wealth()
    for _ in range(3 * REMEMBERED):
        wealth = spend(wealth, found=True)
    assert len(wealth.found_at) == REMEMBERED
    assert Wealth.model_validate_json(wealth.model_dump_json()) == wealth

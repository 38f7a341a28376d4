from __future__ import annotations

import numpy as np
import pytest

from domain.detection.data.newcomer import hours_apart, newcomers

DAY = 50.0 + 40.0 * np.sin(np.arange(24) / 24 * 2 * np.pi)


def test_a_rare_value_is_not_new_because_it_was_late() -> None:
    rows = np.zeros((100, 2))
    rows[40:, 0] = 1.0  # as often as now, forty windows without it are no chance
    rows[[60, 99], 1] = 1.0
    assert newcomers(rows).tolist() == [40, 0]


@pytest.mark.parametrize("shift", [-11, -5, -1, 1, 2, 12])
def test_a_clock_of_another_zone_is_recognised_by_its_hours(shift: int) -> None:
    chance = np.random.default_rng(1)
    own, other = chance.poisson(np.roll(DAY * 99, shift)), chance.poisson(DAY * 50)
    assert hours_apart(own.astype(float), other.astype(float)) == shift


def test_clocks_that_agree_are_not_reported() -> None:
    chance = np.random.default_rng(3)
    for _ in range(20):
        own, other = chance.poisson(DAY), chance.poisson(DAY * 20)
        assert hours_apart(own.astype(float), other.astype(float)) is None


def test_days_that_are_not_alike_say_nothing_of_clocks() -> None:
    chance = np.random.default_rng(2)
    assert hours_apart(chance.poisson(50, 24).astype(float), DAY) is None

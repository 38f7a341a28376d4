from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.detection.judge.series.exceedance import tail_of

Chance = np.random.Generator
METRICS: dict[str, Callable[[Chance, int], np.ndarray]] = {
    "light": lambda chance, count: np.abs(chance.normal(size=count)),
    "exponential": lambda chance, count: chance.exponential(1.0, count),
    "lognormal": lambda chance, count: np.exp(chance.normal(size=count)),
    "heavy": lambda chance, count: np.abs(chance.standard_t(2.5, count)),
    "mostly 0": lambda chance, count: np.where(
        chance.random(count) < 0.02, chance.exponential(1.0, count), 0
    ),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("windows", [336, 1_344])
def test_what_is_said_to_come_once_in_months_comes_hardly_more_often_however_heavy_the_tail(
    metric: str, windows: int
) -> None:
    """Three times as often at most; five times where a fortnight is all that is known of a very heavy one."""
    chance, once_in = np.random.default_rng(windows), 100 * 24
    later = METRICS[metric](chance, 200_000)
    tails = (tail_of(METRICS[metric](chance, windows), 24) for _ in range(60))
    shares = [float((later > tail.distance(np.log(once_in))).mean()) for tail in tails]
    assert np.mean(shares) * once_in <= (5.0 if (metric, windows) == ("heavy", 336) else 3.0)


def test_what_few_have_exceeded_is_the_less_surprising() -> None:
    past = np.random.default_rng(1).exponential(1.0, 20_000)
    surprises = [tail_of(past[:windows], 24).surprise(12.0) for windows in (60, 600, 20_000)]
    assert surprises == sorted(surprises)
    assert surprises[0] < 8
    assert abs(surprises[-1] - 12.0) < 1.0


@given(st.integers(0, 10_000), st.floats(2.0, 20.0))
@example(1124, 2.0)
def test_the_distance_of_a_surprise_is_so_surprising(seed: int, surprise: float) -> None:
    tail = tail_of(np.random.default_rng(seed).gamma(2, 3, 500), 24)
    if surprise <= -np.log(tail.share):  # whatever lies in the tail at all is more surprising than that
        assert tail.distance(surprise) == tail.low
    else:
        assert abs(tail.surprise(tail.distance(surprise)) - surprise) < 1e-6


def test_one_incident_makes_the_next_one_no_less_surprising_and_three_do() -> None:
    past = np.abs(np.random.default_rng(2).normal(size=24 * 14))
    quiet = tail_of(past, 24).surprise(30.0)
    surprises = []
    for day in range(4):
        past[24 * 2 * day + 40] = 30.0
        surprises.append(tail_of(past, 24).surprise(30.0))
    needed = np.log(100 * 24)
    assert min(quiet, surprises[0], surprises[1]) > needed > surprises[3]


def test_windows_of_one_mean_are_one_exceedance() -> None:
    past = np.zeros(400)
    past[[100, 105, 110, 300]] = [4.0, 6.0, 5.0, 3.0]
    apart, together = tail_of(past, 24), tail_of(past, 24, gap=8)
    assert together.share == pytest.approx(apart.share / 2)


def test_a_metric_that_never_moved_is_taken_to_move_by_a_step() -> None:
    still = np.zeros(400)
    assert tail_of(still, 24).surprise(0.1) == np.inf
    assert tail_of(still, 24, step=5.0).surprise(5.0) < np.log(100 * 24)
    assert tail_of(np.zeros(0), 24, step=1.0).surprise(1.0) < 1.0

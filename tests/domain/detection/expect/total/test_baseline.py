from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.expect.total.baseline import expect
from domain.detection.expect.total.predictive import Expected
from tests.domain.detection.traffic import DAY, totals, weekly

DAY_SECONDS = 86_400.0


def expected(values: np.ndarray, known: np.ndarray | None = None) -> Expected:
    counts = totals(values, DAY)
    usable = np.ones(len(values), dtype=bool) if known is None else known
    found = expect(counts.total, counts.local_seconds(), DAY_SECONDS, usable)
    assert found is not None
    return found


def test_a_saturday_is_expected_to_be_like_other_saturdays() -> None:
    values = np.tile([100, 100, 100, 100, 100, 300, 300], 6)
    assert abs(expected(values).mean - 300) < 10
    assert abs(expected(values[:-2]).mean - 100) < 10


def test_one_terrible_day_in_the_history_neither_moves_the_expectation_nor_widens_the_band() -> None:
    calm = weekly(57, seed=1)
    shaken = calm.copy()
    shaken[30] = 0
    before, after = expected(calm), expected(shaken)
    assert abs(after.mean / before.mean - 1) < 0.03
    assert after.band()[0] > before.band()[0] * 0.9


def test_a_slow_trend_is_followed() -> None:
    values = np.array([round(500 * 1.01**day) for day in range(57)])
    assert abs(expected(values).mean / values[-1] - 1) < 0.06


def test_the_present_value_does_not_change_what_is_expected_of_it() -> None:
    values = weekly(57, seed=2)
    other = values.copy()
    other[-1] = 10_000
    assert expected(values) == expected(other)


def test_with_less_than_eight_windows_nothing_is_expected() -> None:
    counts = totals(weekly(8, seed=3), DAY)
    assert expect(counts.total, counts.local_seconds(), DAY_SECONDS, np.ones(8, dtype=bool)) is None


def test_windows_that_may_not_be_learned_from_are_not() -> None:
    values = weekly(57, seed=4)
    known = np.ones(57, dtype=bool)
    known[-8:-1] = False
    excluded = values.copy()
    excluded[-8:-1] = 0
    assert expected(values, known) == expected(excluded, known)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.integers(2, 40))
def test_more_traffic_of_the_same_shape_means_as_much_more_expected(seed: int, scale: int) -> None:
    values = weekly(43, seed=seed)
    small, large = expected(values), expected(values * scale)
    # Counting noise is a smaller part of more: another level may be the better one.
    assert abs(large.mean / small.mean / scale - 1) < 0.1


def test_normal_days_are_rarely_called_abnormal() -> None:
    p_values = []
    for seed in range(60):
        values = weekly(50, seed=seed)
        p_values.append(expected(values).p_value(float(values[-1])))
    assert np.mean(np.array(p_values) < 0.01) <= 0.05
    assert np.mean(np.array(p_values) < 0.5) >= 0.2

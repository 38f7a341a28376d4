"""Rank tests within strata, compared with what is known about them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from domain.diagnosis.stratified import ranks_apart

Seeds = st.integers(0, 2**32 - 1)


def drawn(seed: int, strata: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    places = chance.integers(0, strata, 80)
    return np.round(chance.normal(size=80) + places, 1), chance.random(80) < 0.3, places


@given(Seeds)
def test_only_the_order_of_values_counts(seed: int) -> None:
    values, mine, strata = drawn(seed)
    assert ranks_apart(values, mine, strata) == ranks_apart(np.exp(values), mine, strata)


@given(Seeds)
def test_what_is_above_from_the_one_side_is_below_from_the_other(seed: int) -> None:
    values, mine, strata = drawn(seed)
    here, there = ranks_apart(values, mine, strata), ranks_apart(values, ~mine, strata)
    assert here.surprise == pytest.approx(there.surprise)
    assert here.surprise == 0 or here.above != there.above


@given(Seeds, st.integers(-5, 5))
def test_what_strata_differ_by_does_not_count(seed: int, step: int) -> None:
    values, mine, strata = drawn(seed)
    found = ranks_apart(values, mine, strata)
    assert ranks_apart(values + 100 * step * strata, mine, strata).surprise == pytest.approx(found.surprise)


def test_in_one_stratum_it_is_the_rank_sum_test() -> None:
    values, mine, strata = drawn(3, strata=1)
    known = stats.mannwhitneyu(values[mine], values[~mine], use_continuity=False, method="asymptotic")
    assert ranks_apart(values, mine, strata).surprise == pytest.approx(-np.log(known.pvalue))


def test_chance_surprises_as_seldom_as_it_says() -> None:
    said = np.array([ranks_apart(*drawn(seed)).surprise for seed in range(1_000)])
    assert 0.03 < np.mean(said >= -np.log(0.05)) < 0.07


def test_one_row_alone_is_never_more_surprising_than_it_can_be() -> None:
    values, strata = np.arange(50.0), np.zeros(50, dtype=int)
    assert ranks_apart(values * 1e6, values == 49, strata).surprise <= np.log(50) + 1e-9


def test_rows_that_have_nobody_to_be_compared_with_surprise_nobody() -> None:
    values, strata = np.arange(6.0), np.array([0, 0, 0, 1, 1, 1])
    assert ranks_apart(values, strata == 1, strata).surprise == 0
    assert ranks_apart(np.full(6, np.nan), strata == 1, np.zeros(6, dtype=int)).surprise == 0

"""Rows that come in groups go wrong in groups: how far that is allowed for, also where few are left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.detection.data.counts import Floats
from domain.detection.expect.usual_proportion import UsualProportions, usual_proportions

SLICES, SHARE, GROUP = 2_000, 0.15, 20.0  # rows of a group are all wrong or none is


@pytest.fixture(scope="module")
def groups() -> tuple[UsualProportions, Floats, Floats]:
    """What twelve windows of thirty groups teach; one of six groups: wrong rows (n_slices, 1), and rows."""
    chance = np.random.default_rng(1)
    past = chance.poisson(30, size=(12, SLICES))
    now = np.full(SLICES, 6)
    return (
        usual_proportions(rows_of(past), wrong_of(chance, past)),
        wrong_of(chance, now),
        rows_of(now),
    )


def rows_of(groups: np.ndarray) -> Floats:
    return groups.astype(np.float64) * GROUP


def wrong_of(chance: np.random.Generator, groups: np.ndarray) -> Floats:
    return rows_of(chance.binomial(groups, SHARE)[..., None])


def test_a_window_of_few_groups_scatters_as_the_past_of_many_did(
    groups: tuple[UsualProportions, Floats, Floats],
) -> None:
    rates, wrong, rows = groups
    assert np.mean(rates.p_values(wrong, rows) <= 1e-3) < 4e-3
    as_if_rows_came_alone = replace(rates, typical=np.zeros(rates.share.shape))
    assert np.mean(as_if_rows_came_alone.p_values(wrong, rows) <= 1e-3) > 1e-2


def test_what_is_wrong_in_every_group_surprises_all_the_same(
    groups: tuple[UsualProportions, Floats, Floats],
) -> None:
    rates, _wrong, rows = groups
    assert np.mean(rates.p_values(rows[:, None], rows) < 1e-3) > 0.95


def test_a_larger_window_is_expected_to_scatter_more_and_a_single_row_not_at_all() -> None:
    one = np.ones((1, 1))
    rates = UsualProportions(one * 0.1, one * 0.05, one * 100.0)
    assert rates.dispersion(np.array([[1.0, 10.0, 100.0, 1_000.0]])).tolist() == [
        [1.0, pytest.approx(5.95), pytest.approx(5.95), pytest.approx(50.95)]
    ]

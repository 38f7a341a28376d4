"""Scatter beyond counting, alike across thousands of slices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from domain.detection.expect.overdispersion import MOST_FREEDOM, dispersion_of, overdispersion_of

WINDOWS, SLICES = 50, 2_000


def surprises(dispersion: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, np.sqrt(dispersion), (WINDOWS, len(dispersion)))


def rows(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(6, 1.2, SLICES)


def test_slices_alike_are_known_better_from_all_than_each_from_itself() -> None:
    held = rows()
    truth = 1.5 + 0.03**2 * held
    seen = surprises(truth)
    found = overdispersion_of(seen, held, np.zeros(SLICES, dtype=bool))
    alone = dispersion_of(seen)
    assert np.std(found.dispersion / truth) < 0.5 * np.std(alone / truth)
    assert np.median(found.dispersion / truth) == pytest.approx(1, abs=0.1)


def test_slices_that_differ_keep_what_is_their_own() -> None:
    held, odd = rows(), np.arange(SLICES) % 10 == 0
    truth = np.where(odd, 30.0, 2.0)
    found = overdispersion_of(surprises(truth), held, np.zeros(SLICES, dtype=bool))
    assert np.median(found.dispersion[odd]) > 8 * np.median(found.dispersion[~odd])


def test_one_kind_says_nothing_about_another() -> None:
    held, pair = rows(), np.arange(SLICES) % 2 == 0
    found = overdispersion_of(surprises(np.where(pair, 1.5, 40.0)), held, pair)
    assert np.quantile(found.dispersion[pair], 0.99) < 3
    assert np.quantile(found.dispersion[~pair], 0.01) > 20


@pytest.mark.parametrize("freedom", [3.0, 6.0])
def test_surprises_with_heavy_tails_are_taken_for_such(freedom: float) -> None:
    drawn = np.random.default_rng(2).standard_t(freedom, (WINDOWS, SLICES)) * 2
    found = overdispersion_of(drawn, rows(), np.zeros(SLICES, dtype=bool))
    p = 2 * stats.t.sf(np.abs(drawn) / np.sqrt(found.dispersion), found.freedom)
    assert found.freedom.max() < 3 * freedom
    assert np.mean(p <= 1e-3) < 3e-3


def test_normal_surprises_have_about_a_normal_tail() -> None:
    found = overdispersion_of(surprises(np.full(SLICES, 2.0)), rows(), np.zeros(SLICES, dtype=bool))
    assert found.freedom.min() > 50
    assert found.freedom.max() <= MOST_FREEDOM


def test_few_slices_are_judged_by_themselves() -> None:
    seen = surprises(np.full(5, 4.0))
    found = overdispersion_of(seen, np.full(5, 100.0), np.zeros(5, dtype=bool))
    assert np.allclose(found.dispersion, dispersion_of(seen))
    assert np.allclose(found.freedom, WINDOWS - 1)


def test_a_slice_without_a_past_is_judged_with_the_greatest_care() -> None:
    seen = surprises(np.full(SLICES, 2.0))
    seen[:, 0] = np.nan
    found = overdispersion_of(seen, np.full(SLICES, 100.0), np.zeros(SLICES, dtype=bool))
    assert found.dispersion[0] >= 4


def test_values_that_have_only_come_up_do_not_drown_the_others() -> None:
    """A launch in a table by item: off by all its rows for a while, which is no scatter of anybody else."""
    chance = np.random.default_rng(7)
    surprises = chance.normal(0.0, 1.1, (40, 40))
    surprises[30:, :4] += 200.0
    found = overdispersion_of(surprises, np.full(40, 100.0), np.zeros(40, dtype=bool))
    assert found.dispersion[4:].max() < 3.0
    assert found.freedom[4:].min() > 10.0
    assert found.dispersion[:4].min() > 10.0


def groups_of(seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Surprises of three steady slices and of eighty wild ones, rows that they hold, and which is which."""
    chance, group = np.random.default_rng(seed), np.repeat([0, 1], [3, 80])
    wild = chance.standard_t(3.0, (30, 80)) * 6
    return np.hstack([chance.normal(0, 1.4, (30, 3)), wild]), np.full(83, 300.0), group


def test_steady_slices_are_not_held_for_as_wild_as_those_of_other_dimensions() -> None:
    seen, held, group = groups_of()
    found = overdispersion_of(seen, held, np.zeros(83, dtype=bool), group)
    alike = overdispersion_of(seen, held, np.zeros(83, dtype=bool))
    steady = group == 0
    assert np.all(found.dispersion[steady] < 1.5 * dispersion_of(seen)[steady])
    assert found.freedom[steady].min() >= 6 > alike.freedom[steady].max()
    assert found.freedom[~steady].max() <= 4


def test_of_one_group_alone_the_scatter_is_that_of_all() -> None:
    seen, held, _group = groups_of()
    one, all_alike = (
        overdispersion_of(seen, held, np.zeros(83, dtype=bool), group) for group in (np.full(83, 7), None)
    )
    assert np.array_equal(one.dispersion, all_alike.dispersion)
    assert np.array_equal(one.freedom, all_alike.freedom)


@pytest.mark.parametrize("freedom", [3.0, 4.0, 200.0])
def test_what_few_slices_say_of_their_own_tail_raises_few_alarms_too_many(freedom: float) -> None:
    """Twelve groups of three to twelve slices, of which none differs from the others."""
    chance, group = np.random.default_rng(8), np.repeat(np.arange(12), [3, 8, 12] * 4)
    alarms = looked = 0
    for _world in range(100):
        drawn = chance.standard_t(freedom, (31, len(group))) * 3
        found = overdispersion_of(drawn[:-1], np.full(len(group), 200.0), np.zeros(len(group), bool), group)
        p = 2 * stats.t.sf(np.abs(drawn[-1]) / np.sqrt(found.dispersion), found.freedom)
        alarms, looked = alarms + int(np.count_nonzero(p <= 1e-3)), looked + len(group)
    assert alarms <= 2.5e-3 * looked

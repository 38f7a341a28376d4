"""Slices of two values follow the other slices of each."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from domain.detection.expect.crossed_effects import CrossedEffects, margins_of
from domain.detection.expect.share import Shares, expect_shares
from domain.values import Slice, slice_of

COUNTRIES, DEVICES, WINDOWS, ROWS = 12, 4, 60, 60_000.0
CELLS = list(product(range(COUNTRIES), range(DEVICES)))
SLICES: tuple[Slice, ...] = (
    *(slice_of(country=str(n)) for n in range(COUNTRIES)),
    *(slice_of(device=str(n)) for n in range(DEVICES)),
    *(slice_of(country=str(c), device=str(d)) for c, d in CELLS),
)


def table(seed: int, scatter: float) -> np.ndarray:
    """(windows, countries, devices) rows; every country has its day, and so has every device."""
    chance = np.random.default_rng(seed)
    part = np.outer(chance.dirichlet(np.full(COUNTRIES, 5)), chance.dirichlet(np.full(DEVICES, 5)))
    days = chance.lognormal(0, scatter, (WINDOWS, COUNTRIES, 1)) * chance.lognormal(
        0, scatter, (WINDOWS, 1, DEVICES)
    )
    return np.asarray(chance.poisson(ROWS * part * days), dtype=float)


def learned(cells: np.ndarray, *, follow: bool = True) -> tuple[Shares, np.ndarray]:
    rows = np.hstack([cells.sum(axis=2), cells.sum(axis=1), cells.reshape(len(cells), -1)])
    total = cells.sum(axis=(1, 2))
    margins = margins_of(SLICES) if follow else None
    return expect_shares(total, rows, np.ones(rows.shape, dtype=bool), margins=margins), rows


def place(country: int, device: int) -> int:
    return SLICES.index(slice_of(country=str(country), device=str(device)))


def test_the_day_that_a_country_has_is_no_surprise_in_its_slices() -> None:
    shares, rows = learned(table(1, 0.1))
    alone, _ = learned(table(1, 0.1), follow=False)
    n = table(1, 0.1).sum(axis=(1, 2))[-1]
    pairs = slice(COUNTRIES + DEVICES, None)
    off = np.std(rows[-1, pairs] / shares.expected(n)[pairs] - 1)
    assert off < 0.4 * np.std(rows[-1, pairs] / alone.expected(n)[pairs] - 1)
    assert np.median(shares.dispersion(n)[pairs]) < 0.2 * np.median(alone.dispersion(n)[pairs])


def test_without_anything_in_common_nothing_is_followed() -> None:
    shares, _rows = learned(table(2, 0.0))
    assert np.allclose(shares.factor, 1, atol=0.02)


def test_one_slice_that_breaks_does_not_pull_the_others_of_its_country_along() -> None:
    cells = table(3, 0.02)
    cells[-1, 4, 0] = 0
    shares, rows = learned(cells)
    n = cells[-1].sum()
    for device in range(1, DEVICES):
        expected = shares.expected(n)[place(4, device)]
        assert expected == pytest.approx(rows[-1, place(4, device)], rel=0.2)


def test_a_country_that_falls_as_a_whole_is_followed_however_far() -> None:
    cells = table(4, 0.1)
    cells[-1, 4] = np.round(cells[-1, 4] * 0.3)
    shares, rows = learned(cells)
    n = cells[-1].sum()
    for device in range(DEVICES):
        assert shares.expected(n)[place(4, device)] == pytest.approx(rows[-1, place(4, device)], rel=0.4)
    country = SLICES.index(slice_of(country="4"))
    assert shares.expected(n)[country] > 2 * rows[-1, country]  # itself, it follows nobody


def test_slices_of_one_value_and_slices_whose_values_are_not_counted_follow_nobody() -> None:
    slices: list[Slice] = [
        slice_of(a="1"),
        slice_of(a="1", b="2"),
        slice_of(a="1", b="3"),
        slice_of(a="3", b="4"),
    ]
    margins = margins_of(tuple(slices))
    assert (margins.slices.tolist(), margins.values.tolist()) == ([1, 2], [0, 0])
    follow = CrossedEffects(margins, np.ones(4), np.full(4, 0.1))
    factor = follow.factor(
        np.array([[2_400.0, 1_000.0, 1_400.0, 5.0]]), np.array([[2_000.0, 1_000.0, 1_000.0, 9.0]])
    )[0]
    assert factor[[0, 3]].tolist() == [1, 1]
    assert factor[1] > 1.2  # as far as the other slice of a = 1
    assert factor[2] == 1

"""Shares without a fault: how often they look as if they had one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.expect.share import Shares, expect_shares, share_p_values, whole_of

WINDOWS, SLICES, ROWS, LEAST_ROWS = 180, 900, 9_000, 20


def p_values(seed: int, correlation: float, last_hour: int) -> np.ndarray:
    """Of the last window of slices whose shares only scatter; totals more than double within a day."""
    chance = np.random.default_rng(seed)
    share = np.minimum(chance.dirichlet(np.full(SLICES, 0.5)) * 15 + 1e-3, 0.3)
    hour = np.arange(WINDOWS) - WINDOWS + 1 + last_hour
    total = chance.poisson(ROWS * (1 + 0.4 * np.sin(hour * 2 * np.pi / 24)))
    each = np.broadcast_to(share, (WINDOWS, SLICES))
    if correlation:
        tightness = 1 / correlation - 1
        each = chance.beta(each * tightness, (1 - each) * tightness)
    rows = chance.binomial(total[:, None], each).astype(float)
    found = expect_shares(total.astype(float), rows, np.ones(rows.shape, dtype=bool))
    n = float(total[-1])
    p = share_p_values(rows[-1], n, found.share, found.dispersion(n))
    return p[found.expected(n) >= LEAST_ROWS]


@pytest.mark.parametrize("last_hour", [6, 18], ids=["the busiest hour", "the quietest hour"])
@pytest.mark.parametrize("correlation", [0.0, 0.0002, 0.0005, 0.002])
def test_p_values_of_slices_without_a_fault_are_as_rare_as_they_say(
    correlation: float, last_hour: int
) -> None:
    p = np.concatenate([p_values(seed, correlation, last_hour) for seed in range(3)])
    for level in (0.05, 0.01, 0.002):
        noise = 3 * np.sqrt(level / len(p))
        assert np.mean(p <= level) <= 1.2 * level + noise
    assert np.mean(p <= 0.05) >= 0.02  # and not by never saying anything


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(0, 10_000))
def test_shares_learned_in_pieces_are_those_learned_all_at_once(sizes: list[int], seed: int) -> None:
    chance = np.random.default_rng(seed)
    total = chance.poisson(2_000, 40).astype(float)
    rows = chance.binomial(2_000, chance.uniform(0.001, 0.05, (1, sum(sizes))), (40, sum(sizes))).astype(
        float
    )
    usable = np.repeat(chance.random(40)[:, None] < 0.9, sum(sizes), axis=1)

    def learned(columns: slice) -> np.ndarray:
        found: Shares = expect_shares(total, rows[:, columns], usable[:, columns])
        return np.vstack([found.share, found.learned])

    ends = np.cumsum(sizes)
    pieces = [learned(slice(end - size, end)) for size, end in zip(sizes, ends, strict=True)]
    assert np.allclose(np.hstack(pieces), learned(slice(None)), rtol=1e-9, atol=0)


def test_a_scatter_known_from_few_windows_makes_less_of_what_is_far_off() -> None:
    observed, share = np.array([700.0, 1_000.0, 1_300.0]), np.full(3, 0.1)
    sure = share_p_values(observed, 10_000, share, 2.0)
    unsure = share_p_values(observed, 10_000, share, 2.0, 10.0)
    assert (unsure[[0, 2]] > 100 * sure[[0, 2]]).all()
    assert unsure[1] == pytest.approx(sure[1], abs=0.02)


GROUP = 10  # rows of a request


def rows_of_requests(seed: int, windows: int = 200) -> np.ndarray:
    """(windows, 20) rows of slices of requests, all of which have ten; by night a quarter of them."""
    chance = np.random.default_rng(seed)
    share = chance.dirichlet(np.full(20, 2.0))
    requests = 45 + 135 * (1 + np.sin(np.arange(windows) / 24 * 2 * np.pi))
    return np.stack([chance.poisson(each * share) for each in requests]) * float(GROUP)


def of_requests(seed: int) -> tuple[Shares, np.ndarray, np.ndarray]:
    rows = rows_of_requests(seed)
    rows = rows[: 190 + seed % 10]  # the last window is one by night for some, by day for others
    found = expect_shares(rows.sum(axis=1), rows, np.ones(rows.shape, dtype=bool))
    n = float(rows[-1].sum())
    p = share_p_values(rows[-1], n, found.share, found.dispersion(n), found.freedom, found.cluster_size)
    alone = share_p_values(rows[-1], n, found.share, found.dispersion(n), found.freedom)
    return found, p, alone


def test_rows_that_come_in_requests_scatter_as_requests_do() -> None:
    seen = [of_requests(seed) for seed in range(40)]
    assert np.median(np.concatenate([found.cluster_size for found, _, _ in seen])) == pytest.approx(
        GROUP, rel=0.15
    )
    p, alone = (np.concatenate(each) for each in zip(*[(p, alone) for _, p, alone in seen], strict=True))
    assert np.mean(p <= 1e-3) <= 2e-3
    assert np.mean(p <= 0.05) >= 0.01  # and not by never saying anything
    assert np.mean(alone <= 1e-3) > np.mean(p <= 1e-3)


def test_a_share_that_differs_from_window_to_window_is_no_group_of_rows() -> None:
    chance, windows = np.random.default_rng(5), 400
    total = 2_000 * (1.2 + np.sin(np.arange(windows) / 24 * 2 * np.pi))
    share = chance.gamma(25.0, 0.05 / 25, (windows, 30))
    rows = chance.poisson(total[:, None] * share).astype(float)
    found = expect_shares(total, rows, np.ones(rows.shape, dtype=bool))
    assert np.median(found.cluster_size) < 0.5 * np.median(found.dispersion(float(total.mean())))


SHARE = st.floats(0.001, 0.95)


@given(st.floats(100, 1e7), SHARE, st.floats(0, 20))
def test_what_a_slice_should_hold_is_what_it_held_whatever_became_of_it(
    usual: float, share: float, kept: float
) -> None:
    observed = np.array([usual * share * kept])
    n = usual * (1 - share) + float(observed[0])
    for known in (usual, None):
        expected = whole_of(observed, n, np.array([share]), known).expected(np.array([share]))[0]
        if known is None:
            assert min(n, usual) * share * (1 - 1e-9) <= expected <= max(n, usual) * share * (1 + 1e-9)
        else:
            assert expected == pytest.approx(usual * share, rel=1e-6)


@given(st.floats(100, 1e7), SHARE, st.floats(0.01, 100), st.floats(0.01, 100))
def test_what_changes_the_whole_table_changes_what_each_slice_should_hold(
    usual: float, share: float, times: float, kept: float
) -> None:
    n, shares = usual * times, np.array([share])
    as_ever = whole_of(n * shares, n, shares, usual)
    assert as_ever.expected(shares)[0] == pytest.approx(n * share, rel=1e-6)
    whole = whole_of(n * np.minimum(shares * kept, 1.0), n, shares, usual)
    assert 0 <= whole.alone[0] <= 1 + 1e-9
    assert whole.weight(shares)[0] >= 1
    assert whole.deviation(shares, np.array([3.0]))[0] > 0


def test_a_slice_that_is_all_there_is_is_held_against_what_there_is() -> None:
    whole = whole_of(np.array([1_000.0, 20.0]), 1_000.0, np.array([1.0, 0.0]), 500.0)
    assert whole.rows.tolist() == [1_000.0, 980.0]
    assert np.isfinite(whole.deviation(np.array([1.0, 0.0]), np.ones(2))).all()

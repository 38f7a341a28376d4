"""Slices with hours of their own: what is usual at an hour is no surprise, and chance is no profile."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.detection.data.counts import Counts
from domain.detection.data.window import Grid
from domain.detection.expect.seasonal_profile import learn_profiles, profile_keys
from domain.detection.expect.share import expect_shares, share_p_values
from domain.detection.judge.again.measure import measure_slice
from domain.errors import NoRows
from domain.values import Finding, slice_of
from tests.domain.detection.traffic import DAY, grid

DAYS, SLICES, ROWS = 56, 300, 60_000.0
MONDAY = 345_600
SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)


def history(seed: int, swing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(days,) totals, (days, slices) rows, (days,) local seconds: every other slice is up on Sundays."""
    chance = np.random.default_rng(seed)
    share = chance.dirichlet(np.full(SLICES, 5.0))
    local = MONDAY + 86_400 * np.arange(DAYS, dtype=np.int64)
    sunday = (np.arange(DAYS) % 7 == 6)[:, None] & (np.arange(SLICES) % 2 == 0)
    each = share * np.where(sunday, 1 + swing, 1.0) * chance.lognormal(0, 0.03, (DAYS, SLICES))
    rows = chance.poisson(ROWS * each).astype(float)
    return np.full(DAYS, ROWS), rows, local


def p_values(seed: int, swing: float, profiles: bool, lost: float = 0.0) -> np.ndarray:
    """Of the last day, a Sunday, on which the first half of the slices lost a part of their rows."""
    total, rows, local = history(seed, swing)
    rows[-1, : SLICES // 2] *= 1 - lost
    keys = profile_keys(local, 86_400, np.ones(DAYS, dtype=bool)) if profiles else None
    shares = expect_shares(total, rows, np.ones(rows.shape, dtype=bool), keys=keys)
    return share_p_values(rows[-1], ROWS, shares.share, shares.dispersion(ROWS))


@pytest.mark.parametrize("swing", [0.0, 0.5])
def test_a_sunday_like_other_sundays_is_as_rarely_surprising_as_it_says(swing: float) -> None:
    p = np.concatenate([p_values(seed, swing, profiles=True) for seed in range(6)])
    for level in (0.05, 0.01):
        assert np.mean(p <= level) <= 1.3 * level + 3 * np.sqrt(level / len(p))
    assert np.mean(p <= 0.05) >= 0.02


def test_a_loss_on_a_sunday_is_seen_far_more_often_where_the_habit_is_known() -> None:
    def seen(profiles: bool) -> float:
        found = [p_values(seed, 0.5, profiles, lost=0.35)[: SLICES // 2 : 2] for seed in range(4)]
        return float(np.mean(np.concatenate(found) <= 1e-5))

    assert seen(profiles=True) >= 0.6
    assert seen(profiles=True) > 2 * seen(profiles=False)


def test_chance_is_not_taken_for_a_habit() -> None:
    total, rows, local = history(0, 0.0)
    keys = profile_keys(local, 86_400, np.ones(DAYS, dtype=bool))
    assert keys is not None
    profiles = learn_profiles(total, rows, np.ones(DAYS, dtype=bool), keys)
    factors = profiles.factor(DAYS - 1, None, ROWS)
    assert np.quantile(np.abs(factors - 1), 0.9) < 0.06


def test_without_three_repeats_or_with_windows_longer_than_a_day_there_are_no_habits() -> None:
    week = MONDAY + 86_400 * np.arange(15, dtype=np.int64)
    assert profile_keys(week, 86_400, np.ones(15, dtype=bool)) is None
    assert profile_keys(week, 7 * 86_400, np.ones(15, dtype=bool)) is None
    hours = MONDAY + 3_600 * np.arange(73, dtype=np.int64)
    assert profile_keys(hours, 3_600, np.ones(73, dtype=bool)) is not None
    learned = np.ones(73, dtype=bool)
    learned[24:48] = False
    assert profile_keys(hours, 3_600, learned) is None


def test_a_slice_without_a_row_has_no_habit() -> None:
    total, rows, local = history(1, 0.0)
    rows[:, 3] = 0
    keys = profile_keys(local, 86_400, np.ones(DAYS, dtype=bool))
    shares = expect_shares(total, rows, np.ones(rows.shape, dtype=bool), keys=keys)
    assert np.isfinite(shares.share).all()
    assert shares.share[3] < 1e-5


def measured(sunday_rows: float, total: float = 10_000.0, usual: float = 10_000.0) -> tuple[float, bool]:
    """What a slice that doubles on Sundays should hold on one, and whether so many rows are as usual."""
    past_grid, present_grid = grid(DAY, 42, SUNDAY), Grid(SUNDAY, DAY, 1, ((SUNDAY, 0),), ZoneInfo("UTC"))
    sunday = np.array([[past_grid.edge(day).weekday() == 6] for day in range(42)])
    chance = np.random.default_rng(0)
    rows = chance.poisson(np.where(sunday, 2_000, 1_000)).astype(float)
    known, names = np.ones(42, dtype=bool), (slice_of(device="tv"),)
    past = Counts(past_grid, np.full(42, usual), rows, names, known)
    present = Counts(present_grid, np.array([total]), np.array([[sunday_rows]]), names, known[:1])
    finding = Finding(
        check="c",
        table="plays",
        slice=names[0],
        window_start=SUNDAY - DAY,
        window_end=SUNDAY,
        observed=500,
        expected=1_000,
        p_value=0,
        severity="SEV2",
        title="50 % fewer rows",
    )
    found = measure_slice(finding, past, present)
    return found.expected, found.within


def test_a_finding_is_over_by_what_is_usual_at_that_time() -> None:
    expected, within = measured(2_000)
    assert within
    assert expected == pytest.approx(2_000, rel=0.1)
    assert not measured(1_000)[1]


def test_a_table_without_a_row_is_distinguished_from_one_with_too_few() -> None:
    with pytest.raises(NoRows):
        measured(0.0, total=0.0)


def test_a_slice_that_is_most_of_the_total_is_measured_by_what_it_lacks() -> None:
    expected, within = measured(800, total=1_660, usual=2_860)
    assert expected == pytest.approx(2_000, rel=0.1)
    assert not within

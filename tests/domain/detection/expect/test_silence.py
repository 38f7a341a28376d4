"""Silences in tables that are busy by day and quiet at night: how often a healthy one is too long."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.expect.silence import WEEK_SECONDS, Usual, usual_silence

DAY, HOUR, MINUTE = 86_400.0, 3_600.0, 60.0
WEEKS_AHEAD = 2


def times(seed: int, days: int, by_day: float, by_night: float, closed_until: float = 0.0) -> np.ndarray:
    """Moments of rows, `by_day` seconds apart at three in the afternoon and `by_night` twelve hours later."""
    chance, whole = np.random.default_rng(seed), (days + 7 * WEEKS_AHEAD) * DAY
    rows = np.sort(chance.uniform(0, whole, chance.poisson(whole / by_day)))
    hour = rows / HOUR % 24
    busy = np.clip(0.5 - 0.75 * np.cos((hour - 3) / 24 * 2 * np.pi), 0, 1)
    kept = chance.uniform(size=len(rows)) < busy + (1 - busy) * by_day / by_night
    return rows[kept & (hour > closed_until)]


def learned(rows: np.ndarray, days: int) -> Usual:
    usual = usual_silence(np.diff(rows[rows < days * DAY]), 1.0, None)
    assert usual is not None
    return usual


@pytest.mark.parametrize("days", [7, 28])
@pytest.mark.parametrize(
    ("by_day", "by_night"),
    [
        pytest.param(10, 30, id="hardly quieter by night"),
        pytest.param(60, 60, id="alike by day and night"),
        pytest.param(60, 1_200, id="twenty times quieter"),
        pytest.param(60, 3_600, id="sixty times quieter"),
        pytest.param(300, 3_600, id="a small site"),
    ],
)
def test_a_quiet_night_is_seldom_reported_as_a_silence(days: int, by_day: float, by_night: float) -> None:
    false, seeds = 0, 40
    for seed in range(seeds):
        rows = times(seed, days, by_day, by_night)
        ahead = np.diff(rows[rows >= days * DAY])
        false += int((ahead > learned(rows, days).limit).sum())
    assert false / seeds / WEEKS_AHEAD <= 0.2


@pytest.mark.parametrize("days", [2, 3, 7, 28])
def test_a_shop_that_is_closed_by_night_is_missed_soon_after_it_should_have_opened(days: int) -> None:
    for seed in range(10):
        rows = times(seed, days, MINUTE, MINUTE, closed_until=8)
        assert np.diff(rows).max() < learned(rows, days).limit < 10.5 * HOUR


@pytest.mark.parametrize("outages", [1, 2])
def test_an_outage_or_two_do_not_make_the_limit_longer(outages: int) -> None:
    gaps = np.full(5_000, MINUTE)
    usual = usual_silence(np.append(gaps, [5 * HOUR] * outages), 1.0, None)
    assert usual is not None
    assert usual.limit < 5 * MINUTE


def test_a_longer_silence_is_rarer() -> None:
    usual = learned(times(1, 28, 60, 1_200), 28)
    one, two = usual.p_value(usual.limit), usual.p_value(2 * usual.limit)
    assert two < one < 1e-3
    assert WEEK_SECONDS / MINUTE * one < 1

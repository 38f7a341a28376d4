"""What no single window of minutes can tell, the hour of them does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from domain.detection.data.counts import Counts
from domain.detection.judge.counts.hour import hours_of, learn_hours
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.volume import judge_volume
from domain.recommender.check import Check
from tests.domain.detection.traffic import totals

FIVE = timedelta(minutes=5)
DAY, HOUR, QUARTER = 288, 12, 3  # windows
WEEK = 7 * DAY
SCATTER = 0.15  # of a quarter of an hour, all of whose windows share it
CHECK = Check(name="volume", kind="volume", table="requests")


def breathing(days: int, seed: int) -> np.ndarray:
    """Rows of windows of five minutes: nights a sixth of the evenings, quarters of an hour that wander."""
    chance = np.random.default_rng(seed)
    at = np.arange(days * DAY)
    mean = 300 * np.exp(0.9 * np.sin(2 * np.pi * at / DAY))
    return chance.poisson(
        mean * np.repeat(chance.gamma(SCATTER**-2, SCATTER**2, len(at) // QUARTER), QUARTER)
    )


def walked(counts: Counts, first: int) -> Iterator[tuple[int, Verdict]]:
    """Look after look from window `first` on, each remembering those before."""
    state = CheckState()
    for last in range(first, len(counts.total)):
        verdict = judge_volume(CHECK, counts.until(last, last), state)
        state = verdict.state
        yield last, verdict


@pytest.mark.parametrize("seed", range(4))
def test_two_fifths_lost_that_few_windows_show_are_told_within_four_hours(seed: int) -> None:
    values, onset = breathing(16, seed), 15 * DAY + 100 + 31 * seed
    values[onset:] = np.random.default_rng(seed).binomial(values[onset:], 0.6)
    told = next(last for last, verdict in walked(totals(values, FIVE), onset - HOUR) if verdict.findings)
    assert onset < told < onset + 4 * HOUR


def test_what_an_hour_told_stands_while_its_windows_fit_both_and_is_over_within_an_hour_of_its_end() -> None:
    values, onset = breathing(16, 7), 15 * DAY + 96
    lost = slice(onset, onset + 6 * HOUR)
    values[lost] = np.random.default_rng(7).binomial(values[lost], 0.6)
    cleared = [last for last, verdict in walked(totals(values, FIVE), onset) if verdict.cleared]
    assert len(cleared) == 1
    assert abs(cleared[0] - lost.stop) <= HOUR


def test_a_week_in_which_quarters_of_an_hour_wander_says_nothing() -> None:
    told = [last for last, verdict in walked(totals(breathing(21, 3), FIVE), 2 * WEEK) if verdict.findings]
    assert told == []


def test_an_hour_that_is_not_there_as_a_whole_is_none() -> None:
    counts = totals(np.full(40, 9), FIVE)  # three hours and 20 minutes, up to midnight
    hours = hours_of(counts, counts.known)
    assert hours.total.tolist() == [108.0] * 3
    assert (hours.local_seconds % 3_600 == 0).all()
    assert learn_hours(counts, CheckState(), amounts=False) is None

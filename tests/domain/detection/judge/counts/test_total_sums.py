"""What several windows together show, but no single one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from domain.detection.data.counts import Counts
from domain.detection.expect.total.baseline import learn
from domain.detection.judge.counts.total_sums import last_sums, learn_sums
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.tables.volume import judge_volume
from domain.recommender.check import Check
from tests.domain.detection.traffic import totals

FIVE, AN_HOUR = timedelta(minutes=5), timedelta(hours=1)
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
def test_two_fifths_lost_that_few_windows_show_are_detected_within_four_hours(seed: int) -> None:
    values, onset = breathing(16, seed), 15 * DAY + 100 + 31 * seed
    values[onset:] = np.random.default_rng(seed).binomial(values[onset:], 0.6)
    detected = next(last for last, verdict in walked(totals(values, FIVE), onset - HOUR) if verdict.findings)
    assert onset < detected < onset + 4 * HOUR


def test_what_an_hour_shows_stands_while_its_windows_fit_both_and_is_over_within_an_hour_of_its_end() -> None:
    values, onset = breathing(16, 7), 15 * DAY + 96
    lost = slice(onset, onset + 6 * HOUR)
    values[lost] = np.random.default_rng(7).binomial(values[lost], 0.6)
    cleared = [last for last, verdict in walked(totals(values, FIVE), onset) if verdict.cleared]
    assert len(cleared) == 1
    assert abs(cleared[0] - lost.stop) <= HOUR


def test_a_week_in_which_quarters_of_an_hour_wander_says_nothing() -> None:
    alarms = [last for last, verdict in walked(totals(breathing(21, 3), FIVE), 2 * WEEK) if verdict.findings]
    assert alarms == []


@pytest.mark.parametrize("seed", range(3))
def test_three_tenths_lost_in_windows_of_a_minute_are_detected_within_fifteen(seed: int) -> None:
    chance = np.random.default_rng([11, seed])
    at = np.arange(8 * 1_440)
    values = chance.poisson(60 * np.exp(0.5 * np.sin(2 * np.pi * at / 1_440)))
    onset = 7 * 1_440 + 615 + 7 * seed
    values[onset:] = chance.binomial(values[onset:], 0.7)
    looks = walked(totals(values, timedelta(minutes=1)), onset - 60)
    first = next((last, verdict.findings) for last, verdict in looks if verdict.findings)
    assert onset < first[0] < onset + 15
    assert -0.6 < first[1][0].change < -0.15


def test_a_loss_of_a_fifth_of_an_hours_rows_is_detected_by_the_four_hours_of_it() -> None:
    chance = np.random.default_rng(4)
    at = np.arange(40 * 24)
    values = chance.poisson(250 * np.exp(0.5 * np.sin(2 * np.pi * at / 24)))
    onset = 39 * 24 + 8
    values[onset:] = chance.binomial(values[onset:], 0.79)
    detected = next(
        last for last, verdict in walked(totals(values, timedelta(hours=1)), 38 * 24) if verdict.findings
    )
    assert onset <= detected < onset + 8


def test_what_was_wrong_and_is_over_is_part_of_no_sum() -> None:
    values, onset = breathing(16, 7), 15 * DAY + 96
    lost = slice(onset, onset + HOUR)
    values[lost] = 0
    reported = [last for last, verdict in walked(totals(values, FIVE), onset - 1) if verdict.findings]
    assert reported
    assert max(reported) <= lost.stop + 1


def test_a_sum_that_is_not_there_as_a_whole_is_none() -> None:
    counts = totals(np.full(40, 9), FIVE)  # three hours and 20 minutes
    assert counts.merged(HOUR).total.tolist() == [108.0] * 3
    assert [one.width for one in learn_sums(counts, CheckState(), amounts=False)] == [900]


def opening(days: int, seed: int, per_hour: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    """(n,) rows of hours and what they hold on average: from a quiet night to a full day within two hours."""
    hours = np.arange(days * 24)
    mean = np.where((hours % 24 >= 6) & (hours % 24 < 20), 1.8, 0.2)
    mean[hours % 24 == 5] = 0.7
    mean = per_hour * mean * np.where(hours // 24 % 7 >= 5, 0.4, 1.0)
    return mean, np.random.default_rng(seed).poisson(mean)


@pytest.mark.parametrize("days", [17, 24])
def test_a_sum_is_expected_to_hold_what_its_hours_are_wherever_it_begins(days: int) -> None:
    mean, values = opening(days + 1, 3)
    counts = totals(values, AN_HOUR)
    past = counts.until(days * 24 - 1, days * 24 - 1)
    baseline = learn(past.total, past.local_seconds(), 3_600.0, np.ones(len(past.total), dtype=bool))
    state = CheckState(
        baseline=baseline, sums=learn_sums(counts.until(days * 24, days * 24), CheckState(), amounts=False)
    )
    judged = 0
    for last in range(days * 24 + 4, len(values)):
        for one in last_sums(counts.until(last, last), state):
            due = mean[last + 1 - one.windows : last + 1].sum()
            assert one.expected.mean == pytest.approx(due, rel=0.2, abs=30)
            judged += 1
    assert judged >= 20


@pytest.mark.parametrize("seed", range(3))
def test_days_that_open_within_an_hour_raise_no_alarm_when_their_third_week_is_over(seed: int) -> None:
    counts = totals(opening(26, seed)[1], AN_HOUR)
    assert not [verdict.findings for _, verdict in walked(counts, 20 * 24) if verdict.findings]

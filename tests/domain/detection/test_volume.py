from __future__ import annotations

import numpy as np
import pytest

from domain.detection.state import CheckState
from domain.detection.volume import holes, judge_volume
from domain.recommender.check import Check
from tests.domain.detection.traffic import DAY, HOUR, MINUTE, totals, weekly

CHECK = Check(name="volume", kind="volume", table="ratings")


@pytest.mark.parametrize(("factor", "severity"), [(0.3, "SEV1"), (0.0, "SEV1"), (2.5, "SEV2")])
def test_a_day_that_is_far_off_is_found(factor: float, severity: str) -> None:
    for seed in range(5):
        values = weekly(57, seed)
        values[-1] = round(values[-1] * factor)
        (finding,) = judge_volume(CHECK, totals(values, DAY), CheckState()).findings
        assert finding.severity == severity
        assert finding.slice == ()
        assert finding.low is not None
        assert finding.high is not None
        assert not finding.low <= finding.observed <= finding.high


def test_normal_days_open_less_than_one_incident_in_ten_weeks() -> None:
    found = 0
    for seed in range(4):
        values, state = weekly(21 + 70, seed), CheckState()
        counts = totals(values, DAY)
        for last in range(21, 91):
            verdict = judge_volume(CHECK, counts.until(last, 56), state)
            state, found = verdict.state, found + len(verdict.findings)
    assert found <= 4


def test_an_outage_of_days_is_told_each_day_and_its_end_is_said() -> None:
    values = weekly(70, 3)
    values[60:66] = 20
    counts, state, told, cleared = totals(values, DAY), CheckState(), [], []
    for last in range(50, 70):
        verdict = judge_volume(CHECK, counts.until(last, 56), state)
        state = verdict.state
        told += [last] * len(verdict.findings)
        cleared += [last] * len(verdict.cleared)
    assert told == list(range(60, 66))
    assert cleared == [66]


def test_little_traffic_pages_nobody() -> None:
    values = np.random.default_rng(2).poisson(6, 60)
    values[-1] = 0
    assert judge_volume(CHECK, totals(values, DAY), CheckState()).findings == ()


def test_minutes_by_the_hundred_are_judged_without_a_season() -> None:
    values = np.random.default_rng(4).poisson(300, 400)
    values[-1] = 90
    first = judge_volume(CHECK, totals(values, MINUTE), CheckState())
    second = judge_volume(CHECK, totals(values, MINUTE), first.state)
    assert len(second.findings) == 1


def test_a_hole_that_an_outage_left_is_not_what_is_usual() -> None:
    """Neither the first windows after it are a surge, nor is the hole where half of the rows are usual."""
    values = np.random.default_rng(5).poisson(300, 240)
    values[60:235] = 0
    counts, state = totals(values, MINUTE), CheckState()
    for last in range(235, 240):
        verdict = judge_volume(CHECK, counts.until(last, 239), state)
        state = verdict.state
        assert (verdict.judged, verdict.findings) == (True, ())


def test_a_table_that_stops_is_found_although_empty_windows_teach_nothing() -> None:
    values = np.random.default_rng(5).poisson(300, 240)
    values[236:] = 0
    counts, state, told = totals(values, MINUTE), CheckState(), 0
    for last in range(230, 240):
        verdict = judge_volume(CHECK, counts.until(last, 239), state)
        state, told = verdict.state, told + len(verdict.findings)
    assert told == 3


def test_nights_without_rows_are_a_habit_once_there_are_enough_of_them() -> None:
    counts = totals(np.tile(np.r_[np.zeros(8), np.full(16, 300)], 5), HOUR)
    assert not holes(counts).any()
    assert holes(totals(np.r_[np.full(30, 300), np.zeros(10)], HOUR)).sum() == 10

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from domain.detection.data.counts import Counts
from domain.detection.judge.counts.total import expect_total
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.usable import holes
from domain.detection.kinds.tables.volume import judge_volume
from domain.recommender.check import Check
from domain.values import Finding
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


def test_an_outage_of_days_is_reported_each_day_and_its_end_is_said() -> None:
    values = weekly(70, 3)
    values[60:66] = 20
    counts, state, reported, cleared = totals(values, DAY), CheckState(), [], []
    for last in range(50, 70):
        verdict = judge_volume(CHECK, counts.until(last, 56), state)
        state = verdict.state
        reported += [last] * len(verdict.findings)
        cleared += [last] * len(verdict.cleared)
    assert reported == list(range(60, 66))
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
    counts, state, reported = totals(values, MINUTE), CheckState(), 0
    for last in range(230, 240):
        verdict = judge_volume(CHECK, counts.until(last, 239), state)
        state, reported = verdict.state, reported + len(verdict.findings)
    assert reported == 3


def test_nights_without_rows_are_a_habit_once_there_are_enough_of_them() -> None:
    counts = totals(np.tile(np.r_[np.zeros(8), np.full(16, 300)], 5), HOUR)
    assert not holes(counts).any()
    assert holes(totals(np.r_[np.full(30, 300), np.zeros(10)], HOUR)).sum() == 10


def breathing(width: timedelta, days: int, seed: int, per_hour: float = 400.0) -> np.ndarray:
    """Days six times their nights, quieter weekends."""
    chance = np.random.default_rng(seed)
    t = np.arange(days * DAY // width) * width.total_seconds()
    season = np.exp(0.9 * np.sin(2 * np.pi * (t / 86_400 - 0.3))) * np.where((t // 86_400) % 7 >= 5, 0.7, 1)
    return chance.poisson(per_hour * season * (width / HOUR))


def walked(counts: Counts, first: int, state: CheckState | None = None) -> list[Verdict]:
    """Look after look, as live: after each the memory goes through JSON."""
    verdicts, memory = [], state or CheckState()
    history = 28 * DAY // counts.grid.width
    for last in range(first, len(counts.total)):
        fresh = {"accept_after": memory.accept_after}
        verdicts.append(judge_volume(CHECK, counts.until(last, history), memory))
        kept = CheckState.model_validate_json(verdicts[-1].state.model_dump_json())
        memory = kept.model_copy(update=fresh)
    return verdicts


def test_a_loss_stands_to_its_end_and_neither_moves_the_expectation_nor_is_its_end_a_surge() -> None:
    """Also by night, when a window alone would not distinguish a loss of two fifths from none."""
    values, begin, end = breathing(HOUR, 49, 6), 24 * 28 + 10, 24 * 42 + 10
    lost = values.copy()
    lost[begin:end] = np.random.default_rng(7).binomial(values[begin:end], 0.6)
    verdicts = walked(totals(lost, HOUR), 24 * 26)
    found = {i + 24 * 26: v.findings[0] for i, v in enumerate(verdicts) if v.findings}
    cleared = [i + 24 * 26 for i, v in enumerate(verdicts) if v.cleared]
    assert begin <= min(found) <= begin + 1
    assert end - 12 <= max(found) < end
    assert all(finding.observed < finding.expected for finding in found.values())
    (over,) = cleared
    assert end <= over <= end + 4
    for place, finding in found.items():
        windows = round((finding.window_end - finding.window_start) / HOUR)
        assert finding.expected == pytest.approx(values[place + 1 - windows : place + 1].sum(), rel=0.3)


def test_what_lasts_is_the_new_normal_after_the_declared_time_and_is_over_then() -> None:
    values, begin = breathing(HOUR, 42, 8).astype(float), 24 * 28 + 10
    values[begin:] = np.random.default_rng(9).binomial(values[begin:].astype(int), 0.5)
    verdicts = walked(totals(values, HOUR), 24 * 26, CheckState(accept_after=7 * DAY))
    cleared = [i + 24 * 26 for i, v in enumerate(verdicts) if v.cleared]
    assert len(cleared) == 1
    assert begin + 7 * 24 <= cleared[0] <= begin + 8 * 24 + 1
    after = [v for i, v in enumerate(verdicts) if i + 24 * 26 > cleared[0]]
    assert not any(v.findings for v in after)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_workday_after_a_weekend_is_no_surge(seed: int) -> None:
    """Nor is any after it: what was reported once would teach nothing, and each Monday would be the first."""
    counts = totals(breathing(MINUTE * 15, 16, seed, 1_800.0), MINUTE * 15)
    assert not [v.findings for v in walked(counts, 5 * 96) if v.findings]


def test_looks_that_keep_what_is_usual_say_what_looks_without_memory_say() -> None:
    counts = totals(breathing(MINUTE * 15, 23, 10, 300.0), MINUTE * 15)
    kept = walked(counts, 22 * 96)[-1].state.baseline
    assert kept is not None
    one, _ = expect_total(counts, CheckState(baseline=kept))
    other, _ = expect_total(counts, CheckState())
    assert one is not None
    assert other is not None
    assert abs(one.mean / other.mean - 1) < 0.1


def daily(values: np.ndarray, first: int, check: Check = CHECK) -> list[tuple[int, list[Finding], int]]:
    """Day after day: the day, what is reported, and how many are said to be over."""
    counts, state, days = totals(values, DAY), CheckState(), []
    for last in range(first, len(values)):
        verdict = judge_volume(check, counts.until(last, 112), state)
        state = verdict.state
        days.append((last, list(verdict.findings), len(verdict.cleared)))
    return days


def few(days: int, seed: int, left: float, lost: slice) -> np.ndarray:
    shape = np.array([1.1, 0.8, 0.75, 0.8, 0.9, 1.25, 1.4])
    mean = 15 * shape[np.arange(days) % 7]
    mean[lost] *= left
    return np.random.default_rng(seed).poisson(mean)


def test_a_loss_that_no_day_shows_is_reported_with_the_day_since_when_and_never_twice() -> None:
    days = daily(few(150, 6, 0.4, slice(112, 140)), 100)
    reported = [(day, one) for day, findings, _over in days for one in findings]
    assert {one.fingerprint for _day, one in reported} == {reported[0][1].fingerprint}
    assert 112 < reported[0][0] <= 119
    onset = reported[0][1].window_start
    assert abs((onset - totals(np.zeros(150), DAY).start(112)).days) <= 2
    assert all(one.window_start == onset and one.change < 0 for _day, one in reported)
    assert f"since {onset.day} {onset:%b}" in reported[0][1].title
    assert "fewer rows" in reported[0][1].title
    assert "were expected" in reported[0][1].title


def test_what_recovered_is_said_to_be_over_once_and_is_no_surge() -> None:
    days = daily(few(170, 6, 0.4, slice(112, 140)), 100)
    assert [over for _day, _findings, over in days if over] == [1]
    (over,) = [day for day, _findings, cleared in days if cleared]
    assert 140 < over <= 150
    assert not any(findings for day, findings, _over in days if day > over)


def test_a_loss_that_stands_for_weeks_is_held_against_the_level_before_it() -> None:
    days = daily(few(150, 6, 0.4, slice(112, None)), 100)
    (last,) = days[-1][1]
    assert last.observed / last.expected == pytest.approx(0.4, abs=0.06)


def test_amounts_are_left_to_single_windows() -> None:
    priced = CHECK.model_copy(update={"measure": "price"})
    days = daily(few(140, 6, 0.6, slice(112, None)), 112, priced)
    assert not any(findings for _day, findings, _over in days)


def test_what_a_day_reports_first_goes_on_as_the_same_finding() -> None:
    values = weekly(80, 3)
    values[70:] = values[70:] // 2
    days = daily(values, 68)
    reported = [one for _day, findings, _over in days for one in findings]
    assert len(reported) == 10
    assert len({one.fingerprint for one in reported}) == 1
    assert {one.window_start for one in reported} == {totals(values, DAY).start(70)}

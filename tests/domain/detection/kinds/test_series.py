from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from domain.detection.data.metric import Metric
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.excluded import Past
from domain.detection.judge.series.anomaly_finding import swing_of
from domain.detection.judge.series.measure_series import measure_series
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.detection.kinds.tables.series import judge_series
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice
from tests.domain.detection.judge.series.test_anomaly_score import FAULT_AT, WINDOWS, daily
from tests.domain.detection.traffic import END, HOUR, grid

CHECK = Check(name="wait", kind="series", table="plays", measure="wait", options={"aggregate": "mean"})
WHOLE: tuple[Slice, ...] = ((),)


def metric(*values: np.ndarray, slices: tuple[Slice, ...] = WHOLE, empty: float = np.nan) -> Metric:
    return Metric(grid(HOUR, len(values[0]), END), np.column_stack(values), slices, empty)


def looks(
    whole: Metric, first: int, last: int, check: Check = CHECK, state: CheckState | None = None
) -> list[Verdict]:
    """One look after the other, each with what the one before remembered."""
    verdicts, memory = [], state or CheckState()
    for place in range(first, last):
        verdicts.append(judge_series(check, whole.until(place, WINDOWS), memory))
        memory = CheckState.model_validate_json(verdicts[-1].state.model_dump_json())
    return verdicts


def test_an_incident_is_reported_at_once_goes_on_and_its_end_is_said() -> None:
    y = daily(1)
    y[FAULT_AT : FAULT_AT + 8] *= 0.4
    verdicts = looks(metric(y), FAULT_AT - 3, FAULT_AT + 24)
    assert [len(one.findings) for one in verdicts][:11] == [0, 0, 0, *[1] * 8]
    assert len({one.fingerprint for verdict in verdicts for one in verdict.findings}) == 1
    cleared = [place for place, one in enumerate(verdicts) if one.cleared]
    assert len(cleared) == 1
    assert 11 < cleared[0] <= 3 + 8 + 4 + 7
    first = verdicts[3].findings[0]
    assert first.title.startswith("plays: mean wait 6")
    assert first.title.endswith("% lower than usual at this time")
    assert first.low is not None
    assert first.high is not None
    assert first.observed < first.low < first.expected < first.high
    assert (first.unit, first.severity) == ("mean wait", "SEV1")
    assert 0 < first.p_value < 0.05
    assert (first.window_start, first.window_end) == (
        metric(y).edge(FAULT_AT),
        metric(y).edge(FAULT_AT + 1),
    )


def test_three_healthy_weeks_raise_hardly_any_alarm() -> None:
    alarms = 0
    for seed in range(3):
        verdicts = looks(metric(daily(seed)), WINDOWS - 24 * 7, WINDOWS)
        assert all(one.judged for one in verdicts)
        alarms += sum(1 for before, now in pairwise(verdicts) if now.findings and not before.findings)
    assert alarms <= 1


def test_a_job_that_runs_every_day_is_reported_on_its_first_days_and_then_is_usual() -> None:
    y = np.random.default_rng(1).normal(100, 5, 24 * 13)
    y[24 * 6 + 3 :: 24] += 400
    verdicts = looks(metric(y), 24 * 6, 24 * 13)
    days = [place // 24 for place, one in enumerate(verdicts) if one.findings]
    assert days
    assert max(days) < 5


def test_a_change_smaller_than_declared_or_the_other_way_is_not_reported() -> None:
    y = daily(1)
    y[FAULT_AT] *= 0.4
    now = metric(y).until(FAULT_AT, WINDOWS)
    assert judge_series(CHECK, now, CheckState()).findings
    for stricter in ({"least_change": 0.9}, {"direction": "surge"}):
        assert not judge_series(CHECK.model_copy(update=stricter), now, CheckState()).findings


def test_few_rows_page_nobody_however_far_they_fall() -> None:
    y = np.random.default_rng(3).poisson(8, WINDOWS).astype(float)
    y[-1] = 60
    count = Check(name="rows", kind="series", table="plays")
    assert judge_series(count, metric(y, empty=0.0), CheckState()).findings
    more = count.model_copy(update={"least_rows": 100})
    assert not judge_series(more, metric(y, empty=0.0), CheckState()).findings


def test_times_that_the_log_says_were_wrong_are_not_learned_from() -> None:
    y, wrong = daily(1), []
    for start in range(700, 1_340, 40):
        y[start : start + 5] *= 0.2
        span = metric(y).edge(start), metric(y).edge(start + 5)
        wrong.append(ExcludedWindow(slice=(), since=span[0], until=span[1]))
    y[FAULT_AT] *= 0.55
    now = metric(y).until(FAULT_AT, WINDOWS)
    assert not judge_series(CHECK, now, CheckState()).findings
    assert len(judge_series(CHECK, now, CheckState(known=tuple(wrong))).findings) == 1


def test_a_new_normal_is_learned_when_nearly_all_of_the_past_was_wrong() -> None:
    y = daily(1)
    all_of_it = ExcludedWindow(slice=(), since=metric(y).edge(0), until=metric(y).edge(WINDOWS - 10))
    assert judge_series(CHECK, metric(y), CheckState(known=(all_of_it,))).judged


def test_a_metric_without_a_value_is_a_silence_and_how_long_is_said() -> None:
    y = daily(1)
    y[-8:] = np.nan
    (finding,) = judge_series(CHECK, metric(y), CheckState()).findings
    assert finding.title == "plays: mean wait without a value for 7h, never before"
    assert finding.unit == "seconds"
    assert finding.observed == 7 * 3_600
    assert finding.window_end - finding.window_start == timedelta(hours=8)


def by_country(sick: tuple[str, ...]) -> Metric:
    countries = ("Denmark", "France", "Italy", "Spain")
    each = [daily(place + 10) for place in range(len(countries))]
    for country in sick:
        each[countries.index(country)][FAULT_AT] *= 0.2
    whole = np.mean(each, axis=0)
    slices: tuple[Slice, ...] = ((), *((("country", country),) for country in countries))
    return metric(whole, *each, slices=slices).until(FAULT_AT, WINDOWS)


def test_a_sick_slice_is_named_and_a_sick_table_is_reported_once() -> None:
    (finding,) = judge_series(CHECK, by_country(("France",)), CheckState()).findings
    assert finding.slice == (("country", "France"),)
    assert finding.title.startswith("plays where country = France: mean wait 8")
    every = ("Denmark", "France", "Italy", "Spain")
    (finding,) = judge_series(CHECK, by_country(every), CheckState()).findings
    assert finding.slice == ()
    assert not judge_series(CHECK, by_country(()), CheckState()).findings


def test_a_slice_that_was_not_there_yet_is_not_among_those_looked_at() -> None:
    young = daily(2)
    young[: WINDOWS - 5] = np.nan
    whole = metric(daily(1), young, slices=((), (("country", "France"),)))
    assert whole.until(WINDOWS - 10, 1_000).slices == ((),)
    assert len(whole.until(WINDOWS - 1, 1_000).slices) == 2
    assert not judge_series(CHECK, whole, CheckState()).findings


def test_without_enough_past_nothing_is_judged() -> None:
    verdict = judge_series(CHECK, metric(daily(1)[:30]), CheckState())
    assert (verdict.judged, verdict.findings, verdict.note) == (False, (), "not enough history yet")


def test_windows_without_rows_are_nothing_for_a_mean_and_0_for_a_count() -> None:
    held = np.array([np.nan, 5.0, np.nan, 7.0])
    assert metric(held).values(0)[2] != metric(held).values(0)[2]
    assert metric(held, empty=0.0).values(0).tolist()[1:] == [5.0, 0.0, 7.0]
    assert np.isnan(metric(held, empty=0.0).values(0)[0])  # before the first row of all


@pytest.mark.parametrize("hours", [1, 3, 6])
def test_the_metric_of_a_finding_is_back_when_it_is_back(hours: int) -> None:
    y = daily(1)
    y[FAULT_AT : FAULT_AT + 20] *= 0.4
    (finding,) = judge_series(CHECK, metric(y).until(FAULT_AT, WINDOWS), CheckState()).findings
    before = Past(before=finding.window_start)
    sick, well = (metric(y).until(FAULT_AT + place, WINDOWS) for place in (12, 40))
    still = measure_series(CHECK, finding, sick, before, sick.edge(sick.count - hours))
    fixed = measure_series(CHECK, finding, well, before, well.edge(well.count - hours))
    assert not still.within
    assert abs(still.repaired(finding)) < 0.2
    assert fixed.within
    assert abs(fixed.repaired(finding) - 1) < 0.2
    assert still.p_value < 0.01 < fixed.p_value


def test_a_swing_is_measured_as_a_swing_and_a_silence_as_a_silence() -> None:
    y = daily(1)
    y[FAULT_AT : FAULT_AT + 12] += 45 * np.where(np.arange(12) % 2, 1, -1)
    found = [one for v in looks(metric(y), FAULT_AT, FAULT_AT + 10) for one in v.findings]
    swing = next(one for one in found if one.unit == swing_of(CHECK))
    assert "swings" in swing.title
    now = metric(y).until(FAULT_AT + 10, WINDOWS)
    before = Past(before=metric(y).edge(FAULT_AT))
    assert not measure_series(CHECK, swing, now, before, now.edge(now.count - 6)).within
    y[FAULT_AT:] = y[FAULT_AT]
    (silence,) = judge_series(CHECK, metric(y).until(FAULT_AT + 9, WINDOWS), CheckState()).findings
    assert silence.title == "plays: mean wait has not moved for 9h, never before"
    still = metric(y).until(FAULT_AT + 12, WINDOWS)
    assert not measure_series(CHECK, silence, still, before, still.edge(still.count - 1)).within
    y[FAULT_AT + 12 :] += daily(1)[FAULT_AT + 12 :]
    again = metric(y).until(FAULT_AT + 14, WINDOWS)
    assert measure_series(CHECK, silence, again, before, again.edge(again.count - 1)).within


def test_a_swing_is_over_by_the_side_of_the_band_that_it_was_found_on() -> None:
    small = Finding(
        check="wait",
        table="plays",
        window_start=END - HOUR,
        window_end=END,
        observed=1.7,
        expected=1.0,
        low=0.0,
        high=1.5,
        unit=swing_of(CHECK),
        p_value=0.001,
        severity=Severity.SEV3,
        title="plays: mean wait swings 1.7 times as far as usual",
    )
    calm = Measurement(observed=1.0, expected=1.0, low=0.0, high=1.2, p_value=0.6)
    assert calm.blur(small) == pytest.approx(0.2 / 0.7)
    assert calm.blur(small.model_copy(update={"observed": 0.3})) == pytest.approx(1.0 / 0.7)


def test_what_was_found_before_the_season_was_known_can_be_measured_again() -> None:
    y, at = np.random.default_rng(2).normal(100, 5, 150), 90
    y[at] += 1_000
    (finding,) = judge_series(CHECK, metric(y).until(at, WINDOWS), CheckState()).findings
    later = metric(y).until(at + 20, WINDOWS)
    before = Past(before=finding.window_start)
    assert measure_series(CHECK, finding, later, before, later.edge(later.count - 1)).within


def test_a_slice_that_is_gone_cannot_be_measured() -> None:
    (finding,) = judge_series(CHECK, by_country(("France",)), CheckState()).findings
    with pytest.raises(TooFewRows, match="no row of this slice"):
        measure_series(CHECK, finding, metric(daily(1)), Past(before=END - 9 * HOUR), END - HOUR)

"""Every kind that learns from the past, over a holiday: how it judges the day, and what it learns from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.detection.data.arrivals import Arrivals, Feeds
from domain.detection.data.counts import Counts
from domain.detection.data.metric import Metric
from domain.detection.data.window import grid_until
from domain.detection.expect.total.holiday import SpecialDay, on_special
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.counts.total import expect_total
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.tables.freshness import judge_freshness
from domain.detection.kinds.tables.series import judge_series
from domain.detection.kinds.tables.volume import judge_volume
from domain.recommender.check import Check
from domain.recommender.holidays import NO_HOLIDAYS, Holidays
from domain.values import Slice
from tests.domain.detection.kinds.test_freshness import arrivals
from tests.domain.detection.traffic import DAY, HOUR, cube, totals

VOLUME = Check(name="volume", kind="volume", table="orders")
END = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday, at whose midnight the judged windows of `totals` end
WEDNESDAYS = (date(2026, 1, 21), date(2026, 2, 25))


def over(counts: Counts, holidays: Holidays) -> Counts:
    return replace(counts, grid=replace(counts.grid, holidays=holidays))


def holidays(*days: date) -> Holidays:
    return Holidays(days=frozenset(days))


def days_back(day: date) -> int:
    """The place of a day from the end of what ends at END."""
    return (day - END.date()).days


def by_day(factors: dict[date, float], days: int = 112, seed: int = 1) -> Counts:
    """Orders of a shop by the day, its Sundays at 0.8 of the others."""
    mean = np.full(days, 2_000.0)
    mean[[place for place in range(days) if (END + timedelta(days=place - days)).weekday() == 6]] *= 0.8
    for day, factor in factors.items():
        mean[days_back(day)] *= factor
    return totals(np.random.default_rng(seed).poisson(mean), DAY)


def by_hour(factors: dict[date, float], days: int = 35, seed: int = 1) -> np.ndarray:
    hours = np.arange(24 * days)
    mean = 300 * np.exp(0.8 * np.sin(2 * np.pi * (hours / 24 - 0.35)))
    for day, factor in factors.items():
        begin = len(hours) + 24 * days_back(day)
        mean[begin : begin + 24] *= factor
    return np.random.default_rng(seed).poisson(mean)


def walked(counts: Counts, first: int, last: int, history: int) -> list[Verdict]:
    state, found = CheckState(), []
    for place in range(first, last):
        found.append(judge_volume(VOLUME, counts.until(place, history), state))
        state = found[-1].state
    return found


def alerts(verdicts: Iterable[Verdict]) -> int:
    return sum(len(one.findings) for one in verdicts)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_shop_that_halves_on_a_holiday_and_a_news_site_that_doubles_are_no_incidents(factor: float) -> None:
    counts = by_day({WEDNESDAYS[1]: factor})
    place = len(counts.total) + days_back(WEDNESDAYS[1])
    for known, incidents in ((NO_HOLIDAYS, 1), (holidays(*WEDNESDAYS), 0)):
        assert (
            len(judge_volume(VOLUME, over(counts, known).until(place, 80), CheckState()).findings)
            == incidents
        )


def test_nothing_at_all_on_the_first_holiday_is_still_reported() -> None:
    counts = over(by_day({WEDNESDAYS[1]: 0.002}), holidays(WEDNESDAYS[1]))
    place = len(counts.total) + days_back(WEDNESDAYS[1])
    assert len(judge_volume(VOLUME, counts.until(place, 80), CheckState()).findings) == 1


def test_a_holiday_is_held_against_what_the_one_before_it_was() -> None:
    counts = over(by_day({WEDNESDAYS[0]: 0.5, WEDNESDAYS[1]: 0.5}), holidays(*WEDNESDAYS))
    place = len(counts.total) + days_back(WEDNESDAYS[1])
    second, _ = expect_total(counts.until(place, 80), CheckState())
    first, _ = expect_total(over(by_day({}), holidays(WEDNESDAYS[1])).until(place, 80), CheckState())
    assert first is not None
    assert second is not None
    assert 1_500 < first.mean < 1_700  # a Sunday's
    assert 950 < second.mean < 1_250
    assert second.scatter < first.scatter


def test_of_many_holidays_one_that_was_a_fault_does_not_say_what_the_next_is() -> None:
    seen = [
        SpecialDay(day=day, edge=False, log=log, noise=1e-3, scatter=0.0, windows=1)
        for day, log in enumerate((-3.7, -0.7, -0.6, -0.8, -0.7))
    ]
    factor, variance = on_special(seen, 9, None, edge=False, whole_day=True)
    assert factor == pytest.approx(0.5, abs=0.05)
    assert variance < 0.2
    closed, _ = on_special([replaced(one, -6.0) for one in seen], 9, None, edge=False, whole_day=True)
    assert closed < 0.01


def replaced(one: SpecialDay, log: float) -> SpecialDay:
    return one.model_copy(update={"log": log})


def test_what_a_holiday_was_is_remembered_when_the_history_no_longer_reaches_it() -> None:
    counts = over(by_day({WEDNESDAYS[0]: 0.5}), holidays(*WEDNESDAYS))
    state = CheckState()
    begin = len(counts.total) + days_back(WEDNESDAYS[0])
    for place in (begin + 1, begin + 32):
        state = judge_volume(VOLUME, counts.until(place, 28), state).state
    assert state.baseline is not None
    (seen,) = [one.log for one in state.baseline.special if not one.edge]
    assert seen == pytest.approx(np.log(0.55), abs=0.15)


def test_a_holiday_does_not_teach_its_weekday() -> None:
    wednesday = len(by_day({}).total) + days_back(date(2026, 2, 25))
    known = holidays(date(2026, 1, 14), date(2026, 2, 4), date(2026, 2, 11))
    usual, _ = expect_total(by_day({}).until(wednesday, 56), CheckState())
    taught, _ = expect_total(
        over(by_day(dict.fromkeys(known.days, 0.1)), known).until(wednesday, 56), CheckState()
    )
    assert usual is not None
    assert taught is not None
    assert taught.mean == pytest.approx(usual.mean, rel=0.03)


def test_by_the_hour_neither_the_holiday_nor_its_eve_is_an_alarm_and_an_outage_within_it_is_found() -> None:
    day, eve = date(2026, 2, 25), date(2026, 2, 24)
    values = by_hour({day: 0.5})
    begin = len(values) + 24 * days_back(eve)
    values[begin + 17 : begin + 24] = values[begin + 17 : begin + 24] * 0.6
    outage = values.copy()
    outage[begin + 24 + 14 : begin + 24 + 18] = 3
    known = holidays(day)
    quiet = walked(over(totals(values, HOUR), known), begin + 12, begin + 60, 28 * 24)
    assert alerts(quiet) == 0
    assert alerts(walked(totals(values, HOUR), begin + 12, begin + 60, 28 * 24)) > 0
    found = walked(over(totals(outage, HOUR), known), begin + 36, begin + 44, 28 * 24)
    assert [len(one.findings) for one in found] == [0, 0, 1, 1, 1, 1, 0, 0]


def test_a_week_that_holds_a_holiday_is_a_little_less_sure_and_no_other_week() -> None:
    weeks = totals(np.random.default_rng(1).poisson(2_000, 60), 7 * DAY)
    usual, _ = expect_total(weeks, CheckState())
    with_one, _ = expect_total(over(weeks, holidays(WEDNESDAYS[1])), CheckState())
    assert usual is not None
    assert with_one is not None
    assert usual.scatter < with_one.scatter < usual.scatter + 0.03


@pytest.mark.parametrize(("known", "incidents"), [(NO_HOLIDAYS, 1), (holidays(date(2026, 3, 1)), 0)])
def test_one_country_that_halves_on_its_holiday_is_no_slice_of_an_incident(
    known: Holidays, incidents: int
) -> None:
    counts = cube(57, 2_000, 3, {("Spain", "*"): 0.55})
    check = Check(name="slices", kind="slice_volume", table="shown")
    judged = judge_slices(check, over(counts, known), CheckState())
    assert len(judged.state.seen) == incidents  # in windows of a minute it is reported once it is seen again


@pytest.mark.parametrize(("factor", "known", "unknown"), [(0.55, 0, 1), (1.8, 0, 1), (0.05, 1, 1)])
def test_a_metric_may_be_half_or_twice_as_much_on_a_holiday_and_not_nothing(
    factor: float, known: int, unknown: int
) -> None:
    day = date(2026, 2, 25)
    y = np.random.default_rng(2).normal(100, 4, 24 * 35)
    begin = len(y) + 24 * days_back(day)
    y[begin : begin + 24] *= factor
    check = Check(name="wait", kind="series", table="plays", measure="wait", options={"aggregate": "mean"})
    for declared, incidents in ((holidays(day), known), (NO_HOLIDAYS, unknown)):
        where = grid_until(END, HOUR, (len(y) - 1) * HOUR, ZoneInfo("UTC"), declared)
        metric = Metric(where, y[:, None], ((),), np.nan)
        assert len(judge_series(check, metric.until(begin, 600), CheckState()).findings) == incidents


FRESH = Check(name="fresh", kind="freshness", table="deliveries")
MONDAY = 4 * 86_400.0  # 1970 began on a Thursday


def parts(times: np.ndarray, at: float, width: float = 300) -> dict[Slice, Arrivals]:
    return {(): arrivals(times, at, width)}


def fed(weekdays: int, without: int, at: float, **more: Any) -> Verdict:
    """Judged at `at` hours of day `without`: a delivery at 09:00 on so many weekdays of six weeks."""
    days = [day for day in range(42) if day % 7 < weekdays and day < without]
    times = np.array([MONDAY + day * 86_400 + 9 * 3_600 for day in days])
    moment = MONDAY + without * 86_400 + at * 3_600
    return judge_freshness(FRESH, Feeds(parts(times, moment), ZoneInfo("UTC"), **more), CheckState())


def holiday_on(place: int) -> Holidays:
    return holidays(date(1970, 1, 5) + timedelta(days=place))


def test_what_does_not_come_on_sundays_is_not_late_on_a_holiday_and_late_the_day_after() -> None:
    wednesday = 37
    assert len(fed(5, wednesday, 15).findings) == 1
    assert fed(5, wednesday, 15, holidays=holiday_on(wednesday)).findings == ()
    assert len(fed(5, wednesday, 24 + 15, holidays=holiday_on(wednesday)).findings) == 1


def test_what_comes_on_sundays_is_late_on_a_holiday_as_well() -> None:
    assert len(fed(7, 37, 15, holidays=holiday_on(37)).findings) == 1


def test_what_did_not_come_on_the_holiday_before_is_not_late_on_the_next() -> None:
    known = Holidays(days=holiday_on(16).days | holiday_on(37).days)
    times = np.array([MONDAY + day * 86_400 + 9 * 3_600 for day in range(37) if day != 16])
    held = parts(times, MONDAY + 37 * 86_400 + 15 * 3_600)
    assert judge_freshness(FRESH, Feeds(held, ZoneInfo("UTC"), known), CheckState()).findings == ()


def test_rows_that_trickle_on_working_days_may_be_silent_on_a_holiday() -> None:
    all_days = np.cumsum(np.random.default_rng(4).exponential(2_400, 3_000))
    working = all_days[(all_days // 86_400 % 7 < 6) & (all_days < 42 * 86_400)]  # nothing on Sundays
    held = parts(MONDAY + working, MONDAY + 42 * 86_400 + 22 * 3_600, 60)
    for known, incidents in ((NO_HOLIDAYS, 1), (holiday_on(42), 0)):
        feeds = Feeds(held, ZoneInfo("UTC"), known)
        assert len(judge_freshness(FRESH, feeds, CheckState()).findings) == incidents

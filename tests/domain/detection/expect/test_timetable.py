from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.detection.data.arrivals import Arrivals
from domain.detection.expect.silence import silence_wait, usual_silence
from domain.detection.expect.timetable import Overdue, deliveries, learn_timetables, overdue, whole

BRUSSELS, UNIVERSAL = ZoneInfo("Europe/Brussels"), ZoneInfo("UTC")
DAY, HOUR, MINUTE, WEEK = 86_400.0, 3_600.0, 60.0, 604_800.0
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def wall(zone: ZoneInfo, day: int, hour: float, first: datetime = MONDAY) -> float:
    """The moment at which the clock of a zone shows that hour, so many days after the first."""
    date = (first + timedelta(days=day)).replace(tzinfo=None)
    return (date + timedelta(hours=hour)).replace(tzinfo=zone).timestamp()


def late_at(times: np.ndarray, at: float, zone: ZoneInfo = UNIVERSAL) -> Overdue | None:
    seen = times[times < at]
    return overdue(learn_timetables(seen, zone), seen, at)


def test_a_feed_by_the_day_is_late_an_hour_after_its_time() -> None:
    chance = np.random.default_rng(1)
    times = np.array([wall(UNIVERSAL, d, 9 + chance.normal(0, 0.05)) for d in range(56)])
    assert late_at(times, wall(UNIVERSAL, 56, 9.2)) is None
    late = late_at(times, wall(UNIVERSAL, 56, 10))
    assert late is not None
    assert abs(late.due - wall(UNIVERSAL, 56, 9)) < 3 * MINUTE
    assert not late.weekday


def test_a_feed_on_working_days_is_not_missed_on_a_sunday_and_is_on_a_monday() -> None:
    times = np.array([wall(UNIVERSAL, d, 9 + d % 3 / 60) for d in range(56) if d % 7 < 5])
    assert late_at(times, wall(UNIVERSAL, 54, 23)) is None
    monday = late_at(times, wall(UNIVERSAL, 56, 10))
    assert monday is not None
    assert monday.weekday


def test_each_weekday_has_its_own_time() -> None:
    hours = (9, 9, 9, 9, 9, 13, 15)
    times = np.array([wall(UNIVERSAL, d, hours[d % 7] + d % 5 / 60) for d in range(56)])
    assert late_at(times, wall(UNIVERSAL, 56, 10)) is not None
    saturday = times[times < wall(UNIVERSAL, 54, 0)]
    assert late_at(saturday, wall(UNIVERSAL, 54, 12.5)) is None
    assert late_at(saturday, wall(UNIVERSAL, 54, 15)) is not None


def test_a_feed_that_comes_four_times_a_day_misses_the_noon_one() -> None:
    times = np.array([wall(UNIVERSAL, d, h + d % 4 / 60) for d in range(28) for h in (0.5, 6, 12, 18)])
    missing = times[times < wall(UNIVERSAL, 27, 11)]
    assert late_at(missing, wall(UNIVERSAL, 27, 11.9)) is None
    assert late_at(missing, wall(UNIVERSAL, 27, 13)) is not None


@pytest.mark.parametrize("first", [datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 9, 7, tzinfo=UTC)])
@pytest.mark.parametrize("clock", [BRUSSELS, UNIVERSAL])
def test_no_delivery_is_late_because_the_clocks_change(first: datetime, clock: ZoneInfo) -> None:
    """Whichever clock the feed keeps; late it is still found within the hour that the clocks may differ."""
    times = np.array([wall(clock, d, 1 + d % 5 / 60, first) for d in range(84)])
    late = [day for day in range(40, 83) if late_at(times, wall(clock, day, 1 + 4.9 / 60, first), BRUSSELS)]
    assert late == []
    for day in range(40, 83):
        missing = times[times < wall(clock, day, 0.5, first)]
        assert late_at(missing, wall(clock, day, 2.75, first), BRUSSELS) is not None


@pytest.mark.parametrize("first", [datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 9, 7, tzinfo=UTC)])
@pytest.mark.parametrize("clock", [BRUSSELS, UNIVERSAL])
def test_weeks_after_the_clocks_changed_a_delivery_is_late_by_the_clock_that_all_of_them_kept(
    first: datetime, clock: ZoneInfo
) -> None:
    """By the other clock too the newest are on time, as most of what it learns from is as new."""
    times = np.array([wall(clock, d, 1 + d % 5 / 60, first) for d in range(100)])
    for day in range(62, 98, 7):
        seen = times[(times > wall(clock, day - 56, 0, first)) & (times < wall(clock, day, 0.5, first))]
        late = overdue(learn_timetables(seen, BRUSSELS), seen, wall(clock, day, 1.6, first))
        assert late is not None


def test_a_feed_around_midnight_is_one_slot() -> None:
    chance = np.random.default_rng(2)
    times = np.sort([wall(UNIVERSAL, d, chance.normal(0, 0.1)) for d in range(56)])
    assert late_at(times, wall(UNIVERSAL, 56, 0.4)) is None
    assert late_at(times, wall(UNIVERSAL, 56, 1.5)) is not None


def test_what_came_late_three_times_is_when_it_comes_now() -> None:
    times = np.array([wall(UNIVERSAL, d, (1 if d < 50 else 5) + d % 3 / 60) for d in range(60)])
    late = [d for d in range(45, 60) if late_at(times, wall(UNIVERSAL, d, 4.9))]
    assert late == [50, 51, 52]


def test_what_is_known_to_have_been_wrong_teaches_nothing() -> None:
    late = {30: 8.0, 34: 9.0, 38: 6.0, 45: 8.0}
    times = np.array([wall(UNIVERSAL, d, late.get(d, 1) + d % 3 / 60) for d in range(56)])
    wrong = tuple((wall(UNIVERSAL, d - 1, 1.1), wall(UNIVERSAL, d, hour)) for d, hour in late.items())
    at = wall(UNIVERSAL, 56, 2)
    assert overdue(learn_timetables(times, UNIVERSAL), times, at) is None
    assert overdue(learn_timetables(times, UNIVERSAL, wrong), times, at) is not None


def test_what_trickles_or_comes_at_any_time_is_better_known_by_its_silences() -> None:
    chance = np.random.default_rng(3)
    times = np.sort(chance.uniform(0, 28 * DAY, 28 * 12))
    usual = usual_silence(np.diff(times), 300.0, None)
    assert usual is not None
    assert all(
        silence_wait(np.diff(times), usual) < table.wait for table in learn_timetables(times, UNIVERSAL)
    )
    assert learn_timetables(np.arange(0, 8 * DAY, 5 * MINUTE), UNIVERSAL) == ()


@pytest.mark.parametrize("scatter_minutes", [0.5, 5.0, 40.0])
def test_false_alarms_stay_near_the_declared_rate(scatter_minutes: float) -> None:
    """Lateness with an exponential tail, as it is just before each delivery comes; 12 feeds × 8 weeks."""
    chance, alarms, weeks = np.random.default_rng(4), 0, 0.0
    for _feed in range(12):
        late = chance.exponential(scatter_minutes * MINUTE, 112)
        times = np.arange(112) * DAY + 6 * HOUR + late
        for day in range(56, 112):
            seen = times[:day]
            at = day * DAY + 6 * HOUR + late[day]  # just before it comes
            alarms += overdue(learn_timetables(seen[-56:], UNIVERSAL), seen[-56:], at) is not None
        weeks += 8
    assert alarms / weeks <= 0.1


def test_rows_close_together_are_one_delivery_and_a_tenth_of_the_usual_is_none() -> None:
    first = np.array([0.0, 300, 600, DAY, DAY + 300, 2 * DAY])
    held = Arrivals(first, first + 200, np.array([50.0, 50, 20, 90, 30, 3]), 300.0, 3 * DAY)
    begun, sizes = deliveries(held)
    assert begun.tolist() == [0.0, DAY, 2 * DAY]
    assert sizes.tolist() == [120.0, 120.0, 3.0]
    assert whole(sizes).tolist() == [True, True, False]

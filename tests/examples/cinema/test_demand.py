"""The cinema breathes: nights, weekends, holidays, members who join; and weeks of it are kept as counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from examples.cinema.catalogue import microseconds
from examples.cinema.demand import DAY, HOUR, Demand, rhythm
from examples.cinema.rollup import SPAN, Rollup, counted_until

from .conftest import START, Small

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(day: int, hour: float) -> int:
    return microseconds(MONDAY) + day * DAY + int(hour * HOUR)


def rate(*moments: int) -> list[float]:
    return [float(one) for one in rhythm(np.array(moments, dtype=np.int64))]


def test_a_night_has_a_fifth_of_its_evening() -> None:
    night, evening = rate(at(1, 4.5), at(1, 20.5))
    assert night / evening == pytest.approx(0.2)


def test_a_free_afternoon_is_busier_and_a_holiday_is_free() -> None:
    workday, saturday = rate(at(2, 14), at(5, 14))
    assert saturday > 1.4 * workday
    first_of_may, day_before = rate(
        microseconds(datetime(2026, 5, 1, 14, tzinfo=UTC)),
        microseconds(datetime(2026, 4, 30, 14, tzinfo=UTC)),
    )
    assert first_of_may > 1.7 * day_before


def test_an_ordinary_week_has_the_declared_mean_and_nothing_exceeds_the_most() -> None:
    week = np.arange(at(0, 0), at(7, 0), SPAN, dtype=np.int64)
    assert rhythm(week).mean() == pytest.approx(1.0, abs=0.002)
    demand = Demand(12.0, MONDAY)
    year = np.arange(at(0, 0), at(365, 0), SPAN, dtype=np.int64)
    assert demand.rate(year).max() <= demand.most(int(year[0]), int(year[-1]))


def test_members_join_and_requests_grow_with_them(cinema: Small) -> None:
    audience, demand = cinema.live.serving.audience, cinema.live.serving.demand
    month = START + timedelta(days=30)
    before, after = len(audience.frame(START)), len(audience.frame(month))
    grown = demand.growth(np.array([microseconds(START), microseconds(month)], dtype=np.int64))
    assert after > before
    assert after / before == pytest.approx(grown[1] / grown[0], abs=0.02)


def test_nobody_comes_who_has_not_joined(hour: Small) -> None:
    late = hour.ask(
        "SELECT count(*) FROM {impressions} JOIN {members} USING (member_id) WHERE shown_at < joined_at - ?",
        timedelta(days=1),
    )
    assert late == [(0,)]
    assert hour.ask("SELECT count(*) FROM {impressions} ANTI JOIN {members} USING (member_id)") == [(0,)]


def test_the_counts_reach_back_for_weeks_and_agree_with_the_log(hour: Small) -> None:
    first, latest = hour.ask("SELECT min(begins_at), max(begins_at) FROM {requests_5m}")[0]
    assert START - first > timedelta(days=27)
    assert hour.at - latest < timedelta(minutes=10)
    apart = hour.ask(
        "WITH counted AS (SELECT time_bucket(INTERVAL '5 minutes', shown_at) AS begins_at, region, device, "
        "count(DISTINCT request_id) AS n FROM {impressions} GROUP BY ALL) "
        "SELECT count(*) FROM counted JOIN {requests_5m} USING (begins_at, region, device) "
        "WHERE n <> requests"
    )
    assert apart == [(0,)]
    begun = hour.ask("SELECT min(shown_at) FROM {impressions}")[0][0]
    lost = hour.ask(
        "SELECT (SELECT sum(requests) FROM {requests_5m} WHERE begins_at >= ?) "
        "- (SELECT count(DISTINCT request_id) FROM {impressions} WHERE shown_at < ?)",
        begun.replace(minute=0, second=0, microsecond=0),
        latest + timedelta(minutes=5),
    )
    assert lost == [(0,)]


def test_there_is_no_step_between_what_was_imagined_and_what_was_counted(hour: Small) -> None:
    rows = hour.ask(
        "SELECT epoch_us(begins_at), sum(requests)::BIGINT FROM {requests_5m} GROUP BY 1 ORDER BY 1"
    )
    found = np.array(rows, dtype=np.int64)
    expected = hour.live.serving.demand.rate(found[:, 0] + SPAN // 2) * SPAN / 1e6
    z = (found[:, 1] - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert 0.9 < z.std() < 1.1


def test_a_rollup_taken_up_again_counts_each_span_once(cinema: Small) -> None:
    cinema.run(12)
    before = cinema.ask("SELECT sum(requests) FROM {requests_5m}")
    tables = cinema.settings.tables
    Rollup(tables, counted_until(tables, 0)).complete(microseconds(cinema.at))
    assert cinema.ask("SELECT sum(requests) FROM {requests_5m}") == before

"""Checks on a schedule of their own: at the times of a cron expression, or when the table is updated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from pydantic import ValidationError

from domain.recommender.check import Check
from domain.recommender.keys.schedule import moments, newest
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.checks.backtest import backtest
from workers.checks.backtest_check import ends_of
from workers.checks.plan import plan
from workers.checks.run import LATE, State, run_checks

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def write(folder: Path, days: int) -> None:
    rows = [(n, k, 240 + n % 5) for n in range(days) for k in range(240 + n % 5)]
    at = [START + n * DAY + k * DAY / count for n, k, count in rows]
    pd.DataFrame({"at": at}).to_parquet(folder / "views.parquet")


@pytest.fixture
def daily(tmp_path: Path) -> Recommender:
    table = Table(name="views", path=str(tmp_path / "*.parquet"), time="at", window=DAY)
    check = Check(name="total", kind="volume", table="views", schedule="15 6 * * 1-5")
    return Recommender(name="shop", tables={"views": table}, checks={"total": check})


def ends(recommender: Recommender, hours: float, state: State) -> tuple[datetime | None, State]:
    result = run_checks(recommender, START + hours * HOUR, state)
    memory = result.state.checks.get("total")
    return (memory.last_window_end if memory else None), result.state


def test_a_check_looks_at_the_times_that_its_cron_expression_names(
    tmp_path: Path, daily: Recommender
) -> None:
    write(tmp_path, 20)
    state, seen = State(), list[datetime]()
    for hour in range(10 * 24, 20 * 24):
        end, state = ends(daily, hour + 0.3, state)
        if end is not None and end not in seen:
            seen.append(end)
    # 2026-03-11 is a Wednesday: what is first due is of Tuesday's run; no run on Saturday and Sunday.
    assert [(one - START).days for one in seen] == [9, 10, 11, 12, 15, 16, 17, 18, 19]


def test_a_backtest_takes_the_looks_that_would_have_been_taken(tmp_path: Path, daily: Recommender) -> None:
    write(tmp_path, 20)
    planned = plan(daily, daily.checks["total"])
    walked = ends_of(daily, planned, START + 9 * DAY, START + 20 * DAY)
    assert [(one - START).days for one in walked] == [10, 11, 12, 15, 16, 17, 18, 19]
    assert backtest(daily, START + 9 * DAY, START + 20 * DAY).looks == len(walked)


def test_a_check_waits_for_its_table_and_says_so_when_it_comes_late(
    tmp_path: Path, daily: Recommender
) -> None:
    check = daily.checks["total"].model_copy(update={"schedule": "updated"})
    waiting = daily.model_copy(update={"checks": {"total": check}})
    write(tmp_path, 12)
    early, state = ends(waiting, 12 * 24 + 1, State())
    assert early == START + 12 * DAY
    still = run_checks(waiting, START + 13 * DAY + 6 * HOUR, state)
    assert (still.findings, still.state.checks["total"].last_window_end) == ((), START + 12 * DAY)
    late = run_checks(waiting, START + 14 * DAY + 1 * HOUR, still.state)
    assert [finding.subject for finding in late.findings] == [LATE]
    assert "views has no row since 2026-03-13 00:00 UTC" in late.findings[0].title
    write(tmp_path, 14)
    there = run_checks(waiting, START + 14 * DAY + 2 * HOUR, late.state)
    assert there.findings == ()
    assert there.cleared == (late.findings[0].fingerprint,)
    assert there.state.checks["total"].last_window_end == START + 14 * DAY


@pytest.mark.parametrize("wrong", ["61 * * * *", "* * *", "often", "0 0 31 2 8"])
def test_what_is_no_schedule_is_said_with_what_would_be(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no schedule"):
        Check(name="c", kind="volume", schedule=wrong)


def test_an_hour_that_the_clocks_skip_or_repeat_is_named_once() -> None:
    def named(month: int, day: int) -> list[str]:
        start = datetime(2026, month, day - 1, 12, tzinfo=UTC)
        return [f"{one:%d %H:%M}" for one in moments("30 2 * * *", start, start + 2 * DAY, BERLIN)]

    assert named(3, 29) == ["29 01:00", "30 00:30"]
    assert named(10, 25) == ["25 00:30", "26 01:30"]


def test_the_newest_moment_is_never_later_than_asked() -> None:
    at = datetime(2026, 3, 2, 6, 15, tzinfo=UTC)
    assert newest("15 6 * * *", at, ZoneInfo("UTC")) == at
    assert newest("15 6 * * *", at - timedelta(seconds=1), ZoneInfo("UTC")) == at - DAY
    assert newest("15 6 * * *", at, BERLIN) == at - HOUR

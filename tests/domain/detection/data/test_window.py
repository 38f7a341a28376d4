from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.detection.data.window import DAY, grid_until, last_end

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2013-10-27", 25), ("2014-03-30", 23), ("2014-01-01", 24)],
)
def test_a_day_is_a_local_day_also_when_the_clocks_change(day: str, hours: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=BERLIN)
    end = last_end(noon.astimezone(UTC) + DAY, DAY, DAY, BERLIN)
    grid = grid_until(end, DAY, 40 * DAY, BERLIN)
    assert grid.end == end
    assert grid.edge(grid.count) - grid.edge(grid.count - 1) == timedelta(hours=hours)
    assert all(grid.edge(i).astimezone(BERLIN).hour == 0 for i in range(grid.count + 1))


def test_short_windows_follow_each_other_without_a_gap() -> None:
    end = datetime(2026, 3, 1, 10, 0, 10, tzinfo=UTC)
    grid = grid_until(end, timedelta(minutes=1), timedelta(hours=1), BERLIN)
    assert grid.count == 61
    assert grid.end == end
    assert grid.edge(1) - grid.edge(0) == timedelta(minutes=1)


def test_a_look_ends_on_a_multiple_of_its_step() -> None:
    at = datetime(2026, 3, 1, 10, 0, 17, tzinfo=UTC)
    assert last_end(at, timedelta(minutes=1), timedelta(seconds=10), BERLIN).second == 10

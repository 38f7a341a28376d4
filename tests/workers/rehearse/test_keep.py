"""Rehearsals run on a schedule, one hotfix at a time, and each of them is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.errors import ConfigurationError
from tests.workers.rehearse.small import DELIVERY, FILL, declare
from workers.declaration.declare import load
from workers.log.rehearsals import rehearsals
from workers.process.schedule import REHEARSE_SECONDS, declared_ticks
from workers.rehearse.keep import rehearse_tick

SIX, DAY = datetime(2026, 3, 2, 6, tzinfo=UTC), timedelta(days=1)


def recorded(log: Engine) -> list[tuple[str, str, bool]]:
    with log.connect() as connection:
        found = rehearsals(connection)
    return [(one.event.hotfix, str(one.event.day), one.by_itself) for one in found]


def test_each_is_rehearsed_once_a_day_after_the_hour_that_is_declared(log: Engine, folder: Path) -> None:
    file = declare(folder, FILL, DELIVERY, '[rehearsals]\nschedule = "30 6 * * *"\n')
    recommender = load(file, {"HOOK_SECRET": "s" * 40})
    ticks = [rehearse_tick(log, recommender, SIX + n * timedelta(minutes=10), {}) for n in range(8)]
    assert ticks == [0, 0, 0, 1, 1, 0, 0, 0]
    assert recorded(log) == [("fill_language", "2026-03-02", True), ("rollback", "2026-03-02", True)]
    assert [rehearse_tick(log, recommender, SIX + DAY + timedelta(hours=1), {}) for _ in range(3)] == [
        1,
        1,
        0,
    ]
    assert {day for _, day, _ in recorded(log)} == {"2026-03-02", "2026-03-03"}


def test_where_it_is_never_nothing_is_rehearsed_by_itself(log: Engine, folder: Path) -> None:
    recommender = load(declare(folder, FILL, '[rehearsals]\nschedule = "never"\n'), {"HOOK_SECRET": "s"})
    assert [rehearse_tick(log, recommender, SIX + n * DAY, {}) for n in range(3)] == [0, 0, 0]


@pytest.mark.parametrize("written", ["updated", "daily", "61 5 * * *", ""])
def test_a_schedule_that_is_none_is_an_error_with_its_line(folder: Path, written: str) -> None:
    file = declare(folder, f'[rehearsals]\nschedule = "{written}"\n')
    line = file.read_text().splitlines().index(f'schedule = "{written}"') + 1
    with pytest.raises(ConfigurationError) as raised:
        load(file, {"HOOK_SECRET": "s"})
    assert f"recsysops.toml:{line}: rehearsals.schedule: " in str(raised.value)
    assert 'for instance "15 5 * * *", or "never"' in str(raised.value)


def test_a_key_that_there_is_not_is_an_error_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="schedule"):
        load(declare(folder, '[rehearsals]\nshedule = "15 5 * * *"\n'), {"HOOK_SECRET": "s"})


def test_the_clock_asks_for_them_where_a_hotfix_is_declared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.process import schedule

    def every(*hotfixes: str) -> dict[str, float]:
        recommender = load(declare(folder, *hotfixes), {"HOOK_SECRET": "s"})
        monkeypatch.setattr(schedule, "recommender", lambda: recommender)
        return declared_ticks().every

    assert every(FILL)["recsysops.rehearse"] == REHEARSE_SECONDS
    assert "recsysops.rehearse" not in every()
    assert "recsysops.rehearse" not in every(FILL, '[rehearsals]\nschedule = "never"\n')

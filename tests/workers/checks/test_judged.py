from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.engines import world
from tests.workers.checks.test_walk import write_world
from workers.checks.backtest import backtest
from workers.checks.judged import judged_until
from workers.checks.plan import plan
from workers.respond.diagnose.diagnose import diagnose

HOUR = timedelta(hours=1)
OF_A_COLUMN = ("missing", "references", "price")


@pytest.mark.parametrize("name", OF_A_COLUMN)
def test_what_a_check_of_a_column_saw_is_followed_up_to_what_it_found(name: str, tmp_path: Path) -> None:
    recommender = write_world(tmp_path)
    check = recommender.checks[name]
    found = backtest(
        recommender.model_copy(update={"checks": {name: check}}), world.END - 26 * HOUR, world.END
    )
    finding = found.findings[-1]
    settled = finding.window_end + plan(recommender, check).table.settle
    seen = judged_until(recommender, finding, settled)
    assert seen is not None
    assert seen["window_start"].is_monotonic_increasing
    last = seen.iloc[-1]
    assert last["window_start"] == finding.window_start
    assert [last["observed"], last["expected"]] == pytest.approx(
        [finding.observed, finding.expected], abs=0.06
    )
    assert (seen["low"] <= seen["high"]).all()


def test_an_incident_of_a_column_has_its_picture(tmp_path: Path) -> None:
    recommender = write_world(tmp_path)
    only = recommender.model_copy(update={"checks": {"missing": recommender.checks["missing"]}})
    finding = backtest(only, world.END - 26 * HOUR, world.END).findings[-1]
    drawn: list[bytes] = []

    def keep(picture: bytes) -> str:
        drawn.append(picture)
        return "0" * 64

    assert finding.subject is not None
    diagnosis = diagnose(recommender, finding, world.END, keep=keep)
    assert diagnosis.picture == "0" * 64
    assert drawn[0].startswith(b"\x89PNG")


def test_of_a_check_that_is_gone_nothing_is_followed(tmp_path: Path) -> None:
    recommender = write_world(tmp_path)
    only = recommender.model_copy(update={"checks": {"missing": recommender.checks["missing"]}})
    finding = backtest(only, world.END - 26 * HOUR, world.END).findings[-1]
    assert judged_until(recommender.model_copy(update={"checks": {}}), finding, world.END) is None


def test_a_check_that_asks_for_each_window_by_itself_is_not_asked_forty_times(tmp_path: Path) -> None:
    recommender = write_world(tmp_path)
    only = recommender.model_copy(update={"checks": {"drift": recommender.checks["drift"]}})
    finding = backtest(only, world.END - 26 * HOUR, world.END).findings[-1]
    assert judged_until(recommender, finding, world.END) is None

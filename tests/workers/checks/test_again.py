"""Any window can be looked at again, and says the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.conftest import NOON
from tests.workers.detect.test_tick import every, write
from workers.checks.again import look_at
from workers.checks.run import FAULT
from workers.detect.detection_run import detection_run

MINUTE = timedelta(minutes=1)
USUAL = [60, 58, 63, 61, 57, 62] * 20


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path=str(tmp_path / "*.parquet"), time="at", window=MINUTE)
    checks = {kind: Check(name=kind, kind=kind, table="impressions") for kind in ("volume", "freshness")}
    return Recommender(name="cinema", tables={"impressions": table}, checks=checks)


def test_a_window_looked_at_again_says_what_the_look_of_its_time_said(
    log: Engine, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, [*USUAL, 5, 5, 5, 60, 61])
    for minutes in range(-4, -1):
        detection_run(log, recommender, NOON + minutes * MINUTE)
    (incident,) = every(log)
    (again,) = look_at(recommender, NOON - 2 * MINUTE).findings
    assert again == incident.finding
    assert look_at(recommender, NOON - 2 * MINUTE).findings == (again,)
    assert look_at(recommender, NOON).findings == ()


def test_rows_that_came_later_change_nothing(tmp_path: Path, recommender: Recommender) -> None:
    write(tmp_path, [*USUAL, 5, 5, 5, *USUAL])
    at = NOON - len(USUAL) * MINUTE
    later = look_at(recommender, at).findings
    assert [finding.observed for finding in later] == [5]
    (tmp_path / "impressions.parquet").unlink()
    write(tmp_path, [*USUAL, 5, 5, 5])
    assert [finding.expected for finding in look_at(recommender, NOON).findings] == [later[0].expected]


def test_a_surge_is_reported_too_and_a_table_that_is_gone(tmp_path: Path, recommender: Recommender) -> None:
    often = recommender.tables["impressions"].model_copy(update={"every": MINUTE / 6})
    write(tmp_path, [*USUAL, 200, 200, 200])
    (surge,) = look_at(recommender.model_copy(update={"tables": {"impressions": often}}), NOON).findings
    assert surge.observed == 200
    (tmp_path / "impressions.parquet").unlink()
    assert {finding.subject for finding in look_at(recommender, NOON).findings} == {FAULT}

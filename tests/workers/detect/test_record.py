"""Findings in shadow mode page nobody and are kept; and the way out of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.recommender.check import Check
from domain.recommender.planned import Planned
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.conftest import NOON, make_finding
from tests.workers.detect.test_tick import every, write
from workers.checks.backtest import backtest
from workers.checks.run import explained, run_checks
from workers.detect.detection_run import detection_run
from workers.detect.record import read_alarms, read_records

MINUTE = timedelta(minutes=1)
TOML = """# ours
[recommender]
name = "cinema"

[tables.views]
path = "views/*.parquet"
time = "at"

[checks.total]
kind = "volume"
table = "views"

[checks.trial]
kind = "slice_volume"   # on trial
table = "views"
shadow = true           # since March
ways = 1
"""


@pytest.fixture
def shadowed(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path=str(tmp_path / "*.parquet"), time="at", window=MINUTE)
    check = Check(name="trial", kind="volume", table="impressions", shadow=True)
    return Recommender(name="cinema", tables={"impressions": table}, checks={"trial": check})


def test_what_a_check_finds_in_the_shadow_opens_no_incident_and_stands_in_its_record(
    log: Engine, tmp_path: Path, shadowed: Recommender
) -> None:
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [5] * 4)
    for minutes in (-2, -1, 0, 0):
        detection_run(log, shadowed, NOON + minutes * MINUTE)
    assert every(log) == []
    (record,) = read_records(log, shadowed, NOON)
    assert (record.alarms, record.undecided, record.since) == (1, 1, NOON - 2 * MINUTE)
    (later,) = read_records(log, shadowed, NOON + timedelta(days=8))
    assert later.false == 1
    out = shadowed.checks["trial"].model_copy(update={"shadow": False})
    detection_run(log, shadowed.model_copy(update={"checks": {"trial": out}}), NOON + MINUTE)
    (record,) = read_records(log, shadowed.model_copy(update={"checks": {"trial": out}}), NOON + MINUTE)
    # What goes on pages people now, and the record begins anew, with the incidents that the check opens.
    assert len(every(log)) == 1
    assert (record.alarms, record.shadow, record.since) == (1, False, NOON + MINUTE)


def test_a_check_in_the_shadow_silences_no_other(shadowed: Recommender) -> None:
    live = Check(name="total", kind="volume", table="impressions")
    declared = shadowed.model_copy(update={"checks": {**shadowed.checks, "total": live}})
    total = make_finding(observed=929).model_copy(update={"check": "total", "slice": (), "expected": 1000.0})
    part = make_finding().model_copy(update={"check": "trial"})
    assert set(explained(declared, (total, part))) == {total, part}
    both = declared.model_copy(update={"checks": {"total": live, "trial": live}})
    assert explained(both, (total, part)) == (part,)


def test_what_was_planned_is_recorded_and_pages_no_one_until_it_is_over(
    log: Engine, tmp_path: Path, shadowed: Recommender
) -> None:
    check = shadowed.checks["trial"].model_copy(update={"shadow": False})
    sale = Planned.model_validate({"name": "sale", "from": NOON - 5 * MINUTE, "to": NOON - MINUTE})
    declared = shadowed.model_copy(update={"checks": {"trial": check}, "planned": (sale,)})
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [150] * 6)
    for minutes in range(-5, -1):
        detection_run(log, declared, NOON + minutes * MINUTE)
    assert every(log) == []
    ((name, alarm),) = read_alarms(log, declared)
    assert (name, alarm.quiet, alarm.severity) == ("trial", "planned: sale", alarm.severity)
    (record,) = read_records(log, declared, NOON)
    assert (record.alarms, record.quiet) == (0, 1)
    for minutes in (-1, 0):
        detection_run(log, declared, NOON + minutes * MINUTE)
    assert len(every(log)) == 1


def test_what_was_planned_teaches_nobody_what_is_usual(tmp_path: Path, shadowed: Recommender) -> None:
    check = shadowed.checks["trial"].model_copy(update={"shadow": False, "history": 60 * MINUTE})
    plain = shadowed.model_copy(update={"checks": {"trial": check}})
    sale = Planned.model_validate({"name": "sale", "from": NOON - 55 * MINUTE, "to": NOON - 10 * MINUTE})
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [300] * 45 + [60, 61, 59, 62, 60] * 2)
    unprepared = backtest(plain, NOON - 60 * MINUTE, NOON)
    prepared = backtest(plain.model_copy(update={"planned": (sale,)}), NOON - 60 * MINUTE, NOON)
    assert unprepared.incidents
    assert prepared.incidents == ()
    assert {finding.window_end <= sale.until for finding in prepared.findings} == {True}
    again = run_checks(plain.model_copy(update={"planned": (sale,)}), NOON - MINUTE)
    assert run_checks(plain.model_copy(update={"planned": (sale,)}), NOON, again.state).findings == ()
    cold = run_checks(plain, NOON - MINUTE)
    assert run_checks(plain, NOON, cold.state).findings != ()

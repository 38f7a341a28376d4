from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.incident.comparison import compared
from domain.recommender.recommender import Recommender
from domain.values import Finding, slice_of
from workers.checks.backtest import BacktestResult, backtest
from workers.checks.measure import measure
from workers.checks.run import FAULT, State, run_checks

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
FAULT_AT, FIXED_AT = START + 12 * DAY + 5 * HOUR, START + 12 * DAY + 17 * HOUR


def views(until: datetime = START + 14 * DAY) -> pd.DataFrame:
    """Two weeks of views; France loses three quarters of them for twelve hours."""
    chance = np.random.default_rng(3)
    rows = round((until - START) / HOUR) * 400
    at = pd.Series(START + pd.to_timedelta(np.sort(chance.uniform(0, rows / 400 * 3600, rows)), unit="s"))
    country = chance.choice(["France", "Spain", "Italy"], rows, p=[0.3, 0.3, 0.4])
    device = chance.choice(["tv", "web", "mobile"], rows)
    frame = pd.DataFrame({"at": at, "country": country, "device": device})
    lost = (at >= FAULT_AT) & (at < FIXED_AT) & (frame["country"] == "France") & (chance.random(rows) < 0.75)
    return frame[~lost]


def write(folder: Path, frame: pd.DataFrame) -> Recommender:
    file = folder / "views.parquet"
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{file}' (FORMAT parquet)")
    table = {
        "name": "views",
        "path": str(file),
        "time": "at",
        "window": "1h",
        "dimensions": ("country", "device"),
    }
    checks = {
        "total": {"name": "total", "kind": "volume", "table": "views"},
        "fresh": {"name": "fresh", "kind": "freshness", "table": "views"},
        "sliced": {"name": "sliced", "kind": "slice_volume", "table": "views"},
    }
    return Recommender.model_validate(
        {"name": "t", "folder": str(folder), "tables": {"views": table}, "checks": checks}
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return write(tmp_path_factory.mktemp("shop"), views())


@pytest.fixture(scope="module")
def walked(shop: Recommender) -> BacktestResult:
    return backtest(shop, START + 5 * DAY, START + 14 * DAY)


def test_one_fault_is_one_incident_from_its_first_hour_to_its_end(walked: BacktestResult) -> None:
    (incident,) = walked.incidents
    assert incident.slice == slice_of(country="France")
    assert incident.opened_at == FAULT_AT + HOUR
    assert incident.ended_at == FIXED_AT + HOUR
    assert incident.findings == 12


def test_the_past_does_not_depend_on_the_future(
    shop: Recommender, walked: BacktestResult, tmp_path: Path
) -> None:
    cut = FAULT_AT + 4 * HOUR
    frame = views()
    shorter = write(tmp_path, frame[frame["at"] < cut])
    past = backtest(shorter, START + 5 * DAY, cut).findings
    assert past == tuple(finding for finding in walked.findings if finding.window_end <= cut)
    assert len(past) == 4


def test_live_looks_find_what_the_backtest_finds(shop: Recommender, walked: BacktestResult) -> None:
    state, found = State(), list[Finding]()
    for hour in range(-3, 4):
        result = run_checks(shop, FAULT_AT + hour * HOUR + 5 * MINUTE, state)
        state = State.model_validate_json(result.state.model_dump_json())
        found += result.findings
    live = [(f.check, f.slice, f.window_end, f.observed) for f in found]
    past = [(f.check, f.slice, f.window_end, f.observed) for f in walked.findings]
    assert live == past[:3]


def test_rows_are_called_what_their_table_calls_them_and_counted_as_ever(shop: Recommender) -> None:
    table = shop.tables["views"].model_copy(update={"unit": "page views"})
    named = shop.model_copy(update={"tables": {"views": table}})
    (plain,), (renamed,) = (run_checks(one, FAULT_AT + 2 * HOUR).findings for one in (shop, named))
    assert plain.title.endswith("% fewer rows") and "rows where" in compared(plain)
    assert renamed.title == plain.title.replace("fewer rows", "fewer page views")
    assert compared(renamed) == compared(plain).replace(" rows ", " page views ")
    assert (renamed.unit, renamed.fingerprint) == (plain.unit, plain.fingerprint)


def test_a_window_is_judged_once_however_often_one_looks(shop: Recommender) -> None:
    first = run_checks(shop, FAULT_AT + 2 * HOUR)
    again = run_checks(shop, FAULT_AT + 2 * HOUR + 30 * MINUTE, first.state)
    assert (len(first.findings), again.findings, again.state) == (1, (), first.state)


def test_a_check_that_cannot_look_is_a_finding_and_the_others_go_on(
    shop: Recommender, tmp_path: Path
) -> None:
    broken = shop.checks["sliced"].model_copy(update={"name": "broken", "measure": "minutes"})
    checks = {"broken": broken, **shop.checks}
    result = run_checks(shop.model_copy(update={"checks": checks}), FAULT_AT + 2 * HOUR)
    assert [(f.check, f.subject) for f in result.findings] == [("broken", FAULT), ("sliced", None)]
    assert 'no column "minutes"' in result.findings[0].title
    fixed = run_checks(
        shop.model_copy(
            update={"checks": {"broken": shop.checks["sliced"].model_copy(update={"name": "broken"})}}
        ),
        FAULT_AT - 24 * HOUR,
        result.state.model_copy(
            update={
                "checks": {
                    "broken": result.state.checks["broken"].model_copy(update={"last_window_end": None})
                }
            }
        ),
    )
    assert fixed.cleared == (result.findings[0].fingerprint,)


def test_the_metric_of_a_finding_is_measured_against_the_time_before_it(shop: Recommender) -> None:
    finding = run_checks(shop, FAULT_AT + 2 * HOUR).findings[0]
    still = measure(shop, finding, FIXED_AT - 2 * HOUR, FIXED_AT)
    fixed = measure(shop, finding, FIXED_AT, FIXED_AT + 2 * HOUR)
    assert still.p_value < 1e-6
    assert not still.within
    assert abs(still.repaired(finding)) < 0.15
    assert fixed.within
    assert fixed.p_value > 0.01
    assert abs(fixed.repaired(finding) - 1) < 0.15
    assert abs(fixed.expected - 240) < 20


def test_a_silent_table_is_one_finding_of_freshness_and_of_volume(tmp_path: Path) -> None:
    frame = views()
    silent = write(tmp_path, frame[frame["at"] < FAULT_AT])
    result = run_checks(silent, FAULT_AT + 3 * HOUR)
    assert sorted(finding.check for finding in result.findings) == ["fresh", "total"]
    fresh = next(f for f in result.findings if f.check == "fresh")
    assert fresh.window_end == FAULT_AT + 3 * HOUR
    assert fresh.severity == "SEV1"


def test_overlapping_windows_are_judged_on_each_beat(shop: Recommender) -> None:
    table = shop.tables["views"].model_copy(update={"every": 15 * MINUTE})
    often = shop.model_copy(update={"tables": {"views": table}, "checks": {"sliced": shop.checks["sliced"]}})
    result = backtest(often, FAULT_AT - 12 * HOUR, FAULT_AT + 2 * HOUR)
    assert result.looks == 14 * 4
    assert len(result.incidents) == 1
    assert result.findings[0].window_end <= FAULT_AT + 45 * MINUTE


def test_what_is_written_as_json_keeps_its_shape(walked: BacktestResult) -> None:
    report = walked.report()
    assert set(report) == {"findings", "incidents"}
    first = report["findings"][0]  # type: ignore[index]
    assert list(first) == [
        "check",
        "table",
        "slice",
        "window_start",
        "window_end",
        "observed",
        "expected",
        "p_value",
        "severity",
    ]
    assert first["slice"] == {"country": "France"}
    assert datetime.fromisoformat(first["window_start"]) == FAULT_AT
    assert (first["check"], first["severity"]) == ("sliced", "SEV2")

"""Several ticks at once: each table is looked at by one of them, and one cause stays one incident."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest
from sqlalchemy import Engine

from domain.detection.judge.state import CheckState
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.checks.plan import Plan
from workers.checks.run import RunResult, State, Wrong
from workers.detect.detection_run import detection_run
from workers.store import cards
from workers.store.lock import alone, in_turn

from ..conftest import NOON, make_finding

MINUTE = timedelta(minutes=1)
TABLES = ("impressions", "plays", "candidates")


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    """Three tables, the second made from the first; each with a check that no test lets look."""
    of = {"plays": ("impressions",)}
    tables = {
        name: Table(name=name, path=str(tmp_path / name), time="at", window=MINUTE, upstream=of.get(name, ()))
        for name in TABLES
    }
    checks = {name: Check(name=name, kind="volume", table=name) for name in TABLES}
    return Recommender(name="cinema", tables=tables, checks=checks)


def every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


class Looked:
    """Stands in for the checks, and writes down whose tables were looked at."""

    def __init__(self) -> None:
        self.tables, self.lock = list[str](), Lock()

    def __call__(
        self, recommender: Recommender, at: datetime, state: State, wrong: Wrong, plans: Sequence[Plan]
    ) -> RunResult:
        (name,) = (planned.check.name for planned in plans)
        with self.lock:
            self.tables.append(name)
        return RunResult(state=State(checks={name: CheckState(last_window_end=at)}))


def test_a_table_that_somebody_looks_at_is_passed_over_and_the_others_are_looked_at(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Looked()
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looked)
    with alone(log, "tick:detect:plays") as mine:
        assert mine
        detection_run(log, recommender, NOON)
    assert looked.tables == ["impressions", "candidates"]
    detection_run(log, recommender, NOON)
    assert looked.tables == ["impressions", "candidates", "plays"]


def test_two_ticks_at_once_share_the_tables(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, calls = Barrier(2, timeout=600), count()

    class Together(Looked):
        def __call__(
            self, recommender: Recommender, at: datetime, state: State, wrong: Wrong, plans: Sequence[Plan]
        ) -> RunResult:
            if next(calls) < 2:
                both.wait()  # neither goes on before the other has a table of its own
            return super().__call__(recommender, at, state, wrong, plans)

    looked = Together()
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looked)
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(detection_run, log, recommender, NOON) for _ in range(2)]:
            one.result(60)
    assert sorted(looked.tables) == sorted(TABLES)


def test_one_cause_found_in_two_tables_at_the_same_moment_is_one_incident(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2, timeout=600)

    def look(
        recommender: Recommender, at: datetime, state: State, wrong: Wrong, plans: Sequence[Plan]
    ) -> RunResult:
        (name,) = (planned.check.name for planned in plans)
        if name == "candidates":
            return RunResult(state=State(checks={name: CheckState(last_window_end=at)}))
        both.wait()
        finding = make_finding().model_copy(update={"table": name, "check": name})
        return RunResult(findings=(finding,), state=State(checks={name: CheckState(last_window_end=at)}))

    monkeypatch.setattr("workers.detect.detection_run.run_checks", look)
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(detection_run, log, recommender, NOON) for _ in range(2)]:
            one.result(60)
    (incident,) = every(log)
    assert incident.first_finding is not None
    assert {incident.first_finding.table, *(one.table for one in incident.also)} == {"impressions", "plays"}


def test_what_waits_for_its_turn_is_done_after(log: Engine) -> None:
    done, begun = list[str](), Event()

    def second() -> None:
        begun.set()
        with in_turn(log, "incidents"):
            done.append("second")

    with ThreadPoolExecutor(1) as pool:
        with in_turn(log, "incidents"):
            later = pool.submit(second)
            assert begun.wait(300)
            done.append("first")
        later.result(300)
    assert done == ["first", "second"]


def test_what_an_outage_left_out_of_several_tables_is_one_incident(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looked())
    detection_run(log, recommender, NOON)
    detection_run(log, recommender, NOON + timedelta(hours=8))
    (incident,) = every(log)
    assert "and 2 more did not run from" in incident.title

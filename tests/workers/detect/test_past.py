"""No incident becomes its own baseline, nor the next one's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Finding, Improvement
from tests.workers.conftest import NOON, make_finding, make_option
from workers.checks.measure import measure
from workers.checks.run import RunResult, run_checks
from workers.detect.detection_run import detection_run
from workers.detect.past import past_before, wrong_times
from workers.log.handle import Answer, handle
from workers.log.obligations import Work
from workers.respond.resolve.watch import watch
from workers.store import cards

MINUTE = timedelta(minutes=1)
HISTORY = 60 * MINUTE
LEARNED = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a cable")


def write(folder: Path, *stretches: tuple[int, int]) -> None:
    """Impressions in stretches of (minutes, rows a minute), the last minute ending at noon."""
    counts = [rows + (n % 5) for minutes, rows in stretches for n in range(minutes)]
    start = NOON - len(counts) * MINUTE
    times = [start + n * MINUTE + k * MINUTE / rows for n, rows in enumerate(counts) for k in range(rows)]
    pd.DataFrame({"at": times}).to_parquet(folder / "impressions.parquet")


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path=str(tmp_path / "*.parquet"), time="at", window=MINUTE)
    check = Check(name="total", kind="volume", table="impressions", history=HISTORY)
    return Recommender(name="cinema", tables={"impressions": table}, checks={check.name: check})


def found(minutes: int, observed: float = 20.0, expected: float = 62.0) -> Finding:
    """The total of the minute that ends `minutes` after noon."""
    total = {"check": "total", "slice": (), "observed": observed, "expected": expected}
    return make_finding(minutes=minutes).model_copy(update=total)


class Log:
    """Short words for what is in the log."""

    def __init__(self, log: Engine, detector: Actor, on_call: Actor) -> None:
        self.log, self.detector, self.on_call, self.asked = log, detector, on_call, 0

    def say(self, stream: str | None, command: c.Command, minutes: int = 0) -> Answer:
        self.asked += 1
        at = NOON + minutes * MINUTE
        return handle(stream, command, actor=self.on_call, key=f"k{self.asked}", at=at, log=self.log)

    def fault(self, first: int, last: int) -> str:
        """An incident first found in one minute and found again until another."""
        stream = self.say(None, c.OpenIncident(number=0, finding=found(first)), first).stream
        if last > first:
            self.say(None, c.OpenIncident(number=0, finding=found(last)), last)
        return stream

    def card(self, stream: str) -> Incident:
        with self.log.connect() as connection:
            incident = cards.find(connection, stream)
        assert incident is not None
        return incident


@pytest.fixture
def the(log: Engine, detector: Actor, on_call: Actor) -> Log:
    return Log(log, detector, on_call)


def test_a_fault_of_nearly_all_the_history_is_seen_to_be_fixed(
    the: Log, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, (70, 60), (50, 20), (2, 60))  # 50 of the last 60 minutes before the fix were the fault
    stream = the.fault(-51, -2)
    the.say(stream, c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), -10)
    offered = (make_option(watch=2 * MINUTE),)
    the.say(stream, c.PrepareMenu(options=offered), -9)
    the.say(stream, c.ChooseHotfix(option="fill", menu=digest_of(offered)), -8)
    the.say(stream, c.RecordHotfixApplied(option="fill", receipt="done"), -2)
    incident = the.card(stream)
    assert incident.hotfix is not None
    obligation = Obligation(kind="watch", event_id=incident.hotfix.event_id, since=NOON)
    (verdict,) = watch(Work(the.log, incident, obligation, NOON), recommender)
    assert isinstance(verdict, c.VerifyHotfix), verdict
    assert verdict.expected == pytest.approx(62, abs=2)
    assert verdict.repaired_share > 0.9


def test_a_fault_of_nearly_all_the_history_is_said_to_be_over(
    the: Log, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, (70, 60), (50, 20), (3, 60))
    for minutes in range(-54, 1):
        detection_run(the.log, recommender, NOON + minutes * MINUTE)
    with the.log.connect() as connection:
        (incident,) = cards.every(connection)
    assert incident.findings_count > 30
    assert incident.cleared_at is not None


def test_an_earlier_incident_does_not_teach_the_next_one_what_is_usual(
    the: Log, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, (90, 60), (45, 20), (10, 60), (5, 20))
    earlier = the.fault(-59, -16)
    the.say(earlier, c.Resolve(how="elsewhere", reason="fixed"), -15)
    the.say(earlier, c.AnswerFollowUp(improvement=LEARNED), -15)
    the.say(earlier, c.Close(), -15)
    now = the.fault(-4, 0)
    past = past_before(the.log, recommender, the.card(now), NOON)
    assert past is not None
    assert past.before == NOON - 5 * MINUTE
    assert (NOON - 60 * MINUTE, NOON - 15 * MINUTE) in [(one.since, one.until) for one in past.wrong]
    still = found(0)
    naive = measure(recommender, still, NOON - MINUTE, NOON)
    seen = measure(recommender, still, NOON - MINUTE, NOON, past)
    assert naive.expected < 40  # most of the hour before was the earlier fault
    assert seen.expected == pytest.approx(62, abs=2)


def _learned_from(result: RunResult) -> int:
    """How many windows the only check has learned from."""
    (state,) = result.state.checks.values()
    assert state.baseline is not None
    return state.baseline.windows


def test_a_check_that_lost_its_memory_is_told_by_the_log_what_was_wrong(
    the: Log, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, (90, 60), (45, 20), (12, 60))
    at = NOON
    stream = the.fault(-56, -13)
    naive = run_checks(recommender, at - MINUTE)
    naive = run_checks(recommender, at, naive.state)
    the.say(stream, c.Resolve(how="elsewhere", reason="fixed"), -12)
    wrong = wrong_times(the.log, recommender, at)
    informed = run_checks(recommender, at - MINUTE, None, wrong)
    informed = run_checks(recommender, at, informed.state, wrong)
    assert informed.findings == ()
    assert _learned_from(naive) - _learned_from(informed) >= 40  # of the 43 bad minutes
    assert '"known"' not in informed.state.model_dump_json()


def test_what_was_no_incident_is_learned_from_and_what_began_earlier_is_not(
    the: Log, recommender: Recommender
) -> None:
    stream = the.fault(-30, -30)

    def wrong() -> list[tuple[float, float]]:
        times = wrong_times(the.log, recommender, NOON)["total"]
        return [((one.since - NOON) / MINUTE, (one.until - NOON) / MINUTE) for one in times]

    assert wrong() == [(-31, 0)]
    onset = Diagnosis(cause=None, since=NOON - 40 * MINUTE)
    the.say(stream, c.RecordDiagnosis(diagnosis=onset), -20)
    assert wrong() == [(-40, 0)]
    the.say(stream, c.ClearFinding(observed=60, expected=60, window_end=NOON - 10 * MINUTE), -10)
    assert wrong() == [(-40, -10)]
    the.say(stream, c.Dismiss(reason="a test by the player team"), -5)
    assert wrong() == []


@pytest.mark.parametrize(
    ("changes", "spoils"),
    [
        ({"check": "total"}, True),
        ({"check": "by_slice", "slice": (("genre", "Drama"),)}, True),  # both count the table's rows
        ({"check": "gone"}, True),
        ({"check": "gaps", "subject": "language"}, False),  # a column unset is no row missing
        ({"table": "plays"}, False),
        ({"subject": "check fault", "unit": "looks"}, False),
    ],
)
def test_only_what_was_wrong_with_the_same_rows_is_left_out(
    the: Log, recommender: Recommender, changes: dict[str, object], spoils: bool
) -> None:
    others = [
        Check(name="by_slice", kind="slice_volume", table="impressions"),
        Check(name="gaps", kind="missing", table="impressions"),
    ]
    declared = recommender.model_copy(
        update={"checks": {**recommender.checks, **{check.name: check for check in others}}}
    )
    the.say(None, c.OpenIncident(number=0, finding=found(-30).model_copy(update=changes)), -30)
    assert bool(wrong_times(the.log, declared, NOON)["total"]) is spoils


def test_a_launch_that_was_an_incident_is_no_example_of_launches(
    the: Log, finding: Callable[..., Finding]
) -> None:
    from workers.detect.past import suspects

    predicted = {"kind": "predicted", "subject": "film-7", "table": "prelaunch", "check": "launches"}
    the.say(None, c.OpenIncident(number=0, finding=finding().model_copy(update=predicted)))
    assert suspects(the.log, NOON) == {"film-7"}

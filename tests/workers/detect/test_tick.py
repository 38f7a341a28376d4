from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.state import CheckState, TrackedFinding
from domain.errors import SourceError
from domain.incident.commands import AnswerFollowUp, Close, Dismiss, Resolve
from domain.incident.events import FindingJoined
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Finding, Improvement, Severity, slice_of
from workers.checks.over import long_quiet, look_again, sharp_enough
from workers.checks.plan import Plan
from workers.checks.run import RunResult, State, Wrong
from workers.detect.detection_run import detection_run
from workers.detect.table_checks import MOST_MISSED_LOOKS
from workers.log.handle import handle
from workers.store import cards
from workers.store.lock import alone
from workers.store.log.events import read_stream

from ..conftest import NOON, make_finding

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def write(folder: Path, per_minute: list[int]) -> None:
    """Impressions for as many minutes as there are counts, the last minute ending at noon."""
    start = NOON - len(per_minute) * MINUTE
    times = [
        start + n * MINUTE + k * MINUTE / count for n, count in enumerate(per_minute) for k in range(count)
    ]
    pd.DataFrame({"at": times, "genre": "Drama"}).to_parquet(folder / "impressions.parquet")


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path=str(tmp_path / "*.parquet"), time="at", window=MINUTE)
    check = Check(name="impressions_volume", kind="volume", table="impressions")
    return Recommender(name="cinema", tables={"impressions": table}, checks={check.name: check})


def every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


def test_a_table_that_loses_its_rows_opens_one_incident_and_is_said_to_be_over_when_they_are_back(
    log: Engine, tmp_path: Path, recommender: Recommender
) -> None:
    usual = [60, 58, 63, 61, 57, 62] * 20
    write(tmp_path, usual + [5] * 2 + [60, 61, 59, 60])
    for minutes in range(-5, 1):
        detection_run(log, recommender, NOON + minutes * MINUTE)
    (incident,) = every(log)
    assert incident.finding is not None
    assert incident.finding.observed == 5
    assert incident.cleared_at is not None


def test_looking_twice_at_the_same_moment_changes_nothing(
    log: Engine, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [5] * 4)
    for minutes in (-1, 0, 0, 0):
        detection_run(log, recommender, NOON + minutes * MINUTE)
    before = every(log)
    assert len(before) == 1
    detection_run(log, recommender, NOON)
    assert every(log) == before


def test_a_table_that_cannot_be_read_twice_in_a_row_is_an_incident_of_its_own(
    log: Engine, recommender: Recommender
) -> None:
    detection_run(log, recommender, NOON)
    assert every(log) == []
    detection_run(log, recommender, NOON + MINUTE)
    (incident,) = every(log)
    assert "cannot look" in incident.title


def test_what_was_dismissed_and_closed_is_no_news_until_it_was_over_once(
    log: Engine, recommender: Recommender, on_call: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(make_finding(), since=NOON)
    monkeypatch.setattr("workers.environment.clock.now", lambda: NOON)
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
    detection_run(log, recommender, NOON)
    learned = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a planned sale")
    for command in (Dismiss(reason="a planned sale"), AnswerFollowUp(improvement=learned), Close()):
        key = type(command).__name__
        handle(every(log)[0].stream, command, actor=on_call, key=key, at=NOON + MINUTE, log=log)
    looks.findings = (make_finding(minutes=2),)
    detection_run(log, recommender, NOON)
    assert len(every(log)) == 1
    looks.findings, looks.since = (make_finding(minutes=30),), NOON + 29 * MINUTE
    detection_run(log, recommender, NOON)
    assert [incident.status for incident in every(log)] == ["open", "closed"]


def test_a_long_window_that_still_sees_what_was_repaired_opens_no_second_incident(
    log: Engine, recommender: Recommender, on_call: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.environment.clock.now", lambda: NOON)

    def look(finding: Finding) -> list[str]:
        monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(finding))
        detection_run(log, recommender, finding.window_end)
        return [incident.status for incident in every(log)]

    look(make_finding())
    learned = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a new alarm")
    ending = (
        Resolve(how="elsewhere", reason="the feed is back"),
        AnswerFollowUp(improvement=learned),
        Close(),
    )
    for command in ending:
        key = type(command).__name__
        handle(every(log)[0].stream, command, actor=on_call, key=key, at=NOON + 3 * MINUTE, log=log)
    plays = {"table": "plays", "check": "plays_by_slice", "title": "plays of Drama: 28 % fewer rows"}
    for wide in (make_finding(minutes=4), make_finding(minutes=4).model_copy(update=plays)):
        reaches_back = wide.model_copy(update={"window_start": NOON - MINUTE})
        assert look(reaches_back) == ["closed"]
    assert look(make_finding(minutes=5)) == ["open", "closed"]


BACK = Measurement(observed=100.0, expected=100.0, low=80.0, high=120.0, p_value=0.5)


class Looks:
    """Stands in for the checks: says what it is told, and remembers when it was asked."""

    def __init__(
        self, *findings: Finding, cleared: tuple[str, ...] = (), since: datetime | None = None
    ) -> None:
        self.findings, self.cleared, self.moments, self.since = findings, cleared, list[datetime](), since

    def __call__(
        self, recommender: Recommender, at: datetime, state: State, wrong: Wrong, plans: Sequence[Plan]
    ) -> RunResult:
        self.moments.append(at)
        seen = {
            f.fingerprint: TrackedFinding(slice=f.slice, since=self.since)
            for f in self.findings
            if self.since
        }
        checks = {f.check: CheckState(seen=seen) for f in self.findings}
        return RunResult(findings=self.findings, cleared=self.cleared, state=State(checks=checks))


def test_an_outage_is_caught_up_with_a_window_at_a_time(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
    detection_run(log, recommender, NOON)
    detection_run(log, recommender, NOON + 4 * MINUTE)
    assert looks.moments == [NOON + n * MINUTE for n in range(5)]
    looks.moments.clear()
    detection_run(log, recommender, NOON + timedelta(days=1))
    assert len(looks.moments) == MOST_MISSED_LOOKS + 1
    assert looks.moments[-1] == NOON + timedelta(days=1)


def test_a_daily_check_makes_up_for_days_while_the_minutes_are_bounded_and_what_is_left_out_is_said(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily = Check(name="daily", kind="volume", table="impressions", window=timedelta(days=1))
    checks = {**recommender.checks, "daily": daily}
    both = recommender.model_copy(update={"checks": checks})
    looks = Looks()
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
    detection_run(log, both, NOON)
    detection_run(log, both, NOON + timedelta(days=3))
    made_up = looks.moments[1:]
    assert [NOON + timedelta(days=n) for n in (1, 2, 3)] == [one for one in made_up if one.hour == 12][-3:]
    assert len(made_up) == MOST_MISSED_LOOKS + 3
    (incident,) = every(log)
    assert incident.title == (
        "The check impressions_volume did not run from 2026-03-03 12:00 to 2026-03-06 11:00 UTC"
    )
    assert incident.severity == Severity.SEV4


def test_what_several_checks_left_out_in_one_outage_is_one_incident(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays = recommender.tables["impressions"].model_copy(update={"name": "plays"})
    other = recommender.checks["impressions_volume"].model_copy(update={"name": "plays", "table": "plays"})
    both = recommender.model_copy(
        update={
            "tables": {**recommender.tables, "plays": plays},
            "checks": {**recommender.checks, "plays": other},
        }
    )
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks())
    detection_run(log, both, NOON)
    detection_run(log, both, NOON + timedelta(hours=8))
    (incident,) = every(log)
    assert incident.title.startswith("The check impressions_volume and 1 more did not run from")


def test_a_check_is_said_to_look_again_after_what_it_left_out(
    log: Engine, tmp_path: Path, recommender: Recommender
) -> None:
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20)
    detection_run(log, recommender, NOON - timedelta(days=1))
    for minutes in (-1, 0):
        detection_run(log, recommender, NOON + minutes * MINUTE)
    (incident,) = every(log)
    assert "did not run" in incident.title
    assert incident.cleared_at is not None


def test_a_clock_that_jumps_back_looks_once_and_goes_on(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
    detection_run(log, recommender, NOON)
    detection_run(log, recommender, NOON - timedelta(hours=1))
    assert looks.moments == [NOON, NOON - timedelta(hours=1)]


def test_two_clocks_at_once_look_once(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(make_finding())
    monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
    with alone(log, "tick:detect:impressions") as mine:
        assert mine
        assert detection_run(log, recommender, NOON) == 0
    assert looks.moments == []
    assert detection_run(log, recommender, NOON) == 1


def test_an_open_incident_does_not_repeat_the_same_every_few_seconds(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in range(0, 121, 10):
        finding = make_finding()
        end = finding.window_end + timedelta(seconds=seconds)
        finding = finding.model_copy(update={"window_end": end, "window_start": end - MINUTE})
        monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(finding))
        detection_run(log, recommender, NOON + timedelta(seconds=seconds))
    (incident,) = every(log)
    assert incident.findings_count == 3


def test_one_fault_seen_in_two_tables_is_one_incident_which_the_other_joins_once(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in range(4):
        first = make_finding(minutes=minutes)
        elsewhere = {"table": "plays", "check": "plays_by_slice", "title": "plays of Drama: 60 % fewer rows"}
        findings = (first, first.model_copy(update=elsewhere))[: 1 + minutes]
        monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(*findings))
        detection_run(log, recommender, NOON + minutes * MINUTE)
    (incident,) = every(log)
    with log.connect() as connection:
        events = [recorded.event for recorded in read_stream(connection, incident.stream)]
    joined = [(event.finding.title, event.shares) for event in events if isinstance(event, FindingJoined)]
    assert joined == [("plays of Drama: 60 % fewer rows", "slice")]
    assert [one.table for one in incident.also] == ["plays"]


def test_what_is_wrong_downstream_joins_its_upstreams_incident_until_it_is_over(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays = recommender.tables["impressions"].model_copy(
        update={"name": "plays", "upstream": ("impressions",)}
    )
    orders = plays.model_copy(update={"name": "orders", "upstream": ()})
    tables = {**recommender.tables, "plays": plays, "orders": orders}
    declared = recommender.model_copy(update={"tables": tables})
    first = make_finding(minutes=0).model_copy(update={"slice": (), "severity": Severity.SEV3})
    below = make_finding(minutes=1).model_copy(
        update={
            "table": "plays",
            "slice": (),
            "unit": "seconds",
            "severity": Severity.SEV1,
            "title": "silence",
        }
    )
    stranger = make_finding(minutes=1).model_copy(update={"table": "orders", "slice": ()})
    first = first.model_copy(update={"check": "impressions_volume"})
    monkeypatch.setattr("workers.checks.over.measure", lambda *_: BACK)
    looks = [
        Looks(first, since=NOON),
        Looks(below, stranger, since=NOON),
        Looks(cleared=(first.fingerprint,)),
        Looks(below, since=NOON),  # later than the upstream, and still the same
    ]
    for minutes, look in enumerate(looks):
        monkeypatch.setattr("workers.detect.detection_run.run_checks", look)
        detection_run(log, declared, NOON + minutes * MINUTE)
    other, incident = every(log)
    assert (other.finding and other.finding.table, other.also) == ("orders", ())
    assert [one.title for one in incident.also] == ["silence"]
    assert incident.severity == Severity.SEV1
    assert incident.cleared_at is not None


def test_a_fault_that_goes_on_under_the_name_of_a_part_of_it_is_not_said_to_be_over(
    log: Engine, tmp_path: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, [60] * 120)
    whole = make_finding().model_copy(update={"check": "impressions_volume"})
    part = whole.model_copy(update={"slice": slice_of(genre="Drama", device="tv")})
    for looks in (Looks(whole), Looks(part, cleared=(whole.fingerprint,))):
        monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
        detection_run(log, recommender, NOON)
    (incident,) = every(log)
    assert incident.cleared_at is None
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks())
    detection_run(log, recommender, NOON)
    assert every(log)[0].cleared_at is not None


def test_a_look_that_died_before_it_was_remembered_is_repeated_without_harm(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(make_finding()))
    with monkeypatch.context() as dying:
        dying.setattr("workers.detect.table_checks.TableChecks.remember", _dies)
        with pytest.raises(SystemExit):
            detection_run(log, recommender, NOON)
    before = every(log)
    detection_run(log, recommender, NOON)
    assert every(log) == before


def _dies(*_: object) -> None:
    raise SystemExit("killed")


def test_a_finding_that_is_over_but_cannot_be_measured_is_said_to_be_over_later(
    log: Engine, tmp_path: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = make_finding().model_copy(update={"check": "impressions_volume", "slice": ()})
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(finding))
    detection_run(log, recommender, NOON - MINUTE)
    with _away(monkeypatch):
        monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks(cleared=(finding.fingerprint,)))
        detection_run(log, recommender, NOON - MINUTE)
    assert every(log)[0].cleared_at is None
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks())
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20)
    detection_run(log, recommender, NOON)
    assert every(log)[0].cleared_at is not None


def test_a_repair_that_has_only_begun_is_not_a_metric_that_is_back(
    log: Engine, tmp_path: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = {"impressions": recommender.tables["impressions"].model_copy(update={"every": MINUTE / 6})}
    recommender = recommender.model_copy(update={"tables": often})
    finding = make_finding(minutes=-1).model_copy(update={"check": "impressions_volume", "slice": ()})
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [17, 60])  # repaired a minute before noon
    cleared_after = None
    for seconds in range(0, 70, 10):
        # The check falls silent as soon as its window holds some of the repaired time.
        looks = {0: Looks(finding), 20: Looks(cleared=(finding.fingerprint,))}.get(seconds, Looks())
        monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
        detection_run(log, recommender, NOON - MINUTE + timedelta(seconds=seconds))
        if cleared_after is None and every(log)[0].cleared_at is not None:
            cleared_after = seconds
    assert cleared_after == 60


@pytest.mark.parametrize(
    ("low", "observed", "over"), [(80.0, 97.0, True), (80.0, 40.0, False), (0.0, 97.0, False)]
)
def test_a_metric_is_back_when_it_lies_in_a_band_that_does_not_hold_what_was_found(
    log: Engine,
    recommender: Recommender,
    monkeypatch: pytest.MonkeyPatch,
    low: float,
    observed: float,
    over: bool,
) -> None:
    finding = make_finding().model_copy(update={"check": "impressions_volume", "slice": ()})
    now = Measurement(observed=observed, expected=100.0, low=low, high=200.0 - low, p_value=0.5)
    monkeypatch.setattr("workers.checks.over.measure", lambda *_: now)
    for looks in (Looks(finding), Looks(cleared=(finding.fingerprint,))):
        monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
        detection_run(log, recommender, NOON)
    assert (every(log)[0].cleared_at is not None) is over


@pytest.mark.parametrize(
    ("hours", "observed", "over"),
    [(3.9, 97.0, False), (4.1, 97.0, True), (4.1, 80.0, True), (4.1, 60.0, False), (40.0, 60.0, False)],
    ids=["not long quiet", "long quiet", "nearer to the usual", "nearer to what was found", "however long"],
)
def test_a_band_that_is_too_wide_to_tell_keeps_no_incident_open_for_ever(
    hours: float, observed: float, over: bool
) -> None:
    found = make_finding(observed=40.0)
    now = Measurement(observed=observed, expected=100.0, low=10.0, high=190.0, p_value=0.5)
    assert not sharp_enough(now, found)
    assert long_quiet(now, found, hours * HOUR, MINUTE) is over


def test_what_is_not_over_soon_is_looked_at_more_and_more_seldom() -> None:
    found = make_finding()
    pauses = [
        look_again(found, found.window_end + hours * HOUR, 10 * MINUTE) - found.window_end - hours * HOUR
        for hours in (0.5, 1, 10, 40)
    ]
    assert pauses == [2.5 * MINUTE, 3 * MINUTE, 30 * MINUTE, 120 * MINUTE]


def test_a_finding_that_comes_back_before_it_was_over_waits_for_a_whole_window_again(
    log: Engine, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = make_finding().model_copy(update={"check": "impressions_volume", "slice": ()})
    now = [
        Measurement(observed=value, expected=100.0, low=80.0, high=120.0, p_value=0.5) for value in (40, 97)
    ]
    monkeypatch.setattr("workers.checks.over.measure", lambda *_: now[0])
    for looks in (Looks(finding), Looks(cleared=(finding.fingerprint,)), Looks(finding, since=NOON)):
        monkeypatch.setattr("workers.detect.detection_run.run_checks", looks)
        detection_run(log, recommender, NOON)
    now.pop(0)
    monkeypatch.setattr("workers.detect.detection_run.run_checks", Looks())
    detection_run(log, recommender, NOON + MINUTE / 2)
    assert every(log)[0].cleared_at is None
    detection_run(log, recommender, NOON + MINUTE)
    assert every(log)[0].cleared_at is not None


@contextmanager
def _away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def away(*_: object) -> None:
        raise SourceError("the warehouse is away")

    with monkeypatch.context() as without:
        without.setattr("workers.checks.over.measure", away)
        yield

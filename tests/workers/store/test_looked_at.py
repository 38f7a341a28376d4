"""What a card owes that is handed over when the clock looks at it, and when it looks again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.incident.commands import OpenIncident, RecordDiagnosisFailure
from domain.incident.obligations import DUE_AFTER, EXPIRE, Obligation
from domain.values import Actor, Finding, Severity
from workers.log.handle import handle
from workers.store import reminders
from workers.store.attempts import Progress, pause
from workers.store.reminders import SLACK, Due, looked_at

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SOON = timedelta(microseconds=1)
WORKER = Actor(kind="worker", id="worker:test")


def look(kind: str, since: datetime, at: datetime, known: Progress | None = None) -> datetime | None:
    """When an obligation is handed over by what is known of it; None for now."""
    obligation = Obligation(kind=kind, event_id="incident-1:1", since=since)
    progress = {} if known is None else {(obligation.event_id, kind): known}
    found = looked_at(Due("incident-1", 1, (obligation,)), progress, at)
    return None if found.now else found.next_at


def handed_over(times: int, next_at: datetime) -> Progress:
    return Progress(times, 0, next_at, None)


def test_the_end_of_a_hotfix_is_handed_over_when_its_time_is_over_and_not_before() -> None:
    over = NOON + DAY
    assert look(EXPIRE, over, NOON) == over
    assert look(EXPIRE, over, over - SOON) == over
    assert look(EXPIRE, over, over) is None


def test_what_is_not_due_yet_waits_and_what_is_due_does_not() -> None:
    due = NOON + DUE_AFTER["diagnose"]
    assert look("diagnose", NOON, due - SOON) == due
    assert look("diagnose", NOON, due) is None
    assert look("diagnose", NOON, NOON, handed_over(3, NOON + SOON)) == NOON + SOON
    assert look("diagnose", NOON, NOON, handed_over(3, NOON)) is None


@pytest.mark.parametrize("times", [0, 1, 3, 6])
def test_nothing_waits_longer_than_its_pause_though_the_clock_was_set_back(times: int) -> None:
    longest = NOON + pause("diagnose", max(1, times)) + SLACK
    assert look("diagnose", NOON, NOON, handed_over(times, longest)) == longest
    assert look("diagnose", NOON, NOON, handed_over(times, longest + SOON)) is None


def finding(genre: str) -> Finding:
    return Finding(
        check="impressions",
        table="impressions",
        slice=(("genre", genre),),
        window_start=NOON - timedelta(minutes=1),
        window_end=NOON,
        observed=29,
        expected=100,
        p_value=1e-6,
        severity=Severity.SEV2,
        title=f"{genre}: 71 % less",
    )


@pytest.fixture
def two(log: Engine) -> list[str]:
    """Two incidents of noon, a diagnosis of each owed."""
    return [
        handle(
            None, OpenIncident(number=0, finding=finding(one)), actor=WORKER, key=one, at=NOON, log=log
        ).stream
        for one in ("Drama", "Comedy")
    ]


def streams_due(log: Engine, at: datetime) -> list[str]:
    with log.connect() as connection:
        return sorted(one.card.stream for one in reminders.look(connection, at, 10))


def test_to_have_one_looked_at_at_once_hurries_no_other(log: Engine, two: list[str]) -> None:
    soon = NOON + timedelta(seconds=1)
    assert streams_due(log, soon) == []
    with log.begin() as connection:
        reminders.look_at_once(connection, two[0], soon)
    assert streams_due(log, soon) == [two[0]]


def test_what_has_moved_on_since_it_was_looked_at_keeps_its_own_time(log: Engine, two: list[str]) -> None:
    early, late = NOON + timedelta(minutes=30), NOON + timedelta(hours=1)
    with log.connect() as connection:
        looks = reminders.look(connection, early, 10)
    failed = RecordDiagnosisFailure(reason="locked")
    handle(two[0], failed, actor=WORKER, key="failed", at=late, log=log)

    def due_at() -> dict[str, datetime]:
        with log.connect() as connection:
            rows = connection.execute(text("SELECT stream, due_at FROM cards"))
            return {str(stream): moment for stream, moment in rows}

    before = due_at()
    with log.begin() as connection:
        reminders.handed_over(connection, looks, late)
    after = due_at()
    assert after[two[0]] == before[two[0]] == late + DUE_AFTER["menu"]
    assert after[two[1]] == early + pause("diagnose", 1) != before[two[1]]

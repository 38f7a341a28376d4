"""How often each obligation is handed over: by the first, again when it is time, never for another one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, event, text

from domain.incident.obligations import DUE_AFTER, Obligation
from workers.store import attempts
from workers.store.attempts import LONGEST_PAUSE, Issue, Progress, pause
from workers.store.reminders import Due, looked_at

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
STREAM = "incident-1"
SOON = timedelta(microseconds=1)

Change = Callable[[Connection, Obligation], object]


def obligation(kind: str = "diagnose", version: int = 1) -> Obligation:
    return Obligation(kind=kind, event_id=f"{STREAM}:{version}", since=NOON)


OTHERS = (obligation("menu"), obligation(version=2))
"""Another obligation of the same event, and the same kind of another event."""


def again(connection: Connection, one: Obligation, at: datetime) -> bool:
    """As the clock does: looked at, and counted where it was handed over."""
    looked = looked_at(Due(STREAM, 1, (one,)), attempts.progress_of(connection, [one.event_id]), at)
    attempts.count_issues(connection, looked.now, at)
    return bool(looked.now)


def progress(log: Engine, one: Obligation) -> Progress | None:
    with log.connect() as connection:
        return attempts.progress_of(connection, [one.event_id]).get((one.event_id, one.kind))


def test_an_obligation_is_handed_over_first_by_one_and_no_other(log: Engine) -> None:
    with log.begin() as connection:
        assert attempts.issue_first(connection, STREAM, obligation(), NOON)
        assert not attempts.issue_first(connection, STREAM, obligation(), NOON)
        assert [attempts.issue_first(connection, STREAM, one, NOON) for one in OTHERS] == [True, True]


@pytest.mark.parametrize("kind", ["diagnose", "apply", "expire"])
def test_what_was_never_handed_over_is_when_it_is_due_and_not_a_moment_before(log: Engine, kind: str) -> None:
    due = DUE_AFTER.get(kind, timedelta(0))
    with log.begin() as connection:
        assert not again(connection, obligation(kind), NOON + due - SOON)
        assert again(connection, obligation(kind), NOON + due)
        assert not again(connection, obligation(kind), NOON + due)


def test_what_was_handed_over_is_again_when_its_pause_is_over_and_not_a_moment_before(log: Engine) -> None:
    first = pause("diagnose", 1)
    with log.begin() as connection:
        attempts.issue_first(connection, STREAM, obligation(), NOON)
        assert not again(connection, obligation(), NOON + first - SOON)
        assert again(connection, obligation(), NOON + first)
        assert not again(connection, obligation(), NOON + first + pause("diagnose", 2) - SOON)
        assert again(connection, obligation(), NOON + first + pause("diagnose", 2))
    assert progress(log, obligation()) == Progress(3, 0, NOON + 7 * first, None)


def test_two_clocks_that_beat_at_once_count_it_once(log: Engine) -> None:
    with log.begin() as connection:
        attempts.issue_first(connection, STREAM, obligation(), NOON)
    late = NOON + timedelta(hours=1)
    with log.begin() as slow:

        @event.listens_for(slow, "after_cursor_execute", once=True)
        def _(*_: object) -> None:
            with log.begin() as quick:
                assert again(quick, obligation(), late)

        # It has read how often that was before the other one said that it was again; and its clock is ahead.
        again(slow, obligation(), late + timedelta(hours=1))
    found = progress(log, obligation())
    assert found is not None
    assert found.handed_over == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, one: again(connection, one, NOON + timedelta(hours=1)),
        lambda connection, one: attempts.begin(connection, STREAM, one, NOON),
        lambda connection, one: attempts.end(connection, one, trouble="the warehouse hangs"),
        lambda connection, one: attempts.begin_anew(connection, STREAM, one, NOON + timedelta(hours=1)),
    ],
    ids=["handed over again", "begun", "ended", "begun anew"],
)
def test_what_becomes_of_one_obligation_changes_no_other(log: Engine, change: Change) -> None:
    with log.begin() as connection:
        for one in (obligation(), *OTHERS):
            attempts.issue_first(connection, STREAM, one, NOON)
    before = [progress(log, one) for one in (obligation(), *OTHERS)]
    with log.begin() as connection:
        change(connection, obligation())
    after = [progress(log, one) for one in (obligation(), *OTHERS)]
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_the_progress_is_of_the_obligations_that_were_asked_for(log: Engine) -> None:
    with log.begin() as connection:
        for one in (obligation(), *OTHERS):
            attempts.issue_first(connection, STREAM, one, NOON)
        found = attempts.progress_of(connection, [f"{STREAM}:2"])
    assert set(found) == {(f"{STREAM}:2", "diagnose")}


def test_a_good_end_has_the_tries_begin_again_and_a_bad_one_counts_on(log: Engine) -> None:
    with log.begin() as connection:
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (1, None)
        attempts.end(connection, obligation(), trouble="the warehouse hangs")
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (2, "the warehouse hangs")
        attempts.end(connection, obligation())
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (1, None)


def test_what_was_only_handed_over_begins_with_its_first_try(log: Engine) -> None:
    with log.begin() as connection:
        attempts.issue_first(connection, STREAM, obligation(), NOON)
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (1, None)


def test_the_tries_of_another_obligation_are_not_its_own(log: Engine) -> None:
    with log.begin() as connection:
        for other in OTHERS:
            attempts.begin(connection, STREAM, other, NOON)
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (1, None)


def test_what_begins_anew_counts_from_one_and_still_says_what_went_wrong_last(log: Engine) -> None:
    with log.begin() as connection:
        attempts.begin(connection, STREAM, obligation(), NOON)
        attempts.end(connection, obligation(), trouble="the warehouse hangs")
        attempts.begin_anew(connection, STREAM, obligation(), NOON)
        assert attempts.begin(connection, STREAM, obligation(), NOON) == (1, "the warehouse hangs")


def test_two_that_begin_at_once_are_both_counted(log: Engine) -> None:
    def begin() -> int:
        with log.begin() as connection:
            return attempts.begin(connection, STREAM, obligation(), NOON)[0]

    with log.begin() as connection:
        attempts.issue_first(connection, STREAM, obligation(), NOON)
    with ThreadPoolExecutor() as threads:
        with log.begin() as slow:
            first = attempts.begin(slow, STREAM, obligation(), NOON)[0]
            second = threads.submit(begin)
            while not _somebody_waits(log):
                time.sleep(0.01)
        assert (first, second.result()) == (1, 2)


def _somebody_waits(log: Engine) -> bool:
    with log.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_pauses_double_up_to_the_longest_and_whoever_watches_keeps_the_pace() -> None:
    seconds = [pause("apply", count).total_seconds() for count in (1, 2, 3, 6, 7, 10, 11, 10_000)]
    assert seconds == [15, 30, 60, 480, 600, 600, 600, 600]
    assert pause("diagnose", 5) == LONGEST_PAUSE
    for kind in ("watch", "guard"):
        assert {pause(kind, count) for count in (1, 2, 50)} == {DUE_AFTER[kind]}


def test_what_another_clock_has_counted_meanwhile_is_not_counted_again(log: Engine) -> None:
    with log.begin() as connection:
        attempts.issue_first(connection, STREAM, obligation(), NOON)
        for late in (timedelta(minutes=5), timedelta(minutes=9)):
            attempts.count_issues(connection, [Issue(STREAM, obligation(), before=1)], NOON + late)
    # The second one had read what the first one had not written yet.
    assert progress(log, obligation()) == Progress(
        2, 0, NOON + timedelta(minutes=5) + pause("diagnose", 2), None
    )

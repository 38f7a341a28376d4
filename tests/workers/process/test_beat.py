"""One beat of the clock: batch after batch while there is more, and no longer than a beat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from tests.workers.conftest import NOON
from workers.log.handle import Answer
from workers.log.obligations import remind
from workers.store.lock import alone

LATE = NOON + timedelta(hours=1)
Opened = Callable[..., Answer]


class Sent:
    """A broker that takes what it is given, until it is `away` after so many."""

    def __init__(self, away_after: int = 1_000) -> None:
        self.jobs: list[object] = []
        self._away_after = away_after

    def send(self, *job: object) -> bool:
        if len(self.jobs) >= self._away_after:
            return False
        self.jobs.append(job)
        return True


@pytest.fixture
def one_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.log.obligations.AT_ONCE", 1)
    monkeypatch.setattr("workers.log.obligations.BEAT_SECONDS", 600.0)


def looks(log: Engine, sent: Sent) -> tuple[int, int]:
    """How much was handed over, and how often it was looked for."""
    asked: list[str] = []

    def noted(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM cards WHERE due_at" in statement:
            asked.append(statement)

    event.listen(log, "after_cursor_execute", noted)
    try:
        return remind(log, sent.send, LATE), len(asked)
    finally:
        event.remove(log, "after_cursor_execute", noted)


def test_what_is_more_than_a_batch_is_handed_over_in_the_same_beat(
    log: Engine, opened: Opened, one_at_once: None
) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    assert looks(log, Sent()) == (2, 3)
    assert looks(log, Sent()) == (0, 1)


def test_what_is_less_than_a_batch_is_looked_for_once(log: Engine, opened: Opened) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    assert looks(log, Sent()) == (2, 1)


def test_what_a_beat_leaves_is_the_next_one_s(
    log: Engine, opened: Opened, one_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    monkeypatch.setattr("workers.log.obligations.BEAT_SECONDS", 0.0)
    assert [looks(log, Sent()) for _ in range(3)] == [(1, 1), (1, 1), (0, 1)]


def test_where_the_broker_goes_away_what_it_did_not_take_stays_due(log: Engine, opened: Opened) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    assert looks(log, Sent(away_after=1)) == (1, 1)
    assert looks(log, Sent()) == (1, 1)


def test_a_second_clock_leaves_the_beat_to_the_first(log: Engine, opened: Opened) -> None:
    opened("Drama", "a")
    with alone(log, "remind") as mine:
        assert mine
        assert looks(log, Sent()) == (0, 0)
    assert looks(log, Sent()) == (1, 1)

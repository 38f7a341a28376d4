"""Digests of the scorecard, in the log's own stream for them: what is due, where it goes, what is posted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.incident.events import DIGESTS, DigestDue, DigestPosted, Logged, Recorded
from domain.values import Actor
from workers.log.cardless import append_once
from workers.store.connection import present
from workers.store.lock import alone
from workers.store.log.encoder import Origin
from workers.store.log.events import read_stream
from workers.store.memory import recall, remember

BY_THE_CLOCK = Actor(kind="worker", id="worker:digest")
OWED = timedelta(days=7)
"""So long after it was due a digest is still posted, unless the next one is due by then."""

PLACE = "slack.digest"
IN_HAND = "digest"


def is_due(log: Engine, due: DigestDue) -> bool:
    """Whether the log says so already."""
    return any(one.event == due for one in _stream(log))


def record_due(log: Engine, due: DigestDue, at: datetime) -> None:
    """A digest is due from here on; once, however many clocks say so."""

    def decide(so_far: tuple[Recorded, ...]) -> Sequence[Logged]:
        return () if any(one.event == due for one in so_far) else (due,)

    append_once(log, DIGESTS, decide, Origin(BY_THE_CLOCK, f"digest:due:{due.due_at.isoformat()}", at))


class Digests:
    """For whoever posts them."""

    def __init__(self, log: Engine) -> None:
        self._log = log

    @contextmanager
    def owed(self) -> Iterator[DigestDue | None]:
        """The one that is to be posted, for one process at a time; None, where another has it in hand."""
        if self._newest() is None:
            yield None
            return
        with alone(self._log, IN_HAND) as mine:
            yield self._newest() if mine else None

    def place(self, due: DigestDue, channel: str) -> str:
        """
        The id of the channel in which a digest is posted: the first one that this was asked for it.

        Were another one declared between Slack's acceptance and its record here, it would be posted twice.
        """
        when = due.due_at.isoformat()
        with self._log.begin() as connection:
            match recall(connection, PLACE):
                case {"due_at": known, "channel": str(first)} if known == when:
                    return first
            remember(connection, PLACE, {"due_at": when, "channel": channel})
        return channel

    def posted(self, due: DigestDue, channel: str, message: str, by: Actor) -> None:
        """It stands there; nothing is owed of it any more."""

        def decide(so_far: tuple[Recorded, ...]) -> Sequence[Logged]:
            if due.due_at in _posted(so_far):
                return ()
            return (DigestPosted(due_at=due.due_at, channel=channel, message=message),)

        key = f"digest:posted:{due.due_at.isoformat()}"
        append_once(self._log, DIGESTS, decide, Origin(by, key, present(self._log)))

    def _newest(self) -> DigestDue | None:
        recorded = _stream(self._log)
        due = [one.event for one in recorded if isinstance(one.event, DigestDue)]
        if not due:
            return None
        newest = max(due, key=lambda one: one.due_at)
        if newest.due_at in _posted(recorded) or present(self._log) - newest.due_at > OWED:
            return None
        return newest


def _stream(log: Engine) -> tuple[Recorded, ...]:
    with log.connect() as connection:
        return read_stream(connection, DIGESTS)


def _posted(recorded: Sequence[Recorded]) -> set[datetime]:
    return {one.event.due_at for one in recorded if isinstance(one.event, DigestPosted)}

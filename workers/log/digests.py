"""Scorecard digests in the log's own stream for them: what is due, where it goes, what was posted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.incident.events import DIGESTS, DigestDue, DigestPosted, Recorded
from domain.values import Actor
from workers.log.cardless import append_once
from workers.store.connection import present
from workers.store.lock import alone
from workers.store.log.encoder import Origin
from workers.store.log.events import read_stream
from workers.store.memory import recall, remember

BY_THE_CLOCK = Actor(kind="worker", id="worker:digest")
OWED = timedelta(days=7)
"""A digest is still posted this long after it was due, unless the next one is due by then."""

PLACE = "slack.digest"
IN_HAND = "digest"


def is_due(log: Engine, moment: datetime) -> bool:
    """Whether the log already says that the digest of a moment is due."""
    return any(one.due_at == moment for one in _due(_stream(log)))


def record_due(log: Engine, due: DigestDue, at: datetime) -> None:
    """Record that a digest is due from now on; once, however many clocks say so."""
    key = f"digest:due:{due.due_at.isoformat()}"
    append_once(log, DIGESTS, lambda _: (due,), Origin(BY_THE_CLOCK, key, at))


class Digests:
    """The digests, as seen by the process that posts them."""

    def __init__(self, log: Engine) -> None:
        self._log = log

    @contextmanager
    def owed(self) -> Iterator[DigestDue | None]:
        """The digest to post, given to one process at a time; None if there is none or another one has it."""
        with alone(self._log, IN_HAND) as mine:
            yield self._newest() if mine else None

    def place(self, due: DigestDue, channel: str) -> str:
        """
        The id of the channel to post a digest in: the first one that this was called with for it.

        Otherwise a channel declared between Slack's acceptance and the record would get the digest as well.
        """
        when = due.due_at.isoformat()
        with self._log.begin() as connection:
            known: dict[str, str] = recall(connection, PLACE) or {}
            if known.get("due_at") == when:
                return known["channel"]
            remember(connection, PLACE, {"due_at": when, "channel": channel})
        return channel

    def posted(self, due: DigestDue, channel: str, message: str, by: Actor) -> None:
        """Record that it was posted; nothing is owed for it any more."""
        found = DigestPosted(due_at=due.due_at, channel=channel, message=message)
        origin = Origin(by, f"digest:posted:{due.due_at.isoformat()}", present(self._log))
        append_once(self._log, DIGESTS, lambda _: (found,), origin)

    def _newest(self) -> DigestDue | None:
        recorded = _stream(self._log)
        newest = max(_due(recorded), key=lambda one: one.due_at, default=None)
        if newest is None or newest.due_at in _posted(recorded):
            return None
        return newest if present(self._log) - newest.due_at <= OWED else None


def _stream(log: Engine) -> tuple[Recorded, ...]:
    with log.connect() as connection:
        return read_stream(connection, DIGESTS)


def _due(recorded: Sequence[Recorded]) -> list[DigestDue]:
    return [one.event for one in recorded if isinstance(one.event, DigestDue)]


def _posted(recorded: Sequence[Recorded]) -> set[datetime]:
    return {one.event.due_at for one in recorded if isinstance(one.event, DigestPosted)}

"""
A command in, its events out: decided, appended and folded into the card, in one transaction.

If two writers meet, one wins, and the other decides again based on what the first one wrote. A key that is
used twice gets the answer that the first call wrote.
"""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

import psycopg
import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from domain.errors import NumberTaken, Refused, VersionConflict, sanitized
from domain.incident.commands import Command, Correction, DeclareIncident, OpenIncident
from domain.incident.decide import decide
from domain.incident.events import Recorded
from domain.incident.state import Incident, evolve, replay
from domain.values import Actor
from workers.store import cards, head
from workers.store.connection import at_once, cursor, own, present
from workers.store.head import IncidentHead
from workers.store.integrity.numbers import next_number
from workers.store.integrity.rebuild import made_again
from workers.store.log.encoder import Origin, draft
from workers.store.log.events import CALL_SECONDS, CHANNEL, answer, archived, read_stream, unguessed
from workers.store.log.statement import together

STREAMS = UUID("6f1c1c0e-9d3b-5c57-8a4e-2f0b7d8a5e11")
ATTEMPTS = 12
LONGEST_PAUSE_SECONDS = 0.2
OPENING = "SELECT pg_advisory_xact_lock(5270002, hashtext(workspace_in_force()))"
"""Taken to open an incident, and held until the end of the transaction."""

_CALL = f"SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}"
_called: dict[Engine, float] = {}
_log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What a command did. `repeated`: its key was used before, and these events are from then."""

    stream: str
    number: int
    events: tuple[Recorded, ...]
    repeated: bool = False


def handle(
    stream: str | None,
    command: Command,
    *,
    actor: Actor,
    key: str,
    cause: str | None = None,
    at: datetime | None = None,
    log: Engine | None = None,
) -> Answer:
    """
    Do what `command` asks of the incident `stream`, or say why not.

    Args:
        stream: None for OpenIncident and DeclareIncident: the unclosed incident with the finding's
            fingerprint, or a new one; their `number` is assigned here.
        key: the idempotency key; a second call with it changes nothing.
        log: the store; this process's own where None.

    Raises:
        Refused: a rule says no, or there is no such incident.
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    store = log or own()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answered = _once(store, stream, command, Origin(actor, key, at or present(store), cause))
        except (OperationalError, psycopg.OperationalError):
            # The connection was lost, perhaps with the answer: the key makes it safe to ask again.
            if attempt > 1:
                raise
            store.dispose()
            continue
        except VersionConflict as error:
            if attempt == ATTEMPTS:
                raise
            if isinstance(error, NumberTaken):
                made_again(store, error.stream)
            # A random pause keeps two writers that met once from meeting again and again.
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.005 * 2**attempt)))  # noqa: S311
            continue
        if answered.events and not answered.repeated:
            wake(store)
        return answered
    raise AssertionError("unreachable: the last attempt returns or raises")


def wake(store: Engine) -> None:
    """
    Notify followers of an append, at most once in `CALL_SECONDS`; see `workers.log.follow.AppendListener`.

    Outside the append's transaction, because a NOTIFY inside it would serialise the commits. It does not wait
    for the disk either: a lost notification costs a follower at most one poll.
    """
    now = time.monotonic()
    if now - _called.get(store, 0.0) < CALL_SECONDS:
        return
    _called[store] = now
    try:
        with at_once(store) as connection:
            cursor(connection).execute(_CALL)
    except (SQLAlchemyError, psycopg.Error) as error:
        _log.warning("followers_not_woken", error=sanitized(error))


def _once(store: Engine, stream: str | None, command: Command, origin: Origin) -> Answer:
    """
    One statement if this process was the last to write to the incident, else a query before it; each its own
    transaction: the expected version ties them together.
    """
    if stream is None:
        return _open(store, command, origin)
    with at_once(store) as connection:
        return _guess(connection, stream, command, origin) or _decide(connection, stream, command, origin)


def _open(store: Engine, command: Command, origin: Origin) -> Answer:
    """
    Join the existing incident, or open a new one.

    Looking for it and taking the next number is done by one writer at a time; only those who open wait.
    """
    if isinstance(command, OpenIncident):
        with at_once(store) as connection:
            if known := cards.unclosed(connection, command.finding.fingerprint):
                return _decide(connection, known.stream, command, origin)
    with at_once(store) as connection, together(connection, OPENING):
        stream, numbered = _place(connection, command, origin.key)
        return _decide(connection, stream, numbered, origin)


def _guess(connection: Connection, stream: str, command: Command, origin: Origin) -> Answer | None:
    """Decide from what this process wrote last; None if the store has to be asked whether it still holds."""
    if isinstance(command, Correction):
        return None  # state read from a card does not include what may be corrected
    stood = head.guess(connection, stream)
    if stood is None:
        return None
    try:
        answered = _append(connection, stood, command, origin)
    except (Refused, VersionConflict):
        head.doubt(connection, stream)
        return None
    return answered if answered.events else None


def _decide(connection: Connection, stream: str, command: Command, origin: Origin) -> Answer:
    """Decide from the current state, or return what was answered to the key before."""
    stood = head.head_of(connection, stream, origin.key, whole=isinstance(command, Correction))
    if stood.answered is not None:
        number = replayed(connection, stood.answered).number
        written = answer(connection, origin.key)
        if not written:
            # No rule decided the event under this key: somebody took the key who must not keep others out.
            return _decide(connection, stream, command, origin._replace(key=unguessed(origin.key)))
        return Answer(stream=stood.answered, number=number, events=written, repeated=True)
    if stood.incident is None and not isinstance(command, OpenIncident | DeclareIncident):
        raise _absent(connection, stream)
    return _append(connection, stood, command, origin)


def _append(connection: Connection, stood: IncidentHead, command: Command, origin: Origin) -> Answer:
    """
    Raises:
        Refused: a rule says no. VersionConflict: somebody else appended first, or under this key.
    """
    incident = stood.incident
    if incident is not None and origin.at < incident.last_at:
        # No event precedes the one it answers, even if a clock was wrong: no duration is negative.
        origin = origin._replace(at=incident.last_at)
    made = draft(stood.head, decide(incident, command, origin.actor, origin.at), origin)
    for record in made.recorded:
        incident = evolve(incident, record)
    if incident is None:
        raise Refused(f"{type(command).__name__} opened nothing.")
    recorded = head.append(connection, made, incident) if made.recorded else ()
    return Answer(stream=stood.head.stream, number=incident.number, events=recorded)


def replayed(connection: Connection, stream: str) -> Incident:
    """
    The incident of a stream, folded from its events.

    Raises:
        Refused: there is no such stream.
    """
    incident = replay(read_stream(connection, stream))
    if incident is None:
        raise _absent(connection, stream)
    return incident


def _absent(connection: Connection, stream: str) -> Refused:
    if archived(connection, stream):
        return Refused(
            "This incident was closed long ago and its events are in the archive; nothing can be added to it."
        )
    return Refused(f"There is no incident {stream}; `recsysops status` lists those there are.")


def _place(connection: Connection, command: Command, key: str) -> tuple[str, Command]:
    """The stream that an opening command belongs to, and the command with the number it would get."""
    if isinstance(command, DeclareIncident):
        numbered = command.model_copy(update={"number": next_number(connection)})
        return _stream("declared", key), numbered
    if not isinstance(command, OpenIncident):
        raise Refused(f"{type(command).__name__} needs the incident it is about.")
    fingerprint = command.finding.fingerprint
    if known := cards.unclosed(connection, fingerprint):
        return known.stream, command
    nth = cards.times_seen(connection, fingerprint) + 1
    while _is_over(connection, _stream(fingerprint, str(nth))):
        nth += 1  # somebody took away a card that was to be counted
    opened = command.model_copy(update={"number": next_number(connection)})
    return _stream(fingerprint, str(nth)), opened


def _is_over(connection: Connection, stream: str) -> bool:
    incident = cards.folded(connection, stream)
    return archived(connection, stream) if incident is None else incident.status == "closed"


def _stream(*named_after: str) -> str:
    return f"incident-{uuid5(STREAMS, chr(31).join(named_after))}"

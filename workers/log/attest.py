"""What people vouch for, written into the log's own stream for it, and read back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.errors import VersionConflict
from domain.improvement.attestation import Attest, Attestation, Withdraw, attested, vouch
from domain.incident.events import AUDIT, Recorded
from domain.values import Actor
from workers.log.handle import ATTEMPTS, wake
from workers.store.log.encoder import Origin
from workers.store.log.events import answer, append, head_of, read_stream, taken, unguessed

__all__ = ["Attest", "Withdraw", "attest", "attestations"]


def attest(
    log: Engine, command: Attest | Withdraw, *, actor: Actor, key: str, at: datetime
) -> tuple[Recorded, ...]:
    """
    Vouch for a test, or do so no more; what was written, and nothing where the same was said before.

    Args:
        key: the idempotency key; a second call with it changes nothing.

    Raises:
        Refused: a rule says no.
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    origin = Origin(actor=actor, key=key, at=at)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with log.begin() as connection:
                written = _once(connection, command, origin)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        if written:
            wake(log)
        return written
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(connection: Connection, command: Attest | Withdraw, origin: Origin) -> tuple[Recorded, ...]:
    if before := answer(connection, origin.key):
        return before
    if taken(connection, origin.key):
        return _once(connection, command, origin._replace(key=unguessed(origin.key)))
    head = head_of(connection, AUDIT)  # first: what comes after it is a conflict, and decided again
    standing = attested(read_stream(connection, AUDIT))
    events = vouch(standing, command, origin.actor.id, origin.at)
    return append(connection, head, events, origin) if events else ()


def attestations(connection: Connection) -> tuple[Attestation, ...]:
    """What is vouched for, expired ones too, by the ids that people have in the log."""
    return tuple(attested(read_stream(connection, AUDIT)).values())

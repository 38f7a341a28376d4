"""What people vouch for: written into its own stream of the log, and read back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.improvement.attestation import Attestation, attested, require_sound
from domain.incident.events import AUDIT, AttestationGiven, Recorded
from domain.values import Actor
from workers.log.cardless import append_once
from workers.store.log.encoder import Origin
from workers.store.log.events import read_stream


def attest(
    log: Engine, said: AttestationGiven, *, actor: Actor, key: str, at: datetime
) -> tuple[Recorded, ...]:
    """
    Vouch for a test; returns what was written.

    Args:
        key: the idempotency key; a second call with it changes nothing.

    Raises:
        Refused: a rule says no.
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """
    require_sound(said, at)
    return append_once(log, AUDIT, lambda _: (said,), Origin(actor=actor, key=key, at=at))


def attestations(connection: Connection) -> tuple[Attestation, ...]:
    """Everything that was vouched for, expired or not, with people by their ids in the log."""
    return tuple(attested(read_stream(connection, AUDIT)).values())

"""What people vouch for: written into its own stream of the log, and read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from domain.improvement.attestation import Attest, Attestation, Withdraw, attested, vouch
from domain.incident.events import AUDIT, Logged, Recorded
from domain.values import Actor
from workers.log.cardless import append_once
from workers.store.log.encoder import Origin
from workers.store.log.events import read_stream

__all__ = ["Attest", "Withdraw", "attest", "attestations"]


def attest(
    log: Engine, command: Attest | Withdraw, *, actor: Actor, key: str, at: datetime
) -> tuple[Recorded, ...]:
    """
    Vouch for a test, or stop; returns what was written, nothing if the same was already on record.

    Args:
        key: the idempotency key; a second call with it changes nothing.

    Raises:
        Refused: a rule says no.
        VersionConflict: others kept appending first, `ATTEMPTS` times.
    """

    def decide(so_far: tuple[Recorded, ...]) -> Sequence[Logged]:
        return vouch(attested(so_far), command, actor.id, at)

    return append_once(log, AUDIT, decide, Origin(actor=actor, key=key, at=at))


def attestations(connection: Connection) -> tuple[Attestation, ...]:
    """Everything that was vouched for, expired or not, with people by their ids in the log."""
    return tuple(attested(read_stream(connection, AUDIT)).values())

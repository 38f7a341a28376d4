"""
The clock's part: hands a checkpoint to each declared witness when the log has grown.

A checkpoint is recorded before it is handed over, and handed over unchanged until the witness has it.
So a kill in between repeats it to the letter, and each witness can tell by the position what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine

from domain.errors import Tampered, WitnessError
from domain.recommender.recommender import Recommender
from domain.recommender.witness import Witness
from domain.values import Moment, Value
from workers.store.lock import alone
from workers.store.log.checkpoint import Checkpoint, compare, make, spell
from workers.store.log.events import last_position, number
from workers.store.memory import recall, recall_beginning, remember
from workers.witnesses.kind import Surroundings
from workers.witnesses.registry import open_witness
from workers.witnesses.slack import SlackWitness

MEMORY = "witness:"
LONGEST_PAUSE = timedelta(minutes=10)
TROUBLE_CHARACTERS = 500

_log = structlog.get_logger(__name__)


class Known(Value):
    """
    What is known about one witness: the checkpoint it took last, and when; the one that it is to take now,
    and why it has not.
    """

    taken: Checkpoint | None = None
    taken_at: Moment | None = None
    pending: Checkpoint | None = None
    failures: int = 0
    trouble: str | None = None
    again_at: Moment | None = None


def hand_over(
    log: Engine,
    recommender: Recommender,
    key: Callable[[], Ed25519PrivateKey],
    around: Surroundings,
    at: datetime | None = None,
) -> int:
    """
    Hand a checkpoint to each witness that is due for one; returns how many took theirs.

    Args:
        key: only asked for if there is something to sign.
        at: now; by the database's clock if not given.
    """
    took = 0
    for witness in recommender.witness.values():
        with alone(log, f"{MEMORY}{witness.name}") as mine:
            if mine:
                took += _serve(log, witness, key, around, at or _now(log))
    return took


def known(connection: Connection, name: str) -> Known:
    """What is known about the witness of this name."""
    return _read(recall(connection, f"{MEMORY}{name}"))


def _read(kept: Any) -> Known:
    return Known() if kept is None else Known.model_validate(kept)


class Post(NamedTuple):
    """A checkpoint for a channel: `key` identifies it, `line` is what is read back."""

    witness: str
    channel: str
    position: int
    at: datetime
    key: str
    says: str
    line: str


def to_post(log: Engine, declared: Mapping[str, Witness]) -> list[Post]:
    """The checkpoints for witnesses that only the chat's side can reach."""
    now = _now(log)
    posts = []
    for witness in declared.values():
        if not isinstance(witness, SlackWitness):
            continue
        with log.connect() as connection:
            found = known(connection, witness.name)
        if found.pending is not None and not (found.again_at and now < found.again_at):
            posts.append(_post(witness, found.pending))
    return posts


def _post(witness: SlackWitness, checkpoint: Checkpoint) -> Post:
    return Post(
        witness=witness.name,
        channel=witness.channel,
        position=checkpoint.position,
        at=checkpoint.moment,
        key=f"checkpoint:{checkpoint.workspace}:{checkpoint.position}",
        says=(
            f"Checkpoint of the log of {checkpoint.workspace}: position {checkpoint.position}, "
            f"hash {checkpoint.hash}. Kept here so that nobody who owns the database can change what "
            "happened unseen."
        ),
        line=spell(checkpoint).decode().strip(),
    )


def took(log: Engine, name: str, position: int) -> None:
    """Record that a witness has the checkpoint of this position."""
    with log.begin() as connection:
        found = known(connection, name)
        if found.pending is not None and found.pending.position == position:
            _keep(connection, name, Known(taken=found.pending, taken_at=database_clock(connection)))


def failed(log: Engine, name: str, trouble: str) -> None:
    """Record that a witness did not take its checkpoint: it is offered again, at growing intervals."""
    _log.warning("witness_did_not_take_it", witness=name, trouble=trouble)
    with log.begin() as connection:
        found = known(connection, name)
        again_at = database_clock(connection) + _pause(found.failures)
        changed = {"failures": found.failures + 1, "trouble": trouble[:TROUBLE_CHARACTERS]}
        _keep(connection, name, found.model_copy(update={**changed, "again_at": again_at}))


def _pause(failures: int) -> timedelta:
    return min(LONGEST_PAUSE, timedelta(seconds=2.0 ** min(failures + 1, 12)))


def _serve(
    log: Engine,
    witness: Witness,
    key: Callable[[], Ed25519PrivateKey],
    around: Surroundings,
    at: datetime,
) -> bool:
    with log.connect() as connection:
        found = known(connection, witness.name)
    if found.again_at is not None and at < found.again_at:
        return False
    pending = found.pending or _next(log, witness, found, key, at)
    if pending is None:
        return False
    try:
        keeper = open_witness(witness, around)
        if keeper is None:
            return False  # left to the chat's side
        # Even if somebody deleted our record of what it took: it has not forgotten.
        if held := keeper.held(pending.workspace):
            compare(log, held)
        receipt = keeper.hand(pending)
    except (WitnessError, Tampered) as error:
        failed(log, witness.name, str(error))
        return False
    _log.info("witness_took_it", witness=witness.name, receipt=receipt)
    took(log, witness.name, pending.position)
    return True


def _next(
    log: Engine, witness: Witness, found: Known, key: Callable[[], Ed25519PrivateKey], at: datetime
) -> Checkpoint | None:
    """The next checkpoint, recorded; None if it is not time yet, or the log has not grown."""
    if found.taken_at is not None and found.taken_at <= at < found.taken_at + witness.every:
        return None
    number(log)
    with log.connect() as connection:
        end = last_position(connection)
        if trouble := _contradicted(connection, found.taken, end):
            failed(log, witness.name, trouble)
            return None
        if not end or (found.taken is not None and found.taken.position == end):
            return None
        others = [_read(kept) for kept in recall_beginning(connection, MEMORY).values()]
    made = make(log, key(), not_before=max((one for kept in others for one in _moments(kept)), default=None))
    with log.begin() as connection:
        _keep(connection, witness.name, found.model_copy(update={"pending": made}))
    return made


def _contradicted(connection: Connection, taken: Checkpoint | None, end: int) -> str | None:
    """Why a witness gets no more checkpoints: the log is no longer the one it knows."""
    if taken is None:
        return None
    look = "; see `recsysops events verify`"
    if taken.position > end:
        return f"it took position {taken.position}, and the log ends at {end}: its end was cut off{look}"
    query = "SELECT hash FROM log WHERE position = %(position)s"
    stands = connection.exec_driver_sql(query, {"position": taken.position}).scalar_one_or_none()
    if stands is None or bytes(stands).hex() != taken.hash:
        return f"it took another hash of position {taken.position} than the log has there{look}"
    return None


def _moments(kept: Known) -> list[datetime]:
    return [one.moment for one in (kept.taken, kept.pending) if one is not None]


def _keep(connection: Connection, name: str, value: Known) -> None:
    remember(connection, f"{MEMORY}{name}", value.model_dump(mode="json"))


def _now(log: Engine) -> datetime:
    with log.connect() as connection:
        return database_clock(connection)


def database_clock(connection: Connection) -> datetime:
    """The present moment by the database's clock."""
    found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return found

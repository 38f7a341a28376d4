"""
Where the log was at a moment, signed: kept elsewhere, it reveals if the log was cut or rewritten.

A hash chain alone cannot do that: whoever owns the tables can rebuild all of it. So the log is compared with
earlier checkpoints of it, and these with each other, as monitors of transparency logs do
(RFC 9162, section 8.3). A checkpoint vouches for everything up to its position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, Field, ValidationError
from sqlalchemy import Connection, Engine

from domain.errors import Refused, Tampered, sanitized
from domain.values import Value
from workers.store.connection import workspace_of
from workers.store.log.events import last_position, number
from workers.store.signature import require_signed, sign

CHECKPOINT = "checkpoint"
"""The kind of thing that the signature is for."""


def _moment(written: str) -> str:
    if datetime.fromisoformat(written).tzinfo is None:
        raise ValueError("it needs its time zone")
    return written


class Checkpoint(Value):
    """
    `hash`: the log's at `position`, hexadecimal; `at` in the spelling that was signed.
    """

    workspace: str
    position: int = Field(gt=0, lt=2**63)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    at: Annotated[str, AfterValidator(_moment)]
    public_key: str
    signature: str

    @property
    def signed(self) -> dict[str, Any]:
        """What was signed, and the signature."""
        return self.model_dump()

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.at)


class Held(NamedTuple):
    """A checkpoint, and in words where it was found."""

    where: str
    checkpoint: Checkpoint


class Compared(Value):
    """
    What the log was compared with, without finding anything wrong: how many checkpoints, the newest one's
    position and time, and the public keys that signed them.
    """

    checkpoints: int
    newest: int
    at: str
    signed_by: tuple[str, ...]


def make(log: Engine, key: Ed25519PrivateKey, not_before: datetime | None = None) -> Checkpoint:
    """
    A checkpoint of the log as it is now, by the database's clock.

    Args:
        not_before: the previous one's time, so that times increase with positions even if a clock was
            set back.

    Raises:
        Refused: the log is empty.
    """
    number(log)
    with log.connect() as connection:
        return make_at(connection, last_position(connection), key, not_before)


def make_at(
    connection: Connection, position: int, key: Ed25519PrivateKey, not_before: datetime | None = None
) -> Checkpoint:
    """
    A checkpoint of the log at a position.

    Raises:
        Refused: there is no such position.
    """
    query = "SELECT hash, clock_timestamp() AS at FROM log WHERE position = %(position)s"
    row = connection.exec_driver_sql(query, {"position": position}).first()
    if row is None:
        raise Refused("The log is empty: there is nothing yet that a checkpoint could vouch for.")
    at = max(row.at, not_before) if not_before else row.at
    content = {
        "workspace": workspace_of(connection),
        "position": position,
        "hash": bytes(row.hash).hex(),
        "at": at.astimezone(UTC).isoformat(),
    }
    signed = sign(CHECKPOINT, content, key)
    return Checkpoint.model_validate(signed)


def spell(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as a line of JSON, with its newline."""
    return orjson.dumps(checkpoint.signed, option=orjson.OPT_APPEND_NEWLINE)


def read(row: Mapping[str, Any]) -> Checkpoint:
    """
    A checkpoint from any copy, after checking its signature.

    Raises:
        Tampered: it is not a checkpoint, or not what was signed.
    """
    try:
        found = Checkpoint.model_validate(row)
    except ValidationError as error:
        wrong = ", ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise Tampered(f"it is not a checkpoint ({wrong})") from None
    require_signed(CHECKPOINT, row)
    return found


def read_line(line: bytes) -> Checkpoint | None:
    """
    The checkpoint in a line; None if the line is an event.

    Raises:
        Tampered: it is neither, or not what was signed.
    """
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Tampered(f"it is not JSON ({sanitized(error)})") from None
    if not isinstance(row, dict):
        raise Tampered("it is not a checkpoint")
    return None if "entry_hash" in row and "signature" not in row else read(row)


def read_file(file: Path) -> list[Held]:
    """
    All checkpoints in a file: on their own, or among the events of exports.

    Raises:
        Tampered: names the first invalid line.
        Refused: the file contains no checkpoint.
        OSError: it cannot be read.
    """
    with file.open("rb") as lines:
        held = list(_numbered(file, lines))
    if not held:
        raise Refused(f"{file} holds no checkpoint; `recsysops events export --checkpoint` ends with one.")
    return held


def _numbered(file: Path, lines: Iterable[bytes]) -> Iterator[Held]:
    for n, line in enumerate(lines, start=1):
        where = f"{file}, line {n}"
        try:
            found = read_line(line)
        except Tampered as error:
            raise Tampered(f"{where}: {error}.") from None
        if found is not None:
            yield Held(where, found)


def require_consistent(held: Iterable[Held]) -> None:
    """
    Compare checkpoints with each other.

    Raises:
        Tampered: names all pairs with one position but different hashes, and all whose times run backwards.
    """
    in_order = sorted(held, key=lambda one: (one.checkpoint.workspace, one.checkpoint.position))
    wrong = []
    for _, of_one in groupby(in_order, key=lambda one: one.checkpoint.workspace):
        for before, after in pairwise(of_one):
            wrong += list(_pair(before, after))
    if wrong:
        raise Tampered("\n".join(wrong))


def _pair(before: Held, after: Held) -> Iterator[str]:
    one, other = before.checkpoint, after.checkpoint
    if one.position == other.position:
        if one.hash != other.hash:
            yield (
                f"{before.where} and {after.where} contradict each other: at position {one.position} the one "
                f"says {one.hash} ({one.at}), the other {other.hash} ({other.at}). Somebody showed two logs."
            )
    elif one.moment > other.moment:
        yield (
            f"{after.where}: the checkpoint of position {other.position} ({other.at}) is earlier than that "
            f"of position {one.position} ({one.at}; {before.where}). Times run as positions do."
        )


def compare(log: Engine, held: Sequence[Held], trusted: str | None = None) -> Compared:
    """
    Compare the log with its checkpoints, and these with each other.

    Args:
        trusted: the public key that must have signed each; any, if None.

    Raises:
        Tampered: says what does not fit, and between which positions.
        Refused: none of them is of this workspace.
    """
    for where, checkpoint in held:
        _require_trusted(where, checkpoint, trusted)
    require_consistent(held)
    number(log)
    with log.connect() as connection:
        ours = _of_this_workspace(connection, held)
        _require_same(connection, ours)
    newest = ours[-1].checkpoint
    return Compared(
        checkpoints=len(ours),
        newest=newest.position,
        at=newest.at,
        signed_by=tuple(sorted({one.checkpoint.public_key for one in ours})),
    )


def _require_trusted(where: str, checkpoint: Checkpoint, trusted: str | None) -> None:
    try:
        require_signed(CHECKPOINT, checkpoint.signed, trusted)
    except Tampered as error:
        raise Tampered(f"{where}: {error}.") from None


def _of_this_workspace(connection: Connection, held: Sequence[Held]) -> list[Held]:
    name = workspace_of(connection)
    ours = [one for one in held if one.checkpoint.workspace == name]
    if not ours:
        others = ", ".join(sorted({one.checkpoint.workspace for one in held}))
        raise Refused(f"None of these checkpoints is of the workspace {name}; they are of: {others}.")
    return sorted(ours, key=lambda one: one.checkpoint.position)


def _require_same(connection: Connection, ours: Sequence[Held]) -> None:
    """Require each checkpoint's hash to be the log's at its position; the first mismatch tells since when."""
    end = last_position(connection)
    stands = _hashes(connection, [one.checkpoint.position for one in ours])
    fits = 0
    for where, checkpoint in ours:
        position = checkpoint.position
        if position > end:
            raise Tampered(
                f"{where} vouches for position {position} ({checkpoint.at}), and the log ends at position "
                f"{end}: what came after it was cut off. Only who owns the tables can do that, or restores "
                "an old backup."
            )
        if stands.get(position) != checkpoint.hash:
            since = f"between position {fits} and" if fits else "up to"
            another = "" if fits else ", or it is another log"
            raise Tampered(
                f"{where} vouches for another hash at position {position} ({checkpoint.at}) than the log has "
                f"there: {since} position {position} the log was written anew{another}. Only who "
                "owns the tables can do that."
            )
        fits = position


def _hashes(connection: Connection, positions: Sequence[int]) -> dict[int, str]:
    query = "SELECT position, hash FROM log WHERE position = ANY (%(positions)s)"
    found = connection.exec_driver_sql(query, {"positions": list(positions)})
    return {int(position): bytes(entry).hex() for position, entry in found}

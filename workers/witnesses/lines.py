"""Checkpoints as lines, one file per workspace: the format in folders and Git repositories."""

from __future__ import annotations

import orjson

from domain.errors import Tampered, WitnessError
from workers.store.log.checkpoint import Checkpoint, Held, read_line


def held_in(content: bytes, where: str) -> list[Held]:
    """
    The checkpoints in the lines of `content`.

    A line that is not JSON was cut off by a kill; the complete one follows it.

    Raises:
        Tampered: names the first line that is not a checkpoint, or not what was signed.
    """
    held = []
    for n, line in enumerate(content.splitlines(), start=1):
        if not line or _torn(line):
            continue
        try:
            checkpoint = read_line(line)
        except Tampered as error:
            raise Tampered(f"{where}, line {n}: {error}.") from None
        if checkpoint is None:
            raise Tampered(f"{where}, line {n}: it is not a checkpoint.")
        held.append(Held(f"{where}, line {n}", checkpoint))
    return held


def _torn(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def is_kept(checkpoint: Checkpoint, held: list[Held]) -> bool:
    """
    Whether the same checkpoint is held already.

    Raises:
        WitnessError: another checkpoint of its position is held, or one of a later position: the log was
            cut, or this is another log.
    """
    for where, other in held:
        if other.position == checkpoint.position and other.hash == checkpoint.hash:
            return True
        if other.position == checkpoint.position:
            raise WitnessError(
                f"{where} holds another hash of position {other.position} ({other.at}): this log is not the "
                "one that it knows; `recsysops events verify` says from where on"
            )
        if other.position > checkpoint.position:
            raise WitnessError(
                f"{where} holds position {other.position} ({other.at}), and this log ends at position "
                f"{checkpoint.position}: its end was cut off; see `recsysops events verify`. Where an old "
                "backup was restored on purpose, put the file aside and let a new one begin"
            )
    return False

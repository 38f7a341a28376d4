"""What the declared witnesses hold, read back; and how each of them is doing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.errors import Tampered, WitnessError
from domain.recommender.witness import Witness
from domain.values import Value
from workers.store.connection import workspace_of
from workers.store.log.checkpoint import Compared, Held, compare
from workers.store.log.events import last_position, number
from workers.witnesses.hand import Known, database_clock, known
from workers.witnesses.kind import Surroundings
from workers.witnesses.lines import held_in
from workers.witnesses.registry import open_witness

LATE_TIMES = 2
LATE = timedelta(minutes=10)

InTheChat = Callable[[Witness], list[str]]
"""Reads the lines of a witness that only the chat's side can reach; WitnessError if it cannot."""


class Standing(Value):
    """
    How a witness is doing: the position it took last, how many events came since, and its trouble, if any.
    `late`: the log has grown, and it has taken nothing for far longer than its `every`.
    """

    name: str
    kind: str
    position: int
    at: str | None
    behind: int
    trouble: str | None
    waiting: bool
    late: bool


class Vouched(Value):
    """
    What vouches for the log from outside: the declared `witnesses`, and why those in `unread` could not be
    read; `compared` is None if there was nothing to compare the log with. `behind`: events after the newest
    checkpoint.
    """

    witnesses: tuple[str, ...]
    unread: dict[str, str]
    compared: Compared | None
    behind: int


def vouched(
    log: Engine,
    declared: Mapping[str, Witness],
    around: Surroundings,
    others: Sequence[Held] = (),
    trusted: str | None = None,
    chat: InTheChat | None = None,
) -> Vouched:
    """
    Compare the log with what the witnesses hold and with `others`, and all of these with each other.

    Args:
        trusted: the public key that must have signed each; any, if None.

    Raises:
        Tampered: says what does not fit: the log, or a witness.
        Refused: `others` are of other workspaces.
    """
    number(log)
    held, unread, wrong = _read_all(log, declared, around, chat)
    all_held = [*others, *held]
    compared = None
    try:
        compared = compare(log, all_held, trusted) if all_held else None
    except Tampered as error:
        wrong.append(str(error))
    if wrong:
        raise Tampered("\n".join(wrong))
    with log.connect() as connection:
        end = last_position(connection)
    return Vouched(
        witnesses=tuple(declared),
        unread=unread,
        compared=compared,
        behind=max(0, end - (compared.newest if compared else 0)),
    )


def _read_all(
    log: Engine, declared: Mapping[str, Witness], around: Surroundings, chat: InTheChat | None
) -> tuple[list[Held], dict[str, str], list[str]]:
    """
    What every witness holds of this workspace; why some could not be read; and what is wrong with what one
    holds: it is not a checkpoint, or one that it took is missing.
    """
    with log.connect() as connection:
        workspace = workspace_of(connection)
        took = {name: known(connection, name) for name in declared}
    held: list[Held] = []
    unread: dict[str, str] = {}
    wrong: list[str] = []
    for witness in declared.values():
        try:
            found = _ask(witness, workspace, around, chat)
            if found is None:
                unread[witness.name] = "it shows nothing from here"
                continue
            _require_kept(witness.name, took[witness.name], found)
        except WitnessError as error:
            unread[witness.name] = str(error)
            continue
        except Tampered as error:
            wrong.append(str(error))
            continue
        held += [Held(f"the witness “{witness.name}” ({where})", one) for where, one in found]
    return held, unread, wrong


def _ask(witness: Witness, workspace: str, around: Surroundings, chat: InTheChat | None) -> list[Held] | None:
    keeper = open_witness(witness, around)
    if keeper is not None:
        return keeper.held(workspace)
    if chat is None:
        raise WitnessError("it is in the chat, and there is no SLACK_BOT_TOKEN here to read it with")
    found = held_in("\n".join(chat(witness)).encode(), "its channel")
    return [one for one in found if one.checkpoint.workspace == workspace]


def _require_kept(name: str, took: Known, found: Iterable[Held]) -> None:
    if took.taken is None:
        return
    if not any(one.checkpoint == took.taken for one in found):
        raise Tampered(
            f"The witness “{name}” took the checkpoint of position {took.taken.position} ({took.taken.at}), "
            "and does not hold it any more: somebody took it away there, or another place is declared now."
        )


def standings(log: Engine, declared: Mapping[str, Witness]) -> list[Standing]:
    """How each declared witness is doing, according to the store."""
    number(log)
    with log.connect() as connection:
        end = last_position(connection)
        now = database_clock(connection)
        return [_standing(one, known(connection, one.name), end, now) for one in declared.values()]


def _standing(witness: Witness, found: Known, end: int, now: datetime) -> Standing:
    position = found.taken.position if found.taken else 0
    due = found.taken_at + LATE_TIMES * witness.every + LATE if found.taken_at else None
    return Standing(
        name=witness.name,
        kind=witness.kind,
        position=position,
        at=found.taken.at if found.taken else None,
        behind=end - position,
        trouble=found.trouble,
        waiting=found.pending is not None,
        late=position < end and due is not None and due < now,
    )

"""
At the door people become pseudonyms on the way in, and themselves again on the way out, while they are known.

Outside the door nobody sees a pseudonym but that of somebody who was forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine

from domain.errors import Refused
from domain.incident.commands import Command
from domain.incident.events import Recorded
from domain.incident.person import (
    KnownAs,
    handed_to,
    hidden,
    named_incident,
    named_record,
    named_text,
    people_in,
    people_of,
)
from domain.incident.state import Incident
from domain.values import Actor
from workers.store import people
from workers.store.memory import recall, remember

DRAW_AGAIN = "people.draw_again"
Shown = TypeVar("Shown", Incident, Recorded)


def hide(log: Engine, actor: Actor, command: Command) -> tuple[Actor, Command]:
    """Who asks and what is asked, with every person under their pseudonym; new ones get one."""
    other = handed_to(command)
    if actor.kind != "person" and other is None:
        return actor, command
    with log.begin() as connection:
        if other is not None:
            command = hidden(command, people.pseudonym(connection, other))
        return _hidden(connection, actor), command


def hide_actor(log: Engine, actor: Actor) -> Actor:
    """Who asks, under their pseudonym; somebody new gets one."""
    with log.begin() as connection:
        return _hidden(connection, actor)


def _hidden(connection: Connection, actor: Actor) -> Actor:
    if actor.kind != "person":
        return actor
    pseudonym = people.pseudonym(connection, actor.id)
    return actor.model_copy(update={"id": pseudonym, "known_as": actor.id})


def show_incidents(connection: Connection, incidents: Sequence[Incident]) -> list[Incident]:
    """Incidents with people by the ids they have outside."""
    return _show(connection, incidents, named_incident)


def show_events(connection: Connection, recorded: Sequence[Recorded]) -> list[Recorded]:
    """Events with people by the ids they have outside."""
    return _show(connection, recorded, named_record)


def say(log: Engine, refusal: Refused) -> Refused:
    """The same refusal, with people by the ids they have outside."""
    text = str(refusal)
    pseudonyms = people_in(text)
    if not pseudonyms:
        return refusal
    with log.connect() as connection:
        return type(refusal)(named_text(text, people.known(connection, pseudonyms)))


def forget(log: Engine, who: str) -> bool:
    """
    Forget who a person is, by the id they have outside, for ever; False where nobody is known by it.

    What they did stays in the log, under a pseudonym that nothing leads back from. What they wrote in their
    own words stays too, and so does the id in events written before there were pseudonyms.
    """
    with log.begin() as connection:
        pseudonym = people.forget(connection, who)
        if pseudonym is not None:
            streams = {*_to_draw_again(connection), *people.cards_of(connection, pseudonym)}
            remember(connection, DRAW_AGAIN, sorted(streams))
    return pseudonym is not None


def to_draw_again(log: Engine) -> list[str]:
    """The streams of the incidents whose message still names somebody who was forgotten."""
    with log.connect() as connection:
        return _to_draw_again(connection)


def drawn_again(log: Engine, stream: str) -> None:
    """The message of this incident names nobody any more who was forgotten."""
    with log.begin() as connection:
        left = [one for one in _to_draw_again(connection) if one != stream]
        remember(connection, DRAW_AGAIN, left)


def _to_draw_again(connection: Connection) -> list[str]:
    return [str(stream) for stream in recall(connection, DRAW_AGAIN) or ()]


def _show(
    connection: Connection, given: Sequence[Shown], named: Callable[[Shown, KnownAs], Shown]
) -> list[Shown]:
    known_as = people.known(connection, {one for shown in given for one in people_of(shown)})
    return [named(shown, known_as) for shown in given] if known_as else list(given)

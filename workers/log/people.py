"""
At the door, people become pseudonyms on the way in, and themselves again on the way out, while known.

The only pseudonyms seen outside the door are those of people who were forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine

from domain.errors import Refused
from domain.incident.commands import ApproveHotfix, BreakGlass, ChooseHotfix, Command
from domain.incident.decide import in_hand
from domain.incident.events import Recorded
from domain.incident.person import (
    KnownAs,
    handed_to,
    hidden,
    is_pseudonym,
    named_incident,
    named_record,
    named_text,
    people_in,
    people_of,
)
from domain.incident.state import Incident, Stage
from domain.recommender.person import Person, person_of
from domain.values import Actor
from workers.store import cards, people
from workers.store.memory import recall, remember

DRAW_AGAIN = "people.draw_again"
UNTIL_THEN: dict[Stage, str] = {
    "chosen": "reject it, or have it approved and wait for its end",
    "approved": "wait until it is deployed, and its watch is over",
    "applied": "wait for the end of its watch, or revert it",
    "widening": "wait until it is deployed to more members, and its watch is over",
    "reverting": "wait until it is reverted",
}
"""Stages in which whoever asked for or approved a hotfix cannot be forgotten, and what ends each."""

Declared = Mapping[str, Person]
NOBODY: Declared = {}
Shown = TypeVar("Shown", Incident, Recorded)


def hide(log: Engine, actor: Actor, command: Command, declared: Declared = NOBODY) -> tuple[Actor, Command]:
    """
    The actor and the command with every person replaced by their pseudonym; new people get one.

    Args:
        declared: which accounts are one person's: they all share the pseudonym of the first one.
    """
    other = handed_to(command)
    if actor.kind != "person" and other is None:
        return actor, command
    with log.begin() as connection:
        if other is not None:
            command = hidden(command, people.pseudonym(connection, _ids(declared, other)[0]))
        hidden_actor = _hidden(connection, actor, declared)
        if isinstance(command, ChooseHotfix | ApproveHotfix | BreakGlass):
            _vouch(connection, hidden_actor.id, _ids(declared, actor.id)[0])
        return hidden_actor, command


def _vouch(connection: Connection, pseudonym: str, known_as: str) -> None:
    """
    Seal the identity of somebody who was known before seals existed; not while something of theirs is in
    progress, as the identity could have been somebody else's.
    """
    if not people.proved(connection, {pseudonym}):
        concerned = people.cards_of(connection, pseudonym)
        if not _in_hand(connection, concerned, {pseudonym}):
            people.vouch(connection, pseudonym, known_as)


def hide_actor(log: Engine, actor: Actor, declared: Declared = NOBODY) -> Actor:
    """The actor under their pseudonym; somebody new gets one."""
    with log.begin() as connection:
        return _hidden(connection, actor, declared)


def _hidden(connection: Connection, actor: Actor, declared: Declared) -> Actor:
    if actor.kind != "person":
        return actor
    ids = _ids(declared, actor.id)
    pseudonym = people.pseudonym(connection, ids[0])
    # From before these accounts were declared to be one person's.
    also = (*ids, *people.pseudonyms(connection, ids[1:]))
    return actor.model_copy(update={"id": pseudonym, "known_as": actor.id, "also": also})


def _ids(declared: Declared, known_as: str) -> tuple[str, ...]:
    """All outside ids of whoever has this one; first the one that the log knows them by."""
    person = person_of(declared, known_as)
    return person.ids if person else (known_as,)


def show_incidents(connection: Connection, incidents: Sequence[Incident]) -> list[Incident]:
    """Incidents with people under their outside ids."""
    return _show(connection, incidents, named_incident)


def show_events(connection: Connection, recorded: Sequence[Recorded]) -> list[Recorded]:
    """Events with people under their outside ids."""
    return _show(connection, recorded, named_record)


def say(log: Engine, refusal: Refused) -> Refused:
    """The same refusal, with people under their outside ids."""
    text = str(refusal)
    pseudonyms = people_in(text)
    if not pseudonyms:
        return refusal
    with log.connect() as connection:
        return type(refusal)(named_text(text, people.known(connection, pseudonyms)))


def forget(log: Engine, who: str, declared: Declared = NOBODY) -> bool:
    """
    Forget for ever who a person is, by one of their outside ids; False if nobody is known by it.

    What they did stays in the log, under a pseudonym that cannot be traced back. So does what they wrote in
    their own words, and the id in events written before there were pseudonyms.

    Raises:
        Refused: something that they asked for or approved is in progress. Whoever comes back is somebody new,
            who could approve what they had asked for themselves.
    """
    with log.begin() as connection:
        pseudonyms = people.pseudonyms(connection, (*_ids(declared, who), who))
        if not pseudonyms and is_pseudonym(who) and who in people.in_log(connection):
            pseudonyms = [who]  # the row was removed by hand; leave it at that
        concerned = {stream for one in pseudonyms for stream in people.cards_of(connection, one)}
        if in_hand := _in_hand(connection, concerned, {*_ids(declared, who), who, *pseudonyms}):
            raise Refused(f"{who} cannot be forgotten yet: {'; '.join(in_hand)}")
        for one in pseudonyms:
            people.forget(connection, one)
        remember(connection, DRAW_AGAIN, sorted({*_to_draw_again(connection), *concerned}))
    return bool(pseudonyms)


def _in_hand(connection: Connection, streams: Collection[str], ids: Collection[str]) -> list[str]:
    """What is in progress that one of these people asked for or approved, in words."""
    found = cards.of(connection, streams)
    return [
        f"{in_hand(incident)} in #{incident.number}; {UNTIL_THEN[incident.hotfix.stage]}"
        for incident in sorted(found, key=lambda one: one.number)
        if incident.hotfix is not None
        and incident.hotfix.stage in UNTIL_THEN
        and {incident.hotfix.chosen_by, incident.hotfix.approved_by} & set(ids)
    ]


def to_draw_again(log: Engine) -> list[str]:
    """The streams of the incidents whose message still names somebody who was forgotten."""
    with log.connect() as connection:
        return _to_draw_again(connection)


def drawn_again(log: Engine, stream: str) -> None:
    """Record that this incident's message no longer names anybody who was forgotten."""
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

"""
People appear in events as pseudonyms; who is behind one is kept beside the log and can be forgotten.

A pseudonym is `person:` and a random number, assigned at the door. Events written before there were
pseudonyms name people by the external id they had (`slack:U123`); these stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.incident.commands import Assign, Command
from domain.incident.events import FollowUpAssigned, FollowUpReminded, IncidentAssigned, Recorded
from domain.incident.state import Incident

PREFIX = "person:"
FORMER = "a former member"
"""What people are called who have been forgotten."""

KnownAs = Mapping[str, str]
"""Pseudonym → the person's external id; without those who were forgotten."""

OF_INCIDENT = ("opened_by", "acknowledged_by", "assignee", "follow_up_by")
OF_HOTFIX = ("chosen_by", "approved_by")
OF_FOLLOW_UP = ("owner",)
IN_EVENTS: Mapping[type, str] = {
    IncidentAssigned: "person",
    FollowUpAssigned: "owner",
    FollowUpReminded: "owner",
}
"""Events that name somebody besides the actor → the field."""

_PSEUDONYM = re.compile(r"\bperson:[0-9a-f]{32}\b")


def is_pseudonym(person: str) -> bool:
    """
    >>> is_pseudonym("person:00000000000000000000000000000001"), is_pseudonym("slack:U1")
    (True, False)
    """
    return _PSEUDONYM.fullmatch(person) is not None


def spoken(person: str) -> str:
    """
    A person as named in a sentence, by id; a pseudonym left unresolved here means the person was forgotten.

    >>> spoken("person:00000000000000000000000000000001"), spoken("slack:U1")
    ('a former member', 'slack:U1')
    """
    return FORMER if is_pseudonym(person) else person


def people_of(one: Incident | Recorded) -> set[str]:
    """The pseudonyms in it."""
    if isinstance(one, Recorded):
        field = IN_EVENTS.get(type(one.event))
        named = {one.actor, getattr(one.event, field)} if field else {one.actor}
    else:
        named = {getattr(one, field) for field in OF_INCIDENT}
        named |= {getattr(one.hotfix, field) for field in OF_HOTFIX} if one.hotfix else set()
        named |= {getattr(one.followed, field) for field in OF_FOLLOW_UP} if one.followed else set()
    return {person for person in named if person and is_pseudonym(person)}


def named_incident(incident: Incident, known_as: KnownAs) -> Incident:
    """The incident with people named by their external ids, as far as they are known."""
    changes: dict[str, object] = _changes(incident, OF_INCIDENT, known_as)
    if incident.hotfix:
        hotfix = incident.hotfix.model_copy(update=_changes(incident.hotfix, OF_HOTFIX, known_as))
        changes["hotfix"] = hotfix
    if incident.followed:
        followed = incident.followed
        changes["followed"] = followed.model_copy(update=_changes(followed, OF_FOLLOW_UP, known_as))
    return incident.model_copy(update=changes)


def named_record(record: Recorded, known_as: KnownAs) -> Recorded:
    """The event with people named by their external ids, as far as they are known."""
    changes: dict[str, Any] = {"actor": known_as.get(record.actor, record.actor)}
    if field := IN_EVENTS.get(type(record.event)):
        person = getattr(record.event, field)
        changes["event"] = record.event.model_copy(update={field: known_as.get(person, person)})
    return record._replace(**changes)


def people_in(text: str) -> set[str]:
    """The pseudonyms that a sentence names."""
    return set(_PSEUDONYM.findall(text))


def named_text(text: str, known_as: KnownAs) -> str:
    """
    A sentence with people named by their external ids; whoever was forgotten is a former member.

    >>> named_text("person:00000000000000000000000000000001 was first", {})
    'a former member was first'
    """
    return _PSEUDONYM.sub(lambda found: known_as.get(found[0], FORMER), text)


def handed_to(command: Command) -> str | None:
    """The person that a command names, by external id; None where it names nobody."""
    named = command.person if isinstance(command, Assign) else None
    return None if named is None or is_pseudonym(named) else named


def hidden(command: Command, pseudonym: str) -> Command:
    """The command with the person it names replaced by this pseudonym."""
    return command.model_copy(update={"person": pseudonym}) if isinstance(command, Assign) else command


def _changes(one: object, fields: tuple[str, ...], known_as: KnownAs) -> dict[str, object]:
    given = {field: getattr(one, field) for field in fields}
    return {field: known_as[person] for field, person in given.items() if person in known_as}

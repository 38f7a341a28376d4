"""Whether a hotfix can be put in force alongside those of other incidents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Engine

from domain.errors import Refused
from domain.incident.commands import ApproveHotfix, BreakGlass, ChooseHotfix
from domain.incident.conflict import shared_target
from domain.incident.decide.rule import ACTING, GOING, IN_HAND, label_of
from domain.incident.state import Hotfix, Incident
from domain.values import Option
from workers.store.related import acting_on


def check_press(
    connection: Connection, incident: Incident, command: ChooseHotfix | ApproveHotfix | BreakGlass
) -> None:
    """
    Raises:
        Refused: what is asked for cannot be put in force alongside a hotfix of another incident.
    """
    option = incident.option(command.option)
    against = against_choosing(connection, incident, option) if option is not None else None
    if against is not None:
        raise Refused(f"{against}.")


def against_choosing(connection: Connection, incident: Incident, option: Option) -> str | None:
    """Why an option cannot be put in force alongside those of other incidents, in words; None if it can."""
    return next((words for _, words in _met(connection, incident, option)), None)


def against_deploying(log: Engine, incident: Incident, hotfix: Hotfix, option: Option) -> str | None:
    """The same for an approved one: of two that are being deployed, the one approved first goes ahead."""
    with log.connect() as connection:
        met = list(_met(connection, incident, option))
    for other, words in met:
        if other.stage in ACTING or (other.at, other.event_id) < (hotfix.at, hotfix.event_id):
            return words
    return None


def noted(log: Engine, incident: Incident, options: Iterable[Option]) -> Iterator[str]:
    """For the menu: which of its options cannot be put in force now, and why."""
    for option in options:
        with log.connect() as connection:
            met = list(_met(connection, incident, option))
        for _, words in met:
            yield f"“{option.label}” cannot be deployed now: {words}"


def _met(connection: Connection, incident: Incident, option: Option) -> Iterator[tuple[Hotfix, str]]:
    """Other incidents' hotfixes that act, or will act, on what this one acts on; each with words for it."""
    for other in acting_on(connection, option):
        hotfix = other.hotfix if other.hotfix and other.hotfix.stage in GOING else None
        theirs = other.option(hotfix.option) if hotfix and other.stream != incident.stream else None
        what = shared_target(option, theirs) if theirs is not None else None
        if hotfix is not None and what is not None:
            who = f"{label_of(other, hotfix)} of #{other.number} {IN_HAND[hotfix.stage]}"
            yield hotfix, f"{who}, and {what}; revert that one first"

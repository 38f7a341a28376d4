"""
Whether somebody may have a hotfix deployed, by what is declared and known now: checked when they press at a
terminal, and again for everybody before it is deployed.

A press in Slack is authorised by the bot, which learns the groups first (`bot.slack.permission`). What it let
through may be hours old when a worker gets to it, and a row in the log does not prove that there was a press.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection, Engine

from domain.errors import NotAllowed, Refused, RightsUnknown
from domain.incident.commands import ApproveHotfix, BreakGlass, ChooseHotfix
from domain.incident.decide.hotfix import own_request
from domain.incident.numbers import lasting
from domain.incident.permitted import STALE, right
from domain.incident.person import is_pseudonym
from domain.incident.state import Hotfix, Incident
from domain.recommender.person import SLACK, TERMINAL, Person, person_of, same_person
from domain.recommender.recommender import Recommender
from domain.recommender.route import Need
from domain.values import Option
from workers.environment import clock
from workers.log import groups
from workers.store import people as known_people

BY_BREAK_GLASS: tuple[Need, ...] = ("deploy", "break_glass")
_NEEDS: Mapping[type[ChooseHotfix | ApproveHotfix | BreakGlass], tuple[Need, ...]] = {
    ChooseHotfix: ("deploy",),
    ApproveHotfix: ("approve",),
    BreakGlass: BY_BREAK_GLASS,
}
"""The needs of each command, all of which must be met."""


def against_deploying(log: Engine, recommender: Recommender, hotfix: Hotfix, option: Option) -> str | None:
    """
    Why a hotfix, the `option` of its menu, is not deployed given who asked for it and who approved it; None
    if it may be.

    Raises:
        RightsUnknown: it cannot be told now, but may be later.
    """
    if hotfix.approved_by is None:
        return f"nobody approved “{option.label}”"
    with log.connect() as connection:
        chosen_by, approved_by = _outside(connection, hotfix)
        if forgotten := [one for one in (chosen_by, approved_by) if is_pseudonym(one)]:
            verb = "asked for it" if forgotten[0] == chosen_by else "approved it"
            return f"it is no longer known who {verb}; ask for it anew"
        alone = same_person(recommender.people, chosen_by, approved_by)
        glass = hotfix.break_glass is not None
        if alone and not glass and _takes_two(recommender, hotfix, option):
            return f"{approved_by} approved what they had asked for themselves, and it needs a second person"
        try:
            for need in BY_BREAK_GLASS if glass else ("deploy",) if alone else ("approve",):
                authorise(connection, recommender, approved_by, need)
        except RightsUnknown:
            raise
        except NotAllowed as refusal:
            return str(refusal)
    return None


def _takes_two(recommender: Recommender, hotfix: Hotfix, option: Option) -> bool:
    """By what the menu said when it was approved, or by the hours declared now."""
    hours = recommender.alone(str(option.parameters.get("kind")))
    return option.takes_two(hotfix.at) or (hours is not None and not hours.hold(hotfix.at))


def check_press(
    connection: Connection,
    recommender: Recommender | None,
    incident: Incident,
    command: ChooseHotfix | ApproveHotfix | BreakGlass,
    who: str,
) -> None:
    """
    Check what the rules cannot see about a choice or an approval: which accounts belong to one person.

    Raises:
        Refused: it might be one's own request, or this account may not; in words for the person.
    """
    people: Mapping[str, Person] = recommender.people if recommender else {}
    option = incident.option(command.option)
    asks = isinstance(command, ChooseHotfix)
    by_two = not asks or (option is not None and option.takes_two(clock.now()))
    if by_two:
        _is_somebody(people, who)
    if isinstance(command, ApproveHotfix) and incident.hotfix is not None:
        _asked_by_somebody_else(people, _outside(connection, incident.hotfix)[0], who, option)
    if recommender is not None and who.startswith(TERMINAL):
        for need in _NEEDS[type(command)]:
            authorise(connection, recommender, who, need)


def authorise(connection: Connection, recommender: Recommender, known_as: str, need: Need) -> None:
    """
    Raise unless whoever has this external id may do what needs `need`, as declared now.

    An account at a terminal that belongs to nobody counts as an operator's: it holds the store's address, and
    may have deployed what one person may. For a declared person, the declaration holds wherever they press.

    Raises:
        NotAllowed: they may not.
        RightsUnknown: it depends on groups whose members Slack has not confirmed for long.
    """
    person = person_of(recommender.people, known_as)
    if person is None and known_as.startswith(TERMINAL):
        if need == "deploy":
            return
        raise NotAllowed(how_to_be_mapped(known_as))
    allowed = recommender.permitted(need)
    member = person.slack if person else known_as.removeprefix(SLACK)
    said = groups.kept(connection)
    age = timedelta(seconds=min(said.age_seconds, timedelta.max.total_seconds() / 2)) if said else None
    theirs = said.of(member or "") if said else ()
    fresh = member is None or (age is not None and age <= STALE)
    match right(need, allowed, (member, person.name if person else None), theirs, fresh=fresh):
        case "nobody":
            raise NotAllowed(f"[permissions] {need} in recsysops.toml names nobody now")
        case "unknown":
            raise RightsUnknown(_not_said(age))
        case "no":
            who = "whoever approved it" if need == "approve" else "whoever asked for it"
            raise NotAllowed(f"{who} may not {need} by [permissions] in recsysops.toml as it is now")


def how_to_be_mapped(known_as: str) -> str:
    """What an account at a terminal is told if it belongs to nobody."""
    account = known_as.removeprefix(TERMINAL)
    return (
        f"“{account}” at a terminal is nobody that recsysops.toml knows, so it could be whoever asked. Say "
        f'who it is: [people.NAME] with terminal = "{account}" and slack = "U…" (the member id); or press in '
        "Slack."
    )


def _not_said(age: timedelta | None) -> str:
    if age is None:
        return "Slack has never said who is in which group, so nobody knows who may; is the bot up?"
    return (
        f"Slack has not said for {lasting(age)} who is in which group, so nobody knows who may. "
        "Is the bot up, and does Slack answer it?"
    )


def _outside(connection: Connection, hotfix: Hotfix) -> tuple[str, str]:
    """Who asked for it and who approved it, by external id; a pseudonym if nothing proves it."""
    inside = (hotfix.chosen_by, hotfix.approved_by or hotfix.chosen_by)
    known = known_people.proved(connection, set(inside))
    return known.get(inside[0], inside[0]), known.get(inside[1], inside[1])


def _is_somebody(people: Mapping[str, Person], who: str) -> None:
    if who.startswith(TERMINAL) and person_of(people, who) is None:
        raise NotAllowed(how_to_be_mapped(who))


def _asked_by_somebody_else(
    people: Mapping[str, Person], asked_by: str, who: str, option: Option | None
) -> None:
    if is_pseudonym(asked_by):
        raise Refused(
            "It is no longer known who asked for this, so it could be you. Reject it, and ask anew."
        )
    if asked_by.startswith(TERMINAL) and person_of(people, asked_by) is None:
        raise Refused(
            f"This was asked for at a terminal by “{asked_by.removeprefix(TERMINAL)}”, which is nobody that "
            "recsysops.toml knows under [people], so it could be you. Reject it, and ask anew."
        )
    if same_person(people, asked_by, who):
        raise Refused(own_request(option))

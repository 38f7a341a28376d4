"""
Who may press what: compares a Slack person and their user groups with the declaration's permissions.

People who are not named may not, and if nobody is named nobody may: what is missing in recsysops.toml permits
nothing. The rule is `domain.incident.permitted`; this is what people are told.
"""

from __future__ import annotations

import re

from bot.messages.inert import Marked, escape
from domain.errors import NotAllowed
from domain.incident.permitted import DANGEROUS, right
from domain.recommender.route import Need, Permissions
from domain.values import Actor

PERSON = re.compile(r"^[UW][A-Z0-9-]")
"""The id of an account; the handle of a group has no capitals."""


def authorise(
    user: str, groups: tuple[str, ...], need: Need, permissions: Permissions, *, fresh: bool
) -> Actor:
    """
    The actor for this person, if they may do what needs `need`.

    Raises:
        NotAllowed: they may not; worded for the person.
    """
    allowed: tuple[str, ...] = getattr(permissions, need)
    if need == "break_glass":  # it replaces an approval, but not the right to deploy
        authorise(user, groups, "deploy", permissions, fresh=fresh)
    # An approver has to be somebody whom the file names, wherever they press.
    beside = "" if need in ("approve", "break_glass") else ", or use `recsysops` in a terminal"
    match right(need, allowed, (user,), groups, fresh=fresh):
        case "yes":
            return Actor(kind="person", id=f"slack:{user}", groups=groups)
        case "no":
            raise NotAllowed(Marked(_only(allowed)))
        case "nobody":
            raise NotAllowed(
                f"Nobody may do this in Slack yet: [permissions] {need} in recsysops.toml names nobody, or "
                f"the file cannot be read; `recsysops doctor` says which. Name somebody there{beside}."
            )
        case "unknown":
            raise NotAllowed(
                "Slack does not say which groups you are in at the moment"
                f"{', and without that this is not done' if need in DANGEROUS else ''}. "
                f"Try again in a minute{beside}."
            )


def _only(allowed: tuple[str, ...]) -> str:
    """People by a mention, groups by their handles (a mention would need an id)."""
    people = [f"<@{name}>" for name in allowed if PERSON.match(name)]
    groups = [f"@{escape(name)}" for name in allowed if not PERSON.match(name)]
    named = [*people, f"members of {' or '.join(groups)}"] if groups else people
    ask = "Ask one of them, or be added to the group." if groups else "Ask one of them."
    return f"Only {' or '.join(named)} may do this. {ask}"

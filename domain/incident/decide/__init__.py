"""
The rules of an incident's life: from a command and the state so far to events, or a refusal in words.

One module for each part of its life. An empty answer means there is nothing to do: the same thing was asked
and done before.
"""

from __future__ import annotations

from datetime import datetime

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.decide.correction import correct
from domain.incident.decide.ending import against_resolving, end, may_merge, missing_to_close
from domain.incident.decide.follow_up import learn
from domain.incident.decide.hotfix import CHOICE_HOLDS, treat
from domain.incident.decide.opening import begin
from domain.incident.decide.rule import BUSY, DEPLOYED, IN_HAND, WATCHED, Events, in_hand, renewal
from domain.incident.decide.ticket import keep_in_step, outstanding
from domain.incident.decide.understanding import against_looking_again, understand
from domain.incident.state import Incident
from domain.values import Actor

__all__ = [
    "BUSY",
    "CHOICE_HOLDS",
    "DEPLOYED",
    "IN_HAND",
    "REVISION",
    "WATCHED",
    "Events",
    "against_looking_again",
    "against_resolving",
    "decide",
    "in_hand",
    "may_merge",
    "missing_to_close",
    "outstanding",
    "renewal",
]

REVISION = 5
"""
The version of these rules. It grows whenever a rule changes what it allows, so that `recsysops events verify`
does not judge what former rules decided by the current ones.
"""


def decide(incident: Incident | None, command: c.Command, actor: Actor, at: datetime) -> Events:
    """
    The events that follow when `actor` gives this command at `at`.

    Raises:
        Refused: a rule says no; the message is for the person who asked.
        Stale: the command refers to an option that is no longer on the menu.
    """
    if isinstance(command, c.Opening):
        return begin(incident, command)
    if incident is None:
        raise Refused("There is no such incident. `recsysops status` lists those that are open.")
    if isinstance(command, c.OfHotfix):
        return treat(incident, command, actor, at)
    if isinstance(command, c.Ending):
        return end(incident, command)
    if isinstance(command, c.OfFollowUp):
        return learn(incident, command, actor)
    if isinstance(command, c.OfTicket):
        return keep_in_step(incident, command)
    if isinstance(command, c.Correction):
        return correct(incident, command, at)
    return understand(incident, command, actor, at)

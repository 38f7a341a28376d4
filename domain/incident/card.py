"""Which buttons an incident's card carries: exactly those that the rules would let do something."""

from __future__ import annotations

from typing import Literal, get_args

from domain.incident.decide import BUSY, DEPLOYED, against_looking_again, against_resolving, renewal
from domain.incident.followed import closed_unmerged
from domain.incident.state import Hotfix, Incident
from domain.values import Value

Action = Literal[
    "acknowledge",
    "assign",
    "severity",
    "look_again",
    "note",
    "silence",
    "dismiss",
    "deploy",
    "approve",
    "break_glass",
    "reject",
    "revert",
    "renew",
    "resolve",
    "reopen",
    "follow_up_accept",
    "follow_up_edit",
    "follow_up_decline",
    "close",
    "correct",
    "report",
    "why",
]
ACTIONS: tuple[Action, ...] = get_args(Action)


class Button(Value):
    """Something to press. `option` is the hotfix it is about."""

    action: Action
    option: str | None = None


def buttons(incident: Incident) -> tuple[Button, ...]:
    """All buttons of the card, the most useful first."""
    if incident.status == "closed":
        in_force = [one for one in _of_hotfix(incident) if one.action in ("revert", "renew")]
        return (*in_force, Button(action="reopen"), Button(action="correct"), Button(action="report"))
    return (
        *_of_hotfix(incident),
        *(_of_resolved(incident) if incident.status == "resolved" else _of_open(incident)),
        Button(action="note"),
        Button(action="assign"),
        Button(action="severity"),
        Button(action="silence"),
        Button(action="correct"),
        Button(action="report"),
        *((Button(action="why"),) if incident.menu and incident.status != "resolved" else ()),
    )


def _of_hotfix(incident: Incident) -> tuple[Button, ...]:
    hotfix, over = incident.hotfix, incident.status == "resolved"  # nothing is deployed after the end
    if hotfix is not None and hotfix.stage in BUSY:
        return _of_hotfix_in_hand(incident, hotfix, over)
    offered = () if over else incident.menu or ()
    return tuple(
        Button(action="deploy", option=option.key)
        for option in offered
        if option.deployable and not incident.spent_on(option)
    )


def _of_hotfix_in_hand(incident: Incident, hotfix: Hotfix, over: bool) -> tuple[Button, ...]:
    if hotfix.stage == "chosen":
        reject = Button(action="reject", option=hotfix.option)
        return (reject,) if over else (*_of_waiting(incident, hotfix), reject)
    if hotfix.stage not in DEPLOYED:
        return ()
    renewable = hotfix.renewing_until is None and not isinstance(renewal(incident), str)
    renew = (Button(action="renew", option=hotfix.option),) if renewable else ()
    return (Button(action="revert", option=hotfix.option), *renew)


def _of_waiting(incident: Incident, hotfix: Hotfix) -> tuple[Button, ...]:
    option = incident.option(hotfix.option)
    alone = (Button(action="break_glass", option=hotfix.option),) if option and option.break_glass else ()
    return (Button(action="approve", option=hotfix.option), *alone)


def _of_open(incident: Incident) -> tuple[Button, ...]:
    take = () if incident.status == "acknowledged" else (Button(action="acknowledge"),)
    look = () if against_looking_again(incident) else (Button(action="look_again"),)
    resolve = () if against_resolving(incident) else (Button(action="resolve"),)
    dismiss = () if against_resolving(incident, dismissing=True) else (Button(action="dismiss"),)
    return (*take, *look, *resolve, *dismiss)


def _of_resolved(incident: Incident) -> tuple[Button, ...]:
    named = tuple(Button(action="follow_up_accept", option=one.change.name) for one in incident.changes)
    proposed = (named or (Button(action="follow_up_accept"),)) if incident.proposed else ()
    again = incident.change if closed_unmerged(incident) else None
    if again is not None:
        proposed = (Button(action="follow_up_accept", option=again.name),)
    elif incident.follow_up:
        return (Button(action="close"), Button(action="reopen"))
    answers = (*proposed, Button(action="follow_up_edit"), Button(action="follow_up_decline"))
    return (*answers, Button(action="close"), Button(action="reopen"))

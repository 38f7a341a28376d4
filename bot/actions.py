"""
Maps buttons to commands in one table. Pure: a press in, an order out.

An action either becomes its command at once, or opens a modal whose submission becomes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from bot.messages import correction, modals
from bot.messages.incident.value import Target, parse
from bot.messages.words import PERSON_PREFIX
from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident.card import Action
from domain.incident.state import Incident
from domain.recommender.route import Need
from domain.values import Improvement

Fields = Mapping[str, str]
"""What was entered into a modal: name of the input → text or chosen value."""


@dataclass(frozen=True)
class Press:
    """
    What a button does.

    Attributes:
        needs:   the permission it requires.
        command: what it asks for; `fields` is empty for a button without a modal.
        modal:   what it opens first, if anything.
    """

    needs: Need
    command: Callable[[Target, Fields, datetime], c.Command]
    modal: Callable[[Incident, str], modals.View] | None = None


def command_of(action: str, value: str, fields: Fields, at: datetime) -> tuple[Target, c.Command]:
    """
    The incident that a press, or a modal's submission, is about, and the command it asks for.

    Raises:
        Stale: the button was made by another release.
        Refused: a value that was entered cannot be read.
    """
    target = parse(value)
    return target, press_of(action).command(target, fields, at)


def press_of(action: str) -> Press:
    """
    What the button of an action does.

    Raises:
        Stale: there is no such button any more.
    """
    press = PRESSES.get(cast(Action, action))
    if press is None:
        raise Stale("This button no longer exists. Use the newest message.")
    return press


def split_more(value: str) -> tuple[str, str]:
    """
    The action and the value of an entry in the More menu.

    >>> split_more("note|incident-1|4|")
    ('note', 'incident-1|4|')
    """
    action, _, rest = value.partition("|")
    return action, rest


def fields_of(values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """The fields of a submitted view's `state.values`, whatever kind of input each is."""
    entered: dict[str, str] = {}
    for name, inputs in values.items():
        for given in inputs.values():
            chosen = given.get("selected_option") or {}
            entered[name] = given.get("value") or chosen.get("value") or given.get("selected_user") or ""
    return entered


def declare(fields: Fields) -> c.DeclareIncident:
    """The command of the declare modal; the store assigns the number."""
    return c.DeclareIncident(
        number=0,
        title=fields.get("title", ""),
        severity=correction.severity(fields.get("severity", "SEV3")),
        description=fields.get("description", ""),
    )


def _option(target: Target) -> str:
    if target.option is None:
        raise Stale("This button names no hotfix. Use the newest message.")
    return target.option


def _choose(target: Target, fields: Fields, at: datetime) -> c.Command:
    return c.ChooseHotfix(option=_option(target), menu=target.menu)


def _approve(target: Target, fields: Fields, at: datetime) -> c.Command:
    return c.ApproveHotfix(option=_option(target), menu=target.menu)


def _break_glass(target: Target, fields: Fields, at: datetime) -> c.Command:
    return c.BreakGlass(option=_option(target), menu=target.menu, reason=fields.get("reason", ""))


def _resolve(target: Target, fields: Fields, at: datetime) -> c.Command:
    how = fields.get("how") or "elsewhere"
    if how not in modals.HOW:
        raise Refused(f"{how!r} is not a way to resolve an incident: {', '.join(modals.HOW)}.")
    return c.Resolve(how=cast(Any, how), reason=fields.get("reason", ""))


def _silence(target: Target, fields: Fields, at: datetime) -> c.Command:
    try:
        hours = float(fields.get("hours", ""))
        return c.Silence(until=at + timedelta(hours=hours))
    except (ValueError, OverflowError) as error:
        raise Refused("Say for how many hours, for instance 4.") from error


def _assign(target: Target, fields: Fields, at: datetime) -> c.Command:
    person = fields.get("person", "").strip()
    if not person:
        raise Refused("Say who takes over.")
    return c.Assign(person=person if ":" in person else PERSON_PREFIX + person)


def _answer(target: Target, fields: Fields, at: datetime) -> c.Command:
    change = fields.get("change") or "nothing"
    if change not in modals.CHANGES:
        raise Refused(f"{change!r} is not a kind of change: {', '.join(modals.CHANGES)}.")
    return c.AnswerFollowUp(
        improvement=Improvement(
            detect_faster=fields.get("detect_faster", ""),
            diagnose_faster=fields.get("diagnose_faster", ""),
            change=cast(Any, change),
            detail=fields.get("detail", ""),
        ),
        check=_check(fields) if change != "nothing" else None,
    )


def _check(fields: Fields) -> str | None:
    chosen = fields.get("check") or modals.NO_CHECK
    return None if chosen == modals.NO_CHECK else chosen


def _decline(target: Target, fields: Fields, at: datetime) -> c.Command:
    return _answer(target, {**fields, "change": "nothing"}, at)


def _correct(target: Target, fields: Fields, at: datetime) -> c.Command:
    part, event = correction.read_key(fields.get("what", ""))
    return correction.order(part, event, fields.get("right", ""), fields.get("reason", ""))


def _read(target: Target, fields: Fields, at: datetime) -> c.Command:
    raise Refused("That is there to be read; the button opens it.")


def _reason(command: Callable[[str], c.Command]) -> Callable[[Target, Fields, datetime], c.Command]:
    return lambda target, fields, at: command(fields.get("reason", ""))


PRESSES: dict[Action, Press] = {
    "acknowledge": Press("respond", lambda target, fields, at: c.Acknowledge()),
    "assign": Press("respond", _assign, modals.assign),
    "severity": Press(
        "respond",
        lambda target, fields, at: c.ChangeSeverity(
            severity=correction.severity(fields.get("severity", "")), reason=fields.get("reason", "")
        ),
        modals.severity,
    ),
    "look_again": Press("respond", lambda target, fields, at: c.LookAgain()),
    "note": Press("respond", lambda target, fields, at: c.AddNote(text=fields.get("text", "")), modals.note),
    "silence": Press("respond", _silence, modals.silence),
    "dismiss": Press("respond", _reason(lambda reason: c.Dismiss(reason=reason)), modals.dismiss),
    "deploy": Press("deploy", _choose),
    "approve": Press("approve", _approve),
    "break_glass": Press("break_glass", _break_glass, modals.break_glass),
    "reject": Press(
        "respond",
        lambda target, fields, at: c.RejectHotfix(option=_option(target), reason=fields.get("reason", "")),
        modals.reject,
    ),
    "revert": Press("deploy", lambda target, fields, at: c.RevertHotfix(option=_option(target))),
    "renew": Press(
        "deploy",
        lambda target, fields, at: c.RenewHotfix(option=_option(target), reason=fields.get("reason", "")),
        modals.renew,
    ),
    "resolve": Press("respond", _resolve, modals.resolve),
    "reopen": Press("respond", _reason(lambda reason: c.Reopen(reason=reason)), modals.reopen),
    "follow_up_accept": Press("respond", lambda target, fields, at: c.AcceptFollowUp(check=target.option)),
    "follow_up_edit": Press("respond", _answer, modals.follow_up_edit),
    "follow_up_decline": Press("respond", _decline, modals.follow_up_decline),
    "close": Press("respond", lambda target, fields, at: c.Close()),
    "correct": Press("respond", _correct, modals.correct),
    "report": Press("respond", _read),
    "why": Press("respond", _read, modals.numbers),
}
"""Complete: a test compares it with `ACTIONS`."""

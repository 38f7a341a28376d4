"""What is done about an incident: one hotfix at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import (
    BUSY,
    DEPLOYED,
    WATCHED,
    Events,
    in_hand,
    label_of,
    not_closed,
    option_of,
    renewal,
    said,
    stage_is,
)
from domain.incident.menu import priced_anew
from domain.incident.numbers import lasting
from domain.incident.state import Hotfix, Incident
from domain.values import Actor, Option

CHOICE_HOLDS = timedelta(hours=24)
"""How long a requested hotfix may be approved: after that its numbers are out of date."""


def treat(incident: Incident, command: c.OfHotfix, actor: Actor, at: datetime) -> Events:
    """The events of a person's press, or of a worker's answer to one."""
    if isinstance(command, c.ChooseHotfix):
        return _choose(incident, command, actor, at)
    hotfix = incident.hotfix
    if hotfix is None or hotfix.option != command.option:
        raise Stale("That hotfix is not the one in hand any more. Look at the message again.")
    if isinstance(command, c.ByPerson):
        return _press(incident, hotfix, command, actor, at)
    return _record(incident, hotfix, command, at)


def _choose(incident: Incident, command: c.ChooseHotfix, actor: Actor, at: datetime) -> Events:
    _by_person(actor)
    _deployable_now(incident)
    hotfix = incident.hotfix
    if hotfix is not None and hotfix.stage in BUSY:
        if (hotfix.option, hotfix.menu) == (command.option, command.menu) and actor.is_(hotfix.chosen_by):
            return ()
        raise Refused(f"{hotfix.chosen_by} was first: {in_hand(incident)}.")
    option = _as_read(incident, command.option, command.menu)
    if not option.deployable:
        raise Refused("Doing nothing needs no deployment. If there is nothing to do, resolve it and say why.")
    if spent := incident.spent_on(option):
        raise Refused(f"“{option.label}” was {spent.words}. Choose another, or diagnose again.")
    chosen = e.HotfixChosen(option=option.key, menu=command.menu)
    if option.takes_two(at):
        return (chosen,)
    return (chosen, e.HotfixApproved(option=option.key, menu=command.menu))


def _by_person(actor: Actor) -> None:
    if actor.kind != "person":
        raise Refused("A hotfix is chosen and approved by people.")


def _deployable_now(incident: Incident) -> None:
    """Refuse where the incident is over: nothing is deployed after the end."""
    not_closed(incident)
    if incident.status == "resolved":
        raise Refused(f"#{incident.number} is resolved; reopen it before deploying anything.")


def _as_read(incident: Incident, key: str, menu: str) -> Option:
    """The option as it was read; Stale, saying what changed, where the menu has been repriced since."""
    now = incident.menu or ()
    if menu == incident.menu_digest:
        return option_of(incident, key)
    if menu:
        since = "The hotfixes were priced again since what you pressed was drawn"
    else:
        since = "What you pressed does not say which numbers it was drawn with"
    changes = priced_anew(incident.former.get(menu), now, key)
    raise Stale(f"{since}, so nothing was done. Now: {changes} The newest message has it; press there.")


def own_request(option: Option | None) -> str:
    """What people are told who try to approve a hotfix they asked for; `option`: where it is known."""
    refusal = "You asked for this yourself; a second person has to approve it"
    if option is None:
        return f"{refusal}."
    if option.needs_second_person:
        refusal += ", as it touches so much traffic"
    elif option.alone is not None:
        refusal += f", as it was asked for outside {option.alone.words}"
    otherwise = (
        " Where nobody can be found, break-glass deploys it with a reason." if option.break_glass else ""
    )
    return f"{refusal}.{otherwise}"


def _approve(
    incident: Incident, hotfix: Hotfix, command: c.ApproveHotfix, actor: Actor, at: datetime
) -> Events:
    if _approved_before(incident, hotfix, actor):
        return ()
    option = _as_asked_for(incident, hotfix, command.menu, at)
    if actor.is_(hotfix.chosen_by):
        raise Refused(own_request(option))
    return (e.HotfixApproved(option=option.key, menu=command.menu),)


def _break_glass(
    incident: Incident, hotfix: Hotfix, command: c.BreakGlass, actor: Actor, at: datetime
) -> Events:
    """Without the second person, for a reason; whether this person may do so is checked where they press."""
    if _approved_before(incident, hotfix, actor):
        return ()
    option = _as_asked_for(incident, hotfix, command.menu, at)
    if not option.break_glass:
        raise Refused(
            f"{label_of(incident, hotfix)} is not deployed without a second person: [permissions] "
            "break_glass in recsysops.toml named nobody when the menu was prepared."
        )
    reason = said(command.reason, "Say why it cannot wait for a second person; everybody will see it.")
    return (e.HotfixApproved(option=option.key, menu=command.menu, break_glass=reason),)


def _approved_before(incident: Incident, hotfix: Hotfix, actor: Actor) -> bool:
    """Whether this person has already approved it; refused where somebody else was first."""
    _by_person(actor)
    if hotfix.approved_by is None:
        return False
    if actor.is_(hotfix.approved_by):
        return True
    raise Refused(f"{hotfix.approved_by} was first and approved {label_of(incident, hotfix)} already.")


def _as_asked_for(incident: Incident, hotfix: Hotfix, menu: str, at: datetime) -> Option:
    """The option awaiting approval, with the numbers it was asked for with."""
    stage_is(hotfix, "chosen")
    _deployable_now(incident)
    if at - hotfix.at > CHOICE_HOLDS:
        raise Refused(
            f"{label_of(incident, hotfix)} was asked for {lasting(at - hotfix.at)} ago, and much may have "
            "changed since. Reject it, diagnose again, and ask again."
        )
    option = _as_read(incident, hotfix.option, menu)
    if hotfix.menu not in (None, menu):
        raise Stale(
            f"{label_of(incident, hotfix)} was asked for from another menu; reject it, and ask again."
        )
    return option


def _press(incident: Incident, hotfix: Hotfix, command: c.ByPerson, actor: Actor, at: datetime) -> Events:
    match command:
        case c.ApproveHotfix():
            return _approve(incident, hotfix, command, actor, at)
        case c.BreakGlass():
            return _break_glass(incident, hotfix, command, actor, at)
        case c.RejectHotfix():
            stage_is(hotfix, "chosen")
            return (e.HotfixRejected(option=hotfix.option, reason=command.reason),)
        case c.RenewHotfix():
            return _renewed(incident, hotfix, command)
        case c.RevertHotfix():
            if hotfix.stage in ("reverting", "reverted"):
                return ()
            if hotfix.stage not in DEPLOYED:
                raise Refused(f"There is nothing to revert: the hotfix is {hotfix.stage}.")
            return (e.RevertRequested(option=hotfix.option),)
        case _:
            assert_never(command)


def _record(  # answers from workers: late or repeated ones change nothing
    incident: Incident, hotfix: Hotfix, command: c.ByWorker, at: datetime
) -> Events:
    match command:
        case c.RecordHotfixApplied():
            return _applied(incident, command, at) if hotfix.stage == "approved" else ()
        case c.PassStage() | c.RecordHotfixWidened():
            return _staged(incident, hotfix, command, at)
        case c.RecordHotfixFailed():
            return _failed(hotfix, command)
        case c.RecordWatch():
            return (command,) if hotfix.stage in WATCHED else ()
        case c.VerifyHotfix():
            return _verified(incident, hotfix, command)
        case c.RefuteHotfix():
            return _refuted(command) if hotfix.stage == "applied" else ()
        case c.RecordCost():
            return (command,) if hotfix.applied_at else ()
        case c.RecordWorth():
            return (command,) if hotfix.hold_out and hotfix.stage in WATCHED else ()
        case c.RecordHarm():
            return _harmed(incident, command) if hotfix.stage in WATCHED else ()
        case c.RecordHotfixReverted() | c.RecordRevertFailed():
            return (command,) if hotfix.stage == "reverting" else ()
        case c.RemindOfExpiry():
            return _reminded(hotfix)
        case c.RecordHotfixRenewed() | c.RecordRenewalFailed():
            return _renewal(hotfix, command)
        case c.ExpireHotfix():
            over = hotfix.expires_at is not None and at >= hotfix.expires_at
            return (command,) if over and hotfix.stage in DEPLOYED else ()
        case _:
            assert_never(command)


def _applied(incident: Incident, command: c.RecordHotfixApplied, at: datetime) -> Events:
    option = option_of(incident, command.option)
    applied = e.HotfixApplied(
        option=command.option,
        receipt=command.receipt,
        expires_at=at + option.expires_after if option.expires_after else None,
        watch_until=at + option.watch,
        share=option.first_stage,
        hold_out=option.hold_out,
    )
    return (applied,)


def _reminded(hotfix: Hotfix) -> Events:
    """Remind once for each expiry time."""
    until = hotfix.expires_at
    if until is None or hotfix.reminded_of == until or hotfix.stage not in DEPLOYED:
        return ()
    return (e.ExpiryReminded(option=hotfix.option, expires_at=until),)


def _staged(
    incident: Incident, hotfix: Hotfix, command: c.PassStage | c.RecordHotfixWidened, at: datetime
) -> Events:
    """Widen to more members while the incident is open; one not yet served to all by its end is reverted."""
    option = option_of(incident, hotfix.option)
    following = option.stage_after(hotfix.share)
    if following is None:
        return ()
    if isinstance(command, c.RecordHotfixWidened):
        until = at + option.watch
        widened = e.HotfixWidened(**command.model_dump(), watch_until=until, hold_out=option.hold_out)
        return (widened,) if hotfix.stage == "widening" and command.share == following else ()
    if hotfix.stage != "applied":
        return ()
    if incident.status == "resolved":
        reason = f"#{incident.number} was {incident.status} before it served all members"
        return (e.RevertRequested(option=hotfix.option, because="stage_failed", reason=reason),)
    return (command,) if command.share == hotfix.share else ()


def _failed(hotfix: Hotfix, command: c.RecordHotfixFailed) -> Events:
    """A hotfix that could not be deployed to more members is reverted for those who have it."""
    if hotfix.stage == "widening":
        asked = e.RevertRequested(option=hotfix.option, because="stage_failed", reason=command.reason)
        return (asked,)
    return (command,) if hotfix.stage == "approved" else ()


def _renewed(incident: Incident, hotfix: Hotfix, command: c.RenewHotfix) -> Events:
    reason = said(command.reason, "Say why it is to stay in force longer.")
    until = renewal(incident)
    if isinstance(until, str):
        raise Refused(until)
    if hotfix.renewing_until is not None:
        return ()
    return (e.RenewalRequested(option=hotfix.option, expires_at=until, reason=reason),)


def _renewal(hotfix: Hotfix, command: c.RecordHotfixRenewed | c.RecordRenewalFailed) -> Events:
    if hotfix.renewing_until is None or hotfix.stage not in WATCHED:
        return ()
    if isinstance(command, c.RecordRenewalFailed):
        return (command,)
    until, receipt = hotfix.renewing_until, command.receipt
    return (e.HotfixRenewed(option=hotfix.option, expires_at=until, receipt=receipt),)


def _refuted(command: c.RefuteHotfix) -> Events:
    """A hotfix found not to work is reverted at once: while it is in force nothing else may be chosen."""
    if not command.found_useless:
        return (command,)
    asked = e.RevertRequested(option=command.option, because="no_effect", reason=command.reason)
    return command, asked


def _harmed(incident: Incident, command: c.RecordHarm) -> Events:
    """An incident that the hotfix had ended is reopened, so that it can be treated in another way."""
    asked = e.RevertRequested(because="harm", **command.model_dump())
    if incident.resolved_how != "hotfix":
        return (asked,)
    return asked, e.IncidentReopened(reason="The hotfix that ended it does harm and is reverted.")


def _verified(incident: Incident, hotfix: Hotfix, command: c.VerifyHotfix) -> Events:
    if hotfix.stage != "applied" or hotfix.share < 1.0:
        return ()
    if incident.status in ("resolved", "closed"):
        return (command,)
    share = f"{100 * command.repaired_share:.0f} %"
    return command, e.IncidentResolved(how="hotfix", reason=f"The hotfix repaired {share} of the gap.")

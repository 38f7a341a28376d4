"""What is done about it: one hotfix at a time."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import BUSY, DEPLOYED, Events, not_closed, option_of, stage_is
from domain.incident.state import Hotfix, Incident
from domain.values import Actor


def treat(incident: Incident, command: c.OfHotfix, actor: Actor, at: datetime) -> Events:
    """A person's press, or a worker's answer to one."""
    if isinstance(command, c.ChooseHotfix):
        return _choose(incident, command, actor)
    hotfix = incident.hotfix
    if hotfix is None or hotfix.option != command.option:
        raise Stale("That hotfix is not the one in hand any more. Look at the message again.")
    if isinstance(command, c.ByPerson):
        return _press(incident, hotfix, command, actor)
    return _record(incident, hotfix, command, at)


def _choose(incident: Incident, command: c.ChooseHotfix, actor: Actor) -> Events:
    option = option_of(incident, command.option)
    not_closed(incident)
    if not option.deployable:
        raise Refused("Doing nothing needs no deployment. If there is nothing to do, resolve it and say why.")
    if incident.status == "resolved":
        raise Refused(f"#{incident.number} is resolved; reopen it before deploying anything.")
    hotfix = incident.hotfix
    if hotfix is not None and hotfix.stage in BUSY:
        if hotfix.option == option.key and actor.is_(hotfix.chosen_by):
            return ()
        raise Refused(_in_hand(incident, hotfix))
    chosen = e.HotfixChosen(option=option.key)
    if option.needs_second_person:
        return (chosen,)
    return (chosen, e.HotfixApproved(option=option.key))


def _in_hand(incident: Incident, hotfix: Hotfix) -> str:
    option = incident.option(hotfix.option)
    label = option.label if option else hotfix.option
    return f"{hotfix.chosen_by} was first: “{label}” is {hotfix.stage.replace('_', ' ')}."


def _press(incident: Incident, hotfix: Hotfix, command: c.ByPerson, actor: Actor) -> Events:
    match command:
        case c.ApproveHotfix():
            if hotfix.approved_by is not None:
                return ()
            stage_is(hotfix, "chosen")
            if option_of(incident, hotfix.option).needs_second_person and actor.is_(hotfix.chosen_by):
                raise Refused(
                    "This hotfix touches so much traffic that a second person has to approve it; "
                    "you asked for it yourself."
                )
            return (e.HotfixApproved(option=hotfix.option),)
        case c.RejectHotfix():
            stage_is(hotfix, "chosen")
            return (e.HotfixRejected(option=hotfix.option, reason=command.reason),)
        case c.RevertHotfix():
            if hotfix.stage in ("reverting", "reverted"):
                return ()
            if hotfix.stage not in DEPLOYED:
                raise Refused(f"There is nothing to revert: the hotfix is {hotfix.stage}.")
            return (e.RevertRequested(option=hotfix.option),)
        case _:
            assert_never(command)


def _record(  # the answers of workers: late or repeated ones change nothing
    incident: Incident, hotfix: Hotfix, command: c.ByWorker, at: datetime
) -> Events:
    match command:
        case c.RecordHotfixApplied():
            option = option_of(incident, hotfix.option)
            expires_at = at + option.expires_after if option.expires_after else None
            applied = e.HotfixApplied(
                option=hotfix.option,
                receipt=command.receipt,
                expires_at=expires_at,
                watch_until=at + option.watch,
            )
            return (applied,) if hotfix.stage == "approved" else ()
        case c.RecordHotfixFailed():
            failed = e.HotfixFailed(**command.model_dump())
            return (failed,) if hotfix.stage == "approved" else ()
        case c.RecordWatch():
            return (e.HotfixWatched(**command.model_dump()),) if hotfix.stage == "applied" else ()
        case c.VerifyHotfix():
            return _verified(incident, hotfix, command)
        case c.RefuteHotfix():
            return (e.HotfixRefuted(**command.model_dump()),) if hotfix.stage == "applied" else ()
        case c.RecordHotfixReverted():
            reverted = e.HotfixReverted(**command.model_dump())
            return (reverted,) if hotfix.stage == "reverting" else ()
        case c.RecordRevertFailed():
            failed_revert = e.RevertFailed(**command.model_dump())
            return (failed_revert,) if hotfix.stage == "reverting" else ()
        case c.ExpireHotfix():
            return (e.HotfixExpired(option=hotfix.option),) if hotfix.stage in DEPLOYED else ()
        case _:
            assert_never(command)


def _verified(incident: Incident, hotfix: Hotfix, command: c.VerifyHotfix) -> Events:
    if hotfix.stage != "applied":
        return ()
    verified = e.HotfixVerified(**command.model_dump())
    if incident.status in ("resolved", "closed"):
        return (verified,)
    share = f"{100 * command.repaired_share:.0f} %"
    return verified, e.IncidentResolved(how="hotfix", reason=f"The hotfix repaired {share} of the gap.")

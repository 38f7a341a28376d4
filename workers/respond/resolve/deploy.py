"""Puts a hotfix in force, or takes it back, by its option's deployer; its key is the approval's id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from domain.errors import ConfigurationError, DeployError, DeployUncertain, MayStillAct, RightsUnknown
from domain.incident import commands as c
from domain.incident.events import HotfixApproved, StagePassed
from domain.incident.numbers import lasting
from domain.incident.state import Hotfix, Incident
from domain.recommender.recommender import Recommender
from domain.resolution.declared import against_offering
from domain.values import Option
from workers.declaration.hotfix_kinds import find
from workers.deployers.confirming import Confirming, open_deployer
from workers.environment import redaction
from workers.environment.settings import surroundings
from workers.log.obligations import MOST_TRIES, Work
from workers.respond.resolve import conflicts, rights
from workers.store.log.events import read_stream

APPROVAL_HOLDS = timedelta(hours=24)
"""How long after an approval it may still be deployed, if nobody got to it before."""

NOT_CONFIRMED = f"Not confirmed after {MOST_TRIES} attempts; it was taken back."

_log = structlog.get_logger(__name__)


def build_deployer(recommender: Recommender, option: Option) -> Confirming:
    """
    The deployer for an option.

    Raises:
        ConfigurationError: it is not declared (any more), or the variable with its secret is not set.
    """
    declared = recommender.deployers.get(option.deployer)
    if declared is None:
        raise ConfigurationError(
            f"The deployer {option.deployer!r} is not declared; add [deployers.{option.deployer}]."
        )
    return open_deployer(declared, surroundings())


def apply(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """
    Put the approved option in force, if that is still allowed now.

    A refusal on the first try is recorded at once. If it is unknown whether it was done, it is tried again
    under the same key; at the last try it is taken back, so that nothing acts that the log calls failed.

    Raises:
        RightsUnknown: it cannot be told now whether the approver may approve; tried again, and given up
            visibly.
    """
    hotfix, option = in_hand(work.incident)
    if work.tries > MOST_TRIES:
        return _failed(work, recommender, option, NOT_CONFIRMED)
    try:
        against = against_deploying_now(work, recommender, hotfix, option)
    except RightsUnknown:
        if work.last_try:
            _take_back(work, recommender, option)
        raise
    if against is not None:
        return _failed(work, recommender, option, against)
    deployer = build_deployer(recommender, option)
    first = in_stage(option, option.first_stage, work.obligation.event_id)
    expires_at = work.at + option.expires_after if option.expires_after else None
    try:
        require_stages(deployer, option)
        receipt = deployer.apply(work.obligation.event_id, first, expires_at)
    except DeployError as error:
        # A later try that is refused, or reaches nobody, says nothing about an earlier one: that may be done.
        if work.tries == 1 and not isinstance(error, DeployUncertain):
            return (c.RecordHotfixFailed(option=option.key, reason=redaction.prose(str(error))),)
        if work.last_try:
            _undo(deployer, work.obligation.event_id, option)
        raise
    return (c.RecordHotfixApplied(option=option.key, receipt=receipt),)


def against_deploying_now(work: Work, recommender: Recommender, hotfix: Hotfix, option: Option) -> str | None:
    """
    Why an approved hotfix is not deployed after all, in words; None if it may be.

    Hours may pass between a press and the worker that gets to it: the incident, the declaration, and who may
    approve are checked as they are now.

    Raises:
        RightsUnknown: it cannot be told now who may.
    """
    incident = work.incident
    if incident.status in ("resolved", "closed"):
        return f"#{incident.number} was {incident.status} before it was deployed"
    if hotfix.menu not in (None, incident.menu_digest):
        return "the menu is not the one that it was chosen from; look at the numbers again"
    if work.at - work.obligation.since > APPROVAL_HOLDS:
        return (
            f"it was approved {lasting(work.at - work.obligation.since)} ago, and much may have changed since"
        )
    predicted = incident.kind == "predicted"
    changed = against_offering(option, recommender.hotfixes.values(), find, predicted=predicted)
    if changed:
        return f"{changed}; look again"
    not_allowed = rights.against_deploying(work.log, recommender, hotfix, option)
    return not_allowed or conflicts.against_deploying(work.log, incident, hotfix, option)


def _failed(work: Work, recommender: Recommender, option: Option, reason: str) -> Sequence[c.Command]:
    _take_back(work, recommender, option)
    return (c.RecordHotfixFailed(option=option.key, reason=reason),)


def _take_back(work: Work, recommender: Recommender, option: Option) -> None:
    """Take back what an earlier try may have put in force: nothing acts that the log calls failed."""
    if work.tries > 1:
        _undo(build_deployer(recommender, option), work.obligation.event_id, option)


def _undo(deployer: Confirming, key: str, option: Option) -> None:
    """
    Raises:
        MayStillAct: it is unknown whether it is gone; tried again.
    """
    try:
        deployer.revert(key, option)
    except DeployError as error:
        raise MayStillAct(f"it may be in force, and could not be taken back: {error}") from error


def revert(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Take the hotfix back; a refusal on the first try is recorded, an unknown outcome is tried again."""
    _, option = in_hand(work.incident)
    try:
        receipt = _revert_all(work, recommender, option)
    except DeployError as error:
        if work.tries > 1 or isinstance(error, DeployUncertain):
            raise
        return (c.RecordRevertFailed(option=option.key, reason=redaction.prose(str(error))),)
    return (c.RecordHotfixReverted(option=option.key, receipt=receipt),)


def _revert_all(work: Work, recommender: Recommender, option: Option) -> str:
    """Take back what any stage may have put in force, newest first; the receipt is the first stage's."""
    deployer = build_deployer(recommender, option)
    receipts = [deployer.revert(key, option) for key in reversed(stage_keys(work))]
    return receipts[-1]


def expire(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Its time is over: take it back for certain, whatever the receiving side does about expiry itself."""
    _, option = in_hand(work.incident)
    _revert_all(work, recommender, option)
    return (c.ExpireHotfix(option=option.key),)


def in_hand(incident: Incident) -> tuple[Hotfix, Option]:
    """
    The incident's hotfix, and the option it is.

    Raises:
        ConfigurationError: there is none, or it is no longer on the menu.
    """
    hotfix = incident.hotfix
    if hotfix is None:
        raise ConfigurationError(f"#{incident.number} has no hotfix in hand.")
    option = incident.option(hotfix.option)
    if option is None:
        raise ConfigurationError(f"The hotfix of #{incident.number} is not on its menu any more.")
    return hotfix, option


def stage_keys(work: Work) -> list[str]:
    """
    The keys by which a deployer knows the hotfix: its approval's id, and for each later stage the id of the
    event that asked for it.
    """
    with work.log.connect() as connection:
        events = read_stream(connection, work.incident.stream)
    approved = max(n for n, one in enumerate(events) if isinstance(one.event, HotfixApproved))
    return [one.id for one in events[approved:] if isinstance(one.event, HotfixApproved | StagePassed)]


def in_stage(option: Option, share: float, salt: str) -> Option:
    """The option as its deployer gets it for a share of members; unchanged if nobody is left out."""
    served = option.served(share)
    if served >= 1.0:
        return option
    return option.model_copy(update={"parameters": {**option.parameters, "share": served, "salt": salt}})


def require_stages(deployer: Confirming, option: Option) -> None:
    """
    Raises:
        DeployError: the option is not for everybody at once, and its target would serve it to everybody.
    """
    keys = [name for name, asked in (("stages", option.stages), ("hold_out", option.hold_out)) if asked]
    if keys and not deployer.in_stages:
        raise DeployError(
            f"{option.deployer} cannot serve some members only; take `{'` and `'.join(keys)}` from the "
            "hotfix, or declare another deployer for it"
        )

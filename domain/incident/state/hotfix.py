"""What an event of a hotfix changes in an incident."""

from __future__ import annotations

from typing import Any, assert_never

from domain.errors import LogError
from domain.incident import events as e
from domain.incident.state.incident import (
    Hotfix,
    Incident,
    LastMeasurement,
    Outcome,
    Promise,
    Spent,
    Stage,
    Worth,
    drawing,
    without,
)
from domain.values import Estimate, Moment

MEASURED_AT, FORECAST_AT = 0.95, 0.9
"""Confidence of the interval that a watch measures, and of the forecast of an upcoming launch."""


def of_hotfix(incident: Incident, record: e.Recorded, event: e.OfHotfix) -> dict[str, Any]:
    """The fields of the incident that this event of its hotfix changes."""
    if isinstance(event, e.HotfixChosen):
        chosen = Hotfix(
            option=event.option,
            menu=event.menu,
            stage="chosen",
            event_id=record.id,
            at=record.at,
            chosen_by=record.actor,
            promise=_promise(incident, event.option),
        )
        # A choice cancels a repeated diagnosis: the menu must not change under the hotfix in hand.
        return {"hotfix": chosen, "awaits": without(incident, "diagnose", "menu", COST)}
    if incident.hotfix is None:
        raise LogError(f"{record.event.wire_name} in {record.stream} before a hotfix was chosen")
    stage, fields = _stage(incident.hotfix, event, record)
    update: dict[str, Any] = {"stage": stage or incident.hotfix.stage, **fields}
    if stage:
        update |= {"event_id": record.id, "at": record.at}
    changes: dict[str, Any] = {"hotfix": incident.hotfix.model_copy(update=update)}
    if stage:
        changes["awaits"] = _owed_by_stage(incident, record, stage)
    elif isinstance(event, e.RenewalRequested):
        changes["awaits"] = {**incident.awaits, RENEW: (record.id, record.at)}
    elif isinstance(event, e.HotfixRenewed | e.RenewalFailed):
        changes["awaits"] = without(incident, RENEW)
    elif isinstance(event, e.HotfixCostMeasured):
        changes |= {"awaits": without(incident, COST), "outcomes": _with_cost(incident, event.cost)}
    if isinstance(event, e.HotfixApproved) and event.break_glass is not None:
        changes["glass_broken"] = incident.glass_broken + 1
    if stage == "verified":
        changes["mitigated_at"] = record.at
    if isinstance(event, e.RevertRequested) and event.because in ("no_effect", "harm"):
        changes["spent"] = _with_spent(incident, record, event)
    if (outcome := _outcome(incident, incident.hotfix, record, event)) is not None:
        changes["outcomes"] = (*incident.outcomes, outcome)
    return changes


def _promise(incident: Incident, key: str) -> Promise | None:
    option = incident.option(key)
    if option is None:
        return None
    return Promise(
        hotfix=option.hotfix,
        kind=option.kind,
        label=option.label,
        shown=option.repairs,
        from_log=option.from_log,
        whole=option.whole,
        whole_from_log=option.whole_from_log,
    )


def _outcome(incident: Incident, hotfix: Hotfix, record: e.Recorded, event: e.OfHotfix) -> Outcome | None:
    """
    What a verdict measured, or the last look where the hotfix did harm before there was a verdict; None where
    no look had an interval, or only some members were served.
    """
    measured: e.HotfixVerified | e.HotfixRefuted | e.RevertRequested | LastMeasurement | None
    if isinstance(event, e.HotfixVerified | e.HotfixRefuted):
        measured = event
    elif isinstance(event, e.RevertRequested) and event.because == "harm" and hotfix.stage == "applied":
        measured = event if event.repaired_share is not None else hotfix.seen
    else:
        return None
    if hotfix.promise is None or hotfix.share < 1.0 or measured is None:
        return None
    if measured.repaired_share is None or measured.low is None or measured.high is None:
        return None
    return Outcome(
        promise=hotfix.promise,
        at=record.at,
        repaired_share=measured.repaired_share,
        low=measured.low,
        high=measured.high,
        confidence=FORECAST_AT if incident.kind == "predicted" else MEASURED_AT,
    )


def _with_cost(incident: Incident, cost: Estimate) -> tuple[Outcome, ...]:
    """The outcomes, with what everybody gained or lost added to that of the hotfix in hand, if measured."""
    if not incident.outcomes or incident.hotfix is None:
        return incident.outcomes
    *before, last = incident.outcomes
    if last.promise != incident.hotfix.promise:
        return incident.outcomes
    return (*before, last.model_copy(update={"cost": cost}))


def _with_spent(incident: Incident, record: e.Recorded, event: e.RevertRequested) -> tuple[Spent, ...]:
    option = incident.option(event.option)
    spent = Spent(
        option=event.option,
        hotfix=option.hotfix if option else event.option,
        label=option.label if option else event.option,
        at=record.at,
        because=event.because,
    )
    return (*incident.spent, spent)


def _stage(hotfix: Hotfix, event: e.OfHotfix, record: e.Recorded) -> tuple[Stage | None, dict[str, Any]]:
    match event:
        case e.HotfixChosen():
            return "chosen", {}
        case e.HotfixApproved():
            return "approved", {"approved_by": record.actor, "break_glass": event.break_glass}
        case e.HotfixRejected():
            return "rejected", {"reason": event.reason}
        case e.HotfixApplied() | e.HotfixWidened():
            return "applied", _served(event, record)
        case e.StagePassed():
            return "widening", {}
        case e.HotfixFailed():
            return "failed", {"reason": event.reason}
        case e.HotfixWatched():
            judged = hotfix.stage != "applied"
            seen = {"seen": LastMeasurement(at=event.window_end, **_measured(event))}
            return None, seen if judged else {**seen, "repaired_share": event.repaired_share}
        case e.HotfixVerified():
            return "verified", {**_measured(event), "reason": None}
        case e.HotfixRefuted():
            return "refuted", {**_measured(event), "reason": event.reason}
        case e.HotfixCostMeasured():
            return None, {"cost": event.cost}
        case e.HotfixWorthMeasured():
            return None, {"worth": Worth(at=record.at, repaired=event.repaired, gained=event.gained)}
        case e.RevertRequested():
            said = {"reason": event.reason} if event.reason else {}
            return "reverting", {"because": event.because, **said}
        case e.HotfixReverted():
            return "reverted", {"receipt": event.receipt}
        case e.RevertFailed():
            return "revert_failed", {"reason": event.reason}
        case e.HotfixExpired():
            return "expired", {}
        case e.ExpiryReminded() | e.RenewalRequested() | e.HotfixRenewed() | e.RenewalFailed():
            return None, _renewal(event, record)
        case _:
            assert_never(event)


def _renewal(
    event: e.ExpiryReminded | e.RenewalRequested | e.HotfixRenewed | e.RenewalFailed, record: e.Recorded
) -> dict[str, Any]:
    match event:
        case e.ExpiryReminded():
            return {"reminded_of": event.expires_at}
        case e.RenewalRequested():
            return {"renewing_until": event.expires_at}
        case e.HotfixRenewed():
            return {**_expiry(event, record), "renewing_until": None, "receipt": event.receipt}
        case e.RenewalFailed():
            return {"renewing_until": None}
        case _:
            assert_never(event)


def _served(event: e.HotfixApplied | e.HotfixWidened, record: e.Recorded) -> dict[str, Any]:
    now = {
        "share": event.share,
        "stage_at": record.at,
        "receipt": event.receipt,
        "watch_until": event.watch_until,
    }
    if isinstance(event, e.HotfixWidened):
        return now
    first = {"applied_at": record.at, "hold_out": event.hold_out, **_expiry(event, record)}
    return {**now, **first}


def _expiry(event: e.HotfixApplied | e.HotfixRenewed, record: e.Recorded) -> dict[str, Any]:
    return {"expires_at": event.expires_at, "expiry_set_by": record.id}


def _measured(event: e.HotfixWatched | e.HotfixVerified | e.HotfixRefuted) -> dict[str, Any]:
    return {"repaired_share": event.repaired_share, "low": event.low, "high": event.high}


COST = "cost"
"""The obligation to measure what everybody gained or lost: after the verdict, and again at the end."""

_COST_AFTER: tuple[Stage, ...] = ("verified", "refuted", "reverted", "expired")

RENEW = "renew"
RENEWABLE: tuple[Stage, ...] = ("applied", "verified", "refuted")
"""Stages that leave a renewal owed, and the measurement of the cost up to the verdict."""

_OWED_IN_STAGE: dict[Stage, str] = {
    "approved": "apply",
    "applied": "watch",
    "widening": "widen",
    "reverting": "revert",
}

_SEEN_IN_THE_METRIC: tuple[Stage, ...] = ("verified", "refuted", "reverted")
"""Stages that change the metric, or that the metric decided: it is redrawn."""


def _owed_by_stage(incident: Incident, record: e.Recorded, stage: Stage) -> dict[str, tuple[str, Moment]]:
    over = () if stage in RENEWABLE else (RENEW, COST)
    awaits = without(incident, *_OWED_IN_STAGE.values(), *over)
    asked = (record.id, record.at)
    if stage in _SEEN_IN_THE_METRIC:
        awaits |= drawing(incident, asked)
    if stage in _COST_AFTER and _served_all(incident):
        awaits |= {COST: asked}
    owed = _OWED_IN_STAGE.get(stage)
    return {**awaits, owed: asked} if owed else awaits


def _served_all(incident: Incident) -> bool:
    """Whether the hotfix in hand acted on all members: if only on some, the whole says nothing about it."""
    hotfix = incident.hotfix
    served = hotfix is not None and hotfix.applied_at is not None and hotfix.share >= 1.0
    return served and incident.kind == "detected"

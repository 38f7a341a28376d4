"""What an incident is now: a fold over its events. Only `evolve` changes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, assert_never

from pydantic import Field

from domain.errors import LogError
from domain.incident import events as e
from domain.values import Diagnosis, Finding, Improvement, Moment, Option, Severity, Value

Status = Literal["open", "acknowledged", "resolved", "closed"]
Stage = Literal[
    "chosen",
    "approved",
    "rejected",
    "applied",
    "failed",
    "verified",
    "refuted",
    "reverting",
    "reverted",
    "revert_failed",
    "expired",
]


class Hotfix(Value):
    """The option that a person chose, and how far it has come. `event_id` put it in its stage, at `at`."""

    option: str
    stage: Stage
    event_id: str
    at: Moment
    chosen_by: str
    approved_by: str | None = None
    applied_at: Moment | None = None
    watch_until: Moment | None = None
    expires_at: Moment | None = None
    receipt: str | None = None
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


class Score(Value):
    """How a prediction turned out."""

    observed: float
    forecast: float
    low: float
    high: float
    came_true: bool


class Incident(Value):
    """One incident. `awaits` maps what is owed to the event that asked for it (id, when)."""

    stream: str
    number: int
    title: str
    kind: Literal["detected", "predicted", "declared"]
    status: Status = "open"
    severity: Severity
    fingerprint: str
    description: str = ""
    first_finding: Finding | None = None
    finding: Finding | None = None
    findings_count: int = 0
    opened_at: Moment
    opened_by: str
    acknowledged_at: Moment | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    silenced_until: Moment | None = None
    messages: tuple[tuple[str, str], ...] = ()
    diagnosis: Diagnosis | None = None
    diagnosed_at: Moment | None = None
    diagnosis_failure: str | None = None
    menu: tuple[Option, ...] | None = None
    menu_note: str = ""
    hotfix: Hotfix | None = None
    cleared_at: Moment | None = None
    score: Score | None = None
    mitigated_at: Moment | None = None
    resolved_at: Moment | None = None
    resolved_how: Literal["hotfix", "by_itself", "elsewhere", "false_alarm"] | None = None
    resolution: str | None = None
    proposed: Improvement | None = None
    follow_up: Improvement | None = None
    follow_up_by: str | None = None
    closed_at: Moment | None = None
    awaits: dict[str, tuple[str, Moment]] = Field(default_factory=dict)
    version: int
    last_event_id: str
    last_at: Moment

    def option(self, key: str) -> Option | None:
        """The option on the menu with this key."""
        return next((option for option in self.menu or () if option.key == key), None)


def replay(recorded: Iterable[e.Recorded]) -> Incident | None:
    """The incident after these events; None before the first."""
    incident: Incident | None = None
    for record in recorded:
        incident = evolve(incident, record)
    return incident


def evolve(incident: Incident | None, record: e.Recorded) -> Incident:
    """The incident one event later."""
    if isinstance(record.event, e.IncidentOpened):
        return _opened(record, record.event)
    if incident is None:
        raise LogError(
            f"stream {record.stream} does not begin with incident.opened; run `recsysops events verify`"
        )
    changes = _changes(incident, record)
    return incident.model_copy(
        update={**changes, "version": record.version, "last_event_id": record.id, "last_at": record.at}
    )


def _opened(record: e.Recorded, event: e.IncidentOpened) -> Incident:
    asked = (record.id, record.at)
    awaits = {"announce": asked} if event.finding is None else {"announce": asked, "diagnose": asked}
    return Incident(
        stream=record.stream,
        number=event.number,
        title=event.title,
        kind=event.kind,
        severity=event.severity,
        fingerprint=event.fingerprint,
        description=event.description,
        first_finding=event.finding,
        finding=event.finding,
        findings_count=0 if event.finding is None else 1,
        opened_at=record.at,
        opened_by=record.actor,
        awaits=awaits,
        version=record.version,
        last_event_id=record.id,
        last_at=record.at,
    )


def _changes(incident: Incident, record: e.Recorded) -> dict[str, Any]:
    match record.event:
        case e.IncidentOpened():
            raise LogError(f"stream {record.stream} opens twice; run `recsysops events verify`")
        case (
            e.HotfixChosen()
            | e.HotfixApproved()
            | e.HotfixRejected()
            | e.HotfixApplied()
            | e.HotfixFailed()
            | e.HotfixWatched()
            | e.HotfixVerified()
            | e.HotfixRefuted()
            | e.RevertRequested()
            | e.HotfixReverted()
            | e.RevertFailed()
            | e.HotfixExpired()
        ):
            return _hotfix_changes(incident, record, record.event)
        case (
            e.IncidentResolved()
            | e.IncidentReopened()
            | e.FollowUpProposed()
            | e.FollowUpAnswered()
            | e.IncidentClosed()
        ):
            return _ending_changes(incident, record, record.event)
        case _:
            return _understanding_changes(incident, record, record.event)


def _understanding_changes(incident: Incident, record: e.Recorded, event: e.Understanding) -> dict[str, Any]:
    match event:
        case e.FindingRepeated():
            return {
                "finding": event.finding,
                "findings_count": incident.findings_count + 1,
                "cleared_at": None,
            }
        case e.FindingCleared():
            return {"cleared_at": record.at}
        case e.IncidentAcknowledged():
            return {
                "status": "acknowledged",
                "acknowledged_at": record.at,
                "acknowledged_by": record.actor,
                "assignee": record.actor,
            }
        case e.IncidentAssigned():
            return {"assignee": event.person}
        case e.SeverityChanged():
            return {"severity": event.severity}
        case e.NoteAdded():
            return {}
        case e.IncidentSilenced():
            return {"silenced_until": event.until}
        case e.MessagePosted():
            messages = (*incident.messages, (event.channel, event.message))
            return {"messages": messages, "awaits": _without(incident, "announce")}
        case e.DiagnosisGathered():
            awaits = {**_without(incident, "diagnose"), "menu": (record.id, record.at)}
            return {
                "diagnosis": event.diagnosis,
                "diagnosed_at": record.at,
                "diagnosis_failure": None,
                "awaits": awaits,
            }
        case e.DiagnosisFailed():
            awaits = {**_without(incident, "diagnose"), "menu": (record.id, record.at)}
            return {"diagnosis_failure": event.reason, "awaits": awaits}
        case e.MenuPrepared():
            return {
                "menu": event.options,
                "menu_note": event.note,
                "awaits": _without(incident, "menu"),
            }
        case e.PredictionScored():
            return {"score": Score(**event.model_dump())}
        case _:
            assert_never(event)


def _hotfix_changes(incident: Incident, record: e.Recorded, event: e.OfHotfix) -> dict[str, Any]:
    if isinstance(event, e.HotfixChosen):
        chosen = Hotfix(
            option=event.option, stage="chosen", event_id=record.id, at=record.at, chosen_by=record.actor
        )
        return {"hotfix": chosen}
    if incident.hotfix is None:
        raise LogError(f"{record.event.wire_name} in {record.stream} before a hotfix was chosen")
    stage, fields = _stage(event, record)
    update: dict[str, Any] = {"stage": stage or incident.hotfix.stage, **fields}
    if stage:
        update |= {"event_id": record.id, "at": record.at}
    changes: dict[str, Any] = {"hotfix": incident.hotfix.model_copy(update=update)}
    if stage:
        changes["awaits"] = _owed_by_stage(incident, record, stage)
    if stage == "verified":
        changes["mitigated_at"] = record.at
    return changes


def _stage(event: e.OfHotfix, record: e.Recorded) -> tuple[Stage | None, dict[str, Any]]:
    match event:
        case e.HotfixChosen():
            return "chosen", {}
        case e.HotfixApproved():
            return "approved", {"approved_by": record.actor}
        case e.HotfixRejected():
            return "rejected", {"reason": event.reason}
        case e.HotfixApplied():
            return "applied", {
                "applied_at": record.at,
                "receipt": event.receipt,
                "expires_at": event.expires_at,
                "watch_until": event.watch_until,
            }
        case e.HotfixFailed():
            return "failed", {"reason": event.reason}
        case e.HotfixWatched():
            return None, {"repaired_share": event.repaired_share}
        case e.HotfixVerified():
            return "verified", {
                "repaired_share": event.repaired_share,
                "low": event.low,
                "high": event.high,
                "reason": None,
            }
        case e.HotfixRefuted():
            return "refuted", {"reason": event.reason, "repaired_share": event.repaired_share}
        case e.RevertRequested():
            return "reverting", {}
        case e.HotfixReverted():
            return "reverted", {"receipt": event.receipt}
        case e.RevertFailed():
            return "revert_failed", {"reason": event.reason}
        case e.HotfixExpired():
            return "expired", {}
        case _:
            assert_never(event)


_OWED_IN_STAGE: dict[Stage, str] = {"approved": "apply", "applied": "watch", "reverting": "revert"}


def _owed_by_stage(incident: Incident, record: e.Recorded, stage: Stage) -> dict[str, tuple[str, Moment]]:
    awaits = _without(incident, "apply", "watch", "revert")
    owed = _OWED_IN_STAGE.get(stage)
    return {**awaits, owed: (record.id, record.at)} if owed else awaits


def _ending_changes(incident: Incident, record: e.Recorded, event: e.Ending) -> dict[str, Any]:
    match event:
        case e.IncidentResolved():
            awaits = _without(incident, "diagnose", "menu")
            if incident.proposed is None:
                awaits["follow_up"] = (record.id, record.at)
            return {
                "status": "resolved",
                "resolved_at": record.at,
                "resolved_how": event.how,
                "resolution": event.reason,
                "mitigated_at": incident.mitigated_at or record.at,
                "awaits": awaits,
            }
        case e.IncidentReopened():
            return {
                "status": "acknowledged" if incident.acknowledged_at else "open",
                "resolved_at": None,
                "resolved_how": None,
                "resolution": None,
                "mitigated_at": None,
                "closed_at": None,
                "follow_up": None,
                "awaits": _without(incident, "follow_up"),
            }
        case e.FollowUpProposed():
            return {"proposed": event.improvement, "awaits": _without(incident, "follow_up")}
        case e.FollowUpAnswered():
            return {
                "follow_up": event.improvement,
                "follow_up_by": record.actor,
                "awaits": _without(incident, "follow_up"),
            }
        case e.IncidentClosed():
            return {"status": "closed", "closed_at": record.at}
        case _:
            assert_never(event)


def _without(incident: Incident, *kinds: str) -> dict[str, tuple[str, Moment]]:
    return {kind: asked for kind, asked in incident.awaits.items() if kind not in kinds}

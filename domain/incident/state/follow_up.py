"""What an event of its follow-up changes in an incident."""

from __future__ import annotations

from typing import Any, assert_never

from domain.incident import events as e
from domain.incident.state.incident import ChangeCame, ChangeGone, Followed, Incident, without
from domain.values import Moment

OF_CHANGE = ("assign", "change", "take_back")
"""What is owed once a follow-up is accepted."""


def of_follow_up(incident: Incident, record: e.Recorded, event: e.OfFollowUp) -> dict[str, Any]:
    """The fields of the incident that this event of its follow-up changes."""
    match event:
        case e.FollowUpProposed():
            return {
                "proposed": event.improvement,
                "changes": event.changes,
                "proposed_note": event.note,
                "awaits": without(incident, "follow_up"),
            }
        case e.FollowUpAnswered():
            return {
                "follow_up": event.improvement,
                "follow_up_by": record.actor,
                "follow_up_ended_at": None,
                "change": event.change,
                "change_came": None,
                "followed": Followed(answered_by=record.id) if event.tracked else None,
                "awaits": _answered(incident, record, event),
            }
        case e.FollowUpAssigned() | e.FollowUpReminded() | e.FollowUpDone() | e.FollowUpDropped():
            return _followed(incident, record, event)
        case e.ChangeWritten() | e.ChangeHandedOver() | e.ChangeProposed():
            return {"change_came": _came(event), "awaits": without(incident, "change")}
        case e.PullRequestClosed():
            came = ChangeCame(written=False, diff=_diff(incident), url=event.url, closed=True)
            return {"change_came": came}
        case e.ChangeEarned():
            return _with(incident, earned=event.says)
        case e.TakeBackRequested():
            awaits = {**incident.awaits, "take_back": (record.id, record.at)}
            harm = _with(incident, harm=event.reason)
            return {**harm, "awaits": awaits, "follow_up_ended_at": None}  # what was done is open again
        case e.ChangeTakenBack():
            gone = ChangeGone(taken_back=True, diff=event.diff, url=event.url)
            ended = {"follow_up_ended_at": record.at, "awaits": without(incident, "take_back")}
            return {**_with(incident, gone=gone), **ended}
        case e.ChangeLeft():
            gone = ChangeGone(taken_back=False, diff=event.diff, reason=event.reason)
            return {**_with(incident, gone=gone), "awaits": without(incident, "take_back")}
        case _:
            assert_never(event)


def _came(event: e.ChangeWritten | e.ChangeHandedOver | e.ChangeProposed) -> ChangeCame:
    match event:
        case e.ChangeWritten():
            return ChangeCame(written=True, diff=event.diff)
        case e.ChangeHandedOver():
            return ChangeCame(written=False, diff=event.diff, reason=event.reason)
        case e.ChangeProposed():
            return ChangeCame(written=False, diff=event.diff, url=event.url)
        case _:
            assert_never(event)


def _diff(incident: Incident) -> str:
    return incident.change_came.diff if incident.change_came else ""


def _with(incident: Incident, **changes: Any) -> dict[str, Any]:
    return {"followed": (incident.followed or Followed()).model_copy(update=changes)}


def _followed(
    incident: Incident,
    record: e.Recorded,
    event: e.FollowUpAssigned | e.FollowUpReminded | e.FollowUpDone | e.FollowUpDropped,
) -> dict[str, Any]:
    match event:
        case e.FollowUpAssigned():
            changes = _with(incident, assigned_by=record.id, owner=event.owner, due_at=event.due_at)
            return {**changes, "awaits": without(incident, "assign")}
        case e.FollowUpReminded():
            return _with(incident, reminded_at=record.at)
        case e.FollowUpDone():
            done = {"done_at": record.at, "done_by": event.shown_by, "done_says": event.says}
            return {**_with(incident, **done), "follow_up_ended_at": record.at}
        case e.FollowUpDropped():
            return {**_with(incident, dropped=event.reason), "follow_up_ended_at": record.at}
        case _:
            assert_never(event)


def _answered(
    incident: Incident, record: e.Recorded, event: e.FollowUpAnswered
) -> dict[str, tuple[str, Moment]]:
    asked = (record.id, record.at)
    awaits = without(incident, "follow_up", *OF_CHANGE)
    tracked = {"assign": asked} if event.tracked else {}
    return {**awaits, **tracked, **({"change": asked} if event.change else {})}

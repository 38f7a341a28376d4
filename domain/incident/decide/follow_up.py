"""What the practice learns: proposed, answered, tracked until it is done, taken back where it does harm."""

from __future__ import annotations

from typing import assert_never

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide.rule import Events, not_closed, said
from domain.incident.followed import closed_unmerged, in_pull_request, is_open
from domain.incident.state import Incident
from domain.values import Actor, AddedCheck, Improvement, TriedChange


def learn(incident: Incident, command: c.OfFollowUp, actor: Actor) -> Events:
    """Proposed, answered, and what came of that. Late or repeated answers from workers change nothing."""
    match command:
        case c.ProposeFollowUp():
            if "follow_up" not in incident.awaits:
                return ()
            return (command,)
        case c.AnswerFollowUp():
            change = _proposed(incident, command.check).change if command.check else None
            return _answer(incident, command.improvement, change)
        case c.AcceptFollowUp():
            return _accept(incident, command.check)
        case c.AssignFollowUp():
            return (command,) if "assign" in incident.awaits else ()
        case c.RemindOfFollowUp():
            return _remind(incident, command.lacking)
        case c.RecordFollowUpDone():
            return _done(incident, command.says, actor)
        case c.DropFollowUp():
            reason = said(command.reason, "Say why it is not to be done.")
            return (e.FollowUpDropped(reason=reason),) if _may_end(incident) else ()
        case _:
            return _change(incident, command)


OfChange = (
    c.RecordChangeWritten
    | c.RecordChangeProposed
    | c.RecordChangeHandedOver
    | c.RecordPullRequestClosed
    | c.RecordChangeEarned
    | c.RequestTakeBack
    | c.RecordChangeTakenBack
    | c.RecordChangeLeft
)


def _change(incident: Incident, command: OfChange) -> Events:
    """What became of the check that was agreed on."""
    awaited, followed = "change" in incident.awaits, incident.followed
    if incident.change is None or incident.change.name != command.check:
        return ()
    match command:
        case c.RecordChangeWritten():
            return (command,) if awaited else ()
        case c.RecordChangeProposed():
            again = closed_unmerged(incident)
            return (command,) if awaited or again else ()
        case c.RecordPullRequestClosed():
            return (command,) if in_pull_request(incident) else ()
        case c.RecordChangeHandedOver():
            return (command,) if awaited else ()
        case c.RecordChangeEarned():
            unsaid = followed is not None and followed.earned is None and followed.gone is None
            return (command,) if unsaid else ()
        case c.RequestTakeBack():
            unasked = followed is not None and followed.harm is None and incident.change_came is not None
            return (command,) if unasked else ()
        case c.RecordChangeTakenBack():
            left = followed is not None and followed.gone is not None and not followed.gone.taken_back
            return (command,) if left or "take_back" in incident.awaits else ()
        case c.RecordChangeLeft():
            return (command,) if "take_back" in incident.awaits else ()
        case _:
            assert_never(command)


def _remind(incident: Incident, lacking: str) -> Events:
    followed = incident.followed
    if followed is None or followed.due_at is None or followed.owner is None or not is_open(incident):
        return ()
    if followed.reminded_at is not None:
        return ()
    return (e.FollowUpReminded(owner=followed.owner, due_at=followed.due_at, lacking=lacking),)


def _done(incident: Incident, says: str, actor: Actor) -> Events:
    if actor.kind == "worker":
        return (e.FollowUpDone(shown_by="replay", says=says),) if is_open(incident) else ()
    words = said(says, "Say in what way it is done.")
    return (e.FollowUpDone(shown_by="person", says=words),) if _may_end(incident) else ()


def _may_end(incident: Incident) -> bool:
    if incident.followed is None:
        raise Refused(f"#{incident.number} has no follow-up that is followed until it is done.")
    return is_open(incident)


def _accept(incident: Incident, check: str | None) -> Events:
    if incident.proposed is None:
        raise Refused("There is no proposed follow-up yet; write one with Edit.")
    agreed = incident.follow_up if closed_unmerged(incident) else None
    if agreed is not None and (check is None or _proposed(incident, check).change == incident.change):
        return _answer(incident, agreed, incident.change)  # the same change again, in another pull request
    if check is None and not incident.changes:
        return _answer(incident, incident.proposed, None)
    taken = _proposed(incident, check or incident.changes[0].change.name)
    said = {"detect_faster": taken.faster, "detail": taken.detail, "proof": taken.proof, "change": "check"}
    return _answer(incident, incident.proposed.model_copy(update=said), taken.change)


def _proposed(incident: Incident, check: str) -> TriedChange:
    """The proposed change for this check: only what was replayed may go into the declaration."""
    taken = next((one for one in incident.changes if one.change.name == check), None)
    if taken is None:
        proposed = ", ".join(one.change.name for one in incident.changes) or "none"
        raise Refused(f"The check {check} is not among those that were replayed and proposed: {proposed}.")
    return taken


def _answer(incident: Incident, improvement: Improvement, change: AddedCheck | None) -> Events:
    not_closed(incident)
    if incident.status != "resolved":
        raise Refused(
            f"#{incident.number} is not resolved yet; the follow-up comes after the harm has stopped."
        )
    if missing := _missing(improvement):
        raise Refused("The follow-up lacks: " + "; ".join(missing) + ".")
    if improvement.change == "nothing" and change is not None:
        raise Refused(f"Nothing changes, and the check {change.name} comes in: say one of them.")
    same = (incident.follow_up, incident.change) == (improvement, change)
    if same and not closed_unmerged(incident):
        return ()
    tracked = improvement.change != "nothing"
    return (e.FollowUpAnswered(improvement=improvement, change=change, tracked=tracked),)


def _missing(improvement: Improvement) -> list[str]:
    missing = []
    if not improvement.detect_faster.strip():
        missing.append("could it have been detected faster, or predicted?")
    if not improvement.diagnose_faster.strip():
        missing.append("could it have been diagnosed faster?")
    if not improvement.detail.strip():
        nothing = improvement.change == "nothing"
        missing.append("why does nothing change?" if nothing else "what exactly changes?")
    return missing

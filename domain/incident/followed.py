"""How far a follow-up has come: from its proposal until it is done, declined or taken back."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Literal

from domain.incident.state.incident import ChangeCame, Followed, Incident
from domain.values import Moment, Value

State = Literal[
    "proposed",
    "declined",
    "accepted",
    "written",
    "in a pull request",
    "pull request closed",
    "handed over",
    "done",
    "dropped",
    "to be taken out",
    "taken back",
]
CLOSED: frozenset[State] = frozenset({"declined", "done", "dropped", "taken back"})
"""States in which nothing is left to do."""

UNMERGED = "closed without being merged: edit the follow-up, decline it, or have it opened again"


class FollowUpStanding(Value):
    """
    One follow-up: its `state`, what changes (`change`: `detail`), the `check` that was agreed on, who owns it
    and when it is due. `overdue` where that has passed; `says` is what is known of its state, and `url` is a
    pull request.
    """

    number: int
    incident: str
    state: State
    overdue: bool = False
    change: str
    detail: str
    check: str | None = None
    owner: str | None = None
    due_at: Moment | None = None
    says: str = ""
    url: str = ""


def is_open(incident: Incident) -> bool:
    """Whether it has a tracked follow-up that is not done, declined, dropped or taken back."""
    return incident.followed is not None and incident.follow_up_ended_at is None


def is_watched(incident: Incident, checks: Container[str]) -> bool:
    """
    Whether the nightly replay looks at it: it is open; or it is done and the resulting check is still among
    the declared `checks`, so that harm that shows later is found as well.
    """
    if is_open(incident):
        return True
    followed, change = incident.followed, incident.change
    if followed is None or change is None or incident.change_came is None:
        return False
    return change.name in checks and _state(incident, followed)[0] == "done"


def in_pull_request(incident: Incident) -> bool:
    """Whether the pull request with its check awaits merging; not where the check is to be taken back."""
    came = incident.change_came
    return came is not None and bool(came.url) and not came.closed and _goes_on(incident)


def closed_unmerged(incident: Incident) -> bool:
    """Whether the pull request with its check was closed unmerged and nobody has decided what to do next."""
    came = incident.change_came
    return came is not None and came.closed and _goes_on(incident)


def _goes_on(incident: Incident) -> bool:
    return is_open(incident) and incident.followed is not None and incident.followed.harm is None


def standing(incident: Incident, at: datetime) -> FollowUpStanding | None:
    """The state of its follow-up at a moment; None where none was proposed or answered."""
    given = incident.follow_up or incident.proposed
    if given is None:
        return None
    followed = incident.followed or Followed()
    state, says, url = _state(incident, followed)
    due_at = followed.due_at
    return FollowUpStanding(
        number=incident.number,
        incident=incident.called,
        state=state,
        overdue=due_at is not None and due_at < at and state not in CLOSED,
        change=given.change,
        detail=given.detail,
        check=incident.change.name if incident.change else None,
        owner=followed.owner,
        due_at=due_at,
        says=says,
        url=url,
    )


def _state(incident: Incident, followed: Followed) -> tuple[State, str, str]:
    """The state, what is known of it, and the address of a pull request."""
    if incident.follow_up is None:
        return "proposed", "", ""
    if incident.follow_up.change == "nothing":
        return "declined", "", ""
    if followed.gone is not None:
        gone = followed.gone
        return "taken back" if gone.taken_back else "to be taken out", followed.harm or gone.reason, gone.url
    if incident.follow_up_ended_at is not None:
        return _ended(incident, followed)
    if followed.harm is not None:
        return "to be taken out", followed.harm, ""
    return _came(incident.change_came, followed)


def _ended(incident: Incident, followed: Followed) -> tuple[State, str, str]:
    if followed.done_at is not None:
        return "done", followed.done_says, ""
    if followed.dropped is not None:
        return "dropped", followed.dropped, ""
    dropped = incident.ticket is not None and incident.ticket.dropped
    return "dropped" if dropped else "done", "by its ticket", ""


def _came(came: ChangeCame | None, followed: Followed) -> tuple[State, str, str]:
    if came is None:
        return "accepted", "", ""
    if came.written:
        earned = f"may leave shadow mode, {followed.earned}" if followed.earned else "in the declaration"
        return "written", earned, ""
    if came.closed:
        return "pull request closed", UNMERGED, came.url
    return ("in a pull request", "", came.url) if came.url else ("handed over", came.reason, "")

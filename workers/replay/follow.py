"""
What the nightly replay says of follow-ups: done, because their incidents would be found sooner; to be taken
back, because something is worse by them; or that their checks have earned it to page people.

It only records; what is to be taken out of the declaration is owed then, as everything is that acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.errors import Refused
from domain.improvement import shown
from domain.improvement.record import Record
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.replayed import ReplayAnswer, Replayed
from domain.values import Actor
from workers.detect.record import read_records
from workers.log.handle import handle
from workers.store import cards

WORKER = Actor(kind="worker", id="worker:replay")
Again = Callable[[Recommender, Sequence[int]], ReplayAnswer]
"""Incidents of these numbers replayed under another declaration."""

_log = structlog.get_logger(__name__)


def follow(log: Engine, recommender: Recommender, found: ReplayAnswer, again: Again, at: datetime) -> None:
    """Record what this replay of all incidents says of each follow-up that is not done yet; each once."""
    with log.connect() as connection:
        followed = cards.followed(connection)
    if not followed:
        return
    records = {one.check: one for one in read_records(log, recommender, at)}
    replayed = {one.number: one for one in found.incidents}
    for incident in followed:
        check = incident.change.name if incident.change else ""
        record = records.get(check)
        for command in _said(recommender, incident, (replayed, record, again), at):
            _record(log, incident, command)


Known = tuple[dict[int, Replayed], Record | None, Again]


def _said(recommender: Recommender, incident: Incident, known: Known, at: datetime) -> Iterator[c.Command]:
    replayed, record, _again = known
    change, own = incident.change, replayed.get(incident.number)
    if change is not None and incident.change_came is not None:
        if change.name not in recommender.checks:
            yield c.RecordChangeTakenBack(
                check=change.name, diff=""
            )  # a person did, where it was left to one
        elif harm := _harm(recommender, incident, known, at):
            yield c.RequestTakeBack(check=change.name, reason=harm)
            return
        elif record is not None and record.shadow and record.earned:
            yield c.RecordChangeEarned(check=change.name, says=record.verdict)
    if own is not None and (says := shown.done(incident, own)):
        yield c.RecordFollowUpDone(says=says)


def _harm(recommender: Recommender, incident: Incident, known: Known, at: datetime) -> str | None:
    """What the check that was agreed on makes worse, in words; None where nothing."""
    replayed, record, again = known
    change, own = incident.change, replayed.get(incident.number)
    if change is None:
        return None
    promised = next((one.alarms for one in incident.changes if one.change.name == change.name), None)
    if promised and record and (alarms := shown.too_many_alarms(promised, record, at)):
        return alarms
    if missed := shown.not_found(own.agreed if own else None):
        return missed
    # Only where it is the first to raise it an incident can go otherwise without it.
    touched = [one for one in replayed.values() if one.now.check == change.name]
    if not touched:
        return None
    others = {name: check for name, check in recommender.checks.items() if name != change.name}
    less = recommender.model_copy(update={"checks": others})
    return shown.made_worse(touched, again(less, [one.number for one in touched]).incidents)


def _record(log: Engine, incident: Incident, command: c.Command) -> None:
    # Once for each answer: what was answered anew is followed anew.
    answered = incident.followed.answered_by if incident.followed else incident.stream
    key = f"{answered}:{type(command).__name__}"
    try:
        handle(incident.stream, command, actor=WORKER, key=key, cause=answered, log=log)
    except Refused as error:
        _log.info("follow_up_not_recorded", number=incident.number, reason=str(error))

"""
What the nightly replay says of follow-ups: done, because their incidents would be found sooner; to be taken
back, because something is worse by them; or that their checks have earned it to page people.

It only records; what is to be taken out of the declaration is owed then, as everything is that acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Engine

from domain.errors import Refused
from domain.improvement import shown
from domain.improvement.record import Record
from domain.incident import commands as c
from domain.incident.followed import is_watched
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.replayed import ReplayAnswer, Replayed
from domain.values import Actor, AddedCheck
from workers.detect.record import read_records
from workers.log.handle import handle
from workers.store import cards

WORKER = Actor(kind="worker", id="worker:replay")
Again = Callable[[Recommender, Sequence[int]], ReplayAnswer]
"""Incidents of these numbers replayed under another declaration."""

_log = structlog.get_logger(__name__)


class Night(NamedTuple):
    """
    What is known once all incidents were replayed: what is declared, each incident by its number, each
    check's record by its name, and a way to replay `again`.
    """

    recommender: Recommender
    replayed: Mapping[int, Replayed]
    records: Mapping[str, Record]
    again: Again
    at: datetime


def follow(log: Engine, recommender: Recommender, found: ReplayAnswer, again: Again, at: datetime) -> None:
    """
    Record, once each, what this replay of all incidents says of every follow-up that is not done yet, or is
    done and whose check may do harm since.
    """
    with log.connect() as connection:
        followed = [one for one in cards.every(connection) if is_watched(one, recommender.checks)]
    if not followed:
        return
    records = {one.check: one for one in read_records(log, recommender, at)}
    night = Night(recommender, {one.number: one for one in found.incidents}, records, again, at)
    for incident in followed:
        for command in _said(night, incident):
            _record(log, incident, command)


def _said(night: Night, incident: Incident) -> Iterator[c.Command]:
    change, own = incident.change, night.replayed.get(incident.number)
    if change is not None and incident.change_came is not None:
        record = night.records.get(change.name)
        if change.name not in night.recommender.checks:
            # A person took it out, where that was left to one; of all others the rules make nothing of it.
            yield c.RecordChangeTakenBack(check=change.name, diff="")
        elif harm := _harm(night, incident, change):
            yield c.RequestTakeBack(check=change.name, reason=harm)
            return
        elif record is not None and record.shadow and record.earned:
            yield c.RecordChangeEarned(check=change.name, says=record.verdict)
    if own is not None and (says := shown.done(incident, own)):
        yield c.RecordFollowUpDone(says=says)


def _harm(night: Night, incident: Incident, change: AddedCheck) -> str | None:
    """What the check that was agreed on makes worse, in words; None where nothing."""
    own, record = night.replayed.get(incident.number), night.records.get(change.name)
    promised = next((one.alarms for one in incident.changes if one.change.name == change.name), None)
    if promised and record and (alarms := shown.too_many_alarms(promised, record, night.at)):
        return alarms
    if missed := shown.not_found(own.agreed if own else None):
        return missed
    # Only where it is the first to raise it an incident can go otherwise without it.
    touched = [one for one in night.replayed.values() if one.now.check == change.name]
    if not touched:
        return None
    others = {name: check for name, check in night.recommender.checks.items() if name != change.name}
    less = night.recommender.model_copy(update={"checks": others})
    return shown.made_worse(touched, night.again(less, [one.number for one in touched]).incidents)


def _record(log: Engine, incident: Incident, command: c.Command) -> None:
    # Once for each answer: what was answered anew is followed anew.
    answered = incident.followed.answered_by if incident.followed else incident.stream
    key = f"{answered}:{type(command).__name__}"
    try:
        handle(incident.stream, command, actor=WORKER, key=key, cause=answered, log=log)
    except Refused as error:
        _log.info("follow_up_not_recorded", number=incident.number, reason=str(error))

"""
What the nightly replay concludes about follow-ups: done, because their incidents would be found sooner; to be
taken back, because they make something worse; or that their checks have earned the right to page people.

It only records; what is to be taken out of the declaration then becomes an obligation, like every action.
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
"""Replays the incidents with these numbers under another declaration."""

_log = structlog.get_logger(__name__)


class Night(NamedTuple):
    """
    What is known once all incidents are replayed: the declaration, each incident by its number, each check's
    record by its name, and a way to replay `again`.
    """

    recommender: Recommender
    replayed: Mapping[int, Replayed]
    records: Mapping[str, Record]
    again: Again
    at: datetime


def follow(log: Engine, recommender: Recommender, found: ReplayAnswer, again: Again, at: datetime) -> None:
    """
    Record, once each, what this replay of all incidents says about every follow-up that is not done yet, or
    that is done but whose check may do harm since.
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
            # A person took it out, if that was left to one; for all others the rules ignore this command.
            yield c.RecordChangeTakenBack(check=change.name, diff="")
        elif harm := _harm(night, incident, change):
            yield c.RequestTakeBack(check=change.name, reason=harm)
            return
        elif record is not None and record.shadow and record.earned:
            yield c.RecordChangeEarned(check=change.name, says=record.verdict)
    if own is not None and (says := shown.done(incident, own)):
        yield c.RecordFollowUpDone(says=says)


def _harm(night: Night, incident: Incident, change: AddedCheck) -> str | None:
    """What the check that was agreed on makes worse, in words; None if nothing."""
    own, record = night.replayed.get(incident.number), night.records.get(change.name)
    promised = next((one.alarms for one in incident.changes if one.change.name == change.name), None)
    if promised and record and (alarms := shown.too_many_alarms(promised, record, night.at)):
        return alarms
    if missed := shown.not_found(own.agreed if own else None):
        return missed
    # Only an incident that this check is the first to raise can come out differently without it.
    touched = [one for one in night.replayed.values() if one.now.check == change.name]
    if not touched:
        return None
    others = {name: check for name, check in night.recommender.checks.items() if name != change.name}
    less = night.recommender.model_copy(update={"checks": others})
    return shown.made_worse(touched, night.again(less, [one.number for one in touched]).incidents)


def _record(log: Engine, incident: Incident, command: c.Command) -> None:
    # Once for each answer: a new answer is followed anew.
    answered = incident.followed.answered_by if incident.followed else incident.stream
    key = f"{answered}:{type(command).__name__}"
    try:
        handle(incident.stream, command, actor=WORKER, key=key, cause=answered, log=log)
    except Refused as error:
        _log.info("follow_up_not_recorded", number=incident.number, reason=str(error))

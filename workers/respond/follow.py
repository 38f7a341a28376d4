"""An accepted follow-up: who sees to it and until when, and the reminder when that day has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.improvement.shown import lacking
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from workers.detect.record import read_records
from workers.log.obligations import Work
from workers.replay.newest import read_newest
from workers.store import people


def assign(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Whoever is declared as responsible for follow-ups; else whoever accepted this one."""
    keys = recommender.follow_ups
    declared = recommender.people.get(keys.owner) if keys.owner else None
    owner = work.incident.follow_up_by or work.incident.opened_by
    if declared is not None:
        with work.log.begin() as connection:
            owner = people.pseudonym(connection, declared.ids[0])
    return (c.AssignFollowUp(owner=owner, due_at=work.obligation.since + timedelta(days=keys.due_days)),)


def remind(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """The reminder on the day: posted in the thread, where people read it, with what is still missing."""
    incident = work.incident
    newest = read_newest(work.log)
    replayed = (
        next((one for one in newest.incidents if one.number == incident.number), None) if newest else None
    )
    check = incident.change.name if incident.change else None
    every = read_records(work.log, recommender, work.at) if check in recommender.checks else ()
    record = next((one for one in every if one.check == check), None)
    return (c.RemindOfFollowUp(lacking=lacking(incident, replayed, record)),)

"""
What has become of an incident's follow-up, for its report: from the newest replay and its check's record.

Imports no science: pages ask it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.replayed import AlarmsSince, ChangeSince
from workers.detect.record import read_records
from workers.replay.newest import read_newest


def change_since(
    log: Engine, recommender: Recommender | None, incident: Incident, at: datetime
) -> ChangeSince | None:
    """
    What is known about its change; None if none was agreed on.

    Args:
        recommender: as declared now; None if the declaration cannot be read.
    """
    if incident.followed is None:
        return None
    name, newest = incident.change.name if incident.change else None, read_newest(log)
    own = next((one for one in newest.incidents if one.number == incident.number), None) if newest else None
    return ChangeSince(
        declared=name in recommender.checks if recommender and name else None,
        alarms=_alarms(log, recommender, name, at) if recommender and name else None,
        replayed=own,
        replayed_at=newest.at if newest and own else None,
    )


def _alarms(log: Engine, recommender: Recommender, name: str, at: datetime) -> AlarmsSince | None:
    if name not in recommender.checks:
        return None
    record = next(one for one in read_records(log, recommender, at) if one.check == name)
    if record.since is None:
        return None
    return AlarmsSince(
        since=record.since,
        shadow=record.shadow,
        alarms=record.alarms,
        confirmed=record.confirmed,
        false=record.false,
        undecided=record.undecided,
    )

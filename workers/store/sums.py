"""
Sums over all cards, computed by PostgreSQL from separate columns: no card is read, however many are open.

The columns that are summed are a fold over the events, like the card.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from domain.incident.obligations import BOTS_OWN, DUE_AFTER, SCHEDULED, open_obligations, scheduled
from domain.incident.state import Incident
from domain.incident.times import STEPS, MeanTimes, durations
from domain.values import Moment, Value

EARLIEST = datetime.fromtimestamp(0, UTC)
MICROSECOND = timedelta(microseconds=1)
TOOK = tuple(f"to_{step}" for step in STEPS)
COLUMNS = ("due_at", "obligations", *TOOK)
"""What `row_of` returns."""

MOVED = {"due_at"}
"""The ones that are no fold: the clock moves them on after it has checked."""

_COUNTS = "SELECT status, severity, count(*) FROM cards GROUP BY status, severity ORDER BY status, severity"
_MEANS = f"""
SELECT {", ".join(f"count({name}), avg({name})" for name in TOOK)} FROM cards WHERE opened_at >= %(since)s
"""  # noqa: S608 - constants
_LASTING = """
SELECT (SELECT count(*) FROM cards WHERE expires_at IS NOT NULL),
    (SELECT count(*) FROM cards WHERE follow_up_due IS NOT NULL)
"""
_BY_THE_CLOCK = ", ".join(f"'{kind}'" for kind in SCHEDULED)
OWED = f"""
FROM (SELECT stream, number, obligations FROM cards WHERE owes OR expires_at IS NOT NULL) AS card,
    LATERAL (SELECT key AS kind, value ->> 0 AS event_id, (value ->> 1)::timestamptz AS since
        FROM jsonb_each(obligations::jsonb)) AS obligation
    LEFT JOIN attempts USING (event_id, kind)
WHERE kind <> ALL (ARRAY[{_BY_THE_CLOCK}]) OR since <= %(at)s
"""  # noqa: S608 - constants
"""What is owed at a moment, with its progress; timed obligations once their time has come."""

_OWED_SUMS = f"""
SELECT kind, count(*), min(since), count(trouble) {OWED} GROUP BY kind ORDER BY kind
"""


class Lasting(NamedTuple):
    """How many hotfixes are in force, and how many follow-ups are not done."""

    in_force: int
    followed: int


class ObligationSum(Value):
    """For one kind: how many obligations there are, since when the oldest, how many failed last time."""

    kind: str
    count: int
    oldest: Moment
    in_trouble: int


def row_of(incident: Incident) -> dict[str, Any]:
    """The columns of a card that are summed, and when the clock has to check it first."""
    every = (*open_obligations(incident), *scheduled(incident))
    owed = {obligation.kind: (obligation.event_id, obligation.since) for obligation in every}
    return {"due_at": first_due(owed), "obligations": spelled(owed), **_took(incident)}


def first_due(owed: Mapping[str, tuple[str, datetime]]) -> datetime | None:
    """When the first of these is due, if none of them was handed over yet; None if there are none."""
    due = (
        since + (timedelta(0) if kind in SCHEDULED else DUE_AFTER.get(kind, timedelta(0)))
        for kind, (_, since) in owed.items()
        if kind not in BOTS_OWN
    )
    return min(due, default=None)


def spelled(owed: Mapping[str, tuple[str, datetime]]) -> str:
    """In PostgreSQL's spelling of such a value, so that a migration can write it too."""
    if not owed:
        return "{}"
    in_order = sorted(owed.items(), key=lambda one: (len(one[0]), one[0]))
    return json.dumps({kind: [event_id, _spelled(since)] for kind, (event_id, since) in in_order})


def _spelled(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _took(incident: Incident) -> dict[str, int | None]:
    """
    Whole microseconds; none for a false alarm, which says nothing about anybody's speed, nor for a part of
    another incident, where they are counted.
    """
    if incident.resolved_how == "false_alarm" or incident.merged_into is not None:
        return dict.fromkeys(TOOK)
    took = durations(incident)
    return {name: None if (of := getattr(took, name)) is None else of // MICROSECOND for name in TOOK}


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """(Status, severity) → how many incidents; combinations without any are left out."""
    return {(status, severity): n for status, severity, n in connection.exec_driver_sql(_COUNTS)}


def lasting(connection: Connection) -> Lasting:
    """What lasts beyond the response to an incident."""
    return Lasting(*connection.exec_driver_sql(_LASTING).one())


def mean_times(connection: Connection, since: datetime | None = None) -> MeanTimes:
    """For the incidents opened at `since` or later (all, if None); steps that nobody took are left out."""
    row = connection.exec_driver_sql(_MEANS, {"since": since or EARLIEST}).one()
    found = zip(STEPS, row[::2], row[1::2], strict=True)
    return {step: (timedelta(microseconds=float(mean)), count) for step, count, mean in found if count}


def owed_sums(connection: Connection, at: datetime) -> list[ObligationSum]:
    """What is owed at a moment, by kind."""
    found = connection.exec_driver_sql(_OWED_SUMS, {"at": at})
    return [
        ObligationSum(kind=kind, count=count, oldest=oldest, in_trouble=in_trouble)
        for kind, count, oldest, in_trouble in found
    ]

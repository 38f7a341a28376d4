"""What the log owes now, how far the workers are with it, and how a person has it retried at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from domain.errors import Refused
from domain.incident.decide import against_looking_again
from domain.incident.obligations import BOTS_OWN, Obligation, open_obligations, scheduled
from domain.incident.state import Incident
from domain.values import Moment, Value
from workers.store import attempts, reminders
from workers.store.sums import OWED

_EVERY = f"""
SELECT kind, number, card.stream, event_id, since, coalesce(issued, 0) AS handed_over,
    coalesce(begun, 0) AS tries, next_at AS next_try_at, trouble
{OWED} ORDER BY since, number, kind LIMIT %(most)s
"""


class OpenObligation(Value):
    """
    An obligation and its progress.

    `handed_over` counts how often it went to the workers, `tries` how often one began since it last ended
    well; `next_try_at` is when the clock hands it over again, unless it is settled before.
    """

    kind: str
    number: int
    stream: str
    event_id: str
    since: Moment
    handed_over: int = 0
    tries: int = 0
    next_try_at: Moment | None = None
    trouble: str | None = None


def every(connection: Connection, at: datetime, most: int | None = None) -> list[OpenObligation]:
    """What is owed at `at`, oldest first; all of it, or the first `most`."""
    found = connection.exec_driver_sql(_EVERY, {"at": at, "most": most}).mappings()
    return [OpenObligation.model_validate(dict(row)) for row in found]


def due(incident: Incident, at: datetime) -> tuple[Obligation, ...]:
    """What the workers owe for this incident, including what has become due by the clock."""
    by_clock = (obligation for obligation in scheduled(incident) if obligation.since <= at)
    return (
        *(obligation for obligation in open_obligations(incident) if obligation.kind not in BOTS_OWN),
        *by_clock,
    )


def retry(connection: Connection, incident: Incident, kind: str | None, at: datetime) -> list[OpenObligation]:
    """
    Have the clock hand over, at its next beat, what is owed for an incident, with a fresh count of tries.

    Raises:
        Refused: nothing is owed, or nothing of this kind.
    """
    chosen = [obligation for obligation in due(incident, at) if kind in (None, obligation.kind)]
    if not chosen:
        raise Refused(_nothing(incident, kind, at))
    for obligation in chosen:
        attempts.begin_anew(connection, incident.stream, obligation, at)
    reminders.look_at_once(connection, incident.stream, at)
    progress = attempts.progress_of(connection, [obligation.event_id for obligation in chosen])
    return [
        _with_progress(incident, obligation, progress[obligation.event_id, obligation.kind])
        for obligation in chosen
    ]


def _with_progress(incident: Incident, obligation: Obligation, progress: attempts.Progress) -> OpenObligation:
    place = {"number": incident.number, "stream": incident.stream}
    return OpenObligation(
        kind=obligation.kind,
        event_id=obligation.event_id,
        since=obligation.since,
        **place,
        **progress._asdict(),
    )


def _nothing(incident: Incident, kind: str | None, at: datetime) -> str:
    number, kinds = incident.number, [obligation.kind for obligation in due(incident, at)]
    if kind in BOTS_OWN:
        return f"#{number} is announced by the bot's own process, over and over; see `recsysops followers`."
    if kinds:
        return f"#{number} does not owe “{kind}” but: {', '.join(kinds)}."
    look = against_looking_again(incident) is None
    again = f" `recsysops look-again {number}` has its cause looked into again." if look else ""
    return f"#{number} owes nothing that the workers could try again.{again}"

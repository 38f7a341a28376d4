"""
How often each obligation was handed over, when that happens next, and what went wrong last.

How often it was begun and what went wrong decides whether it is given up, and is sealed: anybody who can
write to the store could otherwise have it given up untried.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.incident.obligations import DUE_AFTER, Obligation
from workers.store.seal import fits, seal
from workers.store.tables import AttemptRow

LONGEST_PAUSE = timedelta(minutes=10)
MOST_DOUBLINGS = 10
MOST_HANDED_OVER = 2**31 - 2
"""One more still fits into the column, whatever somebody wrote there."""
STEADY = {"watch", "guard"}
"""Kinds that are repeated by design, at a steady pace."""

_ATTEMPTS = AttemptRow.__table__  # type: ignore[attr-defined]


_COUNT = """
INSERT INTO attempts (event_id, kind, stream, issued, begun, next_at)
SELECT event_id, kind, stream, issued, 0, next_at FROM unnest(%(events)s::text[], %(kinds)s::text[],
    %(streams)s::text[], %(issued)s::int[], %(moments)s::timestamptz[])
    AS counted (event_id, kind, stream, issued, next_at)
ON CONFLICT ON CONSTRAINT attempts_pkey DO UPDATE SET issued = excluded.issued, next_at = excluded.next_at
WHERE attempts.issued = excluded.issued - 1
"""


class Issue(NamedTuple):
    """An obligation handed over; `before`: how often it had been already."""

    stream: str
    obligation: Obligation
    before: int


class Progress(NamedTuple):
    """How often it was handed over and begun, when it is handed over next, and the last trouble."""

    handed_over: int
    tries: int
    next_try_at: datetime
    trouble: str | None


def progress_of(connection: Connection, event_ids: Collection[str]) -> dict[tuple[str, str], Progress]:
    """(Event, kind) → the progress of that obligation, for those that were ever handed over."""
    row = _ATTEMPTS.c
    query = select(row.event_id, row.kind, row.issued, row.begun, row.next_at, row.trouble)
    rows = connection.execute(query.where(row.event_id.in_(event_ids)))
    return {
        (one.event_id, one.kind): Progress(
            max(0, min(one.issued, MOST_HANDED_OVER)), one.begun, one.next_at, one.trouble
        )
        for one in rows
    }


def issue_first(connection: Connection, stream: str, obligation: Obligation, at: datetime) -> bool:
    """True if this obligation was never handed over; it now counts as handed over once."""
    row = _fresh(stream, obligation, at)
    statement = insert(_ATTEMPTS).values(row).on_conflict_do_nothing()
    return connection.execute(statement.returning(_ATTEMPTS.c.kind)).first() is not None


def count_issues(connection: Connection, issues: Sequence[Issue], at: datetime) -> None:
    """Count one more hand-over for each of these, unless somebody else has counted meanwhile."""
    asked: dict[str, list[object]] = {
        "events": [one.obligation.event_id for one in issues],
        "kinds": [one.obligation.kind for one in issues],
        "streams": [one.stream for one in issues],
        "issued": [one.before + 1 for one in issues],
        "moments": [at + pause(one.obligation.kind, one.before + 1) for one in issues],
    }
    connection.exec_driver_sql(_COUNT, asked)


def begin(
    connection: Connection, stream: str, obligation: Obligation, at: datetime
) -> tuple[int, str | None]:
    """Count a beginning; returns how many there were since the last good end, and the last trouble."""
    begun, trouble = _known(connection, obligation)
    now = _sealed(obligation, begun + 1, trouble)
    statement = insert(_ATTEMPTS).values({**_fresh(stream, obligation, at), **now})
    connection.execute(statement.on_conflict_do_update(constraint="attempts_pkey", set_=now))
    return begun + 1, trouble


def end(connection: Connection, obligation: Obligation, trouble: str | None = None) -> None:
    """Record the end of an attempt: success (`trouble` None, which resets the count), or failure."""
    begun = _known(connection, obligation)[0] if trouble else 0
    values = _sealed(obligation, begun, trouble)
    connection.execute(update(_ATTEMPTS).where(_this(obligation)).values(values))


def begin_anew(connection: Connection, stream: str, obligation: Obligation, at: datetime) -> None:
    """Make it due at once, as if it had never been tried; the last trouble stays readable."""
    _, trouble = _known(connection, obligation)
    anew = {"issued": 0, "next_at": at, **_sealed(obligation, 0, trouble)}
    statement = insert(_ATTEMPTS).values({**_fresh(stream, obligation, at), **anew})
    connection.execute(statement.on_conflict_do_update(constraint="attempts_pkey", set_=anew))


def pause(kind: str, issued: int) -> timedelta:
    """
    How long to wait after the n-th hand-over.

    >>> pause("apply", 1), pause("apply", 3), pause("apply", 30), pause("watch", 30)
    (datetime.timedelta(seconds=15), datetime.timedelta(seconds=60), datetime.timedelta(seconds=600), \
datetime.timedelta(seconds=5))
    """
    first = DUE_AFTER.get(kind, timedelta(seconds=15))
    if kind in STEADY:
        return first
    return min(LONGEST_PAUSE, first * (1 << min(issued - 1, MOST_DOUBLINGS)))


def _fresh(stream: str, obligation: Obligation, at: datetime) -> dict[str, object]:
    return {
        "event_id": obligation.event_id,
        "kind": obligation.kind,
        "stream": stream,
        "issued": 1,
        "begun": 0,
        "next_at": at + pause(obligation.kind, 1),
    }


def _known(connection: Connection, obligation: Obligation) -> tuple[int, str | None]:
    """
    How often it was begun since its last end, and the last trouble.

    If somebody else wrote that, it was begun once: neither the first try nor the last follows.
    """
    query = select(_ATTEMPTS.c.begun, _ATTEMPTS.c.trouble, _ATTEMPTS.c.seal).where(_this(obligation))
    row = connection.execute(query.with_for_update()).first()
    if row is None or (row.seal is None and row.begun == 0):
        return 0, None
    if row.seal is not None and fits(_content(obligation, row.begun, row.trouble), row.seal):
        return row.begun, row.trouble
    return 1, None


def _sealed(obligation: Obligation, begun: int, trouble: str | None) -> dict[str, object]:
    return {"begun": begun, "trouble": trouble, "seal": seal(_content(obligation, begun, trouble))}


def _content(obligation: Obligation, begun: int, trouble: str | None) -> bytes:
    return f"attempts\n{obligation.kind}\n{obligation.event_id}\n{begun}\n{trouble or ''}".encode()


def _this(obligation: Obligation) -> ColumnElement[bool]:
    return and_(_ATTEMPTS.c.event_id == obligation.event_id, _ATTEMPTS.c.kind == obligation.kind)

"""The card of each incident: written with its events, read by everything that shows or asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError

from domain.incident.decide import DEPLOYED
from domain.incident.state import Incident
from workers.store.events import conflict
from workers.store.tables import CardRow

_CARDS = CardRow.__table__  # type: ignore[attr-defined]


def keep(connection: Connection, incident: Incident) -> None:
    """
    Write the card, in the transaction of its events.

    Raises:
        VersionConflict: another incident took the number first.
    """
    row = row_of(incident)
    statement = insert(_CARDS).values(row)
    changed = {name: statement.excluded[name] for name in row if name != "stream"}
    try:
        connection.execute(statement.on_conflict_do_update(index_elements=["stream"], set_=changed))
    except IntegrityError as error:
        raise conflict(error) from error


def row_of(incident: Incident) -> dict[str, Any]:
    """The columns of an incident's card."""
    return {
        "stream": incident.stream,
        "number": incident.number,
        "status": incident.status,
        "severity": incident.severity.value,
        "fingerprint": incident.fingerprint,
        "opened_at": incident.opened_at,
        "owes": bool(incident.awaits),
        "expires_at": _expires_at(incident),
        "version": incident.version,
        "incident": incident.model_dump_json(),
    }


def _expires_at(incident: Incident) -> datetime | None:
    """When the hotfix has to be taken back, while it acts; kept as a column so that the clock finds it."""
    hotfix = incident.hotfix
    return hotfix.expires_at if hotfix and hotfix.stage in DEPLOYED else None


def find(connection: Connection, stream_or_number: str | int) -> Incident | None:
    """The incident of a stream, or of a number (`142`, `"142"` or `"#142"`)."""
    asked = str(stream_or_number).removeprefix("#")
    which = _CARDS.c.number == int(asked) if asked.isdecimal() else _CARDS.c.stream == asked
    found = connection.execute(select(_CARDS.c.incident).where(which)).scalar_one_or_none()
    return None if found is None else Incident.model_validate_json(found)


def unclosed(connection: Connection, fingerprint: str) -> str | None:
    """The stream of the newest incident of a fingerprint that is not closed."""
    query = select(_CARDS.c.stream).where(_CARDS.c.fingerprint == fingerprint, _CARDS.c.status != "closed")
    return connection.execute(query.order_by(_CARDS.c.number.desc()).limit(1)).scalar_one_or_none()


def times_seen(connection: Connection, fingerprint: str) -> int:
    """How many incidents a fingerprint has had."""
    query = select(func.count()).select_from(_CARDS).where(_CARDS.c.fingerprint == fingerprint)
    return int(connection.execute(query).scalar_one())


def next_number(connection: Connection) -> int:
    """One more than the highest number; asked while the right to append is held, so numbers have no gaps."""
    return int(connection.execute(select(func.coalesce(func.max(_CARDS.c.number), 0))).scalar_one()) + 1


def every(connection: Connection, status: str | tuple[str, ...] | None = None) -> list[Incident]:
    """The incidents with this status (or any of these; or all), newest first."""
    query = select(_CARDS.c.incident).order_by(_CARDS.c.number.desc())
    if status is not None:
        query = query.where(_CARDS.c.status.in_([status] if isinstance(status, str) else status))
    return [Incident.model_validate_json(found) for found in connection.execute(query).scalars()]


def newest(connection: Connection, fingerprint: str) -> Incident | None:
    """The newest incident of a fingerprint, closed or not."""
    query = select(_CARDS.c.incident).where(_CARDS.c.fingerprint == fingerprint)
    found = connection.execute(query.order_by(_CARDS.c.number.desc()).limit(1)).scalar_one_or_none()
    return None if found is None else Incident.model_validate_json(found)


def unscored(connection: Connection) -> list[Incident]:
    """The predictions of which it was not yet said whether they came true, oldest first."""
    fields = cast(_CARDS.c.incident, JSONB)
    query = select(_CARDS.c.incident).where(
        fields["kind"].astext == "predicted", fields["score"].astext.is_(None)
    )
    found = connection.execute(query.order_by(_CARDS.c.number)).scalars()
    return [Incident.model_validate_json(one) for one in found]


def to_remind(connection: Connection) -> list[Incident]:
    """The incidents that await an answer, or whose hotfix will expire."""
    query = select(_CARDS.c.incident).where(_CARDS.c.owes | _CARDS.c.expires_at.is_not(None))
    found = connection.execute(query.order_by(_CARDS.c.number)).scalars()
    return [Incident.model_validate_json(one) for one in found]

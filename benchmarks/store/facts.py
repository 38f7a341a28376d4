"""What every contender writes: the same 50 events of an incident, over and over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson

from domain.incident.codec import encode
from domain.incident.events import (
    FindingRepeated,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentOpened,
    NoteAdded,
    SeverityChanged,
)
from domain.values import Actor, Finding, Severity, slice_of

STREAM_EVENTS = 50
PERSON = Actor(kind="person", id="slack:U02ABCDEF", groups=("oncall",))
NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def finding(minute: int, genre: str = "Drama") -> Finding:
    """A slice that is shown less than expected."""
    return Finding(
        check="impressions_by_slice",
        table="impressions",
        slice=slice_of(country="France", genre=genre),
        window_start=NOON + timedelta(minutes=minute),
        window_end=NOON + timedelta(minutes=minute + 1),
        observed=29.0,
        expected=100.25,
        low=80.5,
        high=120.0,
        p_value=1e-6,
        severity=Severity.SEV2,
        affected_share=0.031,
        title=f"{genre} films are shown 71 % less",
    )


def _incident() -> tuple[IncidentEvent, ...]:
    first = finding(0)
    events: list[IncidentEvent] = [
        IncidentOpened(
            number=1,
            title=first.title,
            kind=first.kind,
            severity=first.severity,
            fingerprint=first.fingerprint,
            finding=first,
        ),
        IncidentAcknowledged(),
    ]
    while len(events) < STREAM_EVENTS:
        minute = len(events)
        events += (
            FindingRepeated(finding=finding(minute)),
            NoteAdded(text=f"Minute {minute}: the catalogue's delivery is read again, two thirds are done."),
            SeverityChanged(severity=Severity.SEV3, reason="fewer members than was thought"),
        )
    return tuple(events[:STREAM_EVENTS])


INCIDENT = _incident()
"""One incident of `STREAM_EVENTS` events, as typed events."""

SPELLED = tuple(
    (event.wire_name, event.schema_version, orjson.dumps(encode(event)).decode()) for event in INCIDENT
)
"""The same, encoded beforehand for stores measured without encoding: wire name, schema version, JSON."""

MEAN_BYTES = sum(len(data) for _, _, data in SPELLED) // len(SPELLED)

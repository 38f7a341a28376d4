"""An incident found by a check at noon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from domain.incident.state import Incident
from domain.values import Diagnosis, Finding, Severity

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)


def found_by(check: str, table: str, window: timedelta, diagnosis: Diagnosis | None = None) -> Incident:
    """A tenth of the rows of a window of the table."""
    finding = Finding(
        check=check,
        table=table,
        window_start=AT - window,
        window_end=AT,
        observed=10.0,
        expected=100.0,
        p_value=0.0,
        severity=Severity.SEV2,
        title="Fewer rows",
    )
    return Incident(
        stream="s",
        number=1,
        title=finding.title,
        kind="detected",
        severity=finding.severity,
        fingerprint=finding.fingerprint,
        first_finding=finding,
        finding=finding,
        diagnosis=diagnosis,
        opened_at=AT,
        opened_by="worker:detect",
        version=1,
        last_event_id="e",
        last_at=AT,
    )

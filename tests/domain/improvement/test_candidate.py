"""Which checks an incident gives reason to try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.detection.kinds.tables.volume import KIND as VOLUME
from domain.improvement.candidate import candidates
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding, Severity

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)


def tried(every: str | None, table_every: str | None) -> dict[str, object]:
    """Length of a window → how often the variation with it looks, as they would be written."""
    table = Table.model_validate(
        {"name": "rides", "path": "rides.parquet", "time": "at", "window": "8m", "every": table_every}
    )
    check = Check.model_validate({"name": "rides_volume", "kind": "volume", "table": "rides", "every": every})
    recommender = Recommender(name="bikes", tables={"rides": table}, checks={"rides_volume": check})
    finding = Finding(
        check="rides_volume",
        table="rides",
        window_start=AT - timedelta(minutes=8),
        window_end=AT,
        observed=10.0,
        expected=100.0,
        p_value=0.0,
        severity=Severity.SEV2,
        title="Fewer rides",
    )
    incident = Incident(
        stream="s",
        number=1,
        title="Fewer rides",
        kind="detected",
        severity=Severity.SEV2,
        fingerprint=finding.fingerprint,
        first_finding=finding,
        finding=finding,
        opened_at=AT,
        opened_by="worker:detect",
        version=1,
        last_event_id="e",
        last_at=AT,
    )
    written = {"rides_volume": {"kind": "volume", "table": "rides"}}
    found = candidates(recommender, written, {"volume": VOLUME}, incident)
    return {str(one.keys["window"]): one.keys["every"] for one in found if "window" in one.keys}


@pytest.mark.parametrize(
    ("every", "table_every", "looks"),
    [
        (None, None, {"4m": "4m", "2m": "2m"}),
        (None, "30s", {"4m": "30s", "2m": "30s"}),
        ("1m", "30s", {"4m": "1m", "2m": "1m"}),
        ("3m", None, {"4m": "3m", "2m": "2m"}),
    ],
)
def test_shorter_windows_are_looked_at_as_often_as_the_check_looks_and_leave_no_gaps(
    every: str | None, table_every: str | None, looks: dict[str, object]
) -> None:
    assert tried(every, table_every) == looks

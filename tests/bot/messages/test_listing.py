"""The page of incidents."""

from __future__ import annotations

from datetime import timedelta

from bot.messages.listing import PAGE_INCIDENTS, IncidentQuery, choices, html
from domain.incident.state import Incident
from domain.values import Severity
from tests.workers.conftest import NOON


def incident(number: int) -> Incident:
    return Incident(
        stream=f"incident-{number}",
        number=number,
        title=f"Row {number} is empty",
        kind="declared",
        severity=Severity.SEV2,
        fingerprint=f"f{number}",
        opened_at=NOON,
        opened_by="slack:U-on-call",
        version=1,
        last_event_id=f"incident-{number}:1",
        last_at=NOON,
    )


def test_a_full_page_leads_to_the_older_ones_and_keeps_what_was_asked_for() -> None:
    full = [incident(number) for number in range(PAGE_INCIDENTS + 10, 10, -1)]
    page = html(
        full,
        IncidentQuery.model_validate({"severity": "SEV1,SEV2"}),
        {"resolve": (timedelta(minutes=4), 2)},
        str,
    )
    assert 'href="/?severity=SEV1,SEV2&amp;below=11">Older</a>' in page
    assert "Newest" not in page


def test_the_last_page_leads_back_to_the_newest() -> None:
    page = html([incident(3)], IncidentQuery(status=("open",), below=4), {}, str)
    assert 'href="/?status=open">Newest</a>' in page
    assert "Older" not in page


def test_a_choice_begins_at_the_newest_again_and_keeps_the_other_one() -> None:
    offered = choices(IncidentQuery(status=("closed",), severity=(Severity.SEV1,), below=40))
    assert ("open", "/?status=open&severity=SEV1", False) in offered["Status"]
    assert ("closed", "/?status=closed&severity=SEV1", True) in offered["Status"]
    assert ("all", "/?status=closed", False) in offered["Severity"]

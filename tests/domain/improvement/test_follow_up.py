"""Proposals after incidents, and how well the practice works."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from domain.improvement.follow_up import propose
from domain.incident.state import Incident
from domain.values import Diagnosis, Finding, Severity, slice_of

OPENED = datetime(2026, 3, 1, 10, tzinfo=UTC)
FINDING = Finding(
    check="plays_by_slice",
    table="plays",
    slice=slice_of(device="tv"),
    window_start=OPENED - timedelta(minutes=5),
    window_end=OPENED,
    observed=30,
    expected=100,
    p_value=0.0,
    severity=Severity.SEV2,
    title="plays on tv",
)


def incident(**changed: object) -> Incident:
    fields: dict[str, object] = {
        "stream": "incident-1",
        "number": 1,
        "title": "plays on tv",
        "kind": "detected",
        "severity": Severity.SEV2,
        "fingerprint": "f",
        "first_finding": FINDING,
        "finding": FINDING,
        "opened_at": OPENED,
        "opened_by": "worker:detect",
        "version": 1,
        "last_event_id": "e",
        "last_at": OPENED,
    }
    diagnosis = changed.get("diagnosis")
    onset_at = diagnosis.since if isinstance(diagnosis, Diagnosis) else None
    return Incident.model_validate({**fields, "onset_at": onset_at, **changed})


def diagnosed(kind: Literal["feature", "feed", "unknown"], feature: str | None = None) -> Diagnosis:
    return Diagnosis(cause="x", cause_kind=kind, feature=feature, since=OPENED - timedelta(minutes=7))


def test_a_lost_feature_asks_for_an_alarm_at_the_delivery_and_claims_nothing_as_proved() -> None:
    evidenced_at = OPENED + timedelta(seconds=4)
    found = propose(incident(diagnosis=diagnosed("feature", "language"), evidenced_at=evidenced_at))
    assert found.change == "check"
    assert found.detail == "Alarm on the share of items with `language` not set, at each catalogue delivery"
    assert found.detect_faster.startswith("Yes: at the delivery itself")
    assert found.diagnose_faster.startswith("The first evidence was there 4 s after the opening")
    assert found.proof is None


def test_a_feed_asks_for_a_comparison_with_its_standby() -> None:
    found = propose(incident(diagnosis=diagnosed("feed")))
    assert "Compare `plays` with its standby by slice (device = tv)" in found.detail
    assert "it took 7 min from the onset" in found.detect_faster


def test_a_launch_asks_for_a_gate_in_the_calendar() -> None:
    found = propose(incident(kind="predicted", diagnosis=diagnosed("feature", "language")))
    assert found.detail.startswith("A gate in the launch calendar: `language` is set and ")


@pytest.mark.parametrize("diagnosis", [None, diagnosed("unknown")])
def test_a_cause_that_was_not_established_asks_for_a_log(diagnosis: Diagnosis | None) -> None:
    found = propose(incident(diagnosis=diagnosis))
    assert found.change == "log"
    assert found.proof is None


def test_from_what_was_no_incident_nothing_is_proposed_that_finds_it_sooner() -> None:
    gone = Diagnosis(cause="language is unset", cause_kind="feature", feature="language")
    found = incident(diagnosis=gone, resolved_how="false_alarm", resolution="a holiday")
    said = propose(found)
    assert said.change == "threshold"
    assert said.detail == "What `plays_by_slice` takes for an incident: a holiday"
    assert said.detect_faster.startswith("It was no incident")

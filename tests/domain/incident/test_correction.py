"""A new event corrects what was written wrongly; the wrong one stays readable."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.incident.times import durations
from domain.values import Diagnosis, Severity
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    LESSON,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    PROPOSED,
    SECOND,
    VERIFIED,
    WORKER,
    after,
)

DIAGNOSED = (c.RecordDiagnosis(diagnosis=Diagnosis(cause="x", since=MORNING - timedelta(minutes=9))), WORKER)
FIXED = (OPEN, c.Acknowledge(), DIAGNOSED, OFFERED, DEPLOYED, APPLIED, VERIFIED)
LATER = MORNING + timedelta(days=1)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def time(version: int, minute: float) -> c.CorrectTime:
    return c.CorrectTime(event=f"incident-1:{version}", at=MORNING + minutes(minute), reason="I was called")


def refusal(incident: Incident, command: c.Command) -> str:
    with pytest.raises(Refused) as refused:
        decide(incident, command, ON_CALL, LATER)
    return str(refused.value)


def test_a_corrected_time_counts_in_the_mean_times_and_the_wrong_one_stays_to_be_read() -> None:
    incident, log = after(*FIXED, (time(2, 0.5), SECOND))
    assert durations(incident).to_acknowledge == minutes(0.5)
    line = next(entry for entry in timeline(log) if entry.wire_name == "incident.acknowledged")
    assert line.at == MORNING + minutes(0.5)
    (amendment,) = line.amendments
    assert (amendment.who, amendment.was, amendment.reason) == (
        SECOND.id,
        "2026-03-01 02:41 UTC",
        "I was called",
    )
    assert amendment.at == MORNING + minutes(7)
    assert "Corrected the time of event 2: 2026-03-01 02:40 UTC (I was called)" in timeline(log)[-1].what


def test_the_time_of_the_repair_and_of_the_resolution_are_corrected_apart() -> None:
    _, log = after(*FIXED)
    repaired = next(r.version for r in log if isinstance(r.event, e.HotfixVerified))
    resolved = next(r.version for r in log if isinstance(r.event, e.IncidentResolved))
    incident, _ = after(*FIXED, time(repaired, 5.5))
    assert (durations(incident).to_mitigate, durations(incident).to_resolve) == (minutes(5.5), minutes(6))
    assert "order of the steps" in refusal(incident, time(resolved, 5.4))
    incident, _ = after(*FIXED, time(repaired, 5.5), time(resolved, 5.75))
    assert durations(incident).to_resolve == minutes(5.75)


def test_a_resolution_by_hand_ends_the_harm_too_and_both_times_move_together() -> None:
    incident, _ = after(OPEN, c.Resolve(reason="It stopped."), time(2, 0.25))
    assert (incident.mitigated_at, incident.resolved_at) == (MORNING + minutes(0.25),) * 2


def test_a_resolution_that_was_taken_back_can_be_corrected_without_coming_back() -> None:
    incident, log = after(OPEN, c.Resolve(reason="It stopped."), c.Reopen(reason="It is back"), time(2, 0.25))
    assert (incident.resolved_at, incident.mitigated_at, incident.status) == (None, None, "open")
    assert timeline(log)[1].at == MORNING + minutes(0.25)


def test_a_corrected_line_stands_at_its_new_time() -> None:
    note = c.AddNote(text="The feed was late already.")
    _, log = after(*FIXED, note, time(10, 3.5))
    order = [entry.wire_name for entry in timeline(log)]
    assert order.index("note.added") == order.index("menu.prepared") + 1
    assert len(order) == len(log)


def test_a_corrected_onset_counts_in_the_time_to_detect() -> None:
    right = c.CorrectOnset(event="incident-1:3", since=MORNING - minutes(30), reason="the feed's own log")
    incident, log = after(*FIXED, right)
    assert durations(incident).to_detect == minutes(30)
    assert incident.diagnosis is not None
    assert incident.diagnosis.since == MORNING - minutes(9)  # what was gathered stays what was gathered
    line = timeline(log)[2]
    assert line.what.endswith("it began 2026-03-01 02:10 UTC")
    assert line.amendments[0].was == "2026-03-01 02:31 UTC"


def test_a_person_who_declared_it_can_say_when_it_began() -> None:
    declared = c.DeclareIncident(number=7, title="Odd rows", severity=Severity.SEV3)
    right = c.CorrectOnset(event="incident-1:1", since=MORNING - minutes(20), reason="a member wrote to us")
    incident, log = after(declared, right)
    assert durations(incident).to_detect == minutes(20)
    assert timeline(log)[0].amendments[0].was == "not known"
    late, _ = after(declared, right, DIAGNOSED)
    assert late.onset_at == MORNING - minutes(20)


def test_a_severity_that_was_never_right_is_corrected_and_only_the_newest_one_holds() -> None:
    right = c.CorrectSeverity(event="incident-1:1", severity=Severity.SEV1, reason="a quarter of all members")
    incident, log = after(OPEN, right)
    assert incident.severity == Severity.SEV1
    assert timeline(log)[0].what.startswith("SEV1 opened")
    assert timeline(log)[0].amendments[0].was == "SEV2"
    changed = c.ChangeSeverity(severity=Severity.SEV3, reason="it shrinks")
    incident, _ = after(OPEN, changed, right)
    assert incident.severity == Severity.SEV3


def test_a_note_is_reworded_twice_and_every_wording_stays_to_be_read() -> None:
    first = c.CorrectNote(event="incident-1:2", text="The French feed", reason="wrong country")
    second = c.CorrectNote(event="incident-1:2", text="The Danish feed", reason="wrong again")
    _, log = after(OPEN, c.AddNote(text="The feed"), first, (second, SECOND))
    line = timeline(log)[1]
    assert line.what == "Note: The Danish feed"
    assert [one.was for one in line.amendments] == ["“The feed”", "“The French feed”"]


def test_a_closed_incident_can_still_be_corrected() -> None:
    incident, _ = after(*FIXED, PROPOSED, c.AcceptFollowUp(), c.Close(), time(2, 0.5))
    assert (incident.status, incident.follow_up) == ("closed", LESSON)
    assert incident.acknowledged_at == MORNING + minutes(0.5)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (time(99, 1), "has no event"),
        (time(0, 1), "has no event"),
        (c.CorrectTime(event="incident-2:2", at=MORNING, reason="r"), "has no event"),
        (c.CorrectTime(event="incident-1:02", at=MORNING, reason="r"), "has no event"),
        (c.CorrectTime(event="incident-1:²", at=MORNING, reason="r"), "has no event"),
        (time(4, 1), "cannot be corrected: only notes, severities"),
        (c.CorrectNote(event="incident-1:2", text="x", reason="r"), "has no note to reword"),
        (c.CorrectOnset(event="incident-1:1", since=MORNING, reason="r"), "has no onset"),
        (c.CorrectSeverity(event="incident-1:3", severity=Severity.SEV1, reason="r"), "has no severity"),
        (time(2, 1), "Nothing changes"),
        (c.CorrectSeverity(event="incident-1:1", severity=Severity.SEV2, reason="r"), "Nothing changes"),
        (c.CorrectTime(event="incident-1:2", at=MORNING + minutes(2), reason=" "), "Say why"),
        (time(2, 60 * 48), "still to come"),
        (c.CorrectOnset(event="incident-1:3", since=LATER + minutes(1), reason="r"), "still to come"),
        (time(2, -1), "order of the steps"),
        (time(1, 3), "order of the steps"),
    ],
)
def test_what_cannot_be_corrected_is_refused_in_words(command: c.Command, words: str) -> None:
    incident, _ = after(*FIXED)
    assert words in refusal(incident, command)

"""What a rule says no to, and what is asked a second time and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide, missing_to_close
from domain.incident.menu import digest_of
from domain.values import Actor, Improvement, Severity
from tests.domain.incident.given import (
    APPLIED,
    ASKED,
    DEPLOYED,
    DIAGNOSED,
    FINDING,
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
    append,
    option,
)

LATER = MORNING + timedelta(hours=1)
HANDLED = (OPEN, DIAGNOSED, OFFERED)
RESOLVED = (OPEN, c.Resolve(reason="It stopped."))
CLOSED = (*RESOLVED, c.AnswerFollowUp(improvement=LESSON), c.Close())
FORECAST = FINDING.model_copy(update={"kind": "predicted", "subject": "film-7"})
FORESEEN = (
    c.OpenIncident(number=1, finding=FORECAST),
    WORKER,
)
OVER = (c.ClearFinding(observed=99, expected=100, window_end=MORNING), WORKER)

Steps = tuple[Any, ...]


def happens(steps: Steps, command: c.Command, actor: Actor = ON_CALL) -> list[str]:
    """The wire names of what the command makes of an incident after these steps."""
    return [event.wire_name for event in decide(after(*steps)[0], command, actor, LATER)]


def refusal(steps: Steps, command: c.Command, actor: Actor = ON_CALL) -> str:
    with pytest.raises(Refused) as refused:
        decide(after(*steps)[0], command, actor, LATER)
    return str(refused.value)


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
@pytest.mark.parametrize(
    ("steps", "command", "field", "words"),
    [
        ((OPEN,), c.Resolve(reason=""), "reason", "Say how it was resolved"),
        ((OPEN,), c.Dismiss(reason=""), "reason", "Say why this is not an incident"),
        (RESOLVED, c.Reopen(reason=""), "reason", "Say why it is opened again"),
        ((OPEN,), c.AddNote(text=""), "text", "The note is empty"),
        ((OPEN,), c.ChangeSeverity(severity=Severity.SEV1, reason=""), "reason", "Say why the severity"),
        (
            (OPEN, c.AddNote(text="The feed")),
            c.CorrectNote(event="incident-1:2", text="", reason="a slip"),
            "text",
            "The corrected note is empty",
        ),
    ],
)
def test_words_that_others_have_to_read_are_not_left_out(
    steps: Steps, command: c.Command, field: str, words: str, blank: str
) -> None:
    assert words in refusal(steps, command.model_copy(update={field: blank}))
    said = command.model_copy(update={field: f" It is over.{blank} "})
    (event, *_) = decide(after(*steps)[0], said, ON_CALL, LATER)
    assert getattr(event, field) == "It is over."


@pytest.mark.parametrize("title", ["", "  "])
def test_an_incident_is_not_declared_without_a_title(title: str) -> None:
    with pytest.raises(Refused, match="the title is empty"):
        decide(None, c.DeclareIncident(number=1, title=title, severity=Severity.SEV3), ON_CALL, LATER)


def test_a_finding_opens_no_closed_incident_again() -> None:
    later = FINDING.model_copy(update={"window_end": LATER})
    assert "is closed; a new finding opens a new one" in refusal(
        CLOSED, c.OpenIncident(number=1, finding=later), WORKER
    )


@pytest.mark.parametrize(
    ("steps", "again"),
    [
        ((OPEN,), []),
        ((OPEN, OVER), []),
        ((FORESEEN,), []),
        ((FORESEEN, OVER), ["finding.repeated"]),
    ],
    ids=["found", "found and over", "foreseen", "foreseen and over"],
)
def test_of_a_day_that_was_seen_already_only_a_forecast_that_is_back_is_new(
    steps: Steps, again: list[str]
) -> None:
    (command, actor) = steps[0]
    assert happens(steps, command, actor) == again


@pytest.mark.parametrize(
    ("steps", "comes"),
    [
        ((OPEN,), True),
        ((OPEN, (c.RecordDiagnosisFailure(reason="locked"), WORKER)), True),
        ((OPEN, DIAGNOSED), False),
        ((*HANDLED, c.LookAgain(), DEPLOYED), False),
    ],
    ids=["in time", "after it was given up", "after another one", "under a hotfix in hand"],
)
def test_a_late_diagnosis_is_better_than_none_and_than_nothing_else(steps: Steps, comes: bool) -> None:
    assert happens(steps, DIAGNOSED[0], WORKER) == (["diagnosis.gathered"] if comes else [])


@pytest.mark.parametrize(
    ("steps", "names"),
    [((OPEN,), ["finding.cleared"]), ((OPEN, OVER), []), (RESOLVED, ["finding.cleared"]), (CLOSED, [])],
    ids=["open", "over", "resolved", "closed"],
)
def test_that_it_is_over_is_recorded_once_and_not_after_the_close(steps: Steps, names: list[str]) -> None:
    assert happens(steps, *OVER) == names


@pytest.mark.parametrize(
    ("severity", "names"),
    [
        (Severity.SEV1, ["finding.joined", "severity.changed"]),
        (Severity.SEV2, ["finding.joined"]),
        (Severity.SEV3, ["finding.joined"]),
    ],
)
def test_what_joins_changes_the_severity_only_where_it_is_worse(severity: Severity, names: list[str]) -> None:
    elsewhere = FINDING.model_copy(update={"table": "plays", "severity": severity})
    assert happens((OPEN,), c.JoinFinding(finding=elsewhere, shares="slice"), WORKER) == names


@pytest.mark.parametrize(
    ("severity", "names"),
    [
        (Severity.SEV1, ["finding.repeated", "severity.changed"]),
        (Severity.SEV2, ["finding.repeated"]),
    ],
)
def test_what_repeats_changes_the_severity_only_if_it_is_worse(severity: Severity, names: list[str]) -> None:
    again = FINDING.model_copy(update={"window_end": LATER, "severity": severity})
    assert happens((OPEN,), c.OpenIncident(number=1, finding=again), WORKER) == names


def test_who_has_it_already_takes_it_from_nobody_and_who_takes_it_from_another_is_assigned() -> None:
    taken = (OPEN, c.Acknowledge())
    assert happens(taken, c.Acknowledge()) == []
    assert happens(taken, c.Acknowledge(), SECOND) == ["incident.assigned"]
    handed = (*taken, c.Assign(person=SECOND.id))
    assert happens(handed, c.Acknowledge(), SECOND) == []
    assert happens(handed, c.Acknowledge()) == ["incident.assigned"]
    assert happens(handed, c.Assign(person=SECOND.id)) == []


def test_a_silence_ends_after_now_and_is_the_same_only_with_the_same_end() -> None:
    assert "future" in refusal((OPEN,), c.Silence(until=LATER))
    until = c.Silence(until=LATER + timedelta(seconds=1))
    assert happens((OPEN,), until) == ["incident.silenced"]
    assert happens((OPEN, until), until) == []


@pytest.mark.parametrize(
    ("observed", "came_true"), [(4.9, False), (5, True), (12, True), (20, True), (20.1, False)]
)
def test_a_prediction_came_true_where_the_outcome_lies_in_its_interval_ends_included(
    observed: float, came_true: bool
) -> None:
    score = c.ScorePrediction(observed=observed, forecast=12, low=5, high=20)
    (event,) = decide(after(FORESEEN)[0], score, WORKER, LATER)
    assert isinstance(event, e.PredictionScored)
    assert event.came_true == came_true
    assert happens((FORESEEN, (score, WORKER)), score, WORKER) == []


def test_only_a_prediction_is_scored() -> None:
    score = c.ScorePrediction(observed=10, forecast=12, low=5, high=20)
    assert "is not a prediction" in refusal((OPEN,), score, WORKER)


def test_only_who_asked_and_for_the_same_asks_twice_without_harm() -> None:
    menu = OFFERED[0].options
    asked = (*HANDLED, ASKED)
    assert happens(asked, ASKED) == []
    other = c.ChooseHotfix(option="fill", menu=digest_of(menu))
    assert f"{ON_CALL.id} was first" in refusal(asked, other)
    assert f"{ON_CALL.id} was first" in refusal(asked, ASKED, SECOND)


def test_doing_nothing_is_not_deployed() -> None:
    nothing = option("nothing").model_copy(update={"deployer": "none"})
    offered = (c.PrepareMenu(options=(nothing,)), WORKER)
    press = c.ChooseHotfix(option="nothing", menu=digest_of((nothing,)))
    assert "Doing nothing needs no deployment" in refusal((OPEN, DIAGNOSED, offered), press)


@pytest.mark.parametrize("closed", [False, True])
def test_a_hotfix_that_is_verified_after_the_end_resolves_nothing_again(closed: bool) -> None:
    incident, log = after(*HANDLED, DEPLOYED, APPLIED, c.Resolve(reason="It stopped."))
    if closed:  # no rule of today closes it under a watch; a log of an earlier release may
        ended, _ = append(incident, log, (e.IncidentClosed(),), ON_CALL, MORNING)
        assert ended is not None
        incident = ended
    assert [event.wire_name for event in decide(incident, *VERIFIED, LATER)] == ["hotfix.verified"]


def test_a_follow_up_is_proposed_only_where_one_is_owed() -> None:
    assert happens(RESOLVED, *PROPOSED) == ["follow_up.proposed"]
    assert happens((OPEN,), *PROPOSED) == []
    assert happens((*RESOLVED, PROPOSED), *PROPOSED) == []


def test_the_same_answer_to_the_follow_up_is_given_once() -> None:
    answer = c.AnswerFollowUp(improvement=LESSON)
    assert happens(RESOLVED, answer) == ["follow_up.answered"]
    assert happens((*RESOLVED, answer), answer) == []
    other = c.AnswerFollowUp(improvement=LESSON.model_copy(update={"detail": "Another alarm."}))
    assert happens((*RESOLVED, answer), other) == ["follow_up.answered"]


def test_the_follow_up_of_a_closed_incident_stands_until_it_is_reopened() -> None:
    other = Improvement(detect_faster="No", diagnose_faster="No", change="nothing", detail="Rare.")
    assert "is closed. Reopen it" in refusal(CLOSED, c.AnswerFollowUp(improvement=other))


def test_what_is_missing_is_missing_whether_a_hotfix_was_tried_or_not() -> None:
    assert missing_to_close(after(*RESOLVED)[0]) == ("follow_up",)
    assert missing_to_close(after(*CLOSED[:-1])[0]) == ()
    assert missing_to_close(after(*HANDLED, DEPLOYED)[0]) == ("follow_up", "hotfix")


def test_closing_twice_closes_once() -> None:
    assert happens(CLOSED, c.Close()) == []


@pytest.mark.parametrize("version", [":x", ":", "", ":" + "9" * 5_000])
def test_a_correction_of_what_is_no_event_is_refused_in_words(version: str) -> None:
    wrong = c.CorrectNote(event=f"incident-1{version}", text="x", reason="a slip")
    assert "has no event" in refusal((OPEN,), wrong)


def test_a_corrected_time_may_be_now_and_a_step_may_be_the_moment_of_the_step_before() -> None:
    steps = (OPEN, c.Acknowledge())
    now = c.CorrectTime(event="incident-1:2", at=LATER, reason="the clock")
    assert happens(steps, now) == ["time.corrected"]
    assert happens(steps, now.model_copy(update={"at": MORNING})) == ["time.corrected"]
    with pytest.raises(Refused, match="still to come"):
        decide(after(*steps)[0], now, ON_CALL, LATER - timedelta(microseconds=1))


def test_the_repair_and_the_resolution_may_be_one_moment_and_not_turned_around() -> None:
    steps = (OPEN, c.Acknowledge(), DIAGNOSED, OFFERED, DEPLOYED, APPLIED, VERIFIED)
    incident, log = after(*steps)
    resolved = next(record for record in log if isinstance(record.event, e.IncidentResolved))
    assert incident.mitigated_at is not None
    earlier = c.CorrectTime(event=resolved.id, at=incident.mitigated_at - timedelta(seconds=9), reason="x")
    assert "order of the steps" in refusal(steps, earlier)
    repaired = next(record for record in log if isinstance(record.event, e.HotfixVerified))
    before = c.CorrectTime(event=repaired.id, at=incident.mitigated_at - timedelta(seconds=9), reason="x")
    same = c.CorrectTime(event=resolved.id, at=incident.mitigated_at - timedelta(seconds=9), reason="x")
    assert happens((*steps, before), same) == ["time.corrected"]

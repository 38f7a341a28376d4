"""A change that was tried: proposed, agreed on by its name, and what became of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.card import Button, buttons
from domain.incident.decide import decide
from domain.incident.obligations import open_obligations
from domain.incident.state import Incident
from tests.domain.incident.given import LESSON, MORNING, ON_CALL, OPEN, PROPOSED, TRIED, WORKER, after, tried

LATER = MORNING + timedelta(hours=2)
RESOLVED = (OPEN, c.Resolve(reason="It stopped."))
WRITTEN = (c.RecordChangeWritten(check="by_hour", diff="+[checks.by_hour]\n"), WORKER)
HANDED = (c.RecordChangeHandedOver(check="by_hour", diff="+[checks.by_hour]\n", reason="as declared"), WORKER)
OWN = LESSON.model_copy(update={"detail": "By hour, as the night shift asked."})
IN_OWN_WORDS = (*RESOLVED, TRIED, c.AnswerFollowUp(improvement=OWN, check="by_hour"))
UNMERGED = (
    *IN_OWN_WORDS,
    (c.RecordChangeProposed(check="by_hour", diff="+[checks.by_hour]\n", url="https://h/1"), WORKER),
    (c.RecordPullRequestClosed(check="by_hour", url="https://h/1"), WORKER),
)


def kinds(incident: Incident) -> set[str]:
    return {obligation.kind for obligation in open_obligations(incident)}


def test_each_change_that_was_tried_has_a_button_of_its_own() -> None:
    shown = buttons(after(*RESOLVED, TRIED)[0])
    assert [one.option for one in shown if one.action == "follow_up_accept"] == ["by_device", "by_hour"]


def test_accepting_one_says_which_and_owes_it() -> None:
    incident, _ = after(*RESOLVED, TRIED, c.AcceptFollowUp(check="by_hour"))
    assert incident.change == tried("by_hour").change
    assert incident.follow_up is not None
    assert incident.follow_up.detail == "A check in shadow mode, `by_hour`: by_hour by device"
    assert incident.follow_up.proof == (
        "Replayed: 1 h 30 min sooner; 0.0 alarms a week more [0.0–0.5] in 6.0 weeks before it"
    )
    assert "change" in kinds(incident)


def test_accepted_without_a_name_the_best_is_taken() -> None:
    assert after(*RESOLVED, TRIED, c.AcceptFollowUp())[0].change == tried("by_device").change


def test_a_proposal_without_a_tried_change_owes_nothing_once_accepted() -> None:
    incident, _ = after(*RESOLVED, PROPOSED, c.AcceptFollowUp())
    assert (incident.change, "change" in kinds(incident)) == (None, False)


def test_a_check_that_nobody_replayed_is_refused() -> None:
    incident, _ = after(*RESOLVED, TRIED)
    with pytest.raises(Refused, match="by_moon is not among those that were replayed"):
        decide(incident, c.AcceptFollowUp(check="by_moon"), ON_CALL, LATER)
    with pytest.raises(Refused, match="by_moon is not among those that were replayed"):
        decide(incident, c.AnswerFollowUp(improvement=LESSON, check="by_moon"), ON_CALL, LATER)


def test_where_no_check_was_replayed_none_is_accepted_by_its_name() -> None:
    incident, _ = after(*RESOLVED, PROPOSED)
    with pytest.raises(Refused, match="those that were replayed and proposed: none"):
        decide(incident, c.AcceptFollowUp(check="by_moon"), ON_CALL, LATER)


def test_the_words_may_be_edited_and_the_check_kept() -> None:
    incident, _ = after(*IN_OWN_WORDS)
    assert (incident.follow_up, incident.change) == (OWN, tried("by_hour").change)


@pytest.mark.parametrize("check", [None, "by_hour"])
def test_a_check_whose_pull_request_was_closed_is_accepted_again_in_the_words_agreed_on(
    check: str | None,
) -> None:
    (again,) = decide(after(*UNMERGED)[0], c.AcceptFollowUp(check=check), ON_CALL, LATER)
    assert again == e.FollowUpAnswered(improvement=OWN, change=tried("by_hour").change, tracked=True)


def test_it_has_its_button_again_once_its_pull_request_was_closed_and_not_before() -> None:
    shown = [
        [one.option for one in buttons(after(*steps)[0]) if one.action == "follow_up_accept"]
        for steps in (IN_OWN_WORDS, UNMERGED)
    ]
    assert shown == [[], ["by_hour"]]


def test_after_its_pull_request_was_closed_another_check_may_be_accepted_in_its_place() -> None:
    incident, _ = after(*UNMERGED, c.AcceptFollowUp(check="by_device"))
    assert incident.change == tried("by_device").change


def test_accepting_the_proposal_takes_its_words_in_place_of_own_ones() -> None:
    incident, _ = after(*IN_OWN_WORDS, c.AcceptFollowUp(check="by_hour"))
    assert incident.follow_up is not None
    assert incident.follow_up.detail == tried("by_hour").detail


def test_declined_no_check_comes_in() -> None:
    nothing = LESSON.model_copy(update={"change": "nothing"})
    incident, _ = after(*RESOLVED, TRIED)
    with pytest.raises(Refused, match="say one of them"):
        decide(incident, c.AnswerFollowUp(improvement=nothing, check="by_hour"), ON_CALL, LATER)
    declined, _ = after(*RESOLVED, TRIED, c.AnswerFollowUp(improvement=nothing))
    assert "change" not in kinds(declined)


@pytest.mark.parametrize("came", [WRITTEN, HANDED])
def test_what_became_of_it_is_recorded_once(came: tuple[c.Command, object]) -> None:
    incident, _ = after(*RESOLVED, TRIED, c.AcceptFollowUp(check="by_hour"), came)  # type: ignore[arg-type]
    assert incident.change_came is not None
    assert incident.change_came.written == (came is WRITTEN)
    assert "change" not in kinds(incident)
    assert decide(incident, came[0], WORKER, LATER) == ()


def test_of_a_reopened_incident_no_check_comes_in_any_more() -> None:
    incident, _ = after(*RESOLVED, TRIED, c.AcceptFollowUp(), c.Reopen(reason="It is back."))
    assert (incident.change, "change" in kinds(incident)) == (None, False)
    assert Button(action="follow_up_accept") not in buttons(incident)

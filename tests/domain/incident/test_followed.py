"""A follow-up from its acceptance until it is done, declined or taken back: from events alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide, outstanding
from domain.incident.followed import is_open, standing
from domain.incident.obligations import follow_up_due, open_obligations, scheduled
from domain.incident.person import named_incident, named_record, people_of
from domain.incident.sentence import sentence
from domain.incident.state import Incident, evolve
from domain.values import Actor
from tests.domain.incident.given import LESSON, MORNING, ON_CALL, OPEN, TRIED, WORKER, after, tried

MARIA = "person:00000000000000000000000000000001"
DUE = MORNING + timedelta(days=14)
ACCEPTED = (OPEN, c.Resolve(reason="It stopped."), TRIED, c.AcceptFollowUp(check="by_hour"))
ASSIGNED = (*ACCEPTED, (c.AssignFollowUp(owner=MARIA, due_at=DUE), WORKER))
WRITTEN = (*ASSIGNED, (c.RecordChangeWritten(check="by_hour", diff="+[checks.by_hour]\n"), WORKER))
HARMFUL = (*WRITTEN, (c.RequestTakeBack(check="by_hour", reason="3 false alarms a week"), WORKER))
IN_PULL_REQUEST = (c.RecordChangeProposed(check="by_hour", diff="+", url="https://h/1"), WORKER)
UNMERGED = (
    *ASSIGNED,
    IN_PULL_REQUEST,
    (c.RecordPullRequestClosed(check="by_hour", url="https://h/1"), WORKER),
)
BACK = (c.RecordChangeTakenBack(check="by_hour", diff="-[checks.by_hour]\n"), WORKER)
LEFT = (c.RecordChangeLeft(check="by_hour", diff="-", reason="changed by hand"), WORKER)
DONE = (c.RecordFollowUpDone(says="it is raised 1 h 30 min earlier"), WORKER)
EARNED = (c.RecordChangeEarned(check="by_hour", says="its record earns it that people are paged"), WORKER)
REMINDED = (c.RemindOfFollowUp(lacking="it is in shadow mode"), WORKER)

Step = c.Command | tuple[c.Command, Actor]


def state(*steps: Step, days: int = 1) -> str:
    incident, _ = after(*steps)
    found = standing(incident, MORNING + timedelta(days=days))
    assert found is not None
    return f"{found.state}, overdue" if found.overdue else found.state


def answered_before(answer: e.FollowUpAnswered) -> Incident:
    """An incident with an answer from before answers were followed."""
    record = after(*ACCEPTED)[1][-1]
    return evolve(after(*ACCEPTED[:3])[0], record._replace(event=answer))


def kinds(incident: Incident) -> set[str]:
    return {obligation.kind for obligation in (*open_obligations(incident), *scheduled(incident))}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (ACCEPTED[:3], "proposed"),
        (ACCEPTED, "accepted"),
        (WRITTEN, "written"),
        ((*ASSIGNED, IN_PULL_REQUEST), "in a pull request"),
        (UNMERGED, "pull request closed"),
        ((*UNMERGED, IN_PULL_REQUEST), "in a pull request"),
        ((*UNMERGED, c.AcceptFollowUp(check="by_hour")), "accepted"),
        ((*UNMERGED, c.DropFollowUp(reason="the table goes")), "dropped"),
        ((*ASSIGNED, (c.RecordChangeHandedOver(check="by_hour", diff="+", reason="as declared"), WORKER)),
         "handed over"),
        ((*WRITTEN, DONE), "done"),
        ((*WRITTEN, c.DropFollowUp(reason="the table goes")), "dropped"),
        (HARMFUL, "to be taken out"),
        ((*HARMFUL, BACK), "taken back"),
        ((*HARMFUL, LEFT), "to be taken out"),
        ((*HARMFUL, LEFT, BACK), "taken back"),
        ((*ACCEPTED[:3], c.AnswerFollowUp(improvement=LESSON.model_copy(update={"change": "nothing"}))),
         "declined"),
    ],
)  # fmt: skip
def test_its_state_is_a_fold_over_its_events(steps: tuple[Step, ...], said: str) -> None:
    assert state(*steps) == said


def test_it_is_overdue_once_its_day_has_passed_and_nothing_showed_it_done() -> None:
    assert state(*WRITTEN, days=15) == "written, overdue"
    assert state(*WRITTEN, DONE, days=15) == "done"
    assert state(*HARMFUL, BACK, days=15) == "taken back"


def test_an_answer_that_changes_something_is_assigned_and_declining_is_not() -> None:
    assert "assign" in kinds(after(*ACCEPTED)[0])
    assert "assign" not in kinds(after(*ASSIGNED)[0])
    to_another = c.AssignFollowUp(owner="person:other", due_at=DUE)
    assert decide(after(*ASSIGNED)[0], to_another, WORKER, MORNING) == ()
    nothing = c.AnswerFollowUp(improvement=LESSON.model_copy(update={"change": "nothing"}))
    assert "assign" not in kinds(after(*ACCEPTED[:3], nothing)[0])


def test_words_without_a_check_are_followed_as_well() -> None:
    incident, _ = after(*ACCEPTED[:3], c.AnswerFollowUp(improvement=LESSON))
    assert (is_open(incident), incident.change) == (True, None)
    assert kinds(incident) >= {"assign"}
    assert "change" not in kinds(incident)


def test_it_is_reminded_of_once_when_due_and_never_once_done() -> None:
    incident, _ = after(*WRITTEN)
    due = follow_up_due(incident)
    assert due is not None
    assert (due.kind, due.since) == ("remind_of_follow_up", DUE)
    reminded, _ = after(*WRITTEN, REMINDED)
    assert follow_up_due(reminded) is None
    assert decide(reminded, *REMINDED, DUE) == ()
    assert follow_up_due(after(*WRITTEN, DONE)[0]) is None
    assert follow_up_due(after(*HARMFUL, BACK)[0]) is None
    assert follow_up_due(after(*ACCEPTED)[0]) is None


@pytest.mark.parametrize("steps", [ACCEPTED, (*WRITTEN, DONE)], ids=["nobody's yet", "done meanwhile"])
def test_nobody_is_reminded_of_a_follow_up_that_is_nobodys_or_done(steps: tuple[Step, ...]) -> None:
    assert decide(after(*steps)[0], *REMINDED, DUE) == ()


def test_that_its_check_is_in_a_pull_request_is_said_once_and_so_is_that_it_was_closed() -> None:
    assert decide(after(*ASSIGNED, IN_PULL_REQUEST)[0], *IN_PULL_REQUEST, DUE) == ()
    assert decide(after(*UNMERGED)[0], *UNMERGED[-1], DUE) == ()


def test_closed_it_is_still_followed_reopened_it_is_not() -> None:
    closed, _ = after(*WRITTEN, c.Close())
    assert is_open(closed)
    assert decide(closed, DONE[0], WORKER, DUE) != ()
    reopened, _ = after(*WRITTEN, c.Close(), c.Reopen(reason="It is back."))
    assert (is_open(reopened), follow_up_due(reopened)) == (False, None)


def test_what_turns_out_to_be_no_incident_is_proposed_for_anew() -> None:
    reopened = (*ACCEPTED[:3], c.Reopen(reason="It is back."), c.Dismiss(reason="A holiday."))
    incident, _ = after(*reopened)
    assert (incident.proposed, incident.changes) == (None, ())
    assert "follow_up" in kinds(incident)


def test_a_worker_shows_it_done_once_and_a_person_says_in_what_way() -> None:
    incident, _ = after(*WRITTEN)
    (shown,) = decide(incident, DONE[0], WORKER, DUE)
    assert shown == e.FollowUpDone(shown_by="replay", says="it is raised 1 h 30 min earlier")
    (word,) = decide(incident, c.RecordFollowUpDone(says=" logged now "), ON_CALL, DUE)
    assert word == e.FollowUpDone(shown_by="person", says="logged now")
    with pytest.raises(Refused, match="in what way"):
        decide(incident, c.RecordFollowUpDone(says=" "), ON_CALL, DUE)
    done, _ = after(*WRITTEN, DONE)
    assert decide(done, DONE[0], WORKER, DUE) == ()
    assert decide(done, DONE[0], ON_CALL, DUE) == ()


def test_what_nobody_follows_is_neither_done_nor_dropped() -> None:
    incident, _ = after(*ACCEPTED[:3])
    for command in (DONE[0], c.DropFollowUp(reason="no")):
        with pytest.raises(Refused, match="has no follow-up that is followed"):
            decide(incident, command, ON_CALL, DUE)
    assert decide(incident, DONE[0], WORKER, DUE) == ()


def test_whoever_drops_it_says_why() -> None:
    with pytest.raises(Refused, match="Say why it is not to be done"):
        decide(after(*WRITTEN)[0], c.DropFollowUp(reason=" "), ON_CALL, DUE)


def test_done_or_taken_back_its_ticket_has_nothing_left_to_say() -> None:
    assert outstanding(after(*WRITTEN)[0]).follow_up is not None
    assert outstanding(after(*WRITTEN, DONE)[0]).follow_up is None
    assert outstanding(after(*HARMFUL)[0]).follow_up is not None
    assert outstanding(after(*HARMFUL, BACK)[0]).follow_up is None


def test_what_made_something_worse_is_taken_back_once() -> None:
    incident, _ = after(*HARMFUL)
    assert "take_back" in kinds(incident)
    assert decide(incident, HARMFUL[-1][0], WORKER, DUE) == ()
    back, _ = after(*HARMFUL, BACK)
    assert "take_back" not in kinds(back)
    assert decide(back, BACK[0], WORKER, DUE) == ()
    assert decide(after(*WRITTEN)[0], BACK[0], WORKER, DUE) == ()


def test_nothing_is_taken_back_that_never_came() -> None:
    incident, _ = after(*ASSIGNED)
    assert decide(incident, c.RequestTakeBack(check="by_hour", reason="worse"), WORKER, DUE) == ()
    other = c.RequestTakeBack(check="by_moon", reason="worse")
    assert decide(after(*WRITTEN)[0], other, WORKER, DUE) == ()


def test_a_check_is_left_to_a_person_once_and_only_where_it_is_to_be_taken_out() -> None:
    assert decide(after(*WRITTEN)[0], *LEFT, DUE) == ()
    assert decide(after(*HARMFUL, LEFT)[0], *LEFT, DUE) == ()


def test_what_is_taken_back_earns_no_voice() -> None:
    assert decide(after(*HARMFUL, BACK)[0], *EARNED, DUE) == ()


def test_that_its_record_earns_it_a_voice_is_said_once() -> None:
    incident, _ = after(*WRITTEN, EARNED)
    assert decide(incident, *EARNED, DUE) == ()
    found = standing(incident, MORNING)
    assert found is not None
    assert found.says == "may leave shadow mode, its record earns it that people are paged"


def test_its_owner_is_a_pseudonym_in_the_log_and_has_a_name_outside() -> None:
    incident, log = after(*WRITTEN, (c.RemindOfFollowUp(lacking="x"), WORKER))
    assert MARIA in people_of(incident)
    shown = named_incident(incident, {MARIA: "slack:U7"})
    assert shown.followed is not None
    assert shown.followed.owner == "slack:U7"
    naming = [record for record in log if isinstance(record.event, e.FollowUpAssigned | e.FollowUpReminded)]
    assert len(naming) == 2
    for record in naming:
        assert MARIA in people_of(record)
        assert sentence(named_record(record, {MARIA: "slack:U7"}).event, {}).count("slack:U7") == 1


def test_answers_from_before_they_were_followed_are_neither_owed_nor_overdue() -> None:
    incident = answered_before(e.FollowUpAnswered(improvement=LESSON))
    assert (is_open(incident), kinds(incident) & {"assign", "remind_of_follow_up"}) == (False, set())


def test_the_check_of_an_answer_from_before_they_were_followed_earns_nothing_and_is_not_taken_back() -> None:
    incident = answered_before(e.FollowUpAnswered(improvement=LESSON, change=tried("by_hour").change))
    for command in (EARNED[0], HARMFUL[-1][0], BACK[0]):
        assert decide(incident, command, WORKER, DUE) == ()

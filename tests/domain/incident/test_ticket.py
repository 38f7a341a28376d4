"""What a ticket is asked for, what it says, and what closing it means."""

from __future__ import annotations

import pytest

from domain.errors import LogError
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide, outstanding
from domain.incident.state import Incident, evolve
from domain.incident.timeline import timeline
from domain.values import Actor
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    LESSON,
    MORNING,
    OFFERED,
    OPEN,
    REVERTED,
    USELESS,
    VERIFIED,
    WORKER,
    after,
)

IN_FORCE = (OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED, VERIFIED)
REQUEST = (c.RequestTicket(tracker="issues"), WORKER)
OPENED = (c.RecordTicketOpened(ticket="shop/serving#7", url="https://github.example/7"), WORKER)
UPDATE = (c.RequestTicketUpdate(), WORKER)
UPDATED = (c.RecordTicketUpdated(), WORKER)
CLOSED = (c.RecordTicketClosed(), WORKER)
AGREED = c.AnswerFollowUp(improvement=LESSON)
NOTHING = c.AnswerFollowUp(improvement=LESSON.model_copy(update={"change": "nothing"}))
REVERT = c.RevertHotfix(option="fill")


def says(incident: Incident, command: c.Command, actor: Actor = WORKER) -> tuple[e.IncidentEvent, ...]:
    return decide(incident, command, actor, MORNING)


def test_a_ticket_is_about_what_stays_in_force_and_what_was_agreed_and_about_nothing_else() -> None:
    for steps in ((OPEN,), IN_FORCE[:4], IN_FORCE[:5], (*IN_FORCE[:5], USELESS), (*IN_FORCE, REVERT)):
        assert not outstanding(after(*steps)[0]).anything
        assert says(after(*steps)[0], REQUEST[0]) == ()
    in_force, _ = after(*IN_FORCE)
    assert outstanding(in_force).hotfix == "Do fill"
    assert outstanding(after(*IN_FORCE, REVERT, REVERTED)[0]) == e.Outstanding()
    assert outstanding(after(*IN_FORCE, AGREED)[0]).follow_up == f"check: {LESSON.detail}"
    assert outstanding(after(*IN_FORCE, NOTHING)[0]).follow_up is None


def test_it_is_asked_for_once_and_opened_once() -> None:
    asked, _ = after(*IN_FORCE, REQUEST)
    assert asked.awaits["ticket"][0] == asked.last_event_id
    assert says(asked, REQUEST[0]) == says(asked, UPDATE[0]) == says(asked, CLOSED[0]) == ()
    opened, _ = after(*IN_FORCE, REQUEST, OPENED)
    assert "ticket" not in opened.awaits
    assert says(opened, OPENED[0]) == says(opened, REQUEST[0]) == says(opened, UPDATED[0]) == ()
    assert says(opened, UPDATE[0]) == ()


def test_where_no_ticket_was_asked_for_none_is_opened_updated_or_closed() -> None:
    incident, _ = after(*IN_FORCE, AGREED)
    for command, actor in (OPENED, UPDATE, UPDATED, CLOSED):
        assert says(incident, command, actor) == ()


def test_as_long_as_it_is_open_what_is_agreed_on_comes_into_it_and_not_into_another() -> None:
    incident, _ = after(*IN_FORCE, REQUEST, OPENED, AGREED)
    assert says(incident, REQUEST[0]) == ()
    assert says(incident, UPDATE[0]) == (e.TicketUpdateRequested(outstanding=outstanding(incident)),)


def test_it_is_updated_with_what_changed_one_after_the_other_and_not_while_a_revert_is_under_way() -> None:
    incident, _ = after(*IN_FORCE, REQUEST, OPENED, AGREED, UPDATE)
    assert incident.ticket is not None
    assert incident.ticket.outstanding == outstanding(incident)
    assert says(incident, UPDATE[0]) == ()
    more = (*IN_FORCE, REQUEST, OPENED, AGREED, UPDATE, REVERT, REVERTED)
    assert says(after(*more)[0], UPDATE[0]) == ()
    assert len(says(after(*more, UPDATED)[0], UPDATE[0])) == 1
    assert says(after(*IN_FORCE, REQUEST, OPENED, REVERT)[0], UPDATE[0]) == ()
    failed = (c.RecordRevertFailed(option="fill", reason="no"), WORKER)
    assert says(after(*IN_FORCE, REQUEST, OPENED, REVERT, failed)[0], UPDATE[0]) == ()


def test_it_is_closed_where_nothing_is_left_and_that_is_nobody_elses_closing() -> None:
    ending, _ = after(*IN_FORCE, REQUEST, OPENED, REVERT, REVERTED, UPDATE)
    assert says(ending, CLOSED[0]) == ()
    (event,) = says(ending, UPDATED[0])
    assert event == e.TicketUpdated(closed=True)
    ended, _ = after(*IN_FORCE, REQUEST, OPENED, REVERT, REVERTED, UPDATE, UPDATED)
    assert ended.ticket is not None
    assert (ended.ticket.is_open, ended.ticket.closed_by_somebody) == (False, False)
    assert says(ended, CLOSED[0]) == says(ended, REQUEST[0]) == ()


def test_closed_by_somebody_the_follow_up_is_done_and_the_hotfix_is_named_and_acts_on() -> None:
    closed, log = after(*IN_FORCE, AGREED, REQUEST, OPENED, CLOSED)
    assert log[-1].event == e.TicketClosed(
        ticket="shop/serving#7", dropped=False, follow_up=f"check: {LESSON.detail}", option="fill"
    )
    assert closed.follow_up_ended_at == closed.last_at
    assert closed.hotfix is not None
    assert closed.hotfix.stage == "verified"
    assert timeline(log)[-1].what == (
        "Ticket shop/serving#7 was closed in its tracker; the follow-up is done. “Do fill” is still in "
        "force: revert it if it is no longer needed"
    )
    assert says(closed, CLOSED[0]) == says(closed, UPDATE[0]) == says(closed, REQUEST[0]) == ()


@pytest.mark.parametrize(
    "steps",
    [(OPEN, c.Resolve(reason="It stopped.")), (*IN_FORCE, REVERT, REVERTED)],
    ids=["no hotfix", "hotfix reverted"],
)
def test_where_nothing_is_in_force_its_ticket_is_of_the_follow_up_alone(
    steps: tuple[c.Command | tuple[c.Command, Actor], ...],
) -> None:
    opened, _ = after(*steps, AGREED, REQUEST, OPENED)
    assert says(opened, UPDATE[0]) == ()
    assert says(opened, CLOSED[0]) == (
        e.TicketClosed(
            ticket="shop/serving#7", dropped=False, follow_up=f"check: {LESSON.detail}", option=None
        ),
    )


def test_closed_as_what_is_not_to_be_done_the_follow_up_is_dropped_and_asked_for_no_more() -> None:
    dropped = (c.RecordTicketClosed(dropped=True), WORKER)
    closed, log = after(*IN_FORCE, AGREED, REQUEST, OPENED, dropped)
    assert "; the follow-up is dropped. “Do fill” is still in force" in timeline(log)[-1].what
    assert closed.ticket is not None
    assert closed.ticket.dropped
    assert says(closed, REQUEST[0]) == ()


def test_whoever_closes_it_ends_what_it_says_and_nothing_that_came_up_since() -> None:
    opened = (*IN_FORCE, REQUEST, OPENED, AGREED)
    for unsaid in ((), (UPDATE,)):
        closed, log = after(*opened, *unsaid, CLOSED)
        assert log[-1].event == e.TicketClosed(ticket="shop/serving#7", dropped=False, option="fill")
        assert outstanding(closed).follow_up is not None
        assert isinstance(says(closed, REQUEST[0])[0], e.TicketRequested)
    said, _ = after(*opened, UPDATE, UPDATED, CLOSED)
    assert outstanding(said).follow_up is None
    another_in_force = (REVERT, REVERTED, c.Reopen(reason="it is back"), DEPLOYED, APPLIED, VERIFIED)
    _, log = after(*IN_FORCE, REQUEST, OPENED, *another_in_force, CLOSED)
    assert log[-1].event == e.TicketClosed(ticket="shop/serving#7", dropped=False)


def test_after_its_closing_another_ticket_is_for_what_that_one_did_not_say() -> None:
    closed = (*IN_FORCE, REQUEST, OPENED, CLOSED)
    renewed = (
        c.RenewHotfix(option="fill", reason="not yet"),
        (c.RecordHotfixRenewed(option="fill", receipt="ok"), WORKER),
    )
    assert says(after(*closed, *renewed)[0], REQUEST[0]) == ()
    assert len(says(after(*closed, AGREED)[0], REQUEST[0])) == 1
    again = (REVERT, REVERTED, c.Reopen(reason="it is back"), DEPLOYED, APPLIED, VERIFIED)
    (event,) = says(after(*closed, *again)[0], REQUEST[0])
    assert isinstance(event, e.TicketRequested)
    other, _ = after(*closed, AGREED, REQUEST)
    assert other.ticket is not None
    assert (other.ticket.id, other.ticket.closed_at) == (None, None)


def test_a_follow_up_that_was_done_is_open_again_where_it_is_answered_anew_or_the_incident_goes_on() -> None:
    done = (*IN_FORCE, AGREED, REQUEST, OPENED, CLOSED)
    assert outstanding(after(*done)[0]).follow_up is None
    other = c.AnswerFollowUp(improvement=LESSON.model_copy(update={"detail": "Another alarm."}))
    assert outstanding(after(*done, other)[0]).follow_up == "check: Another alarm."
    assert after(*done, c.Reopen(reason="it is back"))[0].follow_up_ended_at is None


def test_an_answer_before_it_was_asked_for_is_no_history() -> None:
    incident, log = after(*IN_FORCE)
    with pytest.raises(LogError, match="before a ticket was asked for"):
        evolve(incident, log[-1]._replace(event=e.TicketUpdated(closed=True)))

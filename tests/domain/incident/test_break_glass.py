"""What may be deployed without the second person it needs, by whom, and what is reported about it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.errors import Refused, Stale
from domain.improvement.scorecard import score_practice
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.card import buttons
from domain.incident.decide import CHOICE_HOLDS, decide
from domain.incident.menu import digest_of, priced_anew
from domain.incident.obligations import open_obligations
from domain.incident.redecide import redecided
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.values import Actor
from tests.domain.incident.given import (
    APPROVED,
    ASKED,
    DIAGNOSED,
    MENU,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    SECOND,
    WORKER,
    after,
    append,
    option,
)

LATER = MORNING + timedelta(hours=1)
WHY = "Nobody answers the pager."
BREAK = c.BreakGlass(option="rollback", menu=MENU, reason=f" {WHY} ")
WAITING = (OPEN, DIAGNOSED, OFFERED, ASKED)
FORBIDDEN = option("rollback", second_person=True).model_copy(update={"break_glass": False})
NOT_ALLOWED = (
    OPEN,
    DIAGNOSED,
    (c.PrepareMenu(options=(FORBIDDEN,)), WORKER),
    c.ChooseHotfix(option="rollback", menu=digest_of((FORBIDDEN,))),
)


def refusal(
    incident: Incident, command: c.Command = BREAK, actor: Actor = ON_CALL, at: datetime = LATER
) -> str:
    with pytest.raises(Refused) as refused:
        decide(incident, command, actor, at)
    return str(refused.value)


@pytest.mark.parametrize("actor", [ON_CALL, SECOND])
def test_whoever_finds_no_second_person_has_it_deployed_with_a_reason(actor: Actor) -> None:
    incident, log = after(*WAITING)
    (event,) = decide(incident, BREAK, actor, LATER)
    assert event == e.HotfixApproved(option="rollback", menu=MENU, break_glass=WHY)
    deployed, log = append(incident, log, (event,), actor, LATER)
    assert deployed is not None and deployed.hotfix is not None
    assert (deployed.hotfix.stage, deployed.hotfix.approved_by) == ("approved", actor.id)
    assert (deployed.hotfix.break_glass, deployed.glass_broken) == (WHY, 1)
    assert "apply" in {obligation.kind for obligation in open_obligations(deployed)}
    assert timeline(log)[-1].what == (
        f"Break-glass: “Do rollback” is deployed without the second person that it needs: {WHY}"
    )
    assert redecided(incident, log[-1:])
    assert score_practice([deployed, incident], LATER).glass_broken == 1


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_without_a_reason_nothing_is_deployed(reason: str) -> None:
    incident, _ = after(*WAITING)
    assert "Say why it cannot wait" in refusal(incident, BREAK.model_copy(update={"reason": reason}))


def test_where_the_declaration_named_nobody_nobody_may() -> None:
    incident, _ = after(*NOT_ALLOWED)
    command = BREAK.model_copy(update={"menu": digest_of((FORBIDDEN,))})
    assert "[permissions] break_glass in recsysops.toml named nobody" in refusal(incident, command)


def test_a_worker_breaks_no_glass() -> None:
    assert "by people" in refusal(after(*WAITING)[0], actor=WORKER)


def test_to_press_twice_is_to_press_once_and_another_one_is_told_who_was_first() -> None:
    incident, _ = after(*WAITING, BREAK)
    assert decide(incident, BREAK, ON_CALL, LATER) == ()
    assert "slack:U-oncall was first and approved" in refusal(incident, actor=SECOND)
    assert "slack:U-oncall was first and approved" in refusal(incident, *APPROVED)
    approved, _ = after(*WAITING, APPROVED)
    assert "slack:U-ml was first and approved" in refusal(approved)


def test_what_no_longer_waits_or_waited_too_long_is_not_deployed() -> None:
    rejected, _ = after(*WAITING, c.RejectHotfix(option="rollback"))
    assert "is rejected already" in refusal(rejected)
    incident, _ = after(*WAITING)
    asked = MORNING + timedelta(minutes=3)
    assert "and much may have changed since" in refusal(incident, at=asked + CHOICE_HOLDS * 1.01)
    assert decide(incident, BREAK, ON_CALL, asked + CHOICE_HOLDS)
    ended, _ = append(incident, [], (e.IncidentResolved(how="elsewhere", reason="x"),), ON_CALL, LATER)
    assert ended is not None
    assert "is resolved; reopen it" in refusal(ended)


def test_with_numbers_that_were_never_read_nothing_is_deployed() -> None:
    with pytest.raises(Stale, match="does not say which numbers"):
        decide(after(*WAITING)[0], BREAK.model_copy(update={"menu": ""}), ON_CALL, LATER)


def test_who_cannot_approve_their_own_request_is_told_of_break_glass_where_it_is_allowed() -> None:
    own = c.ApproveHotfix(option="rollback", menu=MENU)
    assert "break-glass deploys it with a reason" in refusal(after(*WAITING)[0], own)
    forbidden = own.model_copy(update={"menu": digest_of((FORBIDDEN,))})
    assert "break-glass" not in refusal(after(*NOT_ALLOWED)[0], forbidden)


def test_the_button_is_there_while_it_waits_and_only_where_it_is_allowed() -> None:
    def shown(incident: Incident | None) -> bool:
        assert incident is not None
        return "break_glass" in {button.action for button in buttons(incident)}

    waiting, log = after(*WAITING)
    assert shown(waiting)
    assert not shown(after(*NOT_ALLOWED)[0])
    assert not shown(after(*WAITING[:3])[0])
    assert not shown(after(*WAITING, BREAK)[0])
    gone = e.MenuPrepared(options=())  # no rule of today leads there; the log of an earlier release may
    assert not shown(append(waiting, log, (gone,), WORKER, LATER)[0])
    assert not shown(
        append(waiting, [], (e.IncidentResolved(how="elsewhere", reason="x"),), ON_CALL, LATER)[0]
    )


def test_a_menu_that_allows_it_since_says_so_to_whoever_read_the_one_before() -> None:
    allowed = FORBIDDEN.model_copy(update={"break_glass": True})
    assert "may be deployed by break-glass" in priced_anew((FORBIDDEN,), (allowed,), "rollback")
    assert digest_of((FORBIDDEN,)) != digest_of((allowed,))


def test_what_was_deployed_the_usual_way_broke_no_glass() -> None:
    approved, log = after(*WAITING, APPROVED)
    assert approved.hotfix is not None
    assert (approved.hotfix.break_glass, approved.glass_broken) == (None, 0)
    assert timeline(log)[-1].what == "Approved “Do rollback”"

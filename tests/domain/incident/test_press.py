"""What a press may do to a hotfix, in every stage and at every end; and which numbers it means."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.card import Button, buttons
from domain.incident.decide import decide, in_hand, missing_to_close
from domain.incident.decide.hotfix import CHOICE_HOLDS
from domain.incident.decide.rule import BUSY, DEPLOYED, WATCHED
from domain.incident.menu import MOST_FORMER, digest_of, priced_anew
from domain.incident.state import Incident, Stage, Status
from domain.values import Actor, Option
from tests.domain.incident.given import (
    APPLIED,
    APPROVED,
    ASKED,
    DIAGNOSED,
    LESSON,
    MENU,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    REPRICED,
    SECOND,
    VERIFIED,
    WORKER,
    after,
    append,
    option,
)
from tests.domain.incident.given import (
    DEPLOYED as DEPLOY,
)

LATER = MORNING + timedelta(hours=1)
HANDLED = (OPEN, DIAGNOSED, OFFERED)
IN_FORCE = (*HANDLED, DEPLOY, APPLIED)
REVERT = c.RevertHotfix(option="fill")
STAGES: dict[Stage, tuple[c.Command | tuple[c.Command, Actor], ...]] = {
    "chosen": (*HANDLED, ASKED),
    "rejected": (*HANDLED, ASKED, c.RejectHotfix(option="rollback")),
    "approved": (*HANDLED, DEPLOY),
    "failed": (*HANDLED, DEPLOY, (c.RecordHotfixFailed(option="fill", reason="500"), WORKER)),
    "applied": IN_FORCE,
    "widening": (
        *HANDLED,
        ASKED,
        APPROVED,
        (c.RecordHotfixApplied(option="rollback", receipt="ok"), WORKER),
        (c.PassStage(option="rollback", share=0.05), WORKER),
    ),
    "verified": (*IN_FORCE, VERIFIED, c.Reopen(reason="not sure")),
    "refuted": (*IN_FORCE, (c.RefuteHotfix(option="fill", reason="not back"), WORKER)),
    "reverting": (*IN_FORCE, REVERT),
    "reverted": (*IN_FORCE, REVERT, (c.RecordHotfixReverted(option="fill", receipt="ok"), WORKER)),
    "revert_failed": (*IN_FORCE, REVERT, (c.RecordRevertFailed(option="fill", reason="500"), WORKER)),
}
ENDS: dict[Status, tuple[e.IncidentEvent, ...]] = {
    "acknowledged": (e.IncidentAcknowledged(),),
    "resolved": (e.IncidentResolved(how="elsewhere", reason="It stopped."),),
    "closed": (e.IncidentResolved(how="elsewhere", reason="It stopped."), e.IncidentClosed()),
}


def standing(stage: Stage, status: Status = "acknowledged") -> Incident:
    """
    An incident with its hotfix in this stage; in this status too where no rule of today leads there, as a log
    of an earlier release may have it.
    """
    incident, log = after(*STAGES[stage])
    ended, _ = append(incident, log, ENDS[status], ON_CALL, MORNING)
    assert ended is not None
    assert ended.hotfix is not None
    assert (ended.hotfix.stage, ended.status) == (stage, status)
    return ended


def asked(incident: Incident, command: c.Command, actor: Actor = SECOND, at: datetime = LATER) -> str:
    """The wire names of what happens; `refused` where a rule says no."""
    try:
        return " ".join(event.wire_name for event in decide(incident, command, actor, at))
    except Refused:
        return "refused"


def test_every_stage_is_tried() -> None:
    assert {*STAGES, "expired"} == set(Stage.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", ["resolved", "closed"])
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_deployed_after_the_end_whatever_was_in_hand(stage: Stage, status: Status) -> None:
    incident = standing(stage, status)
    for key in ("fill", "rollback"):
        for command in (c.ChooseHotfix(option=key, menu=MENU), c.ApproveHotfix(option=key, menu=MENU)):
            for actor in (ON_CALL, SECOND):
                assert asked(incident, command, actor) in ("refused", "")
    shown = {button.action for button in buttons(incident)}
    assert not shown & {"deploy", "approve"}


@pytest.mark.parametrize(
    ("status", "words"), [("resolved", "is resolved; reopen it"), ("closed", "is closed")]
)
def test_who_approves_after_the_end_is_told_that_it_has_ended(status: Status, words: str) -> None:
    with pytest.raises(Refused, match=words):
        decide(standing("chosen", status), *APPROVED, LATER)


@pytest.mark.parametrize("status", ENDS)
@pytest.mark.parametrize("stage", STAGES)
def test_what_acts_can_be_taken_back_at_any_time_and_nothing_else_can(stage: Stage, status: Status) -> None:
    incident = standing(stage, status)
    expected = "hotfix.revert_requested" if stage in DEPLOYED else "refused"
    if stage in ("reverting", "reverted"):
        expected = ""
    assert (
        asked(incident, c.RevertHotfix(option=incident.hotfix.option if incident.hotfix else "")) == expected
    )
    assert (Button(action="revert", option="fill") in buttons(incident)) == (stage in DEPLOYED)


RESOLVED: dict[Stage, str] = {
    "chosen": "incident.resolved hotfix.rejected",
    "approved": "refused",
    "widening": "refused",
    "reverting": "refused",
}
DISMISSED: dict[Stage, str] = {**RESOLVED, **dict.fromkeys(DEPLOYED, "refused")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_was_only_asked_for_is_withdrawn_with_the_end_and_what_is_being_done_is_waited_for(
    stage: Stage,
) -> None:
    incident = standing(stage)
    assert asked(incident, c.Resolve(reason="It stopped.")) == RESOLVED.get(stage, "incident.resolved")
    assert asked(incident, c.Dismiss(reason="A holiday.")) == DISMISSED.get(stage, "incident.resolved")


@pytest.mark.parametrize(
    ("stage", "command", "words"),
    [
        ("approved", c.Resolve(reason="x"), "“Do fill” is being deployed. Wait until #1 says how that went"),
        ("reverting", c.Dismiss(reason="x"), "“Do fill” is being reverted"),
        ("applied", c.Dismiss(reason="x"), "“Do fill” is in force.*Revert it first"),
        ("revert_failed", c.Dismiss(reason="x"), "could not be reverted.*Revert it first"),
    ],
)
def test_who_ends_it_too_early_is_told_what_is_in_hand(stage: Stage, command: c.Command, words: str) -> None:
    with pytest.raises(Refused, match=words):
        decide(standing(stage), command, SECOND, LATER)


def test_a_withdrawn_request_says_why_and_can_be_asked_for_again_after_reopening() -> None:
    steps = (*HANDLED, ASKED, c.Resolve(reason="It stopped."))
    incident, log = after(*steps)
    assert incident.hotfix is not None
    assert (incident.status, incident.hotfix.stage) == ("resolved", "rejected")
    assert log[-1].event == e.HotfixRejected(
        option="rollback", reason="withdrawn, as the incident was resolved before anybody approved it"
    )
    with pytest.raises(Stale, match="rejected already"):
        decide(incident, *APPROVED, LATER)
    back, _ = after(*steps, c.Reopen(reason="It is back."), ASKED, APPROVED)
    assert back.hotfix is not None
    assert back.hotfix.stage == "approved"


CLOSES: dict[Stage, str] = {
    "chosen": "waits to be approved; reject it",
    "approved": "is being deployed; wait for its end",
    "applied": "is in force and being watched.*wait for the end of the watch, or revert it",
    "widening": "is being deployed to more members; wait until it is deployed",
    "reverting": "is being reverted; wait for its end",
    "revert_failed": "could not be reverted.*; revert it again",
}


@pytest.mark.parametrize("stage", STAGES)
def test_an_incident_is_not_closed_over_what_is_not_finished_and_says_what_that_is(stage: Stage) -> None:
    resolved = standing(stage, "resolved")
    answered = decide(resolved, c.AnswerFollowUp(improvement=LESSON), ON_CALL, LATER)
    incident, _ = append(resolved, [], answered, ON_CALL, LATER)
    assert incident is not None
    assert missing_to_close(incident) == (("hotfix",) if stage in CLOSES else ())
    if stage not in CLOSES:
        assert decide(incident, c.Close(), ON_CALL, LATER) == (e.IncidentClosed(),)
        return
    with pytest.raises(Refused, match=CLOSES[stage]):
        decide(incident, c.Close(), ON_CALL, LATER)


def test_what_stays_in_force_over_the_end_is_said_with_the_time_it_expires() -> None:
    incident, _ = after(*IN_FORCE, VERIFIED)
    assert in_hand(incident) == "“Do fill” is in force, and expires 2026-03-08 02:44 UTC"
    assert in_hand(after(*HANDLED)[0]) is None
    assert all(in_hand(standing(stage)) for stage in STAGES if stage in BUSY)


# Which numbers were read

LOOKED_AGAIN = (*HANDLED, c.LookAgain(), DIAGNOSED, REPRICED)


def test_a_press_means_the_menu_that_was_read() -> None:
    incident, _ = after(*LOOKED_AGAIN)
    with pytest.raises(Stale) as stale:
        decide(incident, DEPLOY, ON_CALL, LATER)
    said = str(stale.value)
    assert "priced again" in said
    assert (
        "“Do fill” repairs 61 % [52–98] (before: repairs 96 % [93–98]); "
        "loses 0.3 % [0.2–0.4] of plays elsewhere as before" in said
    )
    again = c.ChooseHotfix(option="fill", menu=incident.menu_digest)
    assert decide(incident, again, ON_CALL, LATER)[-1] == e.HotfixApproved(option="fill", menu=again.menu)


def test_a_menu_that_came_out_the_same_is_the_menu_that_was_read() -> None:
    incident, _ = after(*HANDLED, c.LookAgain(), DIAGNOSED, OFFERED)
    assert asked(incident, DEPLOY, ON_CALL) == "hotfix.chosen hotfix.approved"


@pytest.mark.parametrize("menu", ["", "0" * 16])
def test_a_press_that_names_no_menu_or_one_that_nobody_knows_gets_the_numbers_of_now(menu: str) -> None:
    incident, _ = after(*HANDLED)
    with pytest.raises(Stale, match=r"nothing was done. Now: “Do fill” repairs 96 %.*loses 0.3 %"):
        decide(incident, c.ChooseHotfix(option="fill", menu=menu), ON_CALL, LATER)


def test_an_approval_is_of_what_was_chosen_and_of_nothing_else() -> None:
    chosen, log = after(*LOOKED_AGAIN, c.ChooseHotfix(option="rollback", menu=digest_of(REPRICED[0].options)))
    with pytest.raises(Stale, match=r"repairs 61 %.*before: repairs 96 %"):
        decide(chosen, *APPROVED, LATER)
    now = c.ApproveHotfix(option="rollback", menu=chosen.menu_digest)
    assert decide(chosen, now, SECOND, LATER) == (e.HotfixApproved(option="rollback", menu=now.menu),)
    # No rule changes a menu under a hotfix in hand; a log that was written around the rules might.
    forged, _ = append(chosen, log, (e.MenuPrepared(options=OFFERED[0].options),), WORKER, LATER)
    assert forged is not None
    with pytest.raises(Stale, match="asked for from another menu"):
        decide(forged, *APPROVED, LATER)


def test_what_was_chosen_before_there_were_digests_is_approved_by_the_numbers_of_now() -> None:
    incident, log = after(*HANDLED)
    old, _ = append(incident, log, (e.HotfixChosen(option="rollback"),), ON_CALL, MORNING)
    assert old is not None
    assert asked(old, APPROVED[0]) == "hotfix.approved"
    assert asked(old, c.ApproveHotfix(option="rollback", menu="")) == "refused"


def test_a_key_that_means_something_else_now_is_not_what_was_read() -> None:
    other = option().model_copy(update={"parameters": {"value": "Danish"}})
    incident, _ = after(*HANDLED, c.LookAgain(), DIAGNOSED, (c.PrepareMenu(options=(other,)), WORKER))
    with pytest.raises(Stale, match=r"What it hands to its deployer changed|gone: “Do rollback”"):
        decide(incident, DEPLOY, ON_CALL, LATER)


def test_only_so_many_menus_are_remembered_and_the_newest_ones() -> None:
    def offered(count: int) -> tuple[c.Command, Actor]:
        return (c.PrepareMenu(options=(option(f"fix-{count}"),)), WORKER)

    steps = [step for count in range(MOST_FORMER + 3) for step in (c.LookAgain(), DIAGNOSED, offered(count))]
    incident, _ = after(*HANDLED, *steps)
    labels = [menu[0].label for menu in incident.former.values()]
    assert labels == [f"Do fix-{count}" for count in range(2, MOST_FORMER + 2)]
    assert all(one.parameters == {} for menu in incident.former.values() for one in menu)


def changed(**fields: object) -> Option:
    return option().model_copy(update=fields)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (changed(label="Fill it"), "is called “Fill it” (before: is called “Do fill”)"),
        (changed(deploy_seconds=600.0), "takes 10 min (before: takes 5 s)"),
        (changed(blast_share=0.4), "touches 40 % of requests (before: touches 5 % of requests)"),
        (changed(needs_second_person=True), "needs a second person (before: needs no second person)"),
        (changed(expires_after=None), "never expires (before: expires after 7 d)"),
        (changed(watch=timedelta(hours=1)), "is watched for 1 h (before: is watched for 15 min)"),
        (changed(deployer="webhook"), "goes to webhook (before: goes to overrides)"),
        (changed(undo="by hand"), "undo: by hand (before: undo: 1 click)"),
        (changed(does="Hides it."), "does: Hides it. (before: does: Fills the language in.)"),
        (changed(key="other"), "it acts on something else than before"),
    ],
)
def test_whatever_changed_of_the_option_is_named(now: Option, words: str) -> None:
    assert words in priced_anew((option(),), (now,), "fill")


def test_what_changed_beside_the_option_is_named_and_so_is_that_it_is_gone() -> None:
    menu = (option(), option("rollback"))
    assert "gone: “Do rollback”" in priced_anew(menu, (option(),), "fill")
    assert "new: “Do boost”" in priced_anew(menu, (*menu, option("boost")), "fill")
    dearer = option("rollback").model_copy(update={"costs": REPRICED[0].options[0].repairs})
    assert "“Do rollback” repairs 96 %" in priced_anew(menu, (option(), dearer), "fill")
    assert priced_anew(menu, (option("rollback"),), "fill") == (
        "“Do fill” is not on the menu any more. Offered now: “Do rollback”."
    )
    assert priced_anew(None, (), "fill") == "This hotfix is not on the menu any more. Nothing is offered now."


# Who, and when


def test_a_choice_is_approved_within_a_day_or_asked_for_anew() -> None:
    incident = standing("chosen")
    assert incident.hotfix is not None
    last = incident.hotfix.at + CHOICE_HOLDS
    assert asked(incident, APPROVED[0], at=last) == "hotfix.approved"
    with pytest.raises(Refused, match="“Do rollback” was asked for 1 d ago"):
        decide(incident, *APPROVED, last + timedelta(seconds=1))


def test_of_two_who_approve_at_once_the_second_is_told_who_was_first() -> None:
    third = Actor(kind="person", id="slack:U-third")
    incident, _ = after(*HANDLED, ASKED, APPROVED)
    assert decide(incident, *APPROVED, LATER) == ()
    with pytest.raises(Refused, match="slack:U-ml was first and approved “Do rollback” already"):
        decide(incident, APPROVED[0], third, LATER)


def test_no_worker_chooses_or_approves() -> None:
    with pytest.raises(Refused, match="by people"):
        decide(after(*HANDLED)[0], DEPLOY, WORKER, LATER)
    with pytest.raises(Refused, match="by people"):
        decide(standing("chosen"), APPROVED[0], WORKER, LATER)


# What workers say of it


@pytest.mark.parametrize("status", ENDS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_hotfix_expires_where_it_acts_and_not_before_its_time(stage: Stage, status: Status) -> None:
    incident = standing(stage, status)
    assert incident.hotfix is not None
    over = incident.hotfix.expires_at or LATER
    expire = c.ExpireHotfix(option=incident.hotfix.option)
    expected = "hotfix.expired" if stage in DEPLOYED else ""
    assert asked(incident, expire, WORKER, over) == expected
    assert asked(incident, expire, WORKER, over - timedelta(microseconds=1)) == ""


def test_what_was_declared_never_to_expire_never_expires() -> None:
    lasting = (c.PrepareMenu(options=(changed(expires_after=None),)), WORKER)
    menu = digest_of(lasting[0].options)
    incident, _ = after(OPEN, DIAGNOSED, lasting, c.ChooseHotfix(option="fill", menu=menu), APPLIED)
    assert asked(incident, c.ExpireHotfix(option="fill"), WORKER, MORNING + timedelta(days=999)) == ""


ANSWERS: dict[str, tuple[c.Command, frozenset[Stage]]] = {
    "hotfix.applied": (c.RecordHotfixApplied(option="fill", receipt="ok"), frozenset({"approved"})),
    "hotfix.failed": (c.RecordHotfixFailed(option="fill", reason="500"), frozenset({"approved"})),
    "hotfix.watched": (
        c.RecordWatch(option="fill", observed=5, expected=9, repaired_share=0.3, window_end=LATER),
        WATCHED,
    ),
    "hotfix.revert_requested": (c.RecordHarm(option="fill", reason="worse"), WATCHED),
    "hotfix.verified incident.resolved": (VERIFIED[0], frozenset({"applied"})),
    "hotfix.refuted": (c.RefuteHotfix(option="fill", reason="not measured"), frozenset({"applied"})),
    "hotfix.refuted hotfix.revert_requested": (
        c.RefuteHotfix(option="fill", reason="not back", repaired_share=0.1),
        frozenset({"applied"}),
    ),
    "hotfix.reverted": (c.RecordHotfixReverted(option="fill", receipt="ok"), frozenset({"reverting"})),
    "hotfix.revert_failed": (c.RecordRevertFailed(option="fill", reason="500"), frozenset({"reverting"})),
}


@pytest.mark.parametrize("happens", ANSWERS)
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("chosen", "rejected")])
def test_an_answer_that_comes_in_another_stage_is_not_recorded(stage: Stage, happens: str) -> None:
    incident, (command, stages) = standing(stage), ANSWERS[happens]
    assert incident.hotfix is not None
    expected = happens if stage in stages else ""
    if (stage, happens) == ("widening", "hotfix.failed"):
        expected = "hotfix.revert_requested"  # some members have it: it is taken back from them
    about = command.model_copy(update={"option": incident.hotfix.option})
    assert asked(incident, about, WORKER) == expected

"""Which buttons a card carries, where no law of all cards says so."""

from __future__ import annotations

from domain.incident import commands as c
from domain.incident.card import Action, buttons
from domain.incident.state import Incident
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    LESSON,
    OFFERED,
    OPEN,
    PROPOSED,
    WORKER,
    after,
    option,
)


def on(incident: Incident) -> set[Action]:
    return {button.action for button in buttons(incident)}


def test_whoever_has_it_is_not_asked_again_whether_somebody_has_it() -> None:
    assert "acknowledge" in on(after(OPEN)[0])
    assert "acknowledge" not in on(after(OPEN, c.Acknowledge())[0])


def test_why_the_numbers_are_what_they_are_is_asked_of_a_menu_while_something_can_still_be_done() -> None:
    assert "why" not in on(after(OPEN, DIAGNOSED)[0])
    assert "why" in on(after(OPEN, DIAGNOSED, OFFERED)[0])
    assert "why" not in on(after(OPEN, DIAGNOSED, OFFERED, c.Resolve(reason="It stopped."))[0])


def test_doing_nothing_has_no_button_to_deploy_it() -> None:
    nothing = option("nothing").model_copy(update={"deployer": "none"})
    offered = (c.PrepareMenu(options=(option(), nothing)), WORKER)
    shown = [one.option for one in buttons(after(OPEN, DIAGNOSED, offered)[0]) if one.action == "deploy"]
    assert shown == ["fill"]


def test_a_follow_up_is_accepted_where_one_was_proposed_and_asked_for_until_it_is_answered() -> None:
    resolved = (OPEN, c.Resolve(reason="It stopped."))
    asked: set[Action] = {"follow_up_edit", "follow_up_decline"}
    accept: set[Action] = {"follow_up_accept"}
    assert on(after(*resolved)[0]) & (asked | accept) == asked
    assert on(after(*resolved, PROPOSED)[0]) & (asked | accept) == asked | accept
    assert on(after(*resolved, PROPOSED, c.AcceptFollowUp())[0]) & (asked | accept) == set()


def test_of_a_closed_incident_only_what_acts_can_still_be_taken_back_or_renewed() -> None:
    answer = c.AnswerFollowUp(improvement=LESSON)
    refuted = (c.RefuteHotfix(option="fill", reason="not back"), WORKER)
    steps = (
        OPEN,
        DIAGNOSED,
        OFFERED,
        DEPLOYED,
        APPLIED,
        refuted,
        c.Resolve(reason="Over."),
        answer,
        c.Close(),
    )
    assert on(after(*steps)[0]) == {"revert", "renew", "reopen", "correct", "report"}
    quiet = (OPEN, DIAGNOSED, OFFERED, c.Resolve(reason="Over."), answer, c.Close())
    assert on(after(*quiet)[0]) == {"reopen", "correct", "report"}


def test_nothing_is_deployed_beside_a_hotfix_in_hand_or_after_the_end() -> None:
    offered = (OPEN, DIAGNOSED, OFFERED)
    assert "deploy" in on(after(*offered)[0])
    assert "deploy" not in on(after(*offered, DEPLOYED)[0])
    assert "deploy" not in on(after(*offered, c.Resolve(reason="Over."))[0])

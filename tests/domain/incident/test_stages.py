"""A hotfix goes to a few members first, and to more as long as it does no harm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from domain.incident import commands as c
from domain.incident.decide import decide, rule
from domain.incident.menu import digest_of
from domain.incident.numbers import stages
from domain.incident.obligations import open_obligations
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.values import Actor
from tests.domain.incident.given import DIAGNOSED, MORNING, OPEN, REVERTED, WORKER, after, option
from tests.workers.conftest import declared_fill

FILL = option("fill", stages=(0.05, 0.5, 1.0))
DEPLOYED = (
    OPEN,
    DIAGNOSED,
    (c.PrepareMenu(options=(FILL,)), WORKER),
    c.ChooseHotfix(option="fill", menu=digest_of([FILL])),
    (c.RecordHotfixApplied(option="fill", receipt="ok"), WORKER),
)
Step = tuple[c.Command, Actor]
LATER = MORNING + timedelta(hours=1)


def passed(share: float) -> Step:
    return c.PassStage(option="fill", share=share), WORKER


def widened(share: float) -> Step:
    return c.RecordHotfixWidened(option="fill", share=share, receipt="ok"), WORKER


def where(*steps: Step | c.Command) -> tuple[str, float]:
    incident, _ = after(*DEPLOYED, *steps)
    assert incident.hotfix is not None
    return incident.hotfix.stage, incident.hotfix.share


def kinds_owed(incident: Incident) -> set[str]:
    return {obligation.kind for obligation in open_obligations(incident)} - {"announce"}


def test_it_goes_from_stage_to_stage_and_each_is_watched() -> None:
    assert where() == ("applied", 0.05)
    assert where(passed(0.05)) == ("widening", 0.05)
    assert where(passed(0.05), widened(0.5)) == ("applied", 0.5)
    assert where(passed(0.05), widened(0.5), passed(0.5), widened(1.0)) == ("applied", 1.0)
    incident, log = after(*DEPLOYED, passed(0.05), widened(0.5))
    assert incident.hotfix is not None
    assert incident.hotfix.watch_until == log[-1].at + FILL.watch
    assert kinds_owed(incident) == {"watch"}
    assert kinds_owed(after(*DEPLOYED, passed(0.05))[0]) == {"widen"}
    assert "deployed to 50 % of members" in timeline(log)[-1].what


@pytest.mark.parametrize(
    "late",
    [
        passed(0.5),
        widened(0.5),
        widened(1.0),
        (c.VerifyHotfix(option="fill", observed=1, expected=1, repaired_share=1), WORKER),
    ],
)
def test_no_stage_is_left_out_and_some_members_verify_nothing(late: Step) -> None:
    incident, _ = after(*DEPLOYED)
    assert decide(incident, *late, LATER) == ()


def test_a_stage_that_was_not_asked_for_changes_nothing() -> None:
    incident, _ = after(*DEPLOYED, passed(0.05))
    assert decide(incident, *widened(1.0), LATER) == ()


def test_what_serves_all_members_has_no_further_stage() -> None:
    incident, _ = after(*DEPLOYED, passed(0.05), widened(0.5), passed(0.5), widened(1.0))
    assert decide(incident, *passed(1.0), LATER) == ()


def test_an_answer_to_a_stage_that_comes_twice_changes_nothing() -> None:
    incident, _ = after(*DEPLOYED, passed(0.05), widened(0.5))
    assert decide(incident, *widened(0.5), LATER) == ()
    assert decide(incident, *passed(0.05), LATER) == ()


def test_what_cannot_be_deployed_to_more_members_is_taken_back_and_may_be_chosen_again() -> None:
    failed = (c.RecordHotfixFailed(option="fill", reason="the target said no"), WORKER)
    incident, log = after(*DEPLOYED, passed(0.05), failed)
    assert incident.hotfix is not None
    assert (incident.hotfix.stage, incident.hotfix.because) == ("reverting", "stage_failed")
    assert incident.hotfix.reason == "the target said no"
    assert "is not rolled out further and is reverted by itself" in timeline(log)[-1].what
    again, _ = after(*DEPLOYED, passed(0.05), failed, REVERTED)
    assert again.spent == ()


def test_over_the_end_of_the_incident_nothing_more_is_deployed_and_the_few_are_served_as_before() -> None:
    incident, _ = after(*DEPLOYED, c.Resolve(reason="It stopped."), passed(0.05))
    assert incident.hotfix is not None
    assert incident.hotfix.stage == "reverting"
    assert incident.hotfix.reason == "#1 was resolved before it served all members"


def test_harm_at_a_few_members_takes_it_back() -> None:
    assert where((c.RecordHarm(option="fill", reason="worse"), WORKER))[0] == "reverting"


def test_where_it_is_among_its_stages_is_said_in_a_line() -> None:
    assert stages(FILL, 0.5) == "in stages: 5 % → *50 %* → 100 %"
    assert stages(option()) == ""


def test_a_menu_without_stages_or_guards_has_the_digest_that_it_always_had() -> None:
    earlier = option().model_copy(update={"costs": option().repairs})
    assert digest_of([earlier]) == OF_AN_EARLIER_RELEASE
    assert digest_of([FILL]) != digest_of([option()])
    assert digest_of([option().model_copy(update={"guards": ("plays",)})]) != digest_of([option()])


OF_AN_EARLIER_RELEASE = "15448dcfb1487a09"


@pytest.mark.parametrize("wrong", [(0.5, 0.05, 1.0), (0.05, 0.5), (0.0, 1.0), (0.5, 0.5, 1.0), (0.5, 1.5)])
def test_stages_ascend_to_all_members(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        declared_fill().model_validate({**declared_fill().model_dump(), "stages": wrong})


def test_of_what_is_in_hand_all_may_act_but_what_waits_to_be_approved_or_deployed() -> None:
    assert rule.IN_HAND.keys() == rule.BUSY
    assert rule.IN_HAND.keys() - {"chosen"} == rule.GOING
    assert rule.IN_HAND.keys() - {"chosen", "approved"} == rule.ACTING

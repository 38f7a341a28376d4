"""The rules of an incident's life, each as a sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.obligations import open_obligations
from domain.values import Actor, Estimate, Improvement, Severity
from tests.domain.incident.given import (
    APPLIED,
    APPROVED,
    ASKED,
    DEPLOYED,
    DIAGNOSED,
    FINDING,
    LESSON,
    MENU,
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

LATER = MORNING + timedelta(hours=1)
FIXED = (OPEN, DIAGNOSED, OFFERED, c.Acknowledge(), DEPLOYED, APPLIED, VERIFIED)


def test_a_finding_opens_an_incident_and_owes_a_message_and_a_diagnosis() -> None:
    incident, _ = after(OPEN)
    assert incident.status == "open"
    assert {obligation.kind for obligation in open_obligations(incident)} == {"announce", "diagnose"}


def test_the_same_finding_again_updates_the_open_incident() -> None:
    again = FINDING.model_copy(update={"window_end": LATER, "observed": 20.0})
    incident, log = after(OPEN, (c.OpenIncident(number=2, finding=again), WORKER))
    assert (incident.number, incident.findings_count) == (1, 2)
    assert [record.event.wire_name for record in log] == ["incident.opened", "finding.repeated"]


def test_a_finding_of_a_window_already_seen_changes_nothing() -> None:
    incident, _ = after(OPEN)
    assert decide(incident, OPEN[0], WORKER, LATER) == ()


def test_pressing_deploy_twice_deploys_once() -> None:
    incident, log = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, DEPLOYED)
    assert sum(isinstance(record.event, e.HotfixApproved) for record in log) == 1
    assert [obligation.kind for obligation in open_obligations(incident)] == ["announce", "apply"]


def test_two_people_press_at_once_and_the_second_is_told_so() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED)
    with pytest.raises(Refused, match="slack:U-oncall was first"):
        decide(incident, ASKED, SECOND, LATER)


def test_who_asks_for_a_wide_hotfix_cannot_approve_it() -> None:
    incident, log = after(OPEN, DIAGNOSED, OFFERED, ASKED)
    assert not any(isinstance(record.event, e.HotfixApproved) for record in log)
    with pytest.raises(Refused, match="second person"):
        decide(incident, APPROVED[0], ON_CALL, LATER)
    approved = decide(incident, APPROVED[0], SECOND, LATER)
    assert approved == (e.HotfixApproved(option="rollback", menu=MENU),)


def test_a_click_on_a_menu_of_long_ago_is_answered_as_stale() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED)
    with pytest.raises(Stale, match="not on the menu"):
        decide(incident, c.ChooseHotfix(option="gone", menu=MENU), ON_CALL, LATER)


def test_what_it_cost_is_recorded_of_a_hotfix_that_was_in_force_and_of_no_other() -> None:
    waiting, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED)
    running, _ = after(OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED)
    assert waiting.hotfix is not None
    lost = Estimate(value=-9.0, low=-12.0, high=-6.0, unit="% plays", basis="the log")
    cost = c.RecordCost(option=waiting.hotfix.option, cost=lost, window_start=MORNING, window_end=LATER)
    assert decide(waiting, cost, WORKER, LATER) == ()
    assert decide(running, cost, WORKER, LATER) == (e.HotfixCostMeasured(**cost.model_dump()),)


def test_a_verified_hotfix_resolves_the_incident_and_owes_a_follow_up() -> None:
    incident, _ = after(*FIXED)
    assert (incident.status, incident.resolved_how) == ("resolved", "hotfix")
    assert "follow_up" in {obligation.kind for obligation in open_obligations(incident)}


def test_a_late_answer_of_a_worker_changes_nothing() -> None:
    incident, _ = after(*FIXED)
    assert decide(incident, APPLIED[0], WORKER, LATER) == ()
    assert decide(incident, VERIFIED[0], WORKER, LATER) == ()


def test_closing_without_the_follow_up_says_what_is_missing() -> None:
    incident, _ = after(*FIXED, PROPOSED)
    with pytest.raises(Refused) as refusal:
        decide(incident, c.Close(), ON_CALL, LATER)
    for question in ("detected faster", "diagnosed faster", "What changes"):
        assert question in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("detect_faster", "detected faster"),
        ("diagnose_faster", "diagnosed faster"),
        ("detail", "what exactly changes"),
    ],
)
def test_a_follow_up_with_an_empty_answer_is_refused(field: str, words: str) -> None:
    incident, _ = after(*FIXED, PROPOSED)
    empty = LESSON.model_copy(update={field: "  "})
    with pytest.raises(Refused, match=words):
        decide(incident, c.AnswerFollowUp(improvement=empty), ON_CALL, LATER)


def test_nothing_may_change_only_with_a_reason() -> None:
    incident, _ = after(*FIXED)
    nothing = Improvement(detect_faster="No", diagnose_faster="No", change="nothing", detail="")
    with pytest.raises(Refused, match="why does nothing change"):
        decide(incident, c.AnswerFollowUp(improvement=nothing), ON_CALL, LATER)


def test_with_the_follow_up_accepted_the_incident_closes() -> None:
    incident, _ = after(*FIXED, PROPOSED, c.AcceptFollowUp(), c.Close())
    assert incident.status == "closed"
    assert incident.follow_up == LESSON


def test_an_open_incident_cannot_be_closed() -> None:
    incident, _ = after(OPEN)
    with pytest.raises(Refused, match="not resolved"):
        decide(incident, c.Close(), ON_CALL, LATER)


def test_a_refuted_hotfix_is_reverted_by_one_press_and_owed_until_done() -> None:
    refuted = (c.RefuteHotfix(option="fill", reason="the metric is not back"), WORKER)
    incident, _ = after(*FIXED[:-1], refuted, c.RevertHotfix(option="fill"))
    assert "revert" in {obligation.kind for obligation in open_obligations(incident)}
    incident, _ = after(
        *FIXED[:-1],
        refuted,
        c.RevertHotfix(option="fill"),
        (c.RecordHotfixReverted(option="fill", receipt="ok"), WORKER),
        ASKED,
    )
    assert incident.hotfix is not None
    assert (incident.hotfix.option, incident.hotfix.stage) == ("rollback", "chosen")


def test_a_command_for_no_incident_is_refused_in_words() -> None:
    with pytest.raises(Refused, match="no such incident"):
        decide(None, c.Acknowledge(), ON_CALL, LATER)


def test_a_severity_changes_only_with_a_reason() -> None:
    incident, _ = after(OPEN)
    with pytest.raises(Refused, match="Say why"):
        decide(incident, c.ChangeSeverity(severity=Severity.SEV1, reason=""), ON_CALL, LATER)


def test_a_silence_has_to_end_in_the_future() -> None:
    incident, _ = after(OPEN)
    with pytest.raises(Refused, match="future"):
        decide(incident, c.Silence(until=MORNING), ON_CALL, LATER)


def test_a_reopened_incident_asks_for_its_follow_up_anew() -> None:
    incident, _ = after(*FIXED, PROPOSED, c.AcceptFollowUp(), c.Close(), c.Reopen(reason="It is back"))
    assert (incident.status, incident.follow_up) == ("acknowledged", None)


def elsewhere(table: str, severity: Severity) -> tuple[c.JoinFinding, Actor]:
    finding = FINDING.model_copy(update={"table": table, "severity": severity})
    return c.JoinFinding(finding=finding, shares="downstream"), WORKER


def test_what_joins_raises_the_severity_unless_a_person_judged_it() -> None:
    worse, worst = elsewhere("plays", Severity.SEV2), elsewhere("training", Severity.SEV1)
    mild = FINDING.model_copy(update={"severity": Severity.SEV3})
    begun = (c.OpenIncident(number=1, finding=mild), WORKER)
    assert [after(begun, *more)[0].severity for more in [(), (worse,), (worse, worst), (worst, worse)]] == [
        Severity.SEV3,
        Severity.SEV2,
        Severity.SEV1,
        Severity.SEV1,
    ]
    judged = c.ChangeSeverity(severity=Severity.SEV4, reason="nobody is awake there")
    assert after(begun, judged, worst)[0].severity == Severity.SEV4


def test_the_same_finding_joins_once_and_none_joins_what_is_closed() -> None:
    incident, log = after(OPEN, elsewhere("plays", Severity.SEV3), elsewhere("plays", Severity.SEV3))
    assert [one.table for one in incident.also] == ["plays"]
    assert decide(incident, c.JoinFinding(finding=FINDING, shares="table"), WORKER, MORNING) == ()
    closed, _ = after(OPEN, c.Dismiss(reason="a test"), c.AnswerFollowUp(improvement=LESSON), c.Close())
    with pytest.raises(Refused, match="closed"):
        decide(closed, elsewhere("plays", Severity.SEV3)[0], WORKER, MORNING)
    assert len(log) == 2


def test_what_grows_is_worse_unless_a_person_judged_it_and_never_better_by_itself() -> None:
    def again(minutes: int, severity: Severity) -> tuple[c.Command, Actor]:
        later = {"window_end": MORNING + timedelta(minutes=minutes), "severity": severity}
        return (c.OpenIncident(number=1, finding=FINDING.model_copy(update=later)), WORKER)

    grown, log = after(OPEN, again(5, Severity.SEV1), again(6, Severity.SEV3))
    assert grown.severity == Severity.SEV1
    assert [record.event.wire_name for record in log].count("severity.changed") == 1
    judged, _ = after(
        OPEN, c.ChangeSeverity(severity=Severity.SEV4, reason="a test"), again(5, Severity.SEV1)
    )
    assert (judged.severity, judged.judged) == (Severity.SEV4, True)

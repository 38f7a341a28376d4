"""What each hotfix promised is kept beside what was measured of it, whatever was tried afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.outcome import cost_against_promise
from domain.incident.state import Incident
from domain.values import Estimate, Option
from tests.domain.incident.given import DIAGNOSED, FINDING, OPEN, WORKER, after, option

SHARE = {"repaired_share": 0.3, "low": 0.2, "high": 0.4}
VERIFY = (c.VerifyHotfix(option="fill", observed=90, expected=100, **SHARE), WORKER)
REFUTE = (c.RefuteHotfix(option="fill", reason="too little", **SHARE), WORKER)
APPLY = (c.RecordHotfixApplied(option="fill", receipt="ok"), WORKER)
REVERTED = (c.RecordHotfixReverted(option="fill", receipt="ok"), WORKER)


def deployed(offered: Option, *steps: Any) -> Incident:
    """The incident after this option of a menu of one was deployed, and then these."""
    menu = (offered,)
    chosen = c.ChooseHotfix(option=offered.key, menu=digest_of(menu))
    return after(OPEN, DIAGNOSED, (c.PrepareMenu(options=menu), WORKER), chosen, APPLY, *steps)[0]


@pytest.mark.parametrize("verdict", [VERIFY, REFUTE])
def test_a_verdict_is_kept_with_what_the_menu_promised(verdict: Any) -> None:
    wide = option().repairs.model_copy(update={"low": 0.1})
    line = option().model_copy(update={"kind": "fill_feature", "repairs": wide, "from_log": option().repairs})
    (found,) = deployed(line, verdict).outcomes
    assert (found.promise.hotfix, found.promise.kind, found.promise.label) == (
        "fill",
        "fill_feature",
        "Do fill",
    )
    assert (found.promise.shown, found.promise.own) == (wide, option().repairs)
    assert (found.repaired_share, found.low, found.high, found.confidence) == (0.3, 0.2, 0.4, 0.95)


def test_what_was_tried_first_is_remembered_after_another_worked() -> None:
    boost = option("boost")
    menu = (option(), boost)
    incident, _ = after(
        OPEN,
        DIAGNOSED,
        (c.PrepareMenu(options=menu), WORKER),
        c.ChooseHotfix(option="fill", menu=digest_of(menu)),
        APPLY,
        REFUTE,
        REVERTED,
        c.ChooseHotfix(option="boost", menu=digest_of(menu)),
        (c.RecordHotfixApplied(option="boost", receipt="ok"), WORKER),
        (
            c.VerifyHotfix(option="boost", observed=99, expected=100, repaired_share=0.9, low=0.8, high=1.0),
            WORKER,
        ),
    )
    assert [(one.promise.hotfix, one.repaired_share) for one in incident.outcomes] == [
        ("fill", 0.3),
        ("boost", 0.9),
    ]


def test_a_promise_stays_what_it_was_though_the_menu_is_priced_anew() -> None:
    cheaper = option().model_copy(update={"repairs": option().repairs.model_copy(update={"value": 0.5})})
    anew = (c.PrepareMenu(options=(cheaper,)), WORKER)
    some = c.RefuteHotfix(option="fill", reason="not all", repaired_share=0.6, low=0.5, high=0.7)
    taken_back = ((some, WORKER), c.RevertHotfix(option="fill"), REVERTED)
    incident = deployed(option(), *taken_back, c.LookAgain(), DIAGNOSED, anew)
    assert incident.menu == (cheaper,)
    assert incident.outcomes[0].promise.shown == option().repairs


def test_what_was_not_measured_is_no_outcome() -> None:
    unmeasured = (c.RefuteHotfix(option="fill", reason="its table is gone"), WORKER)
    no_interval = (c.VerifyHotfix(option="fill", observed=90, expected=100, repaired_share=0.9), WORKER)
    assert [deployed(option(), step).outcomes for step in (unmeasured, no_interval)] == [(), ()]
    assert deployed(option()).outcomes == ()


HARM = {"reason": "the gap grew by 40 %", "repaired_share": -0.4, "low": -0.6, "high": -0.2}


def test_harm_before_a_verdict_is_an_outcome_too_and_after_one_the_verdict_stands() -> None:
    """The worst hotfixes never get a verdict: left out, the record would be too good."""
    harm = (c.RecordHarm(option="fill", **HARM), WORKER)
    (found,) = deployed(option(), harm).outcomes
    assert (found.repaired_share, found.low, found.high) == (-0.4, -0.6, -0.2)
    (found,) = deployed(option(), VERIFY, harm).outcomes
    assert found.repaired_share == 0.3


def test_where_a_guard_saw_the_harm_the_last_look_is_what_was_measured() -> None:
    look = c.RecordWatch(option="fill", observed=60, expected=100, window_end=FINDING.window_end, **SHARE)
    alarm = (c.RecordHarm(option="fill", reason="its guard alarmed"), WORKER)
    (found,) = deployed(option(), (look, WORKER), alarm).outcomes
    assert found.repaired_share == 0.3
    assert deployed(option(), alarm).outcomes == ()


def test_what_served_only_some_members_is_not_held_against_a_promise_for_all() -> None:
    harm = (c.RecordHarm(option="fill", **HARM), WORKER)
    assert deployed(option(stages=(0.1, 1.0)), harm).outcomes == ()


def test_who_takes_it_back_before_a_verdict_says_nothing_of_it() -> None:
    assert deployed(option(), c.RevertHotfix(option="fill")).outcomes == ()


def test_of_a_launch_to_come_the_interval_is_a_forecasts() -> None:
    launch = FINDING.model_copy(update={"kind": "predicted"})
    menu = (option(),)
    incident, _ = after(
        (c.OpenIncident(number=1, finding=launch), WORKER),
        DIAGNOSED,
        (c.PrepareMenu(options=menu), WORKER),
        c.ChooseHotfix(option="fill", menu=digest_of(menu)),
        APPLY,
        VERIFY,
    )
    assert incident.outcomes[0].confidence == 0.9


WHOLE = Estimate(value=-20, low=-40, high=0, unit="plays a day", basis="replay")
LOST = WHOLE.model_copy(update={"value": -900, "low": -990, "high": -810, "basis": "the log"})
SPAN = {"window_start": FINDING.window_start, "window_end": FINDING.window_end}
COST = (c.RecordCost(option="fill", cost=LOST, **SPAN), WORKER)


def test_what_everybody_lost_is_kept_beside_what_was_repaired_and_against_its_promise() -> None:
    line = option().model_copy(update={"whole": WHOLE})
    incident = deployed(line, VERIFY, COST)
    (found,) = incident.outcomes
    assert (found.repaired_share, found.cost, found.promise.own_whole) == (0.3, LOST, WHOLE)
    assert incident.hotfix is not None
    assert cost_against_promise(incident.hotfix).endswith("worse than promised")


def test_it_is_owed_after_the_verdict_and_once_more_at_the_end() -> None:
    def owes(*steps: Any) -> bool:
        return "cost" in deployed(option(), *steps).awaits

    assert [owes(), owes(VERIFY), owes(VERIFY, COST)] == [False, True, False]
    back = c.RevertHotfix(option="fill")
    assert [owes(VERIFY, COST, back), owes(VERIFY, COST, back, REVERTED)] == [False, True]


def test_it_is_not_owed_of_what_served_only_some_members() -> None:
    harm = (c.RecordHarm(option="fill", **HARM), WORKER)
    assert "cost" not in deployed(option(stages=(0.1, 1.0)), harm, REVERTED).awaits
    assert "cost" in deployed(option(), harm, REVERTED).awaits


def test_where_nobody_knows_what_it_cost_that_is_said() -> None:
    unknown = Estimate(value=None, unit="% plays", basis="2 earlier days have both spans")
    incident = deployed(option(), VERIFY, (c.RecordCost(option="fill", cost=unknown, **SPAN), WORKER))
    assert incident.hotfix is not None
    assert cost_against_promise(incident.hotfix) == "not known: 2 earlier days have both spans"

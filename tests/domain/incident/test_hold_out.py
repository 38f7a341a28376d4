"""Held-out members are compared with the others once those are all served, as long as it is in force."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.menu import digest_of
from domain.incident.obligations import WORTH, scheduled
from domain.incident.sentence import sentence
from domain.incident.state import Incident
from domain.values import Actor, Estimate, Finding
from tests.domain.incident.given import DIAGNOSED, FINDING, MORNING, ON_CALL, WORKER, after, option

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
APPLIED = (c.RecordHotfixApplied(option="fill", receipt="ok"), WORKER)
PASSED = (c.PassStage(option="fill", share=0.05), WORKER)
WIDENED = (c.RecordHotfixWidened(option="fill", share=1.0, receipt="ok"), WORKER)
VERIFIED = (c.VerifyHotfix(option="fill", observed=96, expected=100, repaired_share=0.94), WORKER)
KNOWN = "121 members held out, 5,879 served"


def estimate(value: float, unit: str) -> Estimate:
    return Estimate(value=value, low=value - 0.2, high=value + 0.2, unit=unit, basis=KNOWN)


WORTH_TODAY = c.RecordWorth(
    option="fill",
    repaired=estimate(0.86, "share"),
    gained=estimate(1.2, "% plays"),
    window_start=MORNING,
    window_end=MORNING + DAY,
)


def happened(
    *steps: tuple[c.Command, Actor],
    hold_out: float = 0.01,
    stages: tuple[float, ...] = (),
    finding: Finding = FINDING,
) -> Incident:
    """An incident whose hotfix is approved, and what came after that."""
    offered = (option(stages=stages).model_copy(update={"hold_out": hold_out}),)
    opened = (c.OpenIncident(number=1, finding=finding), WORKER)
    menu = (c.PrepareMenu(options=offered), WORKER)
    chosen = c.ChooseHotfix(option="fill", menu=digest_of(offered))
    return after(opened, DIAGNOSED, menu, chosen, *steps)[0]


def due_at(incident: Incident) -> datetime | None:
    return next((obligation.since for obligation in scheduled(incident) if obligation.kind == WORTH), None)


def served_at(incident: Incident) -> datetime:
    assert incident.hotfix is not None
    assert incident.hotfix.stage_at is not None
    return incident.hotfix.stage_at


def recorded(incident: Incident) -> tuple[e.IncidentEvent, ...]:
    return decide(incident, WORTH_TODAY, WORKER, MORNING + DAY)


def test_it_is_due_six_hours_after_all_others_are_served_and_a_day_after_each_look() -> None:
    applied = happened(APPLIED)
    assert due_at(applied) == served_at(applied) + 6 * HOUR
    looked = happened(APPLIED, VERIFIED, (WORTH_TODAY, WORKER))
    assert looked.hotfix is not None
    assert looked.hotfix.worth is not None
    assert due_at(looked) == looked.hotfix.worth.at + DAY


def test_not_while_some_members_only_are_served() -> None:
    staged = (0.05, 1.0)
    assert due_at(happened(APPLIED, stages=staged)) is None
    assert due_at(happened(APPLIED, PASSED, stages=staged)) is None
    widened = happened(APPLIED, PASSED, WIDENED, stages=staged)
    assert due_at(widened) == served_at(widened) + 6 * HOUR


def test_what_is_found_by_the_day_is_compared_after_a_day_at_the_earliest() -> None:
    daily = happened(APPLIED, finding=FINDING.model_copy(update={"window_start": MORNING - DAY}))
    assert due_at(daily) == served_at(daily) + DAY


@pytest.mark.parametrize(
    ("steps", "hold_out"),
    [((), 0.01), ((APPLIED,), 0.0), ((APPLIED, (c.RevertHotfix(option="fill"), ON_CALL)), 0.01)],
    ids=["not deployed", "nobody held out", "reverted"],
)
def test_where_there_is_nothing_to_compare_nothing_is_due_and_nothing_is_recorded(
    steps: tuple[tuple[c.Command, Actor], ...], hold_out: float
) -> None:
    incident = happened(*steps, hold_out=hold_out)
    assert due_at(incident) is None
    assert recorded(incident) == ()


def test_what_was_compared_is_an_event_of_its_own_and_one_sentence() -> None:
    (event,) = recorded(happened(APPLIED))
    assert isinstance(event, e.HotfixWorthMeasured)
    assert sentence(event, {"fill": "Fill in"}) == (
        "“Fill in” today, against members held out: repairs 86 % [66–106] of the gap; in all gains 1.2 % "
        "[1.0–1.4] of plays"
    )


def test_the_hold_out_is_reported_once_all_others_are_served() -> None:
    label = {"fill": "Fill in"}
    deployed = e.HotfixApplied(
        option="fill", receipt="ok", expires_at=None, watch_until=MORNING, share=1.0, hold_out=0.01
    )
    few = deployed.model_copy(update={"share": 0.05})
    assert "is deployed, 1 % of members held out; watched" in sentence(deployed, label)
    assert "is deployed to 5 % of members; watched" in sentence(few, label)

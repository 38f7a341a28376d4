"""Events hold people as pseudonyms; where they are shown they are themselves, as long as they are known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.decide import decide
from domain.incident.person import (
    FORMER,
    handed_to,
    hidden,
    is_pseudonym,
    named_incident,
    named_record,
    named_text,
    people_of,
)
from domain.incident.timeline import timeline
from domain.values import Actor
from tests.domain.incident.given import DIAGNOSED, MENU, MORNING, OFFERED, ON_CALL, OPEN, SECOND, after
from tests.domain.incident.test_laws import STEPS, walk

ADA, BEN = (f"person:{n:032x}" for n in (1, 2))
KNOWN = {ADA: "slack:U-oncall", BEN: "slack:U-ml"}
PSEUDONYMS = {outside: pseudonym for pseudonym, outside in KNOWN.items()}


def behind(command: c.Command, actor: Actor) -> tuple[c.Command, Actor]:
    """What the door makes of a press."""
    other = handed_to(command)
    if other is not None:
        command = hidden(command, PSEUDONYMS[other])
    if actor.kind == "worker":
        return command, actor
    return command, actor.model_copy(update={"id": PSEUDONYMS[actor.id], "known_as": actor.id})


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_no_event_names_anybody_and_shown_they_are_all_there_again(steps: Any) -> None:
    plain, plain_log = walk(steps)
    incident, log = walk([behind(*step) for step in steps])
    assert incident is not None
    assert plain is not None
    written = " ".join([incident.model_dump_json(), *(str(record) for record in log)])
    assert "slack:" not in written
    assert named_incident(incident, KNOWN) == plain
    assert [named_record(record, KNOWN) for record in log] == plain_log
    assert people_of(incident) == {one for one in KNOWN if one in incident.model_dump_json()}
    assert all(people_of(r) == {one for one in KNOWN if one in str(r)} for r in log)


def test_somebody_who_was_forgotten_is_a_former_member_and_the_others_are_not() -> None:
    steps = [OPEN, behind(c.Acknowledge(), ON_CALL), behind(c.Assign(person="slack:U-ml"), ON_CALL)]
    incident, log = after(*steps)
    left = {BEN: KNOWN[BEN]}
    assert is_pseudonym(str(named_incident(incident, left).acknowledged_by))
    assert named_incident(incident, left).assignee == "slack:U-ml"
    assert timeline(log)[-1].what == f"Assigned to {FORMER}"
    assert timeline([named_record(record, left) for record in log])[-1].what == "Assigned to slack:U-ml"
    assert named_text(f"{ADA} was first, then {BEN}", left) == f"{FORMER} was first, then slack:U-ml"


def test_somebody_with_two_accounts_is_one_and_may_not_approve_what_they_asked_for_with_the_other() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, (c.ChooseHotfix(option="rollback", menu=MENU), ON_CALL))
    both = SECOND.model_copy(update={"also": ("terminal:ada", ON_CALL.id)})
    with pytest.raises(Refused, match="second person"):
        decide(incident, c.ApproveHotfix(option="rollback", menu=MENU), both, MORNING)
    assert decide(incident, c.ChooseHotfix(option="rollback", menu=MENU), both, MORNING) == ()


def test_who_chose_before_there_were_pseudonyms_is_still_the_same_person() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, (c.ChooseHotfix(option="rollback", menu=MENU), ON_CALL))
    _, ada = behind(c.Acknowledge(), ON_CALL)
    with pytest.raises(Refused, match="second person"):
        decide(incident, c.ApproveHotfix(option="rollback", menu=MENU), ada, MORNING)
    assert decide(incident, c.ChooseHotfix(option="rollback", menu=MENU), ada, MORNING) == ()
    _, ben = behind(c.Acknowledge(), SECOND)
    approved = decide(incident, c.ApproveHotfix(option="rollback", menu=MENU), ben, MORNING)
    assert approved == (e.HotfixApproved(option="rollback", menu=MENU),)

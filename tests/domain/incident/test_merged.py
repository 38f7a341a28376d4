"""An incident with the cause of another one is a part of it, unless a person has it or says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from domain.detection.correlate.merging import part_of
from domain.detection.judge.excluded import Rows, excluded_for
from domain.diagnosis.precedent import past_of
from domain.improvement.scorecard import score_practice
from domain.incident import commands as c
from domain.incident.card import buttons
from domain.incident.decide import decide
from domain.incident.obligations import open_obligations
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.values import Diagnosis, Slice, slice_of
from tests.domain.incident.given import (
    DEPLOYED,
    DIAGNOSED,
    FINDING,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    WORKER,
    after,
)

MERGE = (c.MergeInto(into="incident-7", number=7, cause="`language` is not set"), WORKER)
BACK = c.Reopen(reason="It is something else.")


def owed(incident: Incident) -> set[str]:
    return {one.kind for one in open_obligations(incident)}


def test_a_part_of_another_incident_is_closed_and_owes_nothing_but_the_diagnosis_under_way() -> None:
    incident, log = after(OPEN, MERGE)
    assert (incident.status, incident.merged_into) == ("closed", 7)
    assert log[-1].event.wire_name == "incident.merged"
    assert owed(incident) == {"announce", "diagnose"}
    diagnosed, _ = after(OPEN, MERGE, DIAGNOSED)
    assert diagnosed.diagnosis is not None
    assert owed(diagnosed) == {"announce"}
    assert [one.action for one in buttons(diagnosed)] == ["reopen", "correct", "report"]


@pytest.mark.parametrize(
    "steps",
    [
        (OPEN, c.Acknowledge()),
        (OPEN, DIAGNOSED, OFFERED, DEPLOYED),
        (OPEN, c.Resolve(reason="It stopped.")),
        (OPEN, MERGE),
        (OPEN, MERGE, BACK),
    ],
    ids=["taken", "a hotfix is deployed", "resolved", "merged already", "reopened"],
)
def test_what_a_person_has_taken_or_reopened_is_not_merged(steps: tuple[Any, ...]) -> None:
    incident, _ = after(*steps)
    assert decide(incident, MERGE[0], WORKER, MORNING) == ()


def test_one_that_was_reopened_is_diagnosed_and_repaired_like_any_other() -> None:
    incident, _ = after(OPEN, MERGE, DIAGNOSED, BACK)
    assert (incident.status, incident.merged_into, incident.closed_at) == ("open", None, None)
    again, _ = after(OPEN, MERGE, DIAGNOSED, BACK, c.LookAgain(), DIAGNOSED)
    assert "menu" in owed(again)


CAUSE = Diagnosis(cause="…", cause_kind="feature", object="language", place=slice_of(country="France"))


def other(number: int, found: Diagnosis = CAUSE, *steps: Any, **more: object) -> Incident:
    incident, _ = after(OPEN, (c.RecordDiagnosis(diagnosis=found), WORKER), *steps)
    return incident.model_copy(update={"stream": f"incident-{number}", "number": number, **more})


def into(*others: Incident, **more: object) -> int | None:
    incident = after(OPEN)[0].model_copy(update=more)
    one = part_of(incident, CAUSE, others)
    return one.number if one is not None else None


def named(kind: str = "feature", name: str | None = "language", place: Slice = CAUSE.place) -> Diagnosis:
    return Diagnosis.model_validate({"cause": "…", "cause_kind": kind, "object": name, "place": place})


def test_it_is_a_part_of_the_first_incident_with_the_same_kind_object_and_place() -> None:
    assert into(other(7), other(8), other(9)) == 7
    assert into(other(7, named(place=slice_of(country="Peru"))), other(8, named(name="genre")), other(9)) == 9
    assert into(other(7, named("renaming")), other(8, named(place=()))) is None


def test_it_is_no_part_of_what_is_over_foreseen_or_itself() -> None:
    assert into(other(7, CAUSE, c.Resolve(reason="It stopped."))) is None
    assert into(other(7, kind="predicted")) is None
    assert into(other(7), kind="predicted") is None
    assert into(other(1).model_copy(update={"stream": "incident-1"})) is None
    assert into(other(7, CAUSE, c.Acknowledge())) == 7


def test_an_unknown_cause_or_one_without_an_object_merges_nothing() -> None:
    incident, _ = after(OPEN)
    for found in (named("unknown"), named(name=None)):
        assert part_of(incident, found, [other(7, found)]) is None


def test_it_is_counted_where_it_is_a_part() -> None:
    alone, _ = after(OPEN, DIAGNOSED)
    merged, _ = after(OPEN, MERGE, DIAGNOSED)
    at = MORNING.replace(hour=9)
    card = score_practice([alone, merged], at)
    assert (card.incidents, card.false_alarms) == (1, 0)
    assert past_of(merged) is None
    check = Check(name=FINDING.check, kind="slice_volume", table=FINDING.table)
    rows: dict[str, Rows | None] = {check.name: "reports"}
    assert len(excluded_for(check, [alone], rows, at)) == 1
    assert excluded_for(check, [merged], rows, at) == ()


def test_a_finding_joins_by_its_cause() -> None:
    found = FINDING.model_copy(update={"slice": slice_of(country="Peru"), "title": "Peru is off"})
    incident, log = after(OPEN, (c.JoinFinding(finding=found, shares="cause"), ON_CALL))
    assert incident.also == (found,)
    assert log[-1].event.wire_name == "finding.joined"

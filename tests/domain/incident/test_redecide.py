"""What stands in the log is held against the rules: what none of them would decide is told apart from what
one did."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.redecide import _ASKED, redecided
from domain.incident.state import Incident
from domain.values import Actor, Severity
from tests.domain.incident.given import (
    DIAGNOSED,
    LESSON,
    MENU,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    SECOND,
    WORKER,
    after,
)

CHOSEN = c.ChooseHotfix(option="rollback", menu=MENU)
APPROVED = (c.ApproveHotfix(option="rollback", menu=MENU), SECOND)
APPLIED = (c.RecordHotfixApplied(option="rollback", receipt="r"), WORKER)


def members(union: object) -> set[type[e.Event]]:
    found = get_args(union)
    return {one for member in found for one in members(member)} if found else {union}  # type: ignore[arg-type]


def test_every_event_of_an_incident_has_the_commands_that_lead_to_it() -> None:
    themselves = members(e.IncidentEvent) & set(get_args(c.Command))
    assert set(_ASKED) | themselves == members(e.IncidentEvent)
    assert not set(_ASKED) & themselves


def written(
    incident: Incident | None, *events: e.IncidentEvent, actor: Actor, minutes: int = 60
) -> list[e.Recorded]:
    version = incident.version if incident else 0
    at = MORNING + timedelta(minutes=minutes)
    return [
        e.Recorded("incident-1", version + n, at, actor.kind, actor.id, None, "k", event)
        for n, event in enumerate(events, 1)
    ]


APPROVAL = e.HotfixApproved(option="rollback", menu=MENU)


@pytest.mark.parametrize(
    ("steps", "events", "actor"),
    [
        ((OPEN,), (APPROVAL,), SECOND),
        ((OPEN, DIAGNOSED, OFFERED), (APPROVAL,), SECOND),
        ((OPEN, DIAGNOSED, OFFERED, CHOSEN), (APPROVAL,), ON_CALL),
        ((OPEN, DIAGNOSED, OFFERED, CHOSEN), (APPROVAL,), WORKER),
        ((OPEN, DIAGNOSED, OFFERED, CHOSEN), (APPROVAL.model_copy(update={"menu": "another"}),), SECOND),
        ((OPEN, DIAGNOSED, OFFERED, CHOSEN), (APPROVAL, e.IncidentClosed()), SECOND),
        ((OPEN, DIAGNOSED, OFFERED), (e.HotfixChosen(option="rollback", menu=MENU), APPROVAL), ON_CALL),
        (
            (OPEN, DIAGNOSED, OFFERED, CHOSEN, APPROVED, APPLIED),
            (e.HotfixExpired(option="rollback"),),
            WORKER,
        ),
        ((OPEN,), (e.IncidentClosed(),), ON_CALL),
        ((OPEN,), (e.FollowUpAnswered(improvement=LESSON),), ON_CALL),
        ((OPEN,), (e.SeverityChanged(severity=Severity.SEV4, reason=""),), ON_CALL),
        ((OPEN,), (e.NoteAdded(text=" "),), ON_CALL),
        (
            (OPEN,),
            (e.IncidentOpened(number=2, title="x", kind="declared", severity="SEV4", fingerprint="f"),),
            ON_CALL,
        ),
    ],
)
def test_what_no_rule_would_decide_is_told_apart(
    steps: tuple[c.Command | tuple[c.Command, Actor], ...], events: tuple[e.IncidentEvent, ...], actor: Actor
) -> None:
    incident, _ = after(*steps)
    assert not redecided(incident, written(incident, *events, actor=actor))


def test_what_a_rule_decides_is_not() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED, CHOSEN)
    assert redecided(incident, written(incident, APPROVAL, actor=SECOND))


def test_an_incident_begins_as_a_finding_or_a_person_begins_it() -> None:
    opened = e.IncidentOpened(
        number=3, title="Off", kind="declared", severity=Severity.SEV2, fingerprint="declared-3"
    )
    assert redecided(None, written(None, opened, actor=ON_CALL))
    assert not redecided(None, written(None, opened.model_copy(update={"fingerprint": "x"}), actor=ON_CALL))
    assert not redecided(None, written(None, e.IncidentClosed(), actor=ON_CALL))
    assert not redecided(None, written(None, opened, e.NoteAdded(text="x"), actor=ON_CALL))

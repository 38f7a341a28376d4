"""What is known already is not recorded a second time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.incident import commands as c
from domain.incident.decide import decide
from domain.values import Actor, Severity
from tests.domain.incident.given import DIAGNOSED, MORNING, ON_CALL, OPEN, PIECE, WORKER, after

Step = tuple[c.Command, Actor]
POSTED: Step = (c.RecordMessage(channel="C1", message="1.0"), WORKER)
LOWERED: Step = (c.ChangeSeverity(severity=Severity.SEV3, reason="Only previews."), ON_CALL)


@pytest.mark.parametrize(
    ("said", "between"),
    [(POSTED, ()), (PIECE, ()), (PIECE, (DIAGNOSED,)), (LOWERED, ())],
    ids=["message", "evidence", "evidence after the diagnosis", "severity"],
)
def test_what_is_known_already_is_not_recorded_again(said: Step, between: tuple[Step, ...]) -> None:
    incident, log = after(OPEN, said, *between)
    assert len(log) == 2 + len(between)
    command, actor = said
    assert decide(incident, command, actor, MORNING + timedelta(hours=1)) == ()

"""The metric is drawn again whenever something was done that shows in it, until everything is over."""

from __future__ import annotations

import pytest

from domain.incident import commands as c
from domain.incident.decide import decide
from domain.incident.obligations import open_obligations
from domain.incident.sentence import sentence
from domain.values import Actor, Diagnosis
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    REVERTED,
    USELESS,
    VERIFIED,
    WORKER,
    after,
)

Step = c.Command | tuple[c.Command, Actor]
FIRST, SECOND = "a1" * 32, "b2" * 32
SEEN = (c.RecordDiagnosis(diagnosis=Diagnosis(cause="the feed", cause_kind="feed", picture=FIRST)), WORKER)
AGAIN = (c.RecordPicture(picture=SECOND), WORKER)
IN_FORCE: tuple[Step, ...] = (OPEN, SEEN, OFFERED, (DEPLOYED, ON_CALL), APPLIED)
RESOLVED = (c.Resolve(reason="It stopped."), ON_CALL)


def kinds(*steps: Step) -> set[str]:
    incident, _ = after(*steps)
    return {obligation.kind for obligation in open_obligations(incident)}


@pytest.mark.parametrize(
    ("steps", "drawn"),
    [
        ((OPEN, SEEN, OFFERED), False),
        (IN_FORCE, False),
        ((*IN_FORCE, VERIFIED), True),
        ((*IN_FORCE, USELESS), True),
        ((*IN_FORCE, USELESS, (c.RevertHotfix(option="fill"), ON_CALL), REVERTED), True),
        ((OPEN, SEEN, RESOLVED), True),
        ((*IN_FORCE, VERIFIED, AGAIN), False),
        ((OPEN, RESOLVED), False),
        ((OPEN, DIAGNOSED, RESOLVED), False),
    ],
    ids=[
        "nothing done",
        "not judged yet",
        "it works",
        "no effect",
        "taken back",
        "over by itself",
        "drawn",
        "never looked into",
        "never drawn",
    ],
)
def test_it_is_owed_once_something_shows_in_a_metric_that_was_drawn(
    steps: tuple[Step, ...], drawn: bool
) -> None:
    assert ("draw" in kinds(*steps)) is drawn


def test_the_newest_picture_is_the_incidents() -> None:
    assert after(*IN_FORCE, VERIFIED)[0].picture == FIRST
    assert after(*IN_FORCE, VERIFIED, AGAIN)[0].picture == SECOND


def test_where_it_cannot_be_drawn_again_the_former_picture_stays_and_the_reason_is_given() -> None:
    failed = (c.RecordPicture(picture=None, reason="the table is gone"), WORKER)
    incident, recorded = after(*IN_FORCE, VERIFIED, failed)
    assert incident.picture == FIRST
    assert "draw" not in incident.awaits
    assert "the table is gone" in sentence(recorded[-1].event, {})


def test_a_picture_that_nobody_asked_for_changes_nothing() -> None:
    incident, _ = after(*IN_FORCE)
    assert decide(incident, *AGAIN, MORNING) == ()


def test_a_newer_diagnosis_brings_its_own_picture() -> None:
    third = "c3" * 32
    found = Diagnosis(cause="the model", cause_kind="model", picture=third)
    newer = (c.RecordDiagnosis(diagnosis=found), WORKER)
    steps = (*IN_FORCE, USELESS, (c.RevertHotfix(option="fill"), ON_CALL), REVERTED, AGAIN)
    incident, _ = after(*steps, (c.LookAgain(), ON_CALL), newer)
    assert incident.picture == third

"""One bundle is recorded per diagnosis; that there is none, only if there is none."""

from __future__ import annotations

import pytest

from domain.incident import commands as c
from domain.incident.decide import decide
from domain.incident.sentence import sentence
from domain.incident.state.incident import Bundle
from domain.values import Actor, Diagnosis
from tests.domain.incident.given import DIAGNOSED, MORNING, OFFERED, OPEN, WORKER, after

ROOT, OTHER = "9f" * 32, "a1" * 32
Step = c.Command | tuple[c.Command, Actor]
KEPT = (c.RecordBundle(diagnosis="incident-1:2", root=ROOT, files=14, bytes=2_481_190), WORKER)
AGAIN = (c.RecordBundle(diagnosis="incident-1:7", root=OTHER, files=14, bytes=2_500_000), WORKER)
FAILED = (c.RecordBundleFailure(diagnosis="incident-1:2", reason="the disk is full"), WORKER)
NEWER = (c.RecordDiagnosis(diagnosis=Diagnosis(cause="another", cause_kind="feed")), WORKER)


def happens(steps: tuple[Step, ...], step: tuple[c.Command, Actor]) -> list[str]:
    incident, _ = after(*steps)
    return [event.wire_name for event in decide(incident, *step, MORNING)]


@pytest.mark.parametrize(
    ("steps", "step", "comes"),
    [
        ((OPEN,), KEPT, []),
        ((OPEN, DIAGNOSED), KEPT, ["bundle.kept"]),
        ((OPEN, DIAGNOSED, KEPT), KEPT, []),
        ((OPEN, DIAGNOSED, KEPT), AGAIN, []),
        ((OPEN, DIAGNOSED, FAILED), KEPT, ["bundle.kept"]),
        ((OPEN, DIAGNOSED, KEPT, OFFERED, c.LookAgain(), NEWER), AGAIN, ["bundle.kept"]),
        ((OPEN,), FAILED, []),
        ((OPEN, DIAGNOSED), FAILED, ["bundle.failed"]),
        ((OPEN, DIAGNOSED, KEPT), FAILED, []),
        ((OPEN, DIAGNOSED, FAILED), FAILED, []),
    ],
    ids=[
        "nothing yet",
        "kept",
        "twice",
        "another of the same",
        "after it failed",
        "of a newer one",
        "failed of nothing",
        "failed",
        "failed too late",
        "failed twice",
    ],
)
def test_a_bundle_is_of_a_diagnosis_and_is_recorded_once(
    steps: tuple[Step, ...], step: tuple[c.Command, Actor], comes: list[str]
) -> None:
    assert happens(steps, step) == comes


def test_an_incident_knows_the_bundle_of_its_newest_diagnosis_alone() -> None:
    looked_again = (OPEN, DIAGNOSED, KEPT, OFFERED, c.LookAgain(), NEWER)
    assert after(OPEN, DIAGNOSED, KEPT)[0].bundle == Bundle(diagnosis="incident-1:2", root=ROOT)
    assert after(OPEN, DIAGNOSED, FAILED)[0].bundle == Bundle(diagnosis="incident-1:2", root=None)
    assert after(*looked_again)[0].bundle is None
    assert after(*looked_again, AGAIN)[0].bundle == Bundle(diagnosis="incident-1:7", root=OTHER)


def test_whether_it_was_kept_takes_nothing_from_what_is_owed() -> None:
    for step in (KEPT, FAILED):
        assert after(OPEN, DIAGNOSED, step)[0].awaits == after(OPEN, DIAGNOSED)[0].awaits


def test_the_timeline_says_what_was_kept_and_what_was_not() -> None:
    said = [sentence(after(OPEN, DIAGNOSED, step)[1][-1].event, {}) for step in (KEPT, FAILED)]
    assert said == [
        "What the diagnosis read is kept: 14 files, 2,481,190 bytes, root 9f9f9f9f9f9f…",
        "What the diagnosis read could not be kept: the disk is full",
    ]

"""Looking again: anybody can have the evidence gathered once more, unless the menu is in use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.card import Button, buttons
from domain.incident.decide import decide
from domain.incident.decide.rule import BUSY, IN_HAND
from domain.incident.obligations import Obligation, open_obligations
from domain.incident.state import Incident
from domain.values import Diagnosis, Severity
from tests.domain.incident.given import (
    APPLIED,
    ASKED,
    DEPLOYED,
    DIAGNOSED,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    PIECE,
    WORKER,
    after,
    option,
)

LATER = MORNING + timedelta(hours=1)
FAILED = (c.RecordDiagnosisFailure(reason="the table is locked"), WORKER)
NOTHING = (c.PrepareMenu(options=(), note="None fits."), WORKER)
LOOK = c.LookAgain()


def obligation(incident: Incident, kind: str) -> Obligation | None:
    return next((one for one in open_obligations(incident) if one.kind == kind), None)


@pytest.mark.parametrize(
    "steps",
    [
        (OPEN, FAILED, NOTHING),
        (OPEN, FAILED, OFFERED),
        (OPEN, DIAGNOSED, NOTHING),
        (OPEN, DIAGNOSED, OFFERED),
        (OPEN, c.Resolve(reason="Over."), c.Reopen(reason="It is back.")),
        (OPEN, DIAGNOSED, OFFERED, DEPLOYED, (c.RecordHotfixFailed(option="fill", reason="500"), WORKER)),
    ],
    ids=["failed", "failed, with a menu", "an empty menu", "a full one", "reopened", "a failed hotfix"],
)
def test_looking_again_is_owed_anew_under_a_key_of_its_own(steps: tuple[Any, ...]) -> None:
    assert Button(action="look_again") in buttons(after(*steps)[0])
    incident, log = after(*steps, LOOK)
    assert log[-1].event.wire_name == "diagnosis.requested"
    assert obligation(incident, "diagnose") == Obligation(
        kind="diagnose", event_id=log[-1].id, since=log[-1].at
    )
    assert Button(action="look_again") not in buttons(incident)


def test_a_new_diagnosis_brings_a_new_menu() -> None:
    newer = Diagnosis(cause="the feed halved", cause_kind="feed")
    incident, _ = after(OPEN, FAILED, NOTHING, LOOK, (c.RecordDiagnosis(diagnosis=newer), WORKER))
    assert (incident.diagnosis, incident.diagnosis_failure) == (newer, None)
    assert obligation(incident, "menu") is not None
    offered, _ = after(
        OPEN, FAILED, NOTHING, LOOK, DIAGNOSED, (c.PrepareMenu(options=(option("rollback"),)), WORKER)
    )
    assert [one.key for one in offered.menu or ()] == ["rollback"]
    assert not {"diagnose", "menu"} & set(offered.awaits)


def test_evidence_is_reported_in_pieces_until_the_diagnosis_is_there() -> None:
    slices = PIECE[0].piece.model_copy(update={"stage": "slices", "since": None})
    coming, _ = after(OPEN, PIECE, (c.AddEvidence(piece=slices), WORKER))
    assert [piece.stage for piece in coming.evidence_so_far] == ["metric", "slices"]
    assert obligation(coming, "diagnose") is not None
    there, _ = after(OPEN, PIECE, DIAGNOSED)
    assert there.evidence_so_far == ()
    assert there.evidenced_at is not None
    assert there.diagnosed_at is not None
    assert there.evidenced_at < there.diagnosed_at
    again, _ = after(OPEN, PIECE, DIAGNOSED, OFFERED, LOOK)
    assert again.evidence_so_far == ()


def test_a_piece_that_comes_after_the_diagnosis_changes_nothing() -> None:
    incident, _ = after(OPEN, DIAGNOSED)
    assert decide(incident, PIECE[0], WORKER, LATER) == ()


def test_what_was_known_stays_until_there_is_something_newer() -> None:
    looking, _ = after(OPEN, DIAGNOSED, OFFERED, LOOK)
    assert looking.diagnosis is not None
    assert Button(action="deploy", option="fill") in buttons(looking)
    failed, _ = after(OPEN, DIAGNOSED, OFFERED, LOOK, FAILED)
    assert (failed.diagnosis, failed.diagnosis_failure) == (looking.diagnosis, "the table is locked")
    assert obligation(failed, "menu") is not None


def test_a_choice_calls_the_second_look_off_and_its_answer_comes_too_late() -> None:
    for before in ((OPEN, DIAGNOSED, OFFERED), (OPEN, FAILED, OFFERED)):
        incident, _ = after(*before, LOOK, DEPLOYED)
        assert {one.kind for one in open_obligations(incident)} == {"announce", "apply"}
        assert decide(incident, DIAGNOSED[0], WORKER, LATER) == ()
        assert decide(incident, FAILED[0], WORKER, LATER) == ()
        assert decide(incident, NOTHING[0], WORKER, LATER) == ()
        applied, _ = after(*before, LOOK, DEPLOYED, DIAGNOSED, NOTHING, APPLIED)
        assert applied.hotfix is not None
        assert (applied.hotfix.stage, applied.option("fill")) == ("applied", option())


HANDLED = (OPEN, DIAGNOSED, OFFERED)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((OPEN,), "looked into already"),
        ((OPEN, DIAGNOSED), "priced already"),
        ((*HANDLED, LOOK), "looked into already"),
        ((*HANDLED, ASKED), "“Do rollback” waits to be approved"),
        ((*HANDLED, DEPLOYED), "“Do fill” is being deployed"),
        ((*HANDLED, DEPLOYED, APPLIED), "in force and being watched"),
        ((*HANDLED, DEPLOYED, APPLIED, c.RevertHotfix(option="fill")), "is being reverted"),
        ((OPEN, DIAGNOSED, OFFERED, c.Resolve(reason="Over.")), "is resolved. Reopen it"),
        (
            (c.DeclareIncident(number=1, title="Odd rows", severity=Severity.SEV3),),
            "No check raised #1",
        ),
    ],
)
def test_it_is_refused_in_words_where_it_would_be_in_vain_or_change_the_menu_in_use(
    steps: tuple[Any, ...], words: str
) -> None:
    incident, _ = after(*steps)
    with pytest.raises(Refused, match=words):
        decide(incident, LOOK, ON_CALL, LATER)
    assert Button(action="look_again") not in buttons(incident)


def test_every_stage_in_hand_has_its_words() -> None:
    assert set(IN_HAND) == BUSY


def test_the_first_diagnosis_gives_the_time_to_diagnose_and_the_newest_the_onset() -> None:
    def found(since_minutes: int) -> tuple[c.Command, Any]:
        since = MORNING - timedelta(minutes=since_minutes)
        return c.RecordDiagnosis(diagnosis=Diagnosis(cause="x", cause_kind="feature", since=since)), WORKER

    once, _ = after(OPEN, found(20), OFFERED)
    twice, _ = after(OPEN, found(20), OFFERED, LOOK, found(50))
    assert twice.diagnosed_at == once.diagnosed_at
    assert twice.onset_at == MORNING - timedelta(minutes=50)


def test_an_onset_that_a_person_corrected_is_not_moved_by_a_second_look() -> None:
    at = MORNING - timedelta(minutes=5)
    known = Diagnosis(cause="x", cause_kind="feature", since=MORNING - timedelta(minutes=20))
    corrected = c.CorrectOnset(event="incident-1:2", since=at, reason="the feed's log")
    incident, _ = after(
        OPEN,
        (c.RecordDiagnosis(diagnosis=known), WORKER),
        OFFERED,
        corrected,
        LOOK,
        (c.RecordDiagnosis(diagnosis=known), WORKER),
    )
    assert incident.onset_at == at


def test_a_hotfix_that_failed_and_a_revert_that_failed_can_be_asked_for_again() -> None:
    failed = (c.RecordHotfixFailed(option="fill", reason="500"), WORKER)
    incident, log = after(*HANDLED, DEPLOYED, failed, DEPLOYED)
    apply = obligation(incident, "apply")
    assert apply is not None
    assert apply.event_id == log[-1].id
    revert = c.RevertHotfix(option="fill")
    not_reverted = (c.RecordRevertFailed(option="fill", reason="500"), WORKER)
    incident, log = after(*HANDLED, DEPLOYED, APPLIED, revert, not_reverted)
    assert Button(action="revert", option="fill") in buttons(incident)
    incident, log = after(*HANDLED, DEPLOYED, APPLIED, revert, not_reverted, revert)
    again = obligation(incident, "revert")
    assert again is not None
    assert again.event_id == log[-1].id

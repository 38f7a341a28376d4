"""Everything ever written can be read for ever; and the test that ensures it can fail."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import create_model

from domain.errors import LogError
from domain.incident import codec
from domain.incident.codec import EVENTS, decode_text, encode
from domain.incident.events import Event, IncidentOpened, NoteAdded
from domain.values import Finding, Severity
from tests.domain.incident.spelling import KEPT, broken_promises, fields, file_name, kept

EVER = [
    "attestation.given.v1",
    "bundle.failed.v1",
    "bundle.kept.v1",
    "change.earned.v1",
    "change.handed_over.v1",
    "change.left.v1",
    "change.proposed.v1",
    "change.pull_request_closed.v1",
    "change.take_back_requested.v1",
    "change.taken_back.v1",
    "change.written.v1",
    "diagnosis.failed.v1",
    "diagnosis.gathered.v1",
    "diagnosis.requested.v1",
    "evidence.found.v1",
    "finding.cleared.v1",
    "finding.joined.v1",
    "finding.repeated.v1",
    "follow_up.answered.v1",
    "follow_up.assigned.v1",
    "follow_up.done.v1",
    "follow_up.dropped.v1",
    "follow_up.proposed.v1",
    "follow_up.reminded.v1",
    "hotfix.applied.v1",
    "hotfix.approved.v1",
    "hotfix.chosen.v1",
    "hotfix.cost_measured.v1",
    "hotfix.expired.v1",
    "hotfix.expiry_reminded.v1",
    "hotfix.failed.v1",
    "hotfix.refuted.v1",
    "hotfix.rehearsed.v1",
    "hotfix.rejected.v1",
    "hotfix.renewal_failed.v1",
    "hotfix.renewal_requested.v1",
    "hotfix.renewed.v1",
    "hotfix.revert_failed.v1",
    "hotfix.revert_requested.v1",
    "hotfix.reverted.v1",
    "hotfix.stage_passed.v1",
    "hotfix.verified.v1",
    "hotfix.watched.v1",
    "hotfix.widened.v1",
    "hotfix.worth_measured.v1",
    "incident.acknowledged.v1",
    "incident.assigned.v1",
    "incident.closed.v1",
    "incident.merged.v1",
    "incident.opened.v1",
    "incident.reopened.v1",
    "incident.resolved.v1",
    "incident.silenced.v1",
    "menu.prepared.v1",
    "message.posted.v1",
    "note.added.v1",
    "note.corrected.v1",
    "onset.corrected.v1",
    "picture.drawn.v1",
    "prediction.scored.v1",
    "severity.changed.v1",
    "severity.corrected.v1",
    "ticket.closed.v1",
    "ticket.opened.v1",
    "ticket.requested.v1",
    "ticket.update_requested.v1",
    "ticket.updated.v1",
    "time.corrected.v1",
]
"""Everything ever written. A new version is added here with its file; a line is never taken away."""

FILES = kept(KEPT)
EXAMPLES = [
    pytest.param(name, version, example, id=f"{name} v{version} {number}")
    for (name, version), one in FILES.items()
    for number, example in enumerate(one["examples"])
]


def test_the_code_keeps_to_everything_ever_written() -> None:
    assert broken_promises(EVENTS, KEPT) == []


def test_no_file_of_what_was_ever_written_is_gone_and_none_is_new_in_secret() -> None:
    assert sorted(f"{name}.v{version}" for name, version in FILES) == sorted(EVER)
    assert {path.name for path in KEPT.iterdir()} == {file_name(*key) for key in FILES}


@pytest.mark.parametrize(("name", "version", "example"), EXAMPLES)
def test_what_was_written_is_read(name: str, version: int, example: dict[str, Any]) -> None:
    event = decode_text(name, version, json.dumps(example))
    assert event.wire_name == name
    assert decode_text(name, event.schema_version, json.dumps(encode(event))) == event
    if version == event.schema_version:
        assert encode(event) == example


def test_every_version_has_an_example() -> None:
    assert all(one["examples"] for one in FILES.values())


def changed(cls: type[Event], without: str = "", **new: Any) -> type[Event]:
    """The class as somebody might change it: `new` fields, and one left out."""
    old = {name: (field.annotation, field) for name, field in cls.model_fields.items() if name != without}
    mutated = cast(type[Event], create_model(cls.__name__, __base__=Event, **cast(Any, {**old, **new})))
    mutated.wire_name, mutated.schema_version = cls.wire_name, cls.schema_version
    return mutated


class NewerFinding(Finding):
    region: str | None = None


def renamed() -> type[Event]:
    mutated = changed(NoteAdded)
    mutated.wire_name = "note.written"
    return mutated


def bumped(**new: Any) -> type[Event]:
    mutated = changed(NoteAdded, **new)
    mutated.schema_version = 2
    return mutated


@pytest.mark.parametrize(
    ("mutated", "words"),
    [
        (lambda: changed(NoteAdded, "text", words=(str, ...)), "another wire name"),
        (lambda: changed(NoteAdded, text=(int, ...)), "another wire name"),
        (lambda: changed(NoteAdded, text=(str | None, ...)), "schema_version 2"),
        (lambda: changed(NoteAdded, text=(str, "")), "schema_version 2"),
        (lambda: changed(NoteAdded, language=(str, "en")), "schema_version 2"),
        (lambda: changed(IncidentOpened, finding=(NewerFinding | None, None)), "schema_version 2"),
        (lambda: changed(IncidentOpened, severity=(str, ...)), "another wire name"),
        (renamed, "wire name is for ever"),
        (bumped, "write note.added.v2.json"),
        (lambda: bumped(language=(str, ...)), "another wire name"),
    ],
)
def test_a_change_without_a_new_version_is_found(mutated: Callable[[], type[Event]], words: str) -> None:
    cls = mutated()
    events = {**EVENTS, (NoteAdded if cls.__name__ == "NoteAdded" else IncidentOpened).wire_name: cls}
    problems = broken_promises(events, KEPT)
    assert any(words in problem for problem in problems), problems


def test_the_same_fields_spelled_anew_are_no_change() -> None:
    assert fields(changed(IncidentOpened)) == fields(IncidentOpened)
    assert fields(changed(IncidentOpened, severity=(Severity, ...))) == fields(IncidentOpened)


def test_an_event_that_is_gone_and_a_file_that_is_gone_are_found(tmp_path: Path) -> None:
    events = {name: cls for name, cls in EVENTS.items() if name != "note.added"}
    assert any("put it back" in problem for problem in broken_promises(events, KEPT))
    shutil.copytree(KEPT, tmp_path / "wire")
    (tmp_path / "wire" / "note.added.v1.json").unlink()
    assert any("write note.added.v1.json" in one for one in broken_promises(EVENTS, tmp_path / "wire"))
    events = {**EVENTS, "note.added": bumped()}
    assert any("is gone" in problem for problem in broken_promises(events, tmp_path / "wire"))


def test_an_older_version_is_read_as_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(codec.EVENTS, "note.added", bumped(language=(str, "en")))
    read = decode_text("note.added", 1, '{"text": "looking"}')
    assert read.model_dump() == {"text": "looking", "language": "en"}
    for unknown in (0, 3):
        with pytest.raises(LogError, match="cannot read"):
            decode_text("note.added", unknown, '{"text": "looking", "language": "en"}')

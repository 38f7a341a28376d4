"""`recsysops bundle`: what a diagnosis was made from, in a terminal; exit codes for programs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.diagnosis.diagnose import diagnose
from domain.incident import commands as c
from domain.incident.events import DiagnosisGathered
from domain.values import Diagnosis
from tests.bot.slack.test_announce import submit
from tests.bot.stories import OPENED
from tests.bot.terminal import Terminal, holds
from tests.domain.diagnosis.bundle.materials import full
from tests.domain.incident.given import WORKER
from workers.bundle.keep import Looked, keep
from workers.bundle.objects import Objects
from workers.declaration.current import recommender
from workers.door import Door

MATERIAL = replace(full(), model=None)


@pytest.fixture(scope="module")
def found() -> Diagnosis:
    return diagnose(MATERIAL, 7)


def kept(door: Door, tmp_path: Path, shown: Diagnosis) -> Objects:
    """Incident 1, diagnosed as `shown`, with a bundle of the shop."""
    stream = submit(door, OPENED, (c.RecordDiagnosis(diagnosis=shown), WORKER))
    (event,) = [one for one in door.events(stream) if isinstance(one.event, DiagnosisGathered)]
    objects = Objects(tmp_path / "var" / "bundles" / "main")
    looked = Looked(shown, MATERIAL, b"a picture", 7)
    declared = recommender(tmp_path / "recsysops.toml")
    root = keep(objects, declared, looked, number=1, event=event.id, at=datetime.now(UTC), salt=b"salt")
    door.submit("#1", c.RecordBundle(diagnosis=event.id, **root.model_dump()), WORKER, "bundle")
    return objects


def test_a_bundle_is_opened_by_the_incidents_number_and_written_out(
    terminal: Terminal, door: Door, tmp_path: Path, found: Diagnosis
) -> None:
    kept(door, tmp_path, found)
    said = terminal("bundle", "1", "--export", tmp_path / "out").out
    assert said.count("as kept") == len(list((tmp_path / "out").rglob("*.*"))) - 1
    assert (tmp_path / "out" / "picture.png").read_bytes() == b"a picture"
    bundle = terminal("bundle", "show", "1", "--json").json["bundle"]
    assert {one["wrong"] for one in bundle["files"]} == {None}
    shown = ("frames/candidates.parquet", "Code (the same as now): release", str(found.cause), bundle["root"])
    holds(said, *shown)
    assert "is kept: " in terminal("report", "1").out


def test_the_same_diagnosis_made_again_ends_with_0_and_no_file_of_it_is_pruned(
    terminal: Terminal, door: Door, tmp_path: Path, found: Diagnosis
) -> None:
    kept(door, tmp_path, found)
    assert "The same diagnosis" in terminal("bundle", "rerun", "1").out
    assert "0 files" in terminal("events", "prune", "--days", "30").out
    assert terminal("bundle", "rerun", "1", "--json").json["rerun"]["differs"] == []


def test_another_diagnosis_ends_with_1_and_says_what_differs(
    terminal: Terminal, door: Door, tmp_path: Path, found: Diagnosis
) -> None:
    kept(
        door, tmp_path, found.model_copy(update={"cause": "It was the feed.", "evidence": found.evidence[1:]})
    )
    holds(
        terminal("bundle", "rerun", "1", code=1).out,
        "Another diagnosis: 2 lines differ",
        "− cause: It was the feed.",
        f"+ cause: {found.cause}",
        f"+ evidence: {found.evidence[0].kind}: ",
    )


def test_a_changed_file_is_named_and_nothing_is_written_or_made_again(
    terminal: Terminal, door: Door, tmp_path: Path, found: Diagnosis
) -> None:
    objects = kept(door, tmp_path, found)
    bundle = terminal("bundle", "1", "--json").json["bundle"]
    cells = next(one for one in bundle["files"] if one["name"] == "frames/cells.parquet")
    objects.path(cells["sha256"]).write_bytes(b"PAR1")
    said = terminal("bundle", "1", "--export", tmp_path / "out", code=1).out
    assert "NOT AS KEPT: frames/cells.parquet is not what was kept" in said
    assert not (tmp_path / "out").exists()
    assert "frames/cells.parquet" in terminal("bundle", "rerun", "1", code=1).err
    named = terminal("bundle", "1", "--json", code=1).json["bundle"]["files"]
    assert [one["name"] for one in named if one["wrong"]] == ["frames/cells.parquet"]


def test_without_a_bundle_the_reason_is_said(terminal: Terminal, door: Door) -> None:
    submit(door, OPENED)
    assert "#1: a bundle is of a diagnosis, and it has none" in terminal("bundle", "1", code=1).err
    door.submit("#1", c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), WORKER, "diagnosis")
    failed = c.RecordBundleFailure(diagnosis="incident-1:2", reason="the disk is full")
    door.submit("#1", failed, WORKER, "failed")
    assert "no bundle of the diagnosis" in terminal("bundle", "rerun", "1", code=1).err
    assert "there is no incident 9" in terminal("bundle", "9", code=1).err

"""A diagnosis on real files and a real store: kept, opened, made again; what was changed is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.diagnosis.bundle.manifest import DECLARATION, DIAGNOSIS, MATERIAL, PICTURE, digest
from domain.errors import BundleError, Refused
from domain.incident.events import BundleKept
from domain.incident.state import Incident
from domain.incident.state.incident import Bundle as Kept
from domain.recommender.recommender import Recommender
from tests.domain.conftest import AT
from tests.workers.bundle.room import Room, names
from workers.bundle.again import diagnose_again
from workers.bundle.keep import Looked
from workers.bundle.open import Opened, answer, export
from workers.respond.diagnose.diagnose import look_into


def test_what_a_diagnosis_read_and_showed_is_kept_under_a_root_in_the_log_and_gives_it_again(
    shared: Room, kept: Incident, tmp_path: Path
) -> None:
    assert names(shared, kept) == ["incident.opened", "diagnosis.gathered", "bundle.kept"]
    *_, gathered, last = shared.events(kept)
    event = last.event
    assert isinstance(event, BundleKept)
    assert event.diagnosis == gathered.id
    assert kept.bundle == Kept(diagnosis=gathered.id, root=event.root)
    assert event.root == digest(shared.objects.read(event.root) or b"")
    found = answer(shared.bundle(kept))
    assert not found.wrong
    assert found.same_code
    assert found.diagnosis == kept.diagnosis
    assert found.model is not None
    assert "kept with it" in found.model
    held = {file.name for file in found.files}
    frames = ("series", "cells", "items", "snapshots.before", "snapshots.after", "candidates")
    assert {MATERIAL, DIAGNOSIS, DECLARATION, PICTURE, *(f"frames/{one}.parquet" for one in frames)} <= held
    again = diagnose_again(shared.bundle(kept))
    assert (again.differs, again.notes) == ((), found_notes(found.left_out))
    files = export(shared.bundle(kept), tmp_path / "out")
    assert len(files) == len(found.files) + 1
    assert json.loads((tmp_path / "out" / DIAGNOSIS).read_text()) == found.diagnosis.model_dump(mode="json")
    with pytest.raises(Refused, match="not empty"):
        export(shared.bundle(kept), tmp_path / "out")


def found_notes(left_out: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"Personal data: {line}" for line in left_out)


def test_members_are_in_none_of_its_files(shared: Room, kept: Incident) -> None:
    found = shared.bundle(kept)
    assert found.manifest.left_out == ("member_id: replaced by hashes",)
    for frame in found.frames().values():
        if "member_id" in frame:
            assert not frame["member_id"].astype(str).str.startswith("member-").any()
    assert all(b"member-1" not in (shared.objects.read(f.sha256) or b"") for f in found.manifest.files)


def test_any_byte_that_is_changed_is_named_with_its_file(shared: Room, kept: Incident) -> None:
    manifest = shared.bundle(kept).manifest

    @settings(max_examples=40)
    @given(st.data())
    def changed(data: st.DataObject) -> None:
        file = data.draw(st.sampled_from(manifest.files))
        place = shared.objects.path(file.sha256)
        content = place.read_bytes()
        at = data.draw(st.integers(0, len(content) - 1))
        flipped = bytes([content[at] ^ data.draw(st.integers(1, 255))])
        try:
            place.write_bytes(content[:at] + flipped + content[at + 1 :])
            found = shared.bundle(kept)
            alike = [one.name for one in manifest.files if one.sha256 == file.sha256]
            assert [one.name for one in answer(found).wrong] == alike
            with pytest.raises(BundleError, match=file.name):
                diagnose_again(found)
            with pytest.raises(BundleError, match=f"nothing was written: .*{file.name}"):
                export(found, place.parent / "out")
        finally:
            place.write_bytes(content)

    changed()


def test_a_file_that_is_gone_and_a_manifest_that_was_changed_are_named(shared: Room, kept: Incident) -> None:
    found = shared.bundle(kept)
    first = next(one for one in found.manifest.files if one.name == MATERIAL)
    content = shared.objects.read(first.sha256) or b""
    shared.objects.path(first.sha256).unlink()
    assert dict(shared.bundle(kept).wrong) == {MATERIAL: "is missing"}
    shared.objects.keep(content)
    place = shared.objects.path(found.named.root)
    manifest = place.read_bytes()
    place.write_bytes(manifest.replace(b'"seed": 7', b'"seed": 8'))
    with pytest.raises(BundleError, match=r"manifest\.json is not what was kept"):
        shared.bundle(kept)
    place.unlink()
    with pytest.raises(BundleError, match="on another machine"):
        shared.bundle(kept)
    shared.objects.keep(manifest)
    assert not shared.bundle(kept).wrong


def test_the_model_of_then_is_asked_when_another_has_taken_its_place(shared: Room, kept: Incident) -> None:
    found = shared.bundle(kept)
    assert found.manifest.model_file == "model/ranker.skops"
    path = Path(shared.recommender.models["ranker"].path)
    content = path.read_bytes()
    try:
        path.unlink()
        again = diagnose_again(found)
    finally:
        path.write_bytes(content)
    assert (again.differs, again.unasked) == ((), None)


def test_a_model_too_large_to_be_kept_is_asked_in_its_place_and_is_missed_where_another_is_there(
    room: Room, looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.bundle.keep.MODEL_SHARE", 0.0)
    found = kept_of(room, looked)
    assert found.manifest.model_file is None
    assert "still this file" in str(answer(found).model)
    assert (diagnose_again(found).differs, diagnose_again(found).unasked) == ((), None)
    path = Path(room.recommender.models["ranker"].path)
    content = path.read_bytes()
    try:
        path.write_bytes(content + b" ")
        again = diagnose_again(found)
    finally:
        path.write_bytes(content)
    assert str(again.unasked).startswith("The model was not asked again: there is another file now")
    assert again.unasked in again.notes
    gone = [one.then or "" for one in again.differs if one.what == "evidence" and one.then]
    assert any(line.startswith("reproduction: ") for line in gone)


def test_a_file_put_in_the_model_s_place_while_it_was_asked_is_not_kept_for_it_however_old(
    room: Room, recommender: Recommender, world: SimpleNamespace
) -> None:
    path = Path(recommender.models["ranker"].path)
    looked = look_into(recommender, world.finding, AT)
    other, content, held = path.with_name("other.skops"), path.read_bytes(), path.stat()
    try:
        other.write_bytes(content)
        os.utime(other, (held.st_atime, held.st_mtime - 3_600))
        other.replace(path)
        found = kept_of(room, looked)
    finally:
        path.write_bytes(content)
    assert found.manifest.model_file is None
    assert "was replaced while it was asked" in str(answer(found).model)
    assert "was replaced while it was asked" in str(diagnose_again(found).unasked)


def kept_of(room: Room, looked: Looked) -> Opened:
    incident = room.opens()
    room.settles(incident, looked)
    return room.bundle(room.card(incident.stream))

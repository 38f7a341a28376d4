"""One root stands for every byte of a bundle; a diagnosis beside another says what differs, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bundle import Differs
from domain.diagnosis.bundle.compare import compare
from domain.diagnosis.bundle.manifest import (
    Code,
    File,
    Manifest,
    digest,
    frame_file,
    frame_of,
    not_as_kept,
    opened,
    spelled,
)
from domain.errors import BundleError
from domain.values import Diagnosis, Evidence, slice_of

FILES = tuple(
    File(name=name, sha256=digest(name.encode()), bytes=3) for name in ("a.json", "frames/b.parquet")
)
MANIFEST = Manifest(
    incident=12,
    diagnosis="incident-1:2",
    kept_at=datetime(2026, 3, 3, tzinfo=UTC),
    seed=7,
    code=Code(release="0.1.0", domain="0" * 64, versions={"numpy": "2"}),
    files=FILES,
)
ROOT = digest(spelled(MANIFEST))


def test_a_manifest_is_what_its_root_stands_for() -> None:
    assert opened(spelled(MANIFEST), ROOT) == MANIFEST


@given(st.data())
def test_any_byte_of_a_manifest_that_is_changed_is_found_out(data: st.DataObject) -> None:
    content = bytearray(spelled(MANIFEST))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BundleError, match="is not what was kept"):
        opened(bytes(content), ROOT)


def test_a_manifest_of_a_later_release_is_refused_in_words() -> None:
    later = spelled(MANIFEST).replace(b'"seed": 7', b'"seed": 7, "later": 1')
    with pytest.raises(BundleError, match="none that this release can read"):
        opened(later, digest(later))


def test_files_that_are_missing_or_others_are_named() -> None:
    first, second = FILES
    assert not_as_kept(MANIFEST, {one.name: one.sha256 for one in FILES}) == {}
    wrong = not_as_kept(MANIFEST, {first.name: "f" * 64})
    assert wrong[second.name] == "is missing"
    assert wrong[first.name].startswith("is not what was kept (SHA-256 ffffffffffff…")


def test_a_frame_is_found_by_its_file_and_other_files_are_no_frames() -> None:
    assert frame_of(frame_file("pairs.0.mine")) == "pairs.0.mine"
    assert frame_of("material.json") is None


def diagnosis(**changes: Any) -> Diagnosis:
    lines = (
        Evidence(kind="onset", statement="Since 02:40"),
        Evidence(kind="size", statement="71 % less", strength=0.71),
        Evidence(kind="slices", statement="Denmark explains 97 %"),
    )
    base = Diagnosis(cause="unset", cause_kind="feature", object="language", evidence=lines, items=("a", "b"))
    return base.model_copy(update=changes)


def test_the_same_diagnosis_does_not_differ_however_long_it_took() -> None:
    assert compare(diagnosis(), diagnosis(seconds=9.0, picture="0" * 64)) == ()


def test_what_differs_is_listed_line_by_line_with_both_sides() -> None:
    changed = Evidence(kind="size", statement="70 % less", strength=0.7)
    lines = diagnosis().evidence
    now = diagnosis(cause=None, place=slice_of(country="Denmark"), evidence=(lines[0], changed))
    assert compare(diagnosis(), now) == (
        Differs(what="cause", then="unset", now=None),
        Differs(what="place", then=None, now="country = Denmark"),
        Differs(what="evidence", then="size: 71 % less [0.71]", now="size: 70 % less [0.7]"),
        Differs(what="evidence", then="slices: Denmark explains 97 %", now=None),
    )


def test_of_items_those_that_only_one_side_has_are_named() -> None:
    (found,) = compare(diagnosis(), diagnosis(items=("b", "c")))
    assert found == Differs(what="items", then="2, a among them", now="2, c among them")
    (order,) = compare(diagnosis(), diagnosis(items=("b", "a")))
    assert order.what == "order of the items"

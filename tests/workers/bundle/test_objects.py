"""Files by their hash: complete or absent, and a changed one is detected."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.diagnosis.bundle.manifest import digest
from workers.bundle.objects import MANIFEST_BYTES, Objects

CONTENT = b"what was read"
NAME = digest(CONTENT)


def test_the_same_content_is_kept_once_and_for_this_user_alone(tmp_path: Path) -> None:
    objects = Objects(tmp_path / "bundles")
    assert objects.keep(CONTENT) == objects.keep(CONTENT) == NAME
    assert objects.read(NAME) == CONTENT
    assert len(list(tmp_path.rglob("*/" + NAME))) == 1
    assert (tmp_path / "bundles").stat().st_mode & 0o077 == 0
    assert objects.path(NAME).stat().st_mode & 0o077 == 0


def test_a_file_that_was_damaged_is_made_whole_by_keeping_it_again(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    objects.keep(CONTENT)
    objects.path(NAME).write_bytes(b"damaged")
    assert objects.found(NAME) == digest(b"damaged")
    objects.keep(CONTENT)
    assert objects.found(NAME) == NAME


@pytest.mark.parametrize(
    "put", [os.mkfifo, lambda place: place.symlink_to("/dev/zero")], ids=["pipe", "device"]
)
def test_what_never_ends_in_a_file_s_place_counts_as_gone_and_is_made_whole(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    objects = Objects(tmp_path)
    objects.keep(CONTENT)
    objects.path(NAME).unlink()
    put(objects.path(NAME))
    assert objects.found(NAME) is None
    objects.keep(CONTENT)
    assert objects.read(NAME) == CONTENT


def test_a_huge_file_in_a_file_s_place_is_read_no_further_than_that_and_made_whole(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    objects.keep(CONTENT)
    with objects.path(NAME).open("ab") as sparse:
        sparse.truncate(1 << 38)  # 256 GB of which the disk holds one block
    assert objects.read(NAME, len(CONTENT)) == CONTENT + b"\0"
    assert objects.found(NAME, len(CONTENT)) == digest(CONTENT + b"\0")
    assert len(objects.read(NAME) or b"") == MANIFEST_BYTES + 1
    objects.keep(CONTENT)
    assert objects.read(NAME) == CONTENT


def test_what_a_dead_writer_left_is_taken_away_a_day_later_and_not_before(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    objects.keep(CONTENT)
    left, fresh = tmp_path / "new" / "left", tmp_path / "new" / "fresh"
    left.write_bytes(b"ha")
    fresh.write_bytes(b"ha")
    os.utime(left, (0, time.time() - 2 * 86_400))
    objects.clear()
    assert (left.exists(), fresh.exists()) == (False, True)


def test_a_sweep_takes_what_is_old_and_not_needed(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    needed, old, new = (objects.keep(one) for one in (b"needed", b"old", b"new"))
    before = datetime.now(UTC) - timedelta(days=30)
    for name in (needed, old):
        os.utime(objects.path(name), (0, before.timestamp() - 60))
    assert objects.sweep({needed}, before) == 1
    assert [objects.read(one) for one in (needed, old, new)] == [b"needed", None, b"new"]
    os.utime(objects.path(needed), (0, before.timestamp() - 60))
    objects.keep(b"needed")  # by a bundle that is being made: it counts as new
    assert objects.sweep((), before) == 0

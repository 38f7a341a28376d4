"""An archive of frames that this program did not write is an error, whatever it would unpack into."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from domain.errors import BundleError
from workers.bundle.frames import pack_frame
from workers.replay.answers import pack_frames, unpack_frames

FRAME = pd.DataFrame({"a": [1.0, 2.0]})
MEGABYTE = 1 << 20


def archive(name: str, content: bytes, how: int = zipfile.ZIP_STORED, attributes: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as written:
        about = zipfile.ZipInfo(name)
        about.compress_type, about.external_attr = how, attributes
        written.writestr(about, content)
    return out.getvalue()


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_small_archive_that_unpacks_into_much_is_not_unpacked(how: int) -> None:
    bomb = archive("a0", b"\0" * 64 * MEGABYTE, how)
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="what the check read cannot be opened"):
            unpack_frames(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out"])
def test_a_name_is_a_name_and_no_place_on_the_disk(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    found = unpack_frames(archive(name, pack_frame(FRAME)))
    pd.testing.assert_frame_equal(found[name], FRAME)
    assert [one.name for one in tmp_path.rglob("*")] == ["in"]


def test_a_link_in_an_archive_is_followed_nowhere(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(pack_frame(FRAME))
    link = archive("a0", str(tmp_path / "there").encode(), attributes=0o120777 << 16)
    with pytest.raises(BundleError, match="a0 cannot be read"):
        unpack_frames(link)


def test_an_archive_that_wants_a_password_or_was_cut_is_an_error() -> None:
    whole = pack_frames({"a0": FRAME})
    locked = bytearray(whole)
    locked[6] |= 1  # of the file's own head
    locked[whole.index(b"PK\x01\x02") + 8] |= 1  # of the list at the end
    for content in (bytes(locked), whole[:-9], whole[: len(whole) // 2], b"", b"PK"):
        with pytest.raises(BundleError, match="what the check read cannot be opened"):
            unpack_frames(content)

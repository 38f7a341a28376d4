"""Files are found within bounds, and examined before an engine opens them."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from functools import partial
from glob import glob
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import SourceError
from tests.workers.another_account import as_nobody
from workers.declaration.declare import load
from workers.sources.engines import found
from workers.sources.engines.found import find, split_pattern
from workers.sources.engines.source import open_source


def said(pattern: str | Path) -> str:
    with pytest.raises(SourceError) as caught:
        find("views", str(pattern))
    return str(caught.value)


def written(path: Path, text: str = "x\n1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "views.csv")
    return tmp_path / "views.csv"


def test_a_pipe_a_device_a_socket_and_a_folder_are_said_to_be_no_files(tmp_path: Path, pipe: Path) -> None:
    assert "is a pipe, which is never read to its end" in said(pipe)
    assert "is a pipe" in said(tmp_path / "*.csv")
    assert "is a device" in said("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert "is a socket" in said(tmp_path / "s")
    assert "there is no file at" in said(tmp_path)


def test_a_select_over_a_pipe_answers_in_words_and_does_not_hang(tmp_path: Path, pipe: Path) -> None:
    declaration = written(
        tmp_path / "recsysops.toml",
        """[recommender]
name = "shop"
[tables.views]
files = ["views.csv"]
select = "SELECT * FROM read_csv('views.csv')"
[tables.plays]
path = "views.csv"
""",
    )
    for name in ("views", "plays"):
        with pytest.raises(SourceError, match="is a pipe"):
            open_source(load(declaration, {}), name)


def test_a_link_out_of_the_folder_is_refused_and_one_within_is_read(tmp_path: Path) -> None:
    outside, inside = written(tmp_path / "secret.csv"), written(tmp_path / "lake" / "a.csv")
    (tmp_path / "lake" / "latest.csv").symlink_to(inside)
    assert find("views", f"{tmp_path}/lake/latest.csv") == [f"{tmp_path}/lake/latest.csv"]
    (tmp_path / "lake" / "out.csv").symlink_to(outside)
    for pattern in ("lake/out.csv", "lake/*.csv", "lake/**/*.csv"):
        assert f"is a link to {outside}, outside {tmp_path}/lake" in said(tmp_path / pattern)


def test_a_folder_that_is_a_link_itself_is_where_the_table_is(tmp_path: Path) -> None:
    written(tmp_path / "disk" / "a.csv")
    (tmp_path / "lake").symlink_to(tmp_path / "disk")
    assert find("views", f"{tmp_path}/lake/*.csv") == [f"{tmp_path}/lake/a.csv"]


def test_a_link_that_leads_back_to_itself_or_nowhere_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    assert "is a link that leads back to itself" in said(tmp_path / "loop.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "never")
    assert "is a link to something that is not there" in said(tmp_path / "gone.csv")
    written(tmp_path / "a" / "views.csv")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert find("views", f"{tmp_path}/a/**/views.csv") == [f"{tmp_path}/a/views.csv"]


def test_a_name_too_long_to_be_one_is_said_so(tmp_path: Path) -> None:
    for path in (tmp_path / ("a" * 300), tmp_path / "/".join(["deep"] * 2_000), tmp_path / ("a" * 300) / "*"):
        message = said(path)
        assert "longer than a path can be" in message
        assert len(message) < 400


def test_a_pattern_over_more_than_can_be_looked_through_ends_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(60):
        written(tmp_path / f"{place % 6}" / f"{place}.csv")
    assert len(find("views", f"{tmp_path}/**/*.csv")) == 60
    monkeypatch.setattr(found, "MOST_ENTRIES", 30)
    assert "holds more than can be looked through" in said(tmp_path / "**/*.csv")
    monkeypatch.undo()
    monkeypatch.setattr(found, "MOST_SECONDS", -1.0)
    assert "write a narrower path" in said(tmp_path / "**/*.csv")


def test_files_that_may_not_be_read_are_said_so(tmp_path: Path) -> None:
    closed = written(tmp_path / "closed.csv")
    (tmp_path / "folder").mkdir()
    closed.chmod(0)
    (tmp_path / "folder").chmod(0)
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_mode & 0o001 == 0 and folder.is_relative_to(tempfile.gettempdir()):
                folder.chmod(0o711)
        assert as_nobody(partial(find, "views", str(closed))) == "SourceError"
        assert as_nobody(partial(find, "views", f"{tmp_path}/folder/*.csv")) == "SourceError"
    else:
        assert "cannot be read; let this user read it" in said(closed)
        assert "cannot be looked into" in said(tmp_path / "folder/*.csv")
    (tmp_path / "folder").chmod(0o700)


NAMES = st.sampled_from(["a.csv", "b.csv", ".hidden.csv", "x", "y", ".z"])
PARTS = st.sampled_from(["*", "**", "*.csv", "?", "[xy]", "x", "a.csv", ".*"])


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    top = Path(tempfile.mkdtemp(prefix="recsysops-"))
    for first in ("x", "y", ".z"):
        for second in ("x", "y", "a.csv", ".hidden.csv"):
            if "." in second[1:]:
                written(top / first / second)
            else:
                written(top / first / second / "b.csv")
    written(top / "a.csv")
    yield top
    shutil.rmtree(top)


@given(st.lists(PARTS, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_pattern_finds_what_a_shell_finds(tree: Path, parts: list[str]) -> None:
    pattern = f"{tree}/{'/'.join(parts)}"
    found = set(glob(pattern, recursive=True))  # noqa: PTH207
    # What ends with a slash is a folder, or a file that glob takes for one.
    shell = sorted(path for path in found if Path(path).is_file() and not path.endswith("/"))
    try:
        mine = find("views", pattern)
    except SourceError:
        mine = []
    assert mine == shell


@given(st.lists(st.sampled_from(["a", "b*", "?", "[c]", "d.csv"]), min_size=1, max_size=5))
def test_a_pattern_is_its_folder_and_the_rest(parts: list[str]) -> None:
    pattern = "/" + "/".join(parts)
    root, rest = split_pattern(pattern)
    assert (f"{root}/{rest}" if rest else root) == pattern
    assert not set("*?[") & set(root)

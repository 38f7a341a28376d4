"""Follow-ups in a file."""

import json
from pathlib import Path

import pytest

from domain.errors import SourceError
from domain.values import Improvement
from workers.trackers.file import FileTracker

LEARNED = Improvement(
    detect_faster="yes",
    diagnose_faster="no",
    change="check",
    detail="alarm on unset language",
    proof="220 min earlier",
)


@pytest.mark.parametrize("name", ["follow-ups.jsonl", "follow-ups.md"])
def test_the_same_follow_up_twice_stands_once(tmp_path: Path, name: str) -> None:
    tracker = FileTracker(tmp_path / name)
    for key in ("incident-1", "incident-1", "incident-10"):
        tracker.record(key, "Language unset", LEARNED)
    text = (tmp_path / name).read_text()
    assert text.count("alarm on unset language") == 2
    assert text.count("220 min earlier") == 2
    if name.endswith("jsonl"):
        assert [json.loads(line)["key"] for line in text.splitlines()] == ["incident-1", "incident-10"]


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.jsonl"
    path.write_text('{"key":"incid')
    FileTracker(path).record("incident-2", "Feed", LEARNED)
    assert json.loads(path.read_text().splitlines()[1])["key"] == "incident-2"


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(SourceError, match="could not be written"):
        FileTracker(tmp_path / "plain" / "x.md").record("k", "t", LEARNED)

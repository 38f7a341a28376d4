"""Tickets in a file that people edit as well."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import TrackerError
from workers.trackers.file import KIND, FileOptions, FileTracker
from workers.trackers.kind import Draft, Tracker, open_tracker

DRAFT = Draft("Alarm on unset language", ("To do: check.", "What happened."))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ["follow-ups.jsonl", "follow-ups.md"]


def tracker(path: Path) -> Tracker:
    return open_tracker(FileOptions(name="file", kind="file", path=str(path)), {})


@pytest.mark.parametrize("name", NAMES)
def test_the_same_ticket_twice_stands_once_and_a_comment_once(tmp_path: Path, name: str) -> None:
    one = tracker(tmp_path / "notes" / name)
    opened = [one.open(key, DRAFT, NOW) for key in ("incident-1:9", "incident-1:9", "incident-1:90")]
    assert opened[0] == opened[1] != opened[2]
    assert opened[0].ticket.startswith(f"{name}#")
    for _ in range(2):
        one.tell(opened[0].ticket, "incident-1:12", "Reverted.\nIt is over.", closes=False)
    text = (tmp_path / "notes" / name).read_text()
    assert text.count("To do: check.") == 2
    assert text.count("Reverted. It is over.") == 1
    assert one.state(opened[0].ticket) == "open"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_closed_here_is_closed_and_what_stands_beside_stays(tmp_path: Path, name: str) -> None:
    one = tracker(tmp_path / name)
    first, second = (one.open(key, DRAFT, NOW).ticket for key in ("incident-1:9", "incident-2:9"))
    one.tell(first, "incident-1:12", "Nothing is left to do.", closes=True)
    assert (one.state(first), one.state(second)) == ("done", "open")


def test_a_box_that_somebody_ticks_closes_the_ticket_and_a_section_taken_out_does(tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.md"
    path.write_text("# Ours\n\n- [ ] something else")
    one = tracker(path)
    first, second = (one.open(key, DRAFT, NOW).ticket for key in ("incident-1:9", "incident-2:9"))
    text = path.read_text()
    assert text.startswith("# Ours\n\n- [ ] something else\n\n## Alarm")
    path.write_text(text.replace("- [ ] To do", "- [X] To do", 1))
    assert (one.state(first), one.state(second)) == ("done", "open")
    path.write_text(path.read_text().replace("- [ ] To do", "- [-] To do"))
    assert one.state(second) == "dropped"
    path.write_text("# Ours\n")
    assert one.state(second) == "dropped"
    one.tell(second, "incident-2:12", "Reverted.", closes=True)
    assert path.read_text() == "# Ours\n"


def test_a_line_that_says_done_closes_the_ticket(tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.jsonl"
    one = tracker(path)
    ticket = one.open("incident-1:9", DRAFT, NOW).ticket
    with path.open("a") as file:
        file.write(json.dumps({"ticket": ticket.partition("#")[2], "done": True, "by": "a person"}) + "\n")
    assert one.state(ticket) == "done"
    other = one.open("incident-2:9", DRAFT, NOW).ticket
    with path.open("a") as file:
        file.write(json.dumps({"ticket": other.partition("#")[2], "dropped": True}) + "\n")
    assert one.state(other) == "dropped"


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.jsonl"
    path.write_text('{"ticket":"inc')
    ticket = FileTracker(path).open("incident-2:9", DRAFT, NOW).ticket
    assert json.loads(path.read_text().splitlines()[1])["ticket"] == ticket.partition("#")[2]
    assert FileTracker(path).state(ticket) == "open"


def test_the_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.md"
    path.write_text("")
    path.chmod(0o660)
    tracker(path).open("incident-1:9", DRAFT, NOW)
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(TrackerError, match="could not be read or written: "):
        tracker(tmp_path / "plain" / "x.md").open("incident-1:9", DRAFT, NOW)
    declared = FileOptions(name="file", kind="file", path=str(tmp_path))
    assert [one.says for one in KIND.examine(declared, {})] == [f"{tmp_path} is a folder"]
    assert not list(KIND.examine(FileOptions(name="f", kind="file", path=str(tmp_path / "a" / "b.md")), {}))

"""Trackers as a team declares them, ours and a stranger's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.recommender.practice.tracker import UnreadTracker
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.environment.settings import Settings
from workers.process.schedule import TICKETS_SECONDS, declared_ticks
from workers.trackers.kind import TRACKERS, open_tracker

DECLARED = """
[recommender]
name = "cinema"
[tables.impressions]
path = "none.parquet"
time = "at"
window = "1m"
[trackers.board]
"""
STRANGER = """
from typing import Literal
from domain.recommender.practice.tracker import Tracker
from workers.trackers.kind import Kind, Opened


class Options(Tracker):
    kind: Literal["corkboard"]
    wall: str


class Corkboard:
    def open(self, key, draft, since):
        return Opened("note 1")

    def tell(self, ticket, key, text, *, closes):
        pass

    def state(self, ticket):
        return "open"


NOTHING = iter(())
KIND = Kind("corkboard", Options, lambda *_: Corkboard(), lambda *_: NOTHING, "a wall", "off", "lost")
"""


def declare(folder: Path, lines: str) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(DECLARED + lines)
    return file


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    (folder / "corkboard-1.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder))
    points = folder / "corkboard-1.dist-info" / "entry_points.txt"
    points.write_text(f"[{TRACKERS.group}]\ncorkboard = corkboard:KIND\n")
    yield folder
    sys.modules.pop("corkboard", None)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('kind = "githb"', ":9: trackers.board.kind: 'githb' is not known; did you mean \"github\"?"),
        ('kind = "corkboard"', "'corkboard' is not known; choose from"),
        ('kind = "file"', "trackers.board.path: missing"),
        (
            'kind = "github"\nrepository = "serving"\ntoken_env = "T"',
            ":10: trackers.board.repository: ",
        ),
        (
            'kind = "github"\nrepository = "a/b"\ntoken = "x"',
            ":11: trackers.board.token: unknown key; did you",
        ),
        ('kind = "jira"\nurl = "https://j.example"\nproject = "rec"\ntoken_env = "T"', "board.project: "),
        ('kind = "jira"\nurl = "http://j.example"\nproject = "REC"\ntoken_env = "T"', "it needs https"),
    ],
)
def test_what_is_wrong_is_reported_with_line_key_and_nearest_name(
    tmp_path: Path, lines: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(declare(tmp_path, lines), {})
    assert says in str(caught.value)
    assert "recsysops.toml:" in str(caught.value)


def test_a_strangers_kind_is_read_and_opened_like_ours_and_imported_by_whoever_asks_it(
    site: Path, tmp_path: Path
) -> None:
    (site / "corkboard.py").write_text(STRANGER)
    file = declare(tmp_path, 'kind = "corkboard"\nwall = "north"')
    assert isinstance(load(file, {}, own=False).trackers["board"], UnreadTracker)
    assert "corkboard" not in sys.modules
    declared = load(file, {}).trackers["board"]
    assert open_tracker(declared, {}).state("note 1") == "open"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise LookupError('no pins')", "corkboard:KIND: LookupError"),
        ("KIND = 3", "is int, not a Kind"),
    ],
)
def test_what_is_wrong_with_a_strangers_kind_is_reported(
    site: Path, tmp_path: Path, source: str, says: str
) -> None:
    (site / "corkboard.py").write_text(source)
    with pytest.raises(ConfigurationError) as caught:
        load(declare(tmp_path, 'kind = "corkboard"\nwall = "north"'), {})
    assert says in str(caught.value)


def test_a_path_is_where_the_declaration_is_and_the_clock_keeps_tickets_in_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = declare(tmp_path, 'kind = "file"\npath = "notes/follow-ups.md"')
    (declared,) = load(file, {}).trackers.values()
    assert declared.model_dump()["path"] == str(tmp_path / "notes" / "follow-ups.md")
    monkeypatch.setattr("workers.declaration.current.settings", lambda: Settings(config=file))
    assert declared_ticks().every["recsysops.tickets"] == TICKETS_SECONDS
    file.write_text(DECLARED.replace("[trackers.board]", ""))
    assert "recsysops.tickets" not in declared_ticks().every


def test_the_doctor_looks_at_each_that_is_declared(tmp_path: Path) -> None:
    file = declare(tmp_path, 'kind = "github"\nrepository = "a/b"\ntoken_env = "ISSUES_TOKEN"')
    said = [one for one in check(file, environment={}) if one.where.startswith("trackers.")]
    assert [(one.level, one.where, one.says) for one in said] == [
        ("error", "trackers.board", "the variable ISSUES_TOKEN is not set: GitHub could not be asked")
    ]

"""Somebody asks about an item: in Slack, and in a terminal on real tables."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.answer import ItemAnswer
from tests.bot.terminal import Terminal
from tests.bot.workspace.driver import Driver
from tests.workers.shop import END, FAULT_AT, HELD_DOWN, write_shop
from workers.door import Door
from workers.items import ask

AT = datetime(2026, 3, 10, 13, 50, tzinfo=UTC)
FOUND = ItemAnswer(
    item="tt1", title="A film", at=AT, learned_since=AT, verdict="less",
    headline="A film is shown 60 % less than its engagement warrants.",
)  # fmt: skip
NO = "There is no item zzz."


@pytest.fixture
def worker(door: Door, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """A worker that answers a second after it is asked; what it was asked."""
    asked: list[tuple[object, ...]] = []

    def enqueue(_door: Door, job: str, *arguments: object) -> bool:
        asked.append((job, *arguments))
        item, question = map(str, arguments)
        said = {"refused": NO} if item == "zzz" else {"answer": FOUND.model_dump(mode="json")}
        threading.Timer(1.0, ask.put, (door.log, question, said)).start()
        return True

    monkeypatch.setattr(Door, "enqueue", enqueue)
    return asked


@pytest.mark.usefixtures("web")
def test_an_item_is_acknowledged_at_once_and_answered_when_the_worker_is_done(
    person: Driver, worker: list[tuple[object, ...]]
) -> None:
    person.command("item  tt1")
    first = person.wait(person.ephemerals, "answer")[0]
    assert first["text"] == "Looking at tt1 …"
    shown = person.wait(lambda: person.ephemerals()[1:], "answer of the worker")[0]
    assert shown["text"] == FOUND.headline
    assert "🔻 A film" in str(shown["blocks"])
    ((job, item, question),) = worker
    assert (job, item) == ("recsysops.item", "tt1")
    assert question


@pytest.mark.usefixtures("web", "worker")
def test_an_item_that_is_not_there_is_said_so(person: Driver) -> None:
    person.command("item zzz")
    assert person.wait(lambda: person.ephemerals()[1:], "answer of the worker")[0]["text"] == NO


@pytest.mark.usefixtures("web")
def test_no_item_and_no_workers_are_each_said_at_once(
    person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.command("item")
    assert "Which item?" in person.wait(person.ephemerals, "answer")[0]["text"]
    monkeypatch.setattr(Door, "enqueue", lambda *_: False)
    person.command("item tt1")
    assert "cannot be reached" in person.wait(lambda: person.ephemerals()[1:], "answer")[0]["text"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    return folder


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, {"DATABASE_URL": ""})


def test_the_terminal_answers_with_words_json_a_picture_and_a_page(
    terminal: Terminal, shop: Path, tmp_path: Path
) -> None:
    at = END.isoformat()
    png, html = tmp_path / "item.png", tmp_path / "item.html"
    said = terminal("item", HELD_DOWN, "--file", shop, "--at", at, "--png", png, "--html", html).out
    assert f"🔻 Thing {HELD_DOWN} is shown" in said
    assert "randomly filled traffic" in said
    assert png.read_bytes().startswith(b"\x89PNG")
    assert f"Thing {HELD_DOWN}" in html.read_text()
    found = terminal("item", HELD_DOWN, "--file", shop, "--at", at, "--json").json["item"]
    assert found["verdict"] == "less"
    assert abs(datetime.fromisoformat(found["since"]) - FAULT_AT).total_seconds() < 1_200


def test_a_wrong_item_or_folder_is_one_line(terminal: Terminal, shop: Path, tmp_path: Path) -> None:
    assert "There is no item xyzzy" in terminal("item", "xyzzy", "--file", shop, code=1).err
    out = terminal("item", HELD_DOWN, "--file", shop, "--png", tmp_path / "no/x.png", code=2).err
    assert "there is no such folder" in out


def test_misses_are_listed_lowest_first_and_by_slice(terminal: Terminal, shop: Path) -> None:
    since = ("--since", FAULT_AT.isoformat(), "--file", shop)
    found = terminal("misses", *since, "--limit", "7", "--json").json["misses"]
    depth = [one["rank"] / one["ranked"] for one in found]
    assert len(found) == 7
    assert depth == sorted(depth, reverse=True)
    on_tv = terminal("misses", *since, "--slice", "device=tv", "--json").json["misses"]
    assert {dict(one["slice"])["device"] for one in on_tv} == {"tv"}
    assert "Instead of" in terminal("misses", *since).out
    assert "is not a slice" in terminal("misses", *since, "--slice", "tv", code=1).err

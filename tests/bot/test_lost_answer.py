"""The store's answer is lost after its commit, or the request before it: people are told what is known."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from bot.cli.shared import ask
from bot.slack.announce import Announcer
from bot.slack.listeners import BROKEN, DONE, LOOKED_UP, NEVER_KNOWN, NOT_DONE
from domain.errors import Refused, Unanswered
from domain.incident import commands as c
from domain.incident.events import AttestationGiven
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from tests.bot.conftest import DECLARED, settle
from tests.bot.slack.test_announce import submit
from tests.bot.slack.test_listeners import deploy, press, value_of_more
from tests.bot.stories import DIAGNOSED, MENU, OFFERED, OPENED
from tests.bot.workspace.driver import Driver
from tests.domain.incident.given import ON_CALL
from tests.proxy import Proxy
from workers.door import Answer, Door
from workers.environment.settings import Settings
from workers.store import cards
from workers.store.connection import engine

CHOSEN, NOTE = b"hotfix.chosen", b"note.added"


@pytest.fixture
def way(database_url: str) -> Iterator[Proxy]:
    """The way to the store, which can be cut."""
    url = make_url(database_url)
    with Proxy(
        str(url.query.get("host") or url.host), int(str(url.query.get("port") or url.port or 5432))
    ) as proxy:
        yield proxy


@pytest.fixture
def long_way(database_url: str, way: Proxy) -> Iterator[str]:
    """The store's address by that way."""
    url = make_url(database_url)
    url = url.difference_update_query(url.query).set(host="127.0.0.1", port=way.port)
    address = url.render_as_string(hide_password=False)
    yield address
    engine(address).dispose()


@pytest.fixture
def door(long_way: str, redis_url: str, tmp_path: Path) -> Door:
    declared = tmp_path / "recsysops.toml"
    declared.write_text(DECLARED)
    return Door(Settings(database_url=long_way, broker_url=redis_url, config=declared))


@pytest.fixture
def stream(door: Door, announcer: Announcer, web: str) -> str:
    opened = submit(door, OPENED)
    door.submit(opened, *DIAGNOSED, "diagnosis")
    door.submit(opened, *OFFERED, "menu")
    settle(announcer)
    return opened


@pytest.fixture
def written(log: Engine, stream: str) -> Callable[[], Incident]:
    """What stands in the store, by a way of its own."""

    def look() -> Incident:
        with log.connect() as connection:
            found = cards.find(connection, stream)
        assert found is not None
        return found

    return look


def heard(person: Driver, words: str) -> None:
    person.wait(lambda: [one for one in person.ephemerals() if words in str(one["text"])], words)


def sent(person: Driver, words: str) -> None:
    """A message to the person alone, outside of any channel."""
    person.wait(lambda: [one for one in person.state()["messages"] if words in str(one["text"])], words)


def test_what_was_done_though_the_answer_was_lost_is_looked_up_and_reported(
    person: Driver, way: Proxy, written: Callable[[], Incident]
) -> None:
    way.lose(CHOSEN, answer=True)
    deploy(person, "①")
    heard(person, LOOKED_UP)
    assert way.is_cut
    assert written().hotfix is not None
    assert not any(BROKEN in str(one["text"]) for one in person.ephemerals())
    way.open()
    heard(person, DONE)
    assert written().hotfix is not None


def test_what_was_not_done_is_said_once_it_cannot_be_done_any_more(
    person: Driver, way: Proxy, written: Callable[[], Incident], monkeypatch: pytest.MonkeyPatch
) -> None:
    way.lose(CHOSEN, answer=False)
    deploy(person, "①")
    heard(person, LOOKED_UP)
    looks, look_up = list[str](), Door.look_up

    def noted(door: Door, unknown: Unanswered) -> Answer | None:
        try:
            return look_up(door, unknown)
        finally:
            looks.append(unknown.key)

    monkeypatch.setattr(Door, "look_up", noted)
    way.open()
    # It is looked at meanwhile, and may not be said: a statement could still be at it.
    person.wait(lambda: len(looks) > 2, "third look")
    assert not any(NOT_DONE in str(one["text"]) for one in person.ephemerals())
    monkeypatch.setattr("workers.door.door.SETTLED_SECONDS", 0.0)
    heard(person, NOT_DONE)
    assert written().hotfix is None


def test_a_store_that_does_not_come_back_is_said_too(
    person: Driver, way: Proxy, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.listeners.LOOK_UP_SECONDS", 0.1)
    way.lose(CHOSEN, answer=True)
    deploy(person, "①")
    heard(person, NEVER_KNOWN)


def test_what_a_form_asked_for_is_reported_to_whoever_sent_it(
    person: Driver, way: Proxy, door: Door, written: Callable[[], Incident]
) -> None:
    press(person, "more", value=value_of_more(person, "note"))
    person.wait(person.modal, "modal")
    way.lose(NOTE, answer=True)
    person.submit({"text": "The supplier has been called."})
    sent(person, LOOKED_UP)
    assert person.modal() is None
    way.open()
    sent(person, DONE)
    notes = [one for one in door.events(written().stream) if one.event.wire_name == "note.added"]
    assert len(notes) == 1


def test_where_nothing_was_asked_of_the_store_nothing_has_happened(
    person: Driver, way: Proxy, written: Callable[[], Incident]
) -> None:
    way.cut()
    deploy(person, "①")
    heard(person, BROKEN)
    assert written().hotfix is None


def test_a_way_that_is_back_at_once_is_noticed_by_nobody(
    door: Door, way: Proxy, stream: str, written: Callable[[], Incident]
) -> None:
    choose = c.ChooseHotfix(option="fill", menu=digest_of(MENU))
    way.lose(CHOSEN, answer=True)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_open_again, way)
        try:
            answer = door.submit(stream, choose, ON_CALL, "one press")
        except Unanswered as unknown:  # the second try was quicker than the way
            found = _patiently(door, unknown)
            assert found is not None
            answer = found
    assert [event.event.wire_name for event in answer.events] == ["hotfix.chosen", "hotfix.approved"]
    assert written().version == 6


def _open_again(way: Proxy) -> None:
    while not way.is_cut:
        time.sleep(0.001)
    way.open()


def _patiently(door: Door, unknown: Unanswered) -> Answer | None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            return door.look_up(unknown)
        except Unanswered:
            time.sleep(0.05)
    raise TimeoutError


def test_what_somebody_vouched_for_is_looked_up_too(
    door: Door, way: Proxy, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = datetime.now(UTC) + timedelta(days=90)
    said = AttestationGiven(test="infra-1", how="automatic", link="https://ci.example.org/twice", until=until)
    way.lose(b"attestation.given", answer=True)  # written, and not committed
    with pytest.raises(Unanswered) as lost:
        door.attest(said, ON_CALL, "one word")
    way.open()
    with pytest.raises(Unanswered):
        door.look_up(lost.value)
    monkeypatch.setattr("workers.door.door.SETTLED_SECONDS", 0.0)
    assert _patiently(door, lost.value) is None
    door.attest(said, ON_CALL, "another word")
    assert "infra-1" in [one.test.id for part in door.audit().parts for one in part.tests if one.points]


def test_a_terminal_looks_up_what_came_of_its_command(way: Proxy, long_way: str, door: Door) -> None:
    opened = submit(door, OPENED)
    way.lose(NOTE, answer=True)
    environment = {**os.environ, "DATABASE_URL": long_way, "RECSYSOPS_VAR": "/nowhere"}
    command = [sys.executable, "-m", "bot.cli.main", "note", "1", "called them"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asked:
        assert asked.stderr is not None
        assert any("looking up whether this was done" in line for line in asked.stderr)
        way.open()
        out, _ = asked.communicate(timeout=600)
    assert (asked.returncode, "Note: called them" in out) == (0, True)
    assert [one.event.wire_name for one in door.events(opened)] == ["incident.opened", "note.added"]


def test_a_terminal_says_what_was_not_done(
    way: Proxy, door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = submit(door, OPENED)
    way.lose(NOTE, answer=False)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, door, opened, c.AddNote(text="called them"))
        until = time.monotonic() + 60
        while "looking up" not in capsys.readouterr().err and time.monotonic() < until:
            time.sleep(0.05)
        monkeypatch.setattr("workers.door.door.SETTLED_SECONDS", 0.0)
        way.open()
        with pytest.raises(Refused, match="This was not done: the store did not write it down"):
            asked.result(60)
    assert [one.event.wire_name for one in door.events(opened)] == ["incident.opened"]

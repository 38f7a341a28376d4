from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from domain.errors import ConfigurationError, Refused
from domain.incident.commands import Acknowledge, AddNote
from domain.values import Actor
from workers.door import Door
from workers.environment.settings import Settings
from workers.log.handle import Answer
from workers.store import attachments

HEAVY = ("pandas", "numpy", "scipy", "sklearn", "shap", "duckdb", "ibis", "matplotlib", "celery", "kombu")


@pytest.fixture
def door(database_url: str, redis_url: str) -> Door:
    return Door(Settings(database_url=database_url, broker_url=redis_url))


def test_the_door_brings_no_science_and_no_celery_with_it() -> None:
    program = f"import sys, workers.door; print([m for m in {HEAVY!r} if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_a_press_by_number_reaches_the_incident(
    door: Door, opened: Callable[..., Answer], on_call: Actor
) -> None:
    opened()
    answer = door.submit("#1", Acknowledge(), on_call, "press")
    card = door.incident(1)
    assert card is not None
    assert card.acknowledged_by == on_call.id
    assert door.events(1)[-1] == answer.events[-1]


def test_what_is_not_there_is_said_so(door: Door, on_call: Actor) -> None:
    assert door.incident("#7") is None
    assert door.events("#7") == []
    assert door.picture("0" * 64) is None
    with pytest.raises(Refused, match="There is no incident"):
        door.submit(7, AddNote(text="hello"), on_call, "k")


def test_incidents_are_listed_newest_first_by_status(
    door: Door, opened: Callable[..., Answer], on_call: Actor
) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    door.submit(1, Acknowledge(), on_call, "press")
    assert [card.number for card in door.incidents()] == [2, 1]
    assert [card.number for card in door.incidents("acknowledged")] == [1]
    assert [card.number for card in door.incidents(("open", "acknowledged"))] == [2, 1]


def test_a_follower_is_shown_each_event_until_it_says_that_it_saw_it(
    door: Door, opened: Callable[..., Answer]
) -> None:
    opened("Drama", "a"), opened("Comedy", "b")
    first, second = door.unseen("announce")
    assert door.unseen("announce") == [first, second]
    door.saw("announce", first.position)
    assert door.unseen("announce") == [second]
    door.saw("announce", second.position)
    door.saw("announce", first.position)
    assert door.unseen("announce") == []
    assert door.unseen("another") == [first, second]


def test_an_append_wakes_whoever_waits_for_one(door: Door, opened: Callable[..., Answer]) -> None:
    appends = door.listen()
    try:
        assert appends.wait(0)
        assert not appends.wait(0.05)
        opened()
        assert appends.wait(60)
    finally:
        appends.close()


def test_a_picture_is_kept_once_and_comes_back(log: Engine, door: Door) -> None:
    digest = attachments.keep(log, b"\x89PNG picture")
    assert attachments.keep(log, b"\x89PNG picture") == digest
    assert door.picture(digest) == b"\x89PNG picture"


def test_a_broker_that_is_away_loses_nothing_and_breaks_nothing(database_url: str) -> None:
    door = Door(Settings(database_url=database_url, broker_url="redis://127.0.0.1:1/0"))
    assert not door.enqueue("recsysops.remind")


def test_without_a_database_the_door_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="set DATABASE_URL, or start one with `recsysops up`"):
        Door(Settings())

"""What the door passes on of a command: who, on which incident, and what caused it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from domain.errors import Refused
from domain.incident.commands import Acknowledge, AddNote
from domain.values import Actor
from workers.door import Door
from workers.environment.settings import Settings
from workers.log.handle import Answer

Opened = Callable[..., Answer]


@pytest.fixture
def door(database_url: str, redis_url: str) -> Door:
    return Door(Settings(database_url=database_url, broker_url=redis_url))


def test_what_was_caused_by_an_event_names_it(
    door: Door, log: Engine, opened: Opened, on_call: Actor
) -> None:
    cause = opened().events[-1].id
    (noted,) = door.submit(1, AddNote(text="as asked"), on_call, "note", cause).events
    (alone,) = door.submit(1, AddNote(text="by itself"), on_call, "another").events
    assert (noted.cause, alone.cause) == (cause, None)
    assert [one.cause for one in door.events(1)][-2:] == [cause, None]


def test_the_same_key_is_one_command(door: Door, log: Engine, opened: Opened, on_call: Actor) -> None:
    opened()
    for _ in range(2):
        door.submit(1, AddNote(text="once"), on_call, "note")
    assert len(door.events(1)) == 2


def test_who_pressed_is_who_is_written_down(door: Door, log: Engine, opened: Opened, on_call: Actor) -> None:
    opened()
    (taken,) = door.submit("#1", Acknowledge(), on_call, "press").events
    assert taken.actor == on_call.id
    with pytest.raises(Refused, match="There is no incident"):
        door.submit(2, Acknowledge(), on_call, "another press")

"""The log knows people by pseudonyms only, outside they go by their ids; and they can be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import Engine, text

from domain.errors import Refused, Tampered
from domain.incident.commands import (
    Acknowledge,
    AddNote,
    Assign,
    ChooseHotfix,
    PrepareMenu,
    RecordHotfixApplied,
    RefuteHotfix,
)
from domain.incident.menu import digest_of
from domain.incident.person import is_pseudonym
from domain.values import Actor
from tests.domain.incident.given import DIAGNOSED, option
from workers.door import Door
from workers.environment.settings import Settings
from workers.log.handle import Answer, handle
from workers.log.people import hide
from workers.store.exports.export import export
from workers.store.integrity.verify import verify

ADA = Actor(kind="person", id="slack:U-ada")
BEN = Actor(kind="person", id="slack:U-ben")
MENU = (option("fill"), option("rollback"))


@pytest.fixture
def door(database_url: str, redis_url: str) -> Door:
    return Door(Settings(database_url=database_url, broker_url=redis_url))


def written(log: Engine) -> str:
    """Everything that the store keeps of an incident, but who is behind a pseudonym."""
    with log.connect() as connection:
        cards = connection.execute(text("SELECT incident FROM cards")).scalars().all()
    return b"".join(export(log)).decode() + "".join(cards)


def test_the_log_names_nobody_and_the_door_everybody(
    door: Door, log: Engine, opened: Callable[..., Answer]
) -> None:
    opened()
    answer = door.submit(1, Acknowledge(), ADA, "a")
    door.submit(1, Assign(person="slack:U-ben"), ADA, "b")
    assert answer.events[0].actor == "slack:U-ada"
    assert "slack:" not in written(log)
    card = door.incident(1)
    assert card is not None
    assert (card.acknowledged_by, card.assignee) == ("slack:U-ada", "slack:U-ben")
    assert [one.assignee for one in door.incidents()] == ["slack:U-ben"]
    assert [record.actor for record in door.events(1)][1:] == ["slack:U-ada"] * 2
    assert door.unseen("somebody")[-1].event.model_dump() == {"person": "slack:U-ben"}


def test_who_was_forgotten_is_a_former_member_everywhere_and_the_chain_holds(
    door: Door, log: Engine, opened: Callable[..., Answer]
) -> None:
    opened()
    door.submit(1, Acknowledge(), ADA, "a")
    door.submit(1, AddNote(text="looking"), BEN, "b")
    before = verify(log)
    assert door.forget("slack:U-ada")
    assert not door.forget("slack:U-ada")
    assert verify(log) == before
    card = door.incident(1)
    assert card is not None
    assert is_pseudonym(str(card.acknowledged_by))
    assert [record.actor for record in door.events(1)][2] == "slack:U-ben"
    with log.connect() as connection:
        left = connection.execute(text("SELECT known_as FROM people")).scalars().all()
    assert left == ["slack:U-ben"]


@pytest.mark.parametrize(
    ("by_hand", "says"),
    [
        ("DELETE FROM people", "was taken away by hand: nobody had them forgotten"),
        ("UPDATE people SET known_as = 'slack:U-eve'", "Somebody made person:"),
        ("DELETE FROM people; DELETE FROM memory", "was taken away by hand: nobody had them forgotten"),
    ],
)
def test_who_is_taken_away_or_made_another_by_hand_is_named(
    door: Door, log: Engine, opened: Callable[..., Answer], owner: psycopg.Connection, by_hand: str, says: str
) -> None:
    opened()
    door.submit(1, Acknowledge(), ADA, "a")
    verify(log)
    for statement in by_hand.split("; "):
        owner.execute(statement.encode())
    with pytest.raises(Tampered, match=says):
        verify(log)


def test_who_was_taken_away_by_hand_may_be_left_forgotten(
    door: Door, log: Engine, opened: Callable[..., Answer], owner: psycopg.Connection
) -> None:
    opened()
    actor, _ = hide(log, ADA, Acknowledge())
    door.submit(1, Acknowledge(), ADA, "a")
    owner.execute("DELETE FROM people")
    assert door.forget(actor.id)
    assert verify(log).events


def test_somebody_who_comes_back_is_somebody_new(
    door: Door, log: Engine, opened: Callable[..., Answer]
) -> None:
    opened()
    first, _ = hide(log, ADA, Acknowledge())
    assert hide(log, ADA, Acknowledge())[0] == first
    door.forget("slack:U-ada")
    assert hide(log, ADA, Acknowledge())[0].id != first.id


def test_a_refusal_names_people_as_they_are_known_outside(
    door: Door, log: Engine, opened: Callable[..., Answer], detector: Actor
) -> None:
    stream = opened().stream
    for key, command in (
        ("d", DIAGNOSED[0]),
        ("m", PrepareMenu(options=MENU)),
    ):
        handle(stream, command, actor=detector, key=key, log=log)
    door.submit(1, ChooseHotfix(option="fill", menu=digest_of(MENU)), ADA, "a")
    with pytest.raises(Refused, match="slack:U-ada was first"):
        door.submit(1, ChooseHotfix(option="rollback", menu=digest_of(MENU)), BEN, "b")
    with pytest.raises(Refused, match="slack:U-ada cannot be forgotten yet: “Do fill” is being deployed"):
        door.forget("slack:U-ada")
    handle(stream, RecordHotfixApplied(option="fill", receipt="ok"), actor=detector, key="p", log=log)
    handle(stream, RefuteHotfix(option="fill", reason="not back"), actor=detector, key="r", log=log)
    assert door.forget("slack:U-ada")
    with pytest.raises(Refused, match="a former member was first: “Do fill” is in force"):
        door.submit(1, ChooseHotfix(option="rollback", menu=digest_of(MENU)), BEN, "c")


def test_two_processes_that_meet_somebody_at_once_give_one_pseudonym(log: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {actor.id for actor, _ in pool.map(lambda _: hide(log, ADA, Acknowledge()), range(32))}
    assert len(found) == 1


def test_a_worker_is_no_person(log: Engine, detector: Actor) -> None:
    assert hide(log, detector, Acknowledge()) == (detector, Acknowledge())

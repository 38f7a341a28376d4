"""An event at which a follower fails repeatedly is set aside; one at which the store failed is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from workers.door import Door
from workers.environment.settings import Settings
from workers.log.handle import Answer
from workers.store.followers import MOST_TRIES


@pytest.fixture
def door(database_url: str, redis_url: str) -> Door:
    return Door(Settings(database_url=database_url, broker_url=redis_url))


AWAY = OperationalError("SELECT 1", {}, Exception("the store is away"))
CUT = DBAPIError("SELECT 1", {}, Exception("the connection was cut"))


@pytest.mark.parametrize("trouble", [AWAY, CUT])
def test_the_store_s_own_trouble_is_not_held_against_an_event_however_often(
    door: Door, opened: Callable[..., Answer], trouble: Exception
) -> None:
    opened()
    (event,) = door.unseen("announce")
    assert not any(door.stumbled("announce", event, trouble) for _ in range(MOST_TRIES + 2))
    assert door.unseen("announce") == [event]
    (follower,) = [one for one in door.followers() if one.name == "announce"]
    assert (follower.failures, follower.trouble, follower.aside) == (0, None, ())


def test_an_event_that_itself_fails_is_set_aside_at_the_last_try_and_not_before(
    door: Door, opened: Callable[..., Answer]
) -> None:
    opened()
    (event,) = door.unseen("announce")
    failed = [door.stumbled("announce", event, ValueError("no such channel")) for _ in range(MOST_TRIES)]
    assert failed == [False] * (MOST_TRIES - 1) + [True]
    assert event not in door.unseen("announce")
    (follower,) = [one for one in door.followers() if one.name == "announce"]
    assert [aside.position for aside in follower.aside] == [event.position]

"""Overrides read from a real Valkey while it answers, is away, and holds what nobody understands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from recsysops_client import Overrides, OverridesUnavailable, RedisOverrides
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import make_url

from tests.key import client as client  # noqa: PLC0414 (a fixture)
from tests.key import key as key  # noqa: PLC0414 (a fixture)
from tests.key import way as way  # noqa: PLC0414 (a fixture)
from tests.proxy import Proxy

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRY = {
    "id": "a",
    "kind": "boost_items",
    "items": ["1"],
    "amount": 0.5,
    "expires_at": (AT + timedelta(hours=1)).isoformat(),
}
GOOD = json.dumps({"version": 1, "overrides": [ENTRY]})


class Time:
    """Seconds that go forward when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


Read = Callable[[Literal["open", "closed"], Time], RedisOverrides]


@pytest.fixture
def reader(redis_url: str, way: Proxy, key: str) -> Read:
    over = make_url(redis_url).set(host="127.0.0.1", port=way.port).render_as_string(hide_password=False)

    def read(fail: Literal["open", "closed"], clock: Time) -> RedisOverrides:
        client = Redis.from_url(over, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        return RedisOverrides(client, key, fail=fail, clock=clock)

    return read


def test_a_missing_key_means_none_and_what_expired_is_left_out(
    client: Redis, way: Proxy, key: str, reader: Read
) -> None:
    clock = Time()
    overrides = reader("closed", clock)
    assert overrides.current(AT) == ()
    client.set(key, GOOD)
    assert overrides.current(AT) == ()  # looked at again after a second, not at each request
    clock.seconds = 1.0
    assert [override.id for override in overrides.current(AT)] == ["a"]
    assert overrides.current(AT + timedelta(hours=2)) == ()
    assert overrides.revision == 2


def test_fail_open_serves_the_last_good_ones_while_the_server_is_away(
    client: Redis, way: Proxy, key: str, reader: Read
) -> None:
    clock = Time()
    client.set(key, GOOD)
    overrides = reader("open", clock)
    assert [override.id for override in overrides.current(AT)] == ["a"]
    way.cut()
    clock.seconds = 3600.0
    assert [override.id for override in overrides.current(AT)] == ["a"]
    assert key in str(overrides.problem)
    assert overrides.current(AT + timedelta(hours=2)) == ()
    way.open()
    client.delete(key)
    clock.seconds = 3601.0
    assert (overrides.current(AT), overrides.problem) == ((), None)


def test_fail_closed_says_so_once_the_last_reading_is_stale(
    client: Redis, way: Proxy, key: str, reader: Read
) -> None:
    clock = Time()
    client.set(key, GOOD)
    overrides = reader("closed", clock)
    assert len(overrides.current(AT)) == 1
    way.cut()
    clock.seconds = 9.0
    assert len(overrides.current(AT)) == 1
    clock.seconds = 11.0
    with pytest.raises(OverridesUnavailable, match=key):
        overrides.current(AT)
    way.open()
    clock.seconds = 12.0
    assert len(overrides.current(AT)) == 1


def test_fail_closed_and_never_read_is_unavailable_from_the_first_request(way: Proxy, reader: Read) -> None:
    way.cut()
    with pytest.raises(OverridesUnavailable):
        reader("closed", Time()).current(AT)
    assert reader("open", Time()).current(AT) == ()


def test_what_is_not_understood_counts_as_not_read(client: Redis, way: Proxy, key: str, reader: Read) -> None:
    clock = Time()
    client.set(key, GOOD)
    open_one, closed_one = reader("open", clock), reader("closed", clock)
    assert len(open_one.current(AT)) == len(closed_one.current(AT)) == 1
    client.set(key, "{half")
    clock.seconds = 11.0
    assert len(open_one.current(AT)) == 1
    assert "JSON" in str(open_one.problem)
    with pytest.raises(OverridesUnavailable):
        closed_one.current(AT)
    client.set(key, GOOD)  # the same text as before the bad one
    clock.seconds = 12.0
    assert (len(closed_one.current(AT)), closed_one.problem) == (1, None)


def test_a_client_that_decodes_is_read_alike_and_failing_is_declared(
    client: Redis, redis_url: str, key: str
) -> None:
    client.set(key, GOOD)
    decoding = Redis.from_url(redis_url, decode_responses=True)
    assert len(RedisOverrides(decoding, key, fail="open").current(AT)) == 1
    with pytest.raises(ValueError, match="open"):
        RedisOverrides(client, key, fail="maybe")  # type: ignore[arg-type]


def test_a_share_of_members_is_served_as_by_the_file(client: Redis, key: str, tmp_path: Path) -> None:
    half = {**ENTRY, "id": "half", "share": 0.5, "salt": "half"}
    text = json.dumps({"version": 1, "overrides": [ENTRY, half]})
    client.set(key, text)
    (tmp_path / "overrides.json").write_text(text)
    overrides, file = RedisOverrides(client, key, fail="closed"), Overrides(tmp_path / "overrides.json")
    members = [None, *(f"m{n}" for n in range(50))]
    served = [overrides.current(AT, member) for member in members]
    assert served == [file.current(AT, member) for member in members]
    assert [one.id for one in served[0]] == ["a"]
    assert {len(each) for each in served} == {1, 2}

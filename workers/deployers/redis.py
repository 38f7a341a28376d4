"""A hotfix written to a key of Redis or Valkey that serving processes read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field

from domain.answer import Advice
from domain.errors import ConfigurationError, DeployError, DeployUncertain, sanitized
from domain.recommender.deployer import Deployer
from domain.values import Option
from workers.deployers import overrides
from workers.deployers.kind import Environment, Kind
from workers.environment.address import host_of, misread
from workers.environment.exchange import is_loopback
from workers.environment.service import examined

if TYPE_CHECKING:
    from redis import Redis

SCHEMES = ("redis", "rediss", "unix")

Change = Callable[[overrides.Document], tuple[overrides.Document, str]]
"""The changed document, and the receipt."""


class RedisOptions(Deployer):
    """
    `url_env` names the variable with the server's address (`rediss://user:password@host:6379/0`); `key` is
    where the overrides document is stored (`recsysops_client.RedisOverrides`). Without `plain = true` other
    hosts are contacted over TLS only.
    """

    kind: Literal["redis"]
    url_env: str = Field(min_length=1)
    """Variable with the server's address (`rediss://user:password@host:6379/0`)."""
    key: str = Field(default="recsysops:overrides", min_length=1)
    """Key of the document of overrides."""
    plain: bool = False
    """Whether another host may be spoken to without TLS."""


class RedisDeployer:
    """
    Keeps a hotfix under its id in the overrides document at `key` (see `workers.deployers.overrides`).

    A change is one transaction that fails if anybody touched the key since it was read. A revert writes
    even if there is nothing to remove: a change that began before it and is still under way then finds the
    key touched, and does nothing.

    Args:
        url: `rediss://`, `unix://`, or `redis://` on this machine; elsewhere only if `plain` allows it.
        timeout_seconds: for one whole change.
    """

    def __init__(self, url: str, key: str, *, timeout_seconds: float, plain: bool = False) -> None:
        _check(url, plain)
        self.key = key
        self.host = (
            "the socket" if url.startswith("unix:") else host_of(url)
        )  # the rest of the address may hold a password
        self._url = url
        self._timeout_seconds = timeout_seconds

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Write the entries; calling again with the same key only moves their end."""
        entries = overrides.entries(key, option, expires_at)
        return self._change(lambda document: overrides.applied(document, entries, self.key))

    def revert(self, key: str, option: Option) -> str:
        """Remove the entries."""

        def reverted(document: overrides.Document) -> tuple[overrides.Document, str]:
            held = key in overrides.keys(document)
            receipt = f"{self.key} {'no longer holds' if held else 'does not hold'} {key}"
            return overrides.without(document, key), receipt

        return self._change(reverted)

    def serving(self) -> frozenset[str]:
        """The keys found when the document is read back."""
        with self._connected() as client:
            return overrides.keys(self._parsed(client.get(self.key)))

    def eviction(self) -> str:
        """The server's `maxmemory_policy`; empty if it does not say."""
        with self._connected() as client:
            return str(client.info("memory").get("maxmemory_policy", ""))

    def _change(self, change: Change) -> str:
        """
        Raises DeployUncertain if anything fails once a change was sent: the library also reports a lost
        connection as a touched key, and what was sent may have been done.
        """
        sent: list[overrides.Document] = []
        try:
            return self._changed(change, sent)
        except DeployError as error:
            if not sent:
                raise
            raise DeployUncertain(f"{error}; asking again with the same id is safe") from error

    def _changed(self, change: Change, sent: list[overrides.Document]) -> str:
        from redis import WatchError  # noqa: PLC0415 - not needed just to read what is declared

        until = time.monotonic() + self._timeout_seconds
        with self._connected() as client, client.pipeline() as pipe:
            while time.monotonic() < until:
                pipe.watch(self.key)  # type: ignore[no-untyped-call]
                document, receipt = change(self._parsed(pipe.get(self.key)))
                pipe.multi()
                pipe.set(self.key, overrides.written(document))
                sent.append(document)
                with suppress(WatchError):
                    pipe.execute()
                    return receipt
        raise DeployError(f"{self.host}: {self.key} was changed by others all the while; try again")

    def _parsed(self, text: object) -> overrides.Document:
        where = f"{self.host}: {self.key}"
        if text is not None and not isinstance(text, bytes):
            raise DeployError(
                f"{where} was read as {type(text).__name__}; take decode_responses out of the address"
            )
        return overrides.parse(text, where)

    @contextmanager
    def _connected(self) -> Iterator[Redis]:
        from redis import Redis, RedisError  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # No retries here: whether to try again is decided by the caller, who knows the key.
        once, seconds = Retry(NoBackoff(), 0), self._timeout_seconds
        try:
            client = Redis.from_url(
                self._url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=once
            )
        except ValueError:
            raise DeployError(f"{self.host}: the address of Redis is none; correct it") from None
        try:
            yield client
        except RedisError as error:
            raise DeployError(f"{self.host}: {_shown(error)} ({sanitized(error)})") from error
        finally:
            client.close()


def _shown(error: Exception) -> str:
    from redis import AuthenticationError, ResponseError  # noqa: PLC0415

    if isinstance(error, AuthenticationError):
        return "it does not let the login of its address in; check user and password"
    if isinstance(error, ResponseError):
        return "it refused the command; check the key, and what the login of its address may do"
    return "it could not be reached, or did not answer; is it running?"


def _check(url: str, plain: bool) -> None:
    if wrong := misread(url):
        raise ConfigurationError(f"the address of Redis {wrong}")
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"the address of Redis begins with one of {', '.join(SCHEMES)} and ://")
    if parts.scheme == "redis" and not plain and not is_loopback(parts.hostname or "localhost"):
        raise ConfigurationError(
            f"{parts.hostname}: another host is spoken to by rediss://; write plain = true where the network "
            "between is trusted"
        )


def _opened(declared: RedisOptions, environment: Environment) -> RedisDeployer:
    url = environment.get(declared.url_env)
    if not url:
        raise ConfigurationError(f"the variable {declared.url_env} with the address of Redis is not set")
    seconds = declared.timeout.total_seconds()
    return RedisDeployer(url, declared.key, timeout_seconds=seconds, plain=declared.plain)


def _examine(declared: RedisOptions, environment: Environment) -> Iterator[Advice]:
    fix = "start it, or correct the address or the key"
    yield from examined(f"deployers.{declared.name}", "url_env", _looked(declared, environment), fix)


def _looked(declared: RedisOptions, environment: Environment) -> Iterator[Advice]:
    opened = _opened(declared, environment)
    opened.serving()
    policy = opened.eviction()
    if policy.startswith("allkeys-"):
        says = f"maxmemory-policy is {policy}: the overrides may be evicted, and a hotfix end unseen"
        fix = "use volatile-lru or noeviction, or another server"
        yield Advice(level="warning", where=f"deployers.{declared.name}", says=says, fix=fix)


KIND = Kind(
    "redis",
    RedisOptions,
    _opened,
    _examine,
    overrides.carries,
    needs="`url_env`: the variable with the address of Redis or Valkey; `key`, read by `RedisOverrides`",
    confirms="the key, read back",
    reverts="the entry is taken out",
    in_stages=True,
)

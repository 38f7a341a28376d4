"""Overrides read from a key of Redis or Valkey; imports no client, so that a team uses its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, Protocol

from .overrides import Override, parse


class Reads(Protocol):
    """The one method needed of a client: `redis.Redis` has it, and so do others."""

    def get(self, name: str, /) -> object:
        """The value as bytes or text; None if there is none. May raise any exception."""
        ...


class OverridesUnavailable(Exception):
    """It is unknown which overrides are in force, and the reader was declared to fail closed."""


class RedisOverrides:
    """
    The overrides at `key`, read again every `every_seconds` by the next request to arrive.

    A missing key means none. If the server does not answer, or its value cannot be understood, `problem` says
    so, and:

    - `fail="open"`: the last good overrides stay in force until they expire (none, if there never were any);
    - `fail="closed"`: `current` raises once the last good reading is older than `stale_seconds`, for services
      that would rather serve a fallback than serve without a hotfix.

    Args:
        client: give it short timeouts (`redis.Redis(…, socket_timeout=0.2)`): one request in `every_seconds`
                waits for it, even while the server is away.
        clock: seconds that never go backwards.
    """

    def __init__(
        self,
        client: Reads,
        key: str = "recsysops:overrides",
        *,
        fail: Literal["open", "closed"],
        every_seconds: float = 1.0,
        stale_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if fail not in ("open", "closed"):
            raise ValueError(f'fail: expected "open" or "closed", found {fail!r}')
        self.key, self.fail = key, fail
        self.problem: str | None = None
        self.revision = 0
        self._client, self._clock = client, clock
        self._every_seconds, self._stale_seconds = every_seconds, stale_seconds
        self._overrides: tuple[Override, ...] = ()
        self._held: bytes | None = None
        self._tried_at: float | None = None
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def current(self, now: datetime | None = None, member: str | None = None) -> tuple[Override, ...]:
        """
        Those in force at `now` (aware; the present if not given) for a member.

        Without a member: those that apply to all.

        Raises:
            OverridesUnavailable: with `fail="closed"`, if they have not been read for too long.
        """
        moment = now or datetime.now(UTC)
        # Every request waits for the first reading; later ones hold up one request, and the others go on.
        if self._lock.acquire(blocking=self._tried_at is None):
            try:
                self._refresh()
            finally:
                self._lock.release()
        if self.fail == "closed" and not self._fresh():
            raise OverridesUnavailable(self.problem or f"{self.key} was not read for too long")
        return tuple(one for one in self._overrides if one.expires_at > moment and one.serves(member))

    def _fresh(self) -> bool:
        return self._read_at is not None and self._clock() - self._read_at <= self._stale_seconds

    def _refresh(self) -> None:
        at = self._clock()
        if self._tried_at is not None and at - self._tried_at < self._every_seconds:
            return
        try:
            value = self._client.get(self.key)
            text = value.encode() if isinstance(value, str) else value
            if text is not None and not isinstance(text, bytes):
                raise ValueError(f"expected bytes or text, found {type(text).__name__}")
            if self._read_at is None or text != self._held:
                self._accept(text)
        except Exception as error:  # noqa: BLE001 (a stranger's client: whatever it raises, serving goes on)
            self.problem = f"{self.key}: {type(error).__name__}: {error}"
        else:
            self.problem, self._read_at = None, at
        finally:
            self._tried_at = self._clock()

    def _accept(self, text: bytes | None) -> None:
        self._overrides = parse(text) if text is not None else ()
        self._held = text
        self.revision += 1

"""
Membership of user groups: requested from Slack in the background, never while a press is waiting.

One call returns all groups with their members. It is made every few minutes and whenever Slack reports that
a group has changed; the result is kept in the store, so that a newly started process, and the workers, have
it too, and only one of several processes asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import ClientError
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import SQLAlchemyError

from domain.errors import sanitized
from domain.incident.permitted import STALE
from workers.door import Door

FRESH_SECONDS = 180.0
"""When older than this, Slack is asked again."""

LOOK_SECONDS = 10.0
"""How often to check whether it is time, and whether another process has received something newer."""

FIRST_SECONDS = 2.0
"""How long a process that knows nothing yet waits for Slack before it handles its first press."""

CHANGED = ("subteam_created", "subteam_updated", "subteam_members_changed")
"""The events by which Slack reports that a group has changed."""

FAILURES = (SlackApiError, SlackClientError, ClientError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


class Groups:
    """Person → handles of their user groups, as Slack last told this process or another one."""

    def __init__(
        self, client: AsyncWebClient, door: Door, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._door = door
        self._clock = clock
        self._members: Mapping[str, Collection[str]] = {}
        self._handles: dict[str, str] = {}
        self._said_at: float | None = None
        self._ask_at = 0.0
        self._changes_meanwhile: list[Mapping[str, Any]] = []
        self._keeping = asyncio.Lock()
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def of(self, user: str) -> tuple[tuple[str, ...], bool]:
        """The handles of a person's groups, and whether they are fresh. Makes no request."""
        handles = tuple(sorted(handle for handle, users in self._members.items() if user in users))
        return handles, self._age() < STALE.total_seconds()

    async def begin(self) -> bool:
        """Load what is kept, and refresh from now on in the background; False if nothing is known yet."""
        await self._look()
        self._loop = asyncio.create_task(self._keep_asking())
        until = self._clock() + FIRST_SECONDS
        while self._said_at is None and self._clock() < until:
            await asyncio.sleep(0.02)
        return self._said_at is not None

    async def end(self) -> None:
        """Stop refreshing."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    def listen(self, app: AsyncApp) -> None:
        """Subscribe to changes as they happen."""
        for name in CHANGED:
            app.event(name)(self.changed)

    async def changed(self, event: Mapping[str, Any]) -> None:
        """Handle a changed group: members taken out are out at once, and Slack is asked for the rest."""
        self._changes_meanwhile.append(event)
        if event.get("removed_users") and self._said_at is not None:
            self._take_out(event)
            await self._keep()
        self._ask_at = min(self._ask_at, self._clock())
        self._changed.set()

    def _take_out(self, event: Mapping[str, Any]) -> None:
        handle = self._handles.get(str(event.get("subteam_id")))
        if handle is not None:
            left = set(self._members.get(handle, ())) - set(event.get("removed_users") or ())
            self._members = {**self._members, handle: left}

    async def refresh(self) -> bool:
        """Ask Slack now; False if it does not answer."""
        self._changes_meanwhile.clear()
        try:
            listed = await self._client.usergroups_list(include_users=True)
        except FAILURES as error:
            wait = retry_after(error)
            self._ask_at = self._clock() + wait
            _log.warning("groups_not_answered", error=sanitized(error), again_in_seconds=wait)
            return False
        groups: list[dict[str, Any]] = listed.get("usergroups") or []
        self._handles = {str(group["id"]): str(group["handle"]) for group in groups}
        self._members = {str(one["handle"]): frozenset(one.get("users") or ()) for one in groups}
        self._said_at = self._clock()
        # The answer may be older than a change reported meanwhile: it must not bring anybody back in.
        for event in self._changes_meanwhile:
            self._take_out(event)
        self._ask_at = self._said_at + (0.0 if self._changes_meanwhile else FRESH_SECONDS)
        await self._keep()
        return True

    async def _keep(self) -> None:
        async with self._keeping:  # one after the other: what is written last is what was received last
            try:
                await asyncio.to_thread(self._door.keep_groups, self._members, self._handles, self._age())
            except SQLAlchemyError as error:
                _log.warning("groups_not_kept", error=type(error).__name__)

    def _age(self) -> float:
        return float("inf") if self._said_at is None else self._clock() - self._said_at

    async def _keep_asking(self) -> None:
        while True:
            if not self._changed.is_set():
                await self._look()
            self._changed.clear()
            if self._clock() >= self._ask_at:
                await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_SECONDS)

    async def _look(self) -> None:
        """Take over what another process was told, if that is newer."""
        try:
            kept = await asyncio.to_thread(self._door.kept_groups)
        except SQLAlchemyError as error:
            _log.warning("groups_not_read", error=type(error).__name__)
            return
        # A second's grace: what this process wrote itself, read back, is not newer.
        if kept is None or kept.age_seconds + 1.0 >= self._age():
            return
        self._members, self._handles = kept.members, kept.handles
        self._said_at = self._clock() - kept.age_seconds
        self._ask_at = max(self._ask_at, self._said_at + FRESH_SECONDS)


def retry_after(error: Exception, otherwise: float = 5.0) -> float:
    """The seconds that Slack asks us to wait, if it names any."""
    if isinstance(error, SlackApiError):
        with suppress(KeyError, ValueError):
            return float(error.response.headers["Retry-After"])
    return otherwise

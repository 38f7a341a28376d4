"""
Who may press what: a Slack person and their user groups against the declaration's permissions.

Whoever is not named may not, and where nobody is named nobody may: what is missing in recsysops.toml opens
nothing. Groups are asked of Slack once in a few minutes. Where Slack does not answer, what was known last
still lets people respond; what changes the recommender fails closed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.actions import Need
from domain.errors import NotAllowed
from domain.values import Actor

FRESH_SECONDS = 180.0
STALE_SECONDS = 600.0
"""Between the two, groups are asked for again while a press goes on with those known."""

DANGEROUS: frozenset[Need] = frozenset({"deploy", "approve"})

_PERSON = re.compile(r"^[UW][A-Z0-9]{6,}$")
_log = structlog.get_logger(__name__)


class Permissions(Protocol):
    """Groups by handle or people by id, as declared under [permissions]."""

    @property
    def respond(self) -> tuple[str, ...]: ...
    @property
    def deploy(self) -> tuple[str, ...]: ...
    @property
    def approve(self) -> tuple[str, ...]: ...


class Groups:
    """Person → handles of their user groups, as Slack last said."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._members: Mapping[str, Collection[str]] = {}
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()
        self._renewing: asyncio.Task[bool] | None = None

    async def of(self, user: str) -> tuple[tuple[str, ...], bool]:
        """The handles of a person's groups, and whether they are fresh."""
        age = None if self._asked_at is None else self._clock() - self._asked_at
        if age is None or age >= STALE_SECONDS:
            fresh = await self.refresh()
        else:
            fresh = True
            if age >= FRESH_SECONDS and (self._renewing is None or self._renewing.done()):
                # Beside the press: it must not wait for Slack while what is known is recent enough.
                self._renewing = asyncio.create_task(self.refresh())
        handles = tuple(sorted(handle for handle, users in self._members.items() if user in users))
        return handles, fresh

    async def refresh(self) -> bool:
        """Ask Slack where the last answer is too old; False where it does not answer."""
        async with self._lock:
            if self._asked_at is not None and self._clock() - self._asked_at < FRESH_SECONDS:
                return True
            try:
                self._members = await self._ask()
            except (SlackApiError, SlackClientError, ClientError, OSError, TimeoutError) as error:
                _log.warning("groups_not_answered", error=str(error))
                return False
            self._asked_at = self._clock()
            return True

    async def _ask(self) -> dict[str, frozenset[str]]:
        listed = await self._client.usergroups_list()
        members: dict[str, frozenset[str]] = {}
        for group in listed.get("usergroups") or []:
            users = await self._client.usergroups_users_list(usergroup=group["id"])
            members[group["handle"]] = frozenset(users.get("users") or [])
        return members


def authorise(
    user: str, groups: tuple[str, ...], need: Need, permissions: Permissions, *, fresh: bool
) -> Actor:
    """
    The actor that this person is, where they may do what needs `need`.

    Raises:
        NotAllowed: in words for the person.
    """
    actor = Actor(kind="person", id=f"slack:{user}", groups=groups)
    allowed = {
        "respond": permissions.respond,
        "deploy": permissions.deploy,
        "approve": permissions.approve,
    }[need]
    if not allowed:
        raise NotAllowed(
            f"Nobody may do this in Slack yet: [permissions] {need} in recsysops.toml names nobody, or the "
            "file cannot be read; `recsysops doctor` says which. In a terminal, `recsysops` can."
        )
    if user in allowed:
        return actor
    if not fresh and (need in DANGEROUS or not groups):
        raise NotAllowed(
            "Slack does not say which groups you are in at the moment"
            f"{', and without that this is not done' if need in DANGEROUS else ''}. "
            "Try again in a minute, or use `recsysops` in a terminal."
        )
    if set(groups).isdisjoint(allowed):
        named = ", ".join(_mention(one) for one in allowed)
        raise NotAllowed(f"Only {named} may do this. Ask one of them, or be added to the group.")
    return actor


def _mention(name: str) -> str:
    """A person by a mention, a group by its handle (a mention would need its id)."""
    return f"<@{name}>" if _PERSON.match(name) else f"members of @{name}"

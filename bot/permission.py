"""
Who may press what: a Slack person's user groups against the declaration's permissions.

Groups are asked of Slack once in a few minutes. Where Slack does not answer, what was known last still lets
people respond; what changes the recommender fails closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.actions import Need
from domain.errors import NotAllowed
from domain.values import Actor

FRESH_SECONDS = 180.0
STALE_SECONDS = 600.0
"""Between the two, groups are asked for again while a press goes on with those known."""

DANGEROUS: frozenset[Need] = frozenset({"deploy", "approve"})

_log = structlog.get_logger(__name__)


class Permissions(Protocol):
    """Groups by handle, as declared under [permissions]."""

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
            except (SlackApiError, SlackClientError, OSError, TimeoutError) as error:
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

    Nobody named for `respond` means that everybody may; nobody named for the dangerous two, that nobody may.

    Raises:
        NotAllowed: in words for the person.
    """
    actor = Actor(kind="person", id=f"slack:{user}", groups=groups)
    allowed = {
        "respond": permissions.respond,
        "deploy": permissions.deploy,
        "approve": permissions.approve,
    }[need]
    if need in DANGEROUS and not fresh:
        raise NotAllowed(
            "Slack does not say which groups you are in at the moment, and this changes the recommender. "
            "Try again in a minute, or use `recsysops hotfix` in a terminal."
        )
    if need == "respond" and not allowed:
        return actor
    if not allowed:
        raise NotAllowed(f"Nobody may do this yet: name groups under [permissions] {need} in recsysops.toml.")
    if set(groups).isdisjoint(allowed):
        named = ", ".join(f"@{group}" for group in allowed)
        raise NotAllowed(f"Only members of {named} may do this. Ask one of them, or be added to the group.")
    return actor

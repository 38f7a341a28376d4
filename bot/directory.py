"""
The names of people, as Slack has them: asked once an hour per person, and kept only in memory.

No name is ever written to the log. If Slack does not answer, or does not know somebody, the id is shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from typing import Any

import structlog
from aiohttp import ClientError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.messages.words import PERSON_PREFIX

FRESH_SECONDS = 3600.0
UNKNOWN_SECONDS = 60.0
"""After this long, Slack is asked again for somebody whose name did not come."""

PATIENCE_SECONDS = 2
"""The longest that a page or a line waits for a name."""

MOST_ASKED = 20
"""People looked up at once; `users.info` allows about a hundred calls a minute."""

FAILURES = (SlackApiError, SlackClientError, ClientError, HTTPException, OSError, TimeoutError)
"""What a call to Slack may raise: the two clients let errors of their libraries through."""

_log = structlog.get_logger(__name__)


class Names:
    """The names received so far, by person (`slack:U123`)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[str | None, float]] = {}

    def missing(self, people: Iterable[str]) -> list[str]:
        """The people in Slack who have to be looked up now, at most `MOST_ASKED`."""
        now = self._clock()
        asked = sorted({one for one in people if one.startswith(PERSON_PREFIX)})
        return [one for one in asked if self._kept.get(one, (None, now))[1] <= now][:MOST_ASKED]

    def keep(self, person: str, name: str | None) -> None:
        """Keep Slack's answer, or that there was none; an older name stays until there is a newer one."""
        until = self._clock() + (FRESH_SECONDS if name else UNKNOWN_SECONDS)
        self._kept[person] = (name or self._kept.get(person, (None, 0.0))[0], until)

    def of(self, people: Iterable[str]) -> dict[str, str]:
        """Person → name; people whose name is not known are left out."""
        return {one: name for one in people if (name := self._kept.get(one, (None, 0.0))[0])}


class Directory:
    """For the web process: looks up all the people that a page names at once."""

    def __init__(self, client: AsyncWebClient, names: Names | None = None) -> None:
        self._client = client
        self._names = names or Names()

    async def of(self, people: Iterable[str]) -> dict[str, str]:
        """Person → name; people whose name is not known are left out."""
        asked = set(people)
        await asyncio.gather(*(self._ask(person) for person in self._names.missing(asked)))
        return self._names.of(asked)

    async def _ask(self, person: str) -> None:
        try:
            asking = self._client.users_info(user=person.removeprefix(PERSON_PREFIX))
            answer = await asyncio.wait_for(asking, PATIENCE_SECONDS)
            self._names.keep(person, name_in(answer.get("user") or {}))
        except FAILURES as error:
            _log.info("name_not_answered", error=type(error).__name__)
            self._names.keep(person, None)


class PatientDirectory:
    """The same for the announcer, which waits for one person after another."""

    def __init__(self, token: str, base_url: str, names: Names | None = None) -> None:
        self._client = WebClient(token=token, base_url=base_url, timeout=PATIENCE_SECONDS, retry_handlers=[])
        self._names = names or Names()

    def of(self, people: Iterable[str]) -> dict[str, str]:
        """Person → name; people whose name is not known are left out."""
        asked = set(people)
        missing = self._names.missing(asked)
        for place, person in enumerate(missing):
            try:
                answer = self._client.users_info(user=person.removeprefix(PERSON_PREFIX))
                self._names.keep(person, name_in(answer.get("user") or {}))
            except SlackApiError as error:  # about this person
                _log.info("name_not_answered", error=str(error.response.get("error")))
                self._names.keep(person, None)
            except FAILURES as error:  # it does not answer: nobody waits for it twenty times
                _log.info("name_not_answered", error=type(error).__name__)
                for left in missing[place:]:
                    self._names.keep(left, None)
                break
        return self._names.of(asked)


def name_in(user: Mapping[str, Any]) -> str | None:
    """
    The name that a user of `users.info` goes by.

    >>> name_in({"name": "ada", "real_name": "Ada Lovelace", "profile": {"display_name": ""}})
    'Ada Lovelace'
    """
    profile = user.get("profile") or {}
    asked = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((" ".join(str(name).split())[:80] for name in asked if name and str(name).strip()), None)

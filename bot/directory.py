"""
The names of people, as Slack has them: asked once an hour per person, and kept only in memory.

No name is ever written to the log. If Slack does not answer, or does not know somebody, the id is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.messages.words import PERSON_PREFIX
from domain.errors import sanitized

FRESH_SECONDS = 3600.0
UNKNOWN_SECONDS = 60.0
"""After this long, Slack is asked again for somebody whose name did not come."""

PATIENCE_SECONDS = 2
"""The longest that a page or a line waits for a name."""

MOST_ASKED = 20
"""People looked up at once; `users.info` allows about a hundred calls a minute."""

_log = structlog.get_logger(__name__)


class Directory:
    """Looks up together all people that a page or a line names; a name once heard stays."""

    def __init__(self, token: str, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = WebClient(token=token, base_url=base_url, timeout=PATIENCE_SECONDS, retry_handlers=[])
        self._clock = clock
        self._kept: dict[str, tuple[str | None, float]] = {}

    def of(self, people: Iterable[str]) -> dict[str, str]:
        """Person (`slack:U123`) → name; people whose name is not known are left out."""
        asked, now = sorted(set(people)), self._clock()
        due = [one for one in asked if one.startswith(PERSON_PREFIX) and self._held(one)[1] <= now]
        if due := due[:MOST_ASKED]:
            with ThreadPoolExecutor(len(due)) as together:
                for person, name in zip(due, together.map(self._name, due), strict=True):
                    until = now + (FRESH_SECONDS if name else UNKNOWN_SECONDS)
                    self._kept[person] = (name or self._held(person)[0], until)
        return {one: name for one in asked if (name := self._held(one)[0])}

    def _held(self, person: str) -> tuple[str | None, float]:
        return self._kept.get(person, (None, float("-inf")))

    def _name(self, person: str) -> str | None:
        try:
            answer = self._client.users_info(user=person.removeprefix(PERSON_PREFIX))
        except (SlackClientError, HTTPException, OSError) as error:
            _log.info("name_not_answered", error=sanitized(error))
            return None
        return name_in(answer.get("user") or {})


def name_in(user: Mapping[str, Any]) -> str | None:
    """
    The name that a user of `users.info` goes by.

    >>> name_in({"name": "ada", "real_name": "Ada Lovelace", "profile": {"display_name": ""}})
    'Ada Lovelace'
    """
    profile = user.get("profile") or {}
    asked = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((" ".join(str(name).split())[:80] for name in asked if name and str(name).strip()), None)

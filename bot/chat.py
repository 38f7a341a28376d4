"""Slack as the announcer speaks to it: all is posted at most once, and it waits where Slack asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, NoReturn

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.messages.blocks import Block

MESSAGE_TYPE = "recsysops_incident"
STEP_TYPE = "recsysops_step"
KEPT_TYPE = "recsysops_checkpoint"
TIMEOUT_SECONDS = 10
UNCERTAIN_SECONDS = 3.0
"""After a call without an answer: long enough that the post, if it was one, can be found."""

PAGE = 200
LOOK_BACK = timedelta(minutes=10)
PASSING = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
Metadata = dict[str, Any]


class Later(Exception):
    """Slack asked to wait, or did not answer; the same thing is to be tried again."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what}: wait {seconds:.1f} s")
        self.what = what
        self.seconds = seconds


class Lost(Exception):
    """Slack said no, and will say so again."""


class Chat:
    """One bot in one workspace. Not for several threads."""

    def __init__(self, token: str, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = WebClient(token=token, base_url=base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[])
        self._clock = clock
        self._channels: dict[str, str] = {}
        self._waits: dict[tuple[str, str], float] = {}
        self._known: dict[tuple[str, str], set[str]] = {}

    def channel(self, name: str) -> str:
        """
        The id of a channel, by `#name` or id.

        Raises:
            Lost: there is none, or the bot does not see it.
        """
        plain = name.removeprefix("#")
        if plain not in self._channels and not (plain[:1] in "CGD" and plain == plain.upper()):
            self._list_channels()
        found = self._channels.get(plain) or (
            plain if plain[:1] in "CGD" and not name.startswith("#") else None
        )
        if found is None:
            raise Lost(
                f"there is no channel {name}, or the bot is not a member; create it and /invite the bot"
            )
        return found

    def post_once(self, channel: str, *, key: str, since: datetime, text: str, blocks: list[Block]) -> str:
        """The id of the message with this key: found if it was posted after `since`, else posted now."""
        if found := self._find(channel, key, since):
            return found
        metadata = {"event_type": MESSAGE_TYPE, "event_payload": {"key": key}}
        return self._say(channel, text, blocks, metadata, None)

    def reply_once(self, channel: str, thread: str, *, key: str, text: str, blocks: list[Block]) -> None:
        """A reply in a thread, unless one with this key stands there."""
        known = self._known.get((channel, thread))
        if known is None:
            known = self._known[channel, thread] = self._keys_in(channel, thread)
        if key in known:
            return
        metadata = {"event_type": STEP_TYPE, "event_payload": {"key": key}}
        try:
            self._say(channel, text, blocks, metadata, thread)
        except Later:
            self._known.pop((channel, thread))
            raise
        known.add(key)

    def keep_once(self, channel: str, *, key: str, since: datetime, text: str, line: str) -> None:
        """A checkpoint of the log, unless one with this key was posted after `since`; see `kept`."""
        if not self._find(channel, key, since, KEPT_TYPE):
            metadata = {"event_type": KEPT_TYPE, "event_payload": {"key": key, "checkpoint": line}}
            self._say(channel, text, [], metadata, None)

    def kept(self, channel: str) -> list[str]:
        """The checkpoints that this bot posted in a channel, oldest first, as far as its history reaches."""
        own = self._call("auth.test", "").get("bot_id")
        found = [
            str(message["metadata"]["event_payload"].get("checkpoint", ""))
            for message in self._pages("conversations.history", channel)
            if _key(message, KEPT_TYPE) and message.get("bot_id") == own
        ]
        return found[::-1]

    def update(self, channel: str, message: str, *, text: str, blocks: list[Block]) -> None:
        """Draw a message again; text and blocks, since text alone would remove the blocks."""
        self._call("chat.update", channel, channel=channel, ts=message, text=text, blocks=blocks)

    def _say(
        self, channel: str, text: str, blocks: list[Block], metadata: Metadata, thread: str | None
    ) -> str:
        said: dict[str, Any] = {"channel": channel, "text": text, "blocks": blocks, "metadata": metadata}
        if thread is not None:
            said["thread_ts"] = thread
        answer = self._call("chat.postMessage", channel, **said, unfurl_links=False, unfurl_media=False)
        return str(answer["ts"])

    def _find(self, channel: str, key: str, since: datetime, kind: str = MESSAGE_TYPE) -> str | None:
        oldest = str((since - LOOK_BACK).timestamp())
        for message in self._pages("conversations.history", channel, oldest=oldest):
            if _key(message, kind) == key:
                return str(message["ts"])
        return None

    def _keys_in(self, channel: str, thread: str) -> set[str]:
        replies = self._pages("conversations.replies", channel, ts=thread)
        return {key for message in replies if (key := _key(message, STEP_TYPE))}

    def _pages(self, method: str, channel: str, **asked: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._call(
                method,
                channel,
                channel=channel,
                limit=PAGE,
                cursor=cursor,
                include_all_metadata=True,
                **asked,
            )
            messages += page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return messages

    def _list_channels(self) -> None:
        cursor = ""
        while True:
            page = self._call("conversations.list", "", limit=1000, cursor=cursor, exclude_archived=True)
            self._channels |= {channel["name"]: channel["id"] for channel in page["channels"]}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _call(self, method: str, place: str, **asked: Any) -> dict[str, Any]:
        wait = self._waits.get((method, place), 0.0) - self._clock()
        if wait > 0:
            raise Later(f"{method} {place}", wait)
        given = {name: value for name, value in asked.items() if value != ""}
        try:
            answer = (
                self._client.api_call(method, json=given) if _is_post(method) else self._get(method, given)
            )
        except SlackApiError as error:
            self._refused(method, place, error)
        except (SlackClientError, OSError, HTTPException) as error:
            # Nobody knows whether it was done; after the pause it is looked for.
            self._waits[method, place] = self._clock() + UNCERTAIN_SECONDS
            raise Later(f"{method} {place} ({error})", UNCERTAIN_SECONDS) from error
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    def _get(self, method: str, given: dict[str, Any]) -> Any:
        spelled = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()
        }
        return self._client.api_call(method, http_verb="GET", params=spelled)

    def _refused(self, method: str, place: str, error: SlackApiError) -> NoReturn:
        response = error.response
        code = str(response.get("error", ""))
        if response.status_code == 429 or response.status_code >= 500 or code in PASSING:
            seconds = float(response.headers.get("Retry-After", UNCERTAIN_SECONDS))
            self._waits[method, place] = self._clock() + seconds
            raise Later(f"{method} {place} ({code or response.status_code})", seconds) from error
        problems = "; ".join((response.get("response_metadata") or {}).get("messages") or [])
        raise Lost(f"{method}: {code} {problems}".strip()) from error


def _is_post(method: str) -> bool:
    return method.startswith("chat.")


def _key(message: dict[str, Any], event_type: str) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != event_type:
        return None
    return str((metadata.get("event_payload") or {}).get("key"))

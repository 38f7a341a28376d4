"""Slack for the announcer: everything is posted at most once, and calls wait when Slack asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, NoReturn

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.messages.blocks import Block
from domain.errors import RecsysopsError, sanitized

MESSAGE_TYPE = "recsysops_incident"
STEP_TYPE = "recsysops_step"
KEPT_TYPE = "recsysops_checkpoint"
TIMEOUT_SECONDS = 10
UNCERTAIN_SECONDS = 3.0
"""The pause after a call without an answer: long enough that the post, if there was one, can be found."""

SPACING_SECONDS = 1.0
BURST = 10
"""
Slack takes about one message a second in a channel, and more for a moment. Who goes on above that is told to
wait, for longer and longer, and then a SEV1 would have to wait as well.
"""

PAGE = 200
TOO_MANY = 429
LOOK_BACK = timedelta(minutes=10)
CLOSED_SECONDS = 60.0
"""How long a channel that could not be written to is left alone."""

PASSING = frozenset(
    {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
NO_TOKEN = frozenset(
    {
        "access_denied",
        "account_inactive",
        "accesslimited",
        "ekm_access_denied",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
NO_CHANNEL = frozenset({"channel_not_found", "is_archived", "is_inactive", "not_in_channel"})
NO_MESSAGE = frozenset(
    {"cannot_reply_to_message", "cant_update_message", "edit_window_closed", "invalid_thread_ts"}
    | {"message_not_found", "thread_not_found"}
)
NOT_TAKEN = frozenset(
    {"invalid_arguments", "invalid_attachments", "invalid_blocks", "invalid_blocks_format", "no_text"}
    | {"msg_blocks_too_long", "msg_too_long"}
)
Metadata = dict[str, Any]


class ChatError(RecsysopsError):
    """
    Slack did not do what was asked. An error that is none of those below is assumed to be temporary.

        ChatError
        ├── Later       it asked us to wait, or did not answer
            ├── NoToken     it accepts nothing at all from this token
            ├── NoChannel   the channel does not exist, is archived, or the bot is not in it
            ├── NoMessage   the message no longer exists, or cannot be changed
            └── NotTaken    it does not accept what the message says
    """


class Later(ChatError):
    """Slack asked us to wait, or did not answer (`unsure`); the same call should be tried again."""

    def __init__(self, what: str, seconds: float, *, unsure: bool = False) -> None:
        super().__init__(f"{what}: wait {seconds:.1f} s")
        self.what = what
        self.seconds = seconds
        self.unsure = unsure


class NoToken(ChatError):
    """Slack accepts nothing at all from this token."""


class NoChannel(ChatError):
    """The channel does not exist, is archived, or the bot is not in it."""


class NoMessage(ChatError):
    """The message no longer exists, or cannot be changed."""


class NotTaken(ChatError):
    """Slack does not accept what the message says."""


class Chat:
    """One bot in one workspace. Not thread-safe."""

    def __init__(self, token: str, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = WebClient(token=token, base_url=base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[])
        self._clock = clock
        self._channels: dict[str, str] = {}
        self._listed_at: float | None = None
        self._closed: dict[str, tuple[str, float]] = {}
        self._waits: dict[tuple[str, str], float] = {}
        self._booked: dict[str, float] = {}
        self._known: dict[tuple[str, str], set[str]] = {}

    def channel(self, name: str) -> str:
        """
        The id of a channel, by `#name` or id.

        Raises:
            NoChannel: it does not exist, is archived, or the bot is not in it.
        """
        plain = name.removeprefix("#")
        is_id = plain[:1] in "CGD" and plain == plain.upper() and not name.startswith("#")
        if not is_id and plain not in self._channels:
            self._list_channels()
        found = plain if is_id else self._channels.get(plain)
        if found is None:
            raise NoChannel(
                f"there is no channel {name}, it is archived, or the bot is not in it; create it and /invite "
                "the bot"
            )
        why, until = self._closed.get(found, ("", 0.0))
        if until > self._clock():
            raise NoChannel(why)
        return found

    def post_once(
        self,
        channel: str,
        *,
        key: str,
        since: datetime,
        text: str,
        blocks: list[Block],
        urgent: bool = False,
    ) -> str:
        """
        The id of the message with this key: found if it was posted after `since`, otherwise posted now.

        Args:
            urgent: does not wait for what this bot said there before, unless Slack itself asks for that.
        """
        if found := self._find(channel, key, since):
            return found
        if not urgent:
            self._keep_pace(channel)
        metadata = {"event_type": MESSAGE_TYPE, "event_payload": {"key": key}}
        return self._say(channel, text, blocks, metadata, None)

    def tell(self, user: str, text: str) -> None:
        """Say something to one person; twice if Slack's answer is lost, as the bot may not look there."""
        self._call("chat.postMessage", user, channel=user, text=text)

    def reply_once(self, channel: str, thread: str, *, key: str, text: str, blocks: list[Block]) -> None:
        """Post a reply in a thread, unless one with this key is already there."""
        known = self._known.get((channel, thread))
        if known is None:
            known = self._known[channel, thread] = self._keys_in(channel, thread)
        if key in known:
            return
        self._keep_pace(channel)
        metadata = {"event_type": STEP_TYPE, "event_payload": {"key": key}}
        try:
            self._say(channel, text, blocks, metadata, thread)
        except Later as later:
            if later.unsure:
                self._known.pop((channel, thread))
            raise
        known.add(key)

    def take_back(self, channel: str, thread: str) -> None:
        """Delete this bot's replies in a thread."""
        for message in self._pages("conversations.replies", channel, ts=thread):
            if _key(message, STEP_TYPE):
                self._call("chat.delete", channel, channel=channel, ts=message["ts"])
        self._known.pop((channel, thread), None)

    def history(self, channel: str, newest: str) -> tuple[str, set[str]]:
        """
        The ids of the messages up to `newest`, as many as one call returns, and the id down to which these
        are all. What is left of a deleted message that has replies is not among them.
        """
        page = self._call(
            "conversations.history", channel, channel=channel, latest=newest, inclusive=True, limit=PAGE
        )
        found = [message for message in page["messages"] if message.get("subtype") != "tombstone"]
        down_to = page["messages"][-1]["ts"] if page.get("has_more") else "0"
        return str(down_to), {str(message["ts"]) for message in found}

    def keep_once(self, channel: str, *, key: str, since: datetime, text: str, line: str) -> None:
        """Post a checkpoint of the log, unless one with this key was posted after `since`; see `kept`."""
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
        """Draw a message again; with text and blocks, since text alone would remove the blocks."""
        self._call("chat.update", channel, channel=channel, ts=message, text=text, blocks=blocks)

    def upload(self, content: bytes, name: str, alt: str) -> str:
        """
        Upload a picture and return its id; it is in no channel, and seen only in messages that show it.

        Three calls: request an upload address, send the bytes, complete the upload. If killed in between, it
        uploads again, and nobody sees what is left of the first attempt.
        """
        answer = self._asked(
            "files.getUploadURLExternal",
            "",
            lambda: self._client.files_upload_v2(content=content, filename=name, title=name, alt_txt=alt),
        )
        files = answer.get("files") or []
        return str(files[0]["id"])

    def _keep_pace(self, channel: str) -> None:
        """
        Count one more message there.

        Raises:
            Later: this bot has said so much there lately that Slack would soon ask it to wait.
        """
        now = self._clock()
        booked = max(now, self._booked.get(channel, now))
        if (wait := booked - now - (BURST - 1) * SPACING_SECONDS) > 0:
            raise Later(f"chat.postMessage {channel}", wait)
        self._booked[channel] = booked + SPACING_SECONDS

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
        more = {"channel": channel, "limit": PAGE, "include_all_metadata": True}
        return self._all(method, channel, "messages", **more, **asked)

    def _all(self, method: str, place: str, what: str, **asked: Any) -> list[dict[str, Any]]:
        """What all pages of an answer hold."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._call(method, place, **asked, cursor=cursor)
            found += page[what]
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return found

    def _list_channels(self) -> None:
        """List the channels the bot is in; `conversations.list` would return thousands of others."""
        if self._listed_at is not None and self._clock() - self._listed_at < CLOSED_SECONDS:
            return
        kinds = {"types": "public_channel,private_channel", "exclude_archived": True}
        listed = self._all("users.conversations", "", "channels", limit=1000, **kinds)
        self._channels = {channel["name"]: channel["id"] for channel in listed}
        self._listed_at = self._clock()

    def _call(self, method: str, place: str, **asked: Any) -> dict[str, Any]:
        given = {name: value for name, value in asked.items() if value != ""}
        post = method.startswith("chat.")
        return self._asked(
            method,
            place,
            lambda: self._client.api_call(method, json=given) if post else self._get(method, given),
        )

    def _asked(self, method: str, place: str, ask: Callable[[], Any]) -> dict[str, Any]:
        wait = self._waits.get((method, place), 0.0) - self._clock()
        if wait > 0:
            raise Later(f"{method} {place}", wait)
        try:
            answer = ask()
        except SlackApiError as error:
            self._refused(method, place, error)
        except (SlackClientError, OSError, HTTPException) as error:
            # Nobody knows whether it was done; after the pause we look for it.
            self._waits[method, place] = self._clock() + UNCERTAIN_SECONDS
            raise Later(f"{method} {place} ({sanitized(error)})", UNCERTAIN_SECONDS, unsure=True) from error
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    def _get(self, method: str, given: dict[str, Any]) -> Any:
        spelled = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()
        }
        return self._client.api_call(method, http_verb="GET", params=spelled)

    def _refused(self, method: str, place: str, error: SlackApiError) -> NoReturn:
        response = error.response
        code = str(response.get("error", ""))
        if response.status_code == TOO_MANY or response.status_code >= 500 or code in PASSING:
            seconds = float(response.headers.get("Retry-After", UNCERTAIN_SECONDS))
            self._waits[method, place] = self._clock() + seconds
            unsure = response.status_code != TOO_MANY and code != "ratelimited"
            raise Later(f"{method} {place} ({sanitized(error)})", seconds, unsure=unsure) from error
        says = f"{method}: {sanitized(error)}"
        if code in NO_CHANNEL:
            self._closed[place] = (says, self._clock() + CLOSED_SECONDS)
            self._channels = {name: one for name, one in self._channels.items() if one != place}
        kind = _kind(code)
        if kind is NoToken and method != "auth.test" and self._is_taken():
            kind = ChatError  # it is about this call alone
        raise kind(says) from error

    def _is_taken(self) -> bool:
        """Whether Slack accepts the token, asked by the one call that needs no right."""
        try:
            self._call("auth.test", "")
        except ChatError:
            return False
        return True


def _kind(code: str) -> type[ChatError]:
    kinds = ((NO_TOKEN, NoToken), (NO_CHANNEL, NoChannel), (NO_MESSAGE, NoMessage), (NOT_TAKEN, NotTaken))
    return next((kind for codes, kind in kinds if code in codes), ChatError)


def _key(message: dict[str, Any], event_type: str) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != event_type:
        return None
    return str((metadata.get("event_payload") or {}).get("key"))

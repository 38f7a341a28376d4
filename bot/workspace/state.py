"""What is in the workspace now: messages, views, files, and the short-lived keys to them."""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.workspace import people
from bot.workspace.store import Store

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 30 * 60.0
RESPONSE_URL_USES = 5


@dataclass
class Message:
    """One message. `versions` holds what it said before each edit, oldest first."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] | None = None
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    broadcast: bool = False
    only_for: str | None = None
    edited_ts: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.channel}/{self.ts}"


@dataclass
class View:
    """One modal or Home as one person sees it. `stack` is the modal it was opened or pushed in."""

    id: str
    user: str
    body: dict[str, Any]
    hash: str
    stack: str
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    previous: str | None = None


@dataclass
class Trigger:
    """Permission to open one modal for one person, for three seconds."""

    user: str
    until: float
    view: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """Permission to answer one interaction five times in thirty minutes."""

    user: str
    channel: str
    until: float
    message_ts: str | None = None
    uses: int = 0


class State:
    """Everything that a person or the app can see; messages, Homes and files survive a restart."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.users = people.users()
        self.groups = people.groups()
        self.channels = people.channels()
        self.messages: dict[str, Message] = {}
        self._by_place: dict[tuple[str, str | None], list[Message]] = {}
        for body in store.all("message").values():
            self._remember(Message(**body))
        self.homes = {user: View(**body) for user, body in store.all("home").items()}
        self.files = store.all("file")
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.clock_ahead_seconds = 0.0
        self.calls: dict[str, int] = {}
        self.posted_at: dict[str, float] = {}  # channel → when the app's last message there was taken
        self.trouble = ""  # the error with which every call is refused, for instance token_revoked
        self._count = itertools.count(1)
        self._last_ts = max((float(message.ts) for message in self.messages.values()), default=0.0)

    def now(self) -> float:
        """Seconds since 1970, moved ahead by as much as a test has ordered."""
        return time.time() + self.clock_ahead_seconds

    def next_ts(self) -> str:
        """A message timestamp: unique, and later than all before it."""
        self._last_ts = max(self.now(), self._last_ts + 0.000_01)
        return f"{self._last_ts:.6f}"

    def next_id(self, prefix: str) -> str:
        seed = f"{prefix}{time.time_ns()}{next(self._count)}"
        return prefix + hashlib.sha256(seed.encode()).hexdigest()[:10].upper()

    def _remember(self, message: Message) -> None:
        if message.key in self.messages:
            return
        self.messages[message.key] = message
        # Each message is in its channel's list, and a reply also in its thread's; oldest first, as stored.
        for place in {None, message.thread_ts}:
            self._by_place.setdefault((message.channel, place), []).append(message)

    def save(self, message: Message) -> None:
        """Stores a message, new or changed; a new one has to be later than all before it."""
        self._remember(message)
        self.store.put("message", message.key, asdict(message))

    def save_home(self, view: View) -> None:
        self.homes[view.user] = view
        self.store.put("home", view.user, asdict(view))

    def save_file(self, file: dict[str, Any], body: bytes | None = None) -> None:
        self.files[file["id"]] = file
        self.store.put("file", file["id"], file)
        if body is not None:
            self.store.put_file(file["id"], body)

    def find(self, channel: str, ts: str) -> Message | None:
        """A message that exists and was not deleted."""
        message = self.messages.get(f"{channel}/{ts}")
        return None if message is None or message.deleted else message

    def in_channel(self, channel: str) -> list[Message]:
        """What everyone sees in a channel, replies included, oldest first."""
        return self._at(channel, None)

    def replies(self, channel: str, ts: str) -> list[Message]:
        return self._at(channel, ts)

    def _at(self, channel: str, thread_ts: str | None) -> list[Message]:
        found = self._by_place.get((channel, thread_ts), [])
        return [message for message in found if not message.deleted and not message.only_for]

    def stack_of(self, user: str) -> list[View]:
        """The modals that a person has open, bottom first."""
        return [view for view in self.views.values() if view.user == user]

    def new_trigger(self, user: str, view: str | None = None) -> str:
        """A trigger id. Old ones are kept: a used one is refused with another error than an unknown one."""
        trigger_id = f"{int(self.now())}.{next(self._count)}.{self.next_id('').lower()}"
        self.triggers[trigger_id] = Trigger(user, self.now() + TRIGGER_SECONDS, view)
        return trigger_id

    def new_response_url(self, user: str, channel: str, message_ts: str | None) -> str:
        """The key of a response URL."""
        key = self.next_id("R")
        self.response_urls[key] = ResponseUrl(user, channel, self.now() + RESPONSE_URL_SECONDS, message_ts)
        return key

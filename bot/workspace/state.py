"""What is in the workspace now: messages, views, files, and the short-lived keys to them."""

from __future__ import annotations

import secrets
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from bot.workspace import people
from bot.workspace.store import Store

Json = dict[str, Any]
TRIGGER_SECONDS = 3.0


class CannotBeDone(ValueError):
    """What a person or a test wanted to do here cannot be done; the words say why."""


@dataclass
class Message:
    """One message. `versions` holds what it said before each edit, oldest first."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] | None = None
    thread_ts: str | None = None
    metadata: Json | None = None
    only_for: str | None = None
    edited_ts: str | None = None
    deleted: bool = False
    versions: list[Json] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.channel}/{self.ts}"


@dataclass
class View:
    """A modal or Home as one person sees it: what the app sent, what was typed, and what is wrong with it."""

    id: str
    user: str
    body: Json
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass
class Trigger:
    """Permission to open one modal for one person, for three seconds."""

    user: str
    until: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Permission to answer one interaction five times."""

    user: str
    channel: str
    uses: int = 0


_MESSAGE, _VIEW = TypeAdapter(Message), TypeAdapter(View)


class State:
    """Everything that a person or the app can see; messages, Homes and files survive a restart."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.users = people.users()
        self.groups = people.groups()
        self.channels = people.channels()
        self.messages: dict[str, Message] = {}
        self._by_place: defaultdict[tuple[str, str | None], list[Message]] = defaultdict(list)
        for body in store.all("message").values():
            self._remember(_MESSAGE.validate_python(body))
        self.homes = {user: _VIEW.validate_python(body) for user, body in store.all("home").items()}
        self.files = store.all("file")
        self.modals: dict[str, View] = {}  # person → what is open in front of them
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.calls: Counter[str] = Counter()
        self.posted_at: dict[str, float] = {}  # channel → when the app's last message there was taken
        self.trouble = ""  # the error with which every call is refused, for instance token_revoked
        self._last_ts = max((float(message.ts) for message in self.messages.values()), default=0.0)

    def next_ts(self) -> str:
        """A message timestamp: unique, and later than all before it."""
        self._last_ts = max(time.time(), self._last_ts + 0.000_01)
        return f"{self._last_ts:.6f}"

    def next_id(self, prefix: str) -> str:
        return prefix + secrets.token_hex(5).upper()

    def is_person(self, user: object) -> bool:
        return user in self.users and user != people.BOT_USER

    def _remember(self, message: Message) -> None:
        if message.key in self.messages:
            return
        self.messages[message.key] = message
        # Each message is in its channel's list, and a reply also in its thread's; oldest first, as stored.
        for place in {None, message.thread_ts}:
            self._by_place[message.channel, place].append(message)

    def save(self, message: Message) -> None:
        """Stores a message, new or changed; a new one has to be later than all before it."""
        self._remember(message)
        self.store.put("message", message.key, asdict(message))

    def save_home(self, view: View) -> None:
        self.homes[view.user] = view
        self.store.put("home", view.user, asdict(view))

    def save_file(self, file: Json) -> None:
        self.files[file["id"]] = file
        self.store.put("file", file["id"], file)

    def find(self, channel: str, ts: str) -> Message | None:
        """A message that exists and was not deleted."""
        message = self.messages.get(f"{channel}/{ts}")
        return None if message is None or message.deleted else message

    def seen_by_all(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """What everyone sees in a channel, replies included, or the replies in a thread; oldest first."""
        found = self._by_place[channel, thread_ts]
        return [message for message in found if not message.deleted and not message.only_for]

    def new_trigger(self, user: str) -> str:
        """A trigger id. Old ones are kept: a used one is refused with another error than an unknown one."""
        trigger_id = self.next_id(f"{time.time():.0f}.")
        self.triggers[trigger_id] = Trigger(user, time.time() + TRIGGER_SECONDS)
        return trigger_id

    def new_response_url(self, user: str, channel: str) -> str:
        """The key of a response URL."""
        key = self.next_id("R")
        self.response_urls[key] = ResponseUrl(user, channel)
        return key

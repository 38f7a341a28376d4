"""One workspace: its settings, its state, and its connections to the outside, passed to every handler."""

from __future__ import annotations

from typing import Any

import httpx

from bot.workspace.faults import Faults
from bot.workspace.live import Live
from bot.workspace.render import message_json, view_json
from bot.workspace.settings import WorkspaceSettings
from bot.workspace.sockets import Sockets
from bot.workspace.state import Message, State
from bot.workspace.store import Store


class World:
    """Passed to every handler. `url` is where the server listens, once it does."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        self.settings = settings
        self.state = State(Store(settings.data_folder))
        self.live = Live()
        self.faults = Faults()
        self.sockets = Sockets()
        # No proxy, since the app is on this machine; no connection kept, since it may start anew meanwhile.
        self.http = httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
        self.url = ""

    def show(self, message: Message) -> None:
        """Stores a message and shows it, and its parent's reply count, to everyone or to its one reader."""
        self.state.save(message)
        self.live.tell("message", message=self.for_browser(message))
        parent = self.state.find(message.channel, message.thread_ts) if message.thread_ts else None
        if parent is not None:
            self.live.tell("message", message=self.for_browser(parent))

    def show_modal(self, user: str) -> None:
        self.live.tell("views", user=user, views=self.views_of(user))

    def views_of(self, user: str) -> list[dict[str, Any]]:
        """What a person has open: one modal, or none."""
        return [view_json(view) for view in [self.state.modals.get(user)] if view is not None]

    def for_browser(self, message: Message) -> dict[str, Any]:
        return {
            **message_json(self.state, message),
            "channel": message.channel,
            "only_for": message.only_for,
            "deleted": message.deleted,
        }

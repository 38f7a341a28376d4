"""One workspace: its settings, its state, and its connections to the outside, passed to every handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.workspace import people, render
from bot.workspace.delivery.sockets import Sockets
from bot.workspace.faults import Faults
from bot.workspace.live import Live
from bot.workspace.settings import WorkspaceSettings
from bot.workspace.state import Message, State, View
from bot.workspace.store import Store


@dataclass
class World:
    """Passed to every handler. `address` is where the server listens, once it does."""

    settings: WorkspaceSettings
    state: State
    live: Live
    faults: Faults
    sockets: Sockets
    address: str

    def forget(self) -> None:
        """Deletes everything said and ordered, as if the workspace were new; connections stay."""
        self.state.store.clear()
        self.state = State(self.state.store)
        self.faults.clear()
        self.live.tell("reload")

    def show(self, message: Message) -> None:
        """Stores a message and shows it, and its parent's reply count, to everyone or to its one reader."""
        self.state.save(message)
        self.live.tell("message", message=self.for_browser(message))
        parent = self.state.find(message.channel, message.thread_ts) if message.thread_ts else None
        if parent is not None:
            self.live.tell("message", message=self.for_browser(parent))

    def show_views(self, user: str) -> None:
        views = [self.view_for_browser(view) for view in self.state.stack_of(user)]
        self.live.tell("views", user=user, views=views)

    def show_home(self, view: View) -> None:
        self.state.save_home(view)
        self.live.tell("home", user=view.user, view=self.view_for_browser(view))

    def notice(self, user: str, text: str) -> None:
        """Shows one person a message from the workspace itself, as Slackbot would."""
        self.live.tell("notice", user=user, text=text)

    def for_browser(self, message: Message) -> dict[str, Any]:
        return {
            **render.message_json(self.state, message),
            "channel": message.channel,
            "only_for": message.only_for,
            "deleted": message.deleted,
        }

    def view_for_browser(self, view: View) -> dict[str, Any]:
        return {**render.view_json(view), "errors": view.errors}

    def is_person(self, user: object) -> bool:
        return isinstance(user, str) and user in self.state.users and user != people.BOT_USER


def new_world(settings: WorkspaceSettings) -> World:
    return World(
        settings=settings,
        state=State(Store(settings.data_folder)),
        live=Live(),
        faults=Faults(),
        sockets=Sockets(settings.ack_seconds),
        address=f"{settings.host}:{settings.port}",
    )

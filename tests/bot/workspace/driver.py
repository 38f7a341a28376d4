"""Acts as the people of a local workspace and reads what it shows; the bot's tests drive it with this."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

Json = dict[str, Any]
Found = TypeVar("Found")


class Refused(Exception):
    """The workspace could not do what was asked of it; its words say why."""


@dataclass(frozen=True)
class Answered:
    """How the app took what a person did; see `bot.workspace.deliver.Answer`."""

    ack_ms: float
    status: int | None
    answer: Json
    error: str


class Driver:
    """
    Args:
        url: the workspace's page, without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60.0, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def press(self, action_id: str, *, message: Json, user: str = "U-oncall", **more: Any) -> Answered:
        """Presses in a message (JSON with channel and ts)."""
        place = {"channel": message["channel"], "ts": message["ts"]}
        return self._act("press", user=user, action_id=action_id, **place, **more)

    def command(
        self, text: str, *, user: str = "U-oncall", channel: str = "C-recsysops", **more: Any
    ) -> Answered:
        return self._act("command", user=user, channel=channel, text=text, **more)

    def submit(self, values: Json, *, user: str = "U-oncall") -> Answered:
        """Fills the open modal in, {block id: value} or {block id: {action id: value}}, and sends it."""
        return self._act("submit", user=user, values=values)

    def close_modal(self, *, user: str = "U-oncall") -> Answered:
        return self._act("close", user=user)

    def open_home(self, *, user: str = "U-oncall") -> Answered:
        return self._act("open_home", user=user)

    def say(self, text: str, *, user: str = "U-oncall", channel: str = "C-recsysops", **more: Any) -> None:
        self._act("say", user=user, channel=channel, text=text, **more)

    def fault(self, kind: str, *, method: str, **more: Any) -> None:
        """Orders something to go wrong; see `bot.workspace.faults.Fault`."""
        self._act("faults", kind=kind, method=method, **more)

    def group(self, handle: str, users: list[str]) -> Answered:
        """A user group has these members from now on, and the app is told."""
        return self._act("group", handle=handle, users=users)

    def channel(self, channel: str, **changes: Any) -> None:
        """A channel changes: `is_archived`, `is_member`, `name`, or `gone=True`."""
        self._act("channel", channel=channel, **changes)

    def delete(self, message: Json) -> None:
        """An administrator deletes a message."""
        self._act("delete", channel=message["channel"], ts=message["ts"])

    def token(self, error: str) -> None:
        """Every call is refused with this, for instance `token_revoked`; with nothing no more."""
        self._act("token", error=error)

    def calls(self, method: str) -> int:
        """How often the app called a method of the Web API."""
        return int(self.state()["calls"].get(method, 0))

    def state(self) -> Json:
        body: Json = self._http.get("/control/state").raise_for_status().json()
        return body

    def messages(self, channel: str = "C-recsysops") -> list[Json]:
        """What everyone sees in a channel, replies included, deleted ones not; oldest first."""
        return [m for m in self.state()["messages"] if m["channel"] == channel and not m["deleted"]]

    def ephemerals(self, user: str = "U-oncall") -> list[Json]:
        return [m for m in self.state()["ephemerals"] if m["only_for"] == user and not m["deleted"]]

    def modal(self, user: str = "U-oncall") -> Json | None:
        """The modal that a person has open."""
        return next(iter(self.state()["views"][user]), None)

    def wait(self, look: Callable[[], Found | None], what: str, seconds: float = 120.0) -> Found:
        """
        The first thing `look` finds that is true.

        Raises:
            TimeoutError: nothing in time; `what` says what was awaited.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            time.sleep(0.03)
        raise TimeoutError(f"No {what} within {seconds} s.")

    def _act(self, what: str, **body: Any) -> Answered:
        response = self._http.post(f"/control/{what}", json=body)
        answer: Json = response.json()
        if response.status_code != 200:
            raise Refused(answer["error"])
        return Answered(**answer)

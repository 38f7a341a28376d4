"""The person on call: presses what each message offers, and again where nothing came of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import httpx

from tests.bot.workspace.driver import Driver, Refused

WAY = ("acknowledge", "deploy", "follow_up_accept", "close")
PATIENCE_SECONDS = 4.0
"""After a press that was taken: how long a person waits for the message to change before pressing again."""

Json = dict[str, Any]


class Walker:
    """
    Attributes:
        taken: (stream, action) of each press that the web process said yes to, as often as it did.
        lost: how many presses went unanswered.
    """

    def __init__(self, person: Driver) -> None:
        self._person = person
        self._pressed: dict[tuple[str, str], float] = {}
        self.taken: list[tuple[str, str]] = []
        self.lost = 0

    def heads(self) -> list[tuple[str, Json]]:
        """Each incident's stream with its message; twice where there are two."""
        found = []
        for message in self._person.messages():
            metadata = message["metadata"] or {}
            if metadata.get("event_type") == "recsysops_incident":
                found.append((str(metadata["event_payload"]["key"]), message))
        return found

    def thread(self, head: Json) -> Counter[str]:
        """How often each event stands in the thread of a message, by the event's id."""
        replies = [m for m in self._person.messages() if m["thread_ts"] == head["ts"] != m["ts"]]
        return Counter(str((reply["metadata"] or {})["event_payload"]["key"]) for reply in replies)

    def look_and_press(self) -> None:
        """One look at the channel; the next step of the way pressed wherever it is offered."""
        for stream, message in self.heads():
            offered = {
                str(element.get("action_id"))
                for block in message["blocks"]
                for element in [*block.get("elements", []), block.get("accessory") or {}]
            }
            action = next((action for action in WAY if action in offered), None)
            # Closing is offered all along, and refused before the follow-up is answered: a person waits.
            if action == "close" and "follow_up_edit" in offered:
                continue
            pressed_at = self._pressed.get((stream, action or ""), -PATIENCE_SECONDS)
            if action and time.monotonic() - pressed_at >= PATIENCE_SECONDS:
                self._press(stream, message, action)

    def _press(self, stream: str, message: Json, action: str) -> None:
        try:
            answer = self._person.press(action, message=message)
        except Refused:
            return  # the message changed between the look and the press
        except httpx.TimeoutException:
            self.lost += 1
            return
        if answer.error:
            self.lost += 1
            return
        self._pressed[stream, action] = time.monotonic()
        self.taken.append((stream, action))

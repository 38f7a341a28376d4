"""Every press that the web process said yes to, as the workspace saw it; held against the log afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.workspace import deliver, interact
from bot.workspace.world import World
from domain.incident.events import Recorded

FACTS: Mapping[str, str] = {
    "acknowledge": "incident.acknowledged",
    "deploy": "hotfix.chosen",
    "follow_up_accept": "follow_up.answered",
    "close": "incident.closed",
}
"""What a press makes a fact of."""


@dataclass(frozen=True)
class Accepted:
    """`key`: the idempotency key it has in the log; `answered_at`: when the yes had come."""

    stream: str
    action: str
    key: str
    response: str
    answered_at: datetime


class Clicks:
    """
    Attributes:
        accepted: in the order in which they were answered.
    """

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self._world: World | None = None

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """From here on each delivery is noted."""

        async def noted(world: World, kind: str, payload: dict[str, Any]) -> deliver.Answer:
            answer = await deliver.deliver(world, kind, payload)
            self._world = world
            if kind == "block_actions" and not answer.error:
                self._note(payload)
            return answer

        patch.setattr(interact, "deliver", noted)

    def lost(self, events: Mapping[str, tuple[Recorded, ...]]) -> list[Accepted]:
        """
        Those that were said yes to, in silence, and are not in the log.

        Not counted: where the person was told why not, and where the same thing was a fact already.
        """
        return [click for click in self.accepted if self._is_lost(click, events[click.stream])]

    def _is_lost(self, click: Accepted, events: tuple[Recorded, ...]) -> bool:
        if any(event.key == click.key for event in events) or self._was_answered(click):
            return False
        fact = FACTS[click.action]
        return not any(e.event.wire_name == fact and e.at <= click.answered_at for e in events)

    def _was_answered(self, click: Accepted) -> bool:
        assert self._world is not None
        return self._world.state.response_urls[click.response].uses > 0

    def _note(self, payload: Mapping[str, Any]) -> None:
        action = payload["actions"][0]
        self.accepted.append(
            Accepted(
                stream=str(action["value"]).partition("|")[0],
                action=str(action["action_id"]),
                key=f"{payload['team']['id']}:{payload['trigger_id']}",
                response=str(payload["response_url"]).rpartition("/")[2],
                answered_at=datetime.now(UTC),
            )
        )

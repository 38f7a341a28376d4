"""The newest replay of all incidents, as it is kept for the page. Imports no science: pages read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from domain.replayed import ReplayAnswer
from workers.store.memory import recall, remember

MEMORY, BEGUN = "replay", "replay:begun"


def keep_newest(connection: Connection, answer: ReplayAnswer) -> None:
    """Keep a replay in place of the previous one, in the caller's transaction."""
    remember(connection, MEMORY, answer.model_dump(mode="json"))


def read_newest(log: Engine) -> ReplayAnswer | None:
    """The newest replay; None if there is none."""
    with log.connect() as connection:
        kept: dict[str, Any] | None = recall(connection, MEMORY)
    return None if kept is None else ReplayAnswer.model_validate(kept)


def begun_at(connection: Connection) -> datetime | None:
    """When the newest replay was begun."""
    kept = recall(connection, BEGUN)
    return None if kept is None else datetime.fromisoformat(kept)


def begin(connection: Connection, at: datetime) -> None:
    """Count a replay as made once it has begun: one that kills its worker is not begun again and again."""
    remember(connection, BEGUN, at.isoformat())

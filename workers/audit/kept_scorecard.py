"""The newest scorecard and its picture, stored for the page and the message. Imports no science."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from domain.scored import Scorecard
from workers.store.memory import recall, remember

MEMORY = "scorecard"


def keep_newest(connection: Connection, card: Scorecard, picture: str | None) -> None:
    """Store the card and its picture's digest in place of the previous ones, in the caller's transaction."""
    remember(connection, MEMORY, {"card": card.model_dump(mode="json"), "picture": picture})


def read_newest(log: Engine) -> tuple[Scorecard, str | None] | None:
    """The newest scorecard with the digest of its picture; None if none was made yet."""
    with log.connect() as connection:
        kept = recall(connection, MEMORY)
    return None if kept is None else (Scorecard.model_validate(kept["card"]), kept["picture"])

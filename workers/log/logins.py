"""Logins to the pages that were ended before they expired."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from workers.environment import clock
from workers.store.memory import drop_before, recall, remember

LONGEST = timedelta(days=1)
"""A login expires by itself well before this; then it need not be known that it was ended."""

NAME = "login_ended:"


def end(log: Engine, login: str) -> None:
    """This login (its id) is good for nothing from now on."""
    with log.begin() as connection:
        drop_before(connection, NAME, clock.now() - LONGEST)
        remember(connection, NAME + login, True)


def is_ended(log: Engine, login: str) -> bool:
    """Whether it was ended."""
    with log.connect() as connection:
        return recall(connection, NAME + login) is not None

"""Logins to the pages that were ended before they expired."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from workers.environment import clock
from workers.store.memory import drop_before, recall, remember

LONGEST = timedelta(days=1)
"""A login expires well before this, after which its end need not be remembered."""

NAME = "login_ended:"


def end(log: Engine, login: str) -> None:
    """End this login (by its id): it is worthless from now on."""
    with log.begin() as connection:
        drop_before(connection, NAME, clock.now() - LONGEST)
        remember(connection, NAME + login, True)


def is_ended(log: Engine, login: str) -> bool:
    """Whether the login was ended."""
    with log.connect() as connection:
        return recall(connection, NAME + login) is not None

"""What keeps the log from being changed: triggers, row security, and a role that owns nothing."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Connection

from domain.errors import Tampered

TRIGGERS = {
    "events_are_never_changed": "events",
    "events_go_only_into_archives": "events",
    "the_log_is_never_changed": "log",
    "archived_is_never_changed": "archived",
    "only_what_is_closed_is_archived": "archived",
    "archives_are_never_changed": "archives",
}
SECURED = (
    *("events", "log", "pending", "archived", "archives", "cards", "followers", "set_aside"),
    *("people", "attachments", "memory", "attempts"),
)

_TRIGGERS = """
SELECT tgname AS name FROM pg_trigger
WHERE tgname = ANY (%(names)s) AND tgenabled IN ('O', 'A') AND tgrelid = ANY (%(tables)s::regclass[])
"""
_SECURED = "SELECT relname AS name FROM pg_class WHERE oid = ANY (%(tables)s::regclass[]) AND relrowsecurity"


def absent(driver: psycopg.Connection[Any]) -> list[str]:
    """The guards that are gone or switched off, in words; none where all stand."""
    tables = list(SECURED)
    standing = driver.execute(_TRIGGERS, {"names": list(TRIGGERS), "tables": tables})
    found = {row[0] for row in standing}
    secured = {row[0] for row in driver.execute(_SECURED, {"tables": tables})}
    gone = [f"the trigger {name} of {table}" for name, table in TRIGGERS.items() if name not in found]
    return gone + [f"the row security of {table}" for table in SECURED if table not in secured]


def require_guards(connection: Connection) -> None:
    """
    Raises:
        Tampered: somebody who owns the tables took a guard away.
    """
    driver = connection.connection.driver_connection
    if driver is not None and (gone := absent(driver)):
        raise Tampered(
            f"Missing or switched off: {', '.join(gone)}. Only who owns the tables can do that; whatever was "
            "written since could have been changed. Switch it on again, for instance ALTER TABLE … ENABLE "
            "TRIGGER …, and ask who did it."
        )

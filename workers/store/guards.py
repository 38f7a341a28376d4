"""What keeps the log from being changed: triggers, row security, and a role that owns nothing."""

from __future__ import annotations

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
SECURED = ("events", "log", "pending", "archived", "archives", "cards", "followers")

_TRIGGERS = """
SELECT tgname AS name FROM pg_trigger
WHERE tgname = ANY (%(names)s) AND tgenabled IN ('O', 'A') AND tgrelid = ANY (%(tables)s::regclass[])
"""
_SECURED = "SELECT relname AS name FROM pg_class WHERE oid = ANY (%(tables)s::regclass[]) AND relrowsecurity"


def missing(connection: Connection) -> list[str]:
    """The guards that are gone or switched off, in words; none where all stand."""
    tables = list(SECURED)
    standing = connection.exec_driver_sql(_TRIGGERS, {"names": list(TRIGGERS), "tables": tables})
    found = set(standing.scalars())
    secured = set(connection.exec_driver_sql(_SECURED, {"tables": tables}).scalars())
    gone = [f"the trigger {name} of {table}" for name, table in TRIGGERS.items() if name not in found]
    return gone + [f"the row security of {table}" for table in SECURED if table not in secured]


def require_guards(connection: Connection) -> None:
    """
    Raises:
        Tampered: somebody who owns the tables took a guard away.
    """
    if gone := missing(connection):
        raise Tampered(
            f"Missing or switched off: {', '.join(gone)}. Only who owns the tables can do that; whatever was "
            "written since could have been changed. Switch it on again, for instance ALTER TABLE … ENABLE "
            "TRIGGER …, and ask who did it."
        )

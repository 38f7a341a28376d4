"""
Whether a database belongs to this program, and has the schema that this release needs.

Every process asks at its start (`workers.store.release`), so nothing of Alembic is imported: the revision
that this release needs follows from the names of its migration files.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

import migrations
from workers.store.connection import ROLE, driver_address
from workers.store.known import MAKE_KNOWN, key_unknown

CONNECT_SECONDS = 3
MIGRATE = "run `recsysops migrate`"
ELSEWHERE = "name a database of this program's own in DATABASE_URL"
_FILE = re.compile(r"v(\d{4})_\w+\.py")

_FOUND = """
SELECT to_regclass('alembic_version') IS NOT NULL,
    to_regclass('events') IS NOT NULL AND to_regclass('pending') IS NOT NULL
        AND to_regclass('known_keys') IS NOT NULL,
    ARRAY(SELECT relname::text FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
        AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> 'alembic_version' AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
        ORDER BY relname LIMIT 4)
"""
SHOWN = 3


class Unfit(NamedTuple):
    """Why this release cannot work with a database, and what to do."""

    says: str
    fix: str

    def __str__(self) -> str:
        return f"The store does not fit this release: {self.says}; {self.fix}."


@lru_cache(maxsize=1)
def revisions() -> frozenset[str]:
    """All revisions that this release knows."""
    files = (Path(migrations.__file__).parent / "versions").iterdir()
    return frozenset(found[1] for file in files if (found := _FILE.fullmatch(file.name)))


def newest() -> str:
    """The revision that this release needs."""
    return max(revisions())


def unfit(url: str, role: str) -> Unfit | None:
    """
    Why the store at this address cannot be used under a role; None if it can.

    Raises:
        psycopg.OperationalError: PostgreSQL does not answer.
    """
    address = driver_address(url)
    with psycopg.connect(address, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        return look(connection, role)


def look(connection: psycopg.Connection[Any], role: str) -> Unfit | None:
    """What keeps this release from working here; else None, and the connection has assumed the role."""
    if (found := _foreign(connection)) or (found := _ahead(connection)):
        return found
    if not _found(connection)[1]:
        return Unfit("it has no tables of this release yet", MIGRATE)
    if (found := _without_role(connection, role)) is not None:
        return found
    if found := _behind(_stands(connection)):
        return found
    why = key_unknown(connection, role.removeprefix(f"{ROLE}_"))
    return Unfit(why, MAKE_KNOWN) if why else None


def _behind(stands: str | None) -> Unfit | None:
    if stands is None or stands == newest():
        return None
    return Unfit(f"it has the shape {stands}, and this release wants {newest()}", MIGRATE)


def never(url: str) -> Unfit | None:
    """
    Why this release must not even migrate the database at this address; None if it may.

    Raises:
        psycopg.OperationalError: PostgreSQL does not answer.
    """
    address = driver_address(url)
    with psycopg.connect(address, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        return _foreign(connection) or _ahead(connection)


def _found(connection: psycopg.Connection[Any]) -> tuple[bool, bool, list[str]]:
    """Whether it was migrated, whether it has our first tables, and the names of some of its tables."""
    migrated, ours, names = connection.execute(_FOUND).fetchone() or (False, False, [])
    return bool(migrated), bool(ours), list(names)


def _foreign(connection: psycopg.Connection[Any]) -> Unfit | None:
    migrated, ours, names = _found(connection)
    if (migrated and ours) or not (migrated or names):
        return None
    if ours:
        return Unfit(
            "it has tables named like this program's, and none that says which release made them", ELSEWHERE
        )
    more = ", …" if len(names) > SHOWN else ""
    listed = f" ({', '.join(names[:SHOWN])}{more})" if names else ""
    return Unfit(f"it is another program's{listed}", ELSEWHERE)


def _ahead(connection: psycopg.Connection[Any]) -> Unfit | None:
    stands = _stands(connection)
    if stands is None or stands in revisions():
        return None
    if stands.isdecimal() and stands > newest():
        says = f"it has the shape {stands}, of a later release than this one ({newest()})"
    else:
        says = f"it has the shape {stands!r}, which no release up to this one ({newest()}) knows"
    return Unfit(says, "run the release that migrated it")


def _stands(connection: psycopg.Connection[Any]) -> str | None:
    """The database's revision; None if it has none, or does not show it to this role."""
    if not _found(connection)[0]:
        return None
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return str(row[0]) if row else None


def _without_role(connection: psycopg.Connection[Any], role: str) -> Unfit | None:
    if connection.execute("SELECT to_regrole(%s)", [role]).fetchone() == (None,):
        stands = _stands(connection)
        return _behind(stands) or Unfit(f"there is no role {role}, under which the program works", MIGRATE)
    try:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        login = connection.info.user
        says = f"the login “{login}” may not take the role {role}, under which the program works"
        return Unfit(says, f'{MIGRATE}, or let an administrator run: GRANT {role} TO "{login}"')
    return None

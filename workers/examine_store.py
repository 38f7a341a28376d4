"""What `recsysops doctor` says of the store: its shape, its guards, and who could take them away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from psycopg import sql

from domain.errors import ConfigurationError
from workers.examine import Advice
from workers.settings import read_settings
from workers.store.connection import ROLE, driver_address
from workers.store.guards import differences
from workers.store.migrate import newest, revisions

WHERE = "store"
CONNECT_SECONDS = 3
MIGRATE = "run `recsysops migrate`"

_TABLES = "SELECT to_regclass('alembic_version'), to_regrole(%s)"
_POWER = """
SELECT session_user AS login, rolsuper AS super, pg_get_userbyid(relowner) AS owner,
    pg_has_role(session_user, relowner, 'MEMBER') AS owns,
    has_schema_privilege(%s, relnamespace, 'CREATE') AS shadows, relnamespace::regnamespace::text AS schema
FROM pg_roles, pg_class WHERE rolname = session_user AND pg_class.oid = to_regclass('events')
"""


def examine_store(environment: Mapping[str, str]) -> Iterator[Advice]:
    """What there is to say of the store that the environment names; nothing where it names none."""
    try:
        url = read_settings(environment).database_url
    except ConfigurationError:
        return  # said of the broker, which reads the same variables
    if url is None:
        return  # `recsysops up` starts one
    try:
        address = driver_address(url)
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            yield from _examined(connection)
    except psycopg.OperationalError as error:
        says = f"PostgreSQL does not answer: {str(error).splitlines()[0]}"
        yield Advice(level="error", where=WHERE, says=says, mend="start it, or correct DATABASE_URL")


def unfit(url: str) -> str | None:
    """
    Why the store at this address cannot be worked with by this release, in a sentence; None where it can.

    Raises:
        psycopg.OperationalError: PostgreSQL does not answer.
    """
    with psycopg.connect(driver_address(url), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        found = _unfit(connection)
    return f"The store does not fit this release: {found.says}; {found.mend}." if found else None


def _examined(connection: psycopg.Connection) -> Iterator[Advice]:
    if found := _unfit(connection):
        yield found
        return
    said = [*_power(connection), *_guards(connection)]
    yield from said or [Advice(level="ok", where=WHERE, says="its newest shape; this login only adds to it")]


def _unfit(connection: psycopg.Connection) -> Advice | None:
    """What keeps the program from working here at all; else the connection is under the program's role."""
    found = connection.execute(_TABLES, [ROLE]).fetchone()
    if found is None or None in found:
        return Advice(level="error", where=WHERE, says="it has no tables of this release yet", mend=MIGRATE)
    try:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ROLE)))
    except psycopg.errors.InsufficientPrivilege:
        login = connection.info.user
        says = f"the login “{login}” may not take the role {ROLE}, under which the program works"
        mend = f'{MIGRATE}, or let an administrator run: GRANT {ROLE} TO "{login}"'
        return Advice(level="error", where=WHERE, says=says, mend=mend)
    return _behind(connection)


def _behind(connection: psycopg.Connection) -> Advice | None:
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        says = "it is from before the program had a role of its own"
        return Advice(level="error", where=WHERE, says=says, mend=MIGRATE)
    stands, wants = row[0] if row else "nothing", newest()
    if stands == wants:
        return None
    if stands in revisions():
        says = f"it has the shape {stands}, and this release wants {wants}"
        return Advice(level="error", where=WHERE, says=says, mend=MIGRATE)
    says = f"it has the shape {stands}, of a later release than this one ({wants})"
    return Advice(level="error", where=WHERE, says=says, mend="run the release that migrated it")


def _power(connection: psycopg.Connection) -> Iterator[Advice]:
    row = connection.execute(_POWER, [ROLE]).fetchone()
    if row is None:
        return
    login, superuser, owner, owns, shadows, schema = row
    if superuser or owns:
        what = "is a superuser" if superuser else f"owns the tables (as {owner})"
        says = (
            f"the program's login “{login}” {what}: whoever has its password can switch the log's guards off"
        )
        mend = (
            f"CREATE ROLE recsysops LOGIN PASSWORD '…' IN ROLE {ROLE}; name that login in DATABASE_URL, and "
            f"“{login}” in DATABASE_OWNER_URL for `recsysops migrate` alone"
        )
        yield Advice(level="warning", where=WHERE, says=says, mend=mend)
    if shadows:
        says = f"the program may make functions and tables of its own in the schema {schema}"
        mend = f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {ROLE}"
        yield Advice(level="warning", where=WHERE, says=says, mend=mend)


def _guards(connection: psycopg.Connection) -> Iterator[Advice]:
    connection.execute("SELECT set_config('recsysops.workspace', 'main', false)")
    for one in differences(connection):
        mend = f"{one.mend}; ask who did it, and `recsysops events verify`"
        yield Advice(level="error", where=WHERE, says=one.says, mend=mend)

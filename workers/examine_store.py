"""What `recsysops doctor` says of the store: its shape, its guards, and who could take them away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg

from domain.errors import ConfigurationError
from workers.examine import Advice
from workers.settings import read_settings
from workers.store.connection import ROLE, driver_address
from workers.store.fit import CONNECT_SECONDS, look
from workers.store.guards import differences

WHERE = "store"
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


def _examined(connection: psycopg.Connection) -> Iterator[Advice]:
    if found := look(connection, ROLE):
        yield Advice(level="error", where=WHERE, says=found.says, mend=found.mend)
        return
    said = [*_power(connection), *_guards(connection)]
    yield from said or [Advice(level="ok", where=WHERE, says="its newest shape; this login only adds to it")]


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

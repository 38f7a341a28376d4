"""What `recsysops doctor` says about the store: its schema, its guards, and who could remove them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import psycopg

from domain.answer import Advice
from domain.errors import ConfigurationError, sanitized
from workers.environment.address import why_not
from workers.environment.settings import Settings, read_settings
from workers.store import followers, people
from workers.store.connection import driver_address, engine, role_of
from workers.store.fit import CONNECT_SECONDS, look
from workers.store.integrity.guards import differences
from workers.store.log.undecided import Lookout

WHERE = "store"
MOST_EVENTS = 1_000_000
MOST_NAMED = 10
_POWER = """
SELECT session_user AS login, rolsuper AS super, pg_get_userbyid(relowner) AS owner,
    pg_has_role(session_user, relowner, 'MEMBER') AS owns,
    has_schema_privilege(%s, relnamespace, 'CREATE') AS shadows, relnamespace::regnamespace::text AS schema
FROM pg_roles, pg_class WHERE rolname = session_user AND pg_class.oid = to_regclass('events')
"""


def examine_store(environment: Mapping[str, str]) -> Iterator[Advice]:
    """What there is to say about the store that the environment names; nothing if it names none."""
    try:
        named = read_settings(environment)
    except ConfigurationError:
        return  # reported for the broker, which reads the same variables
    if named.database_url is None:
        return  # `recsysops up` starts one
    try:
        address = driver_address(named.database())
        with psycopg.connect(address, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            yield from _examined(connection, named)
    except ConfigurationError as error:
        yield Advice(level="error", where=WHERE, says=str(error), fix="correct that variable")
    except psycopg.OperationalError as error:
        says = f"PostgreSQL does not answer: {why_not(error)} ({sanitized(error)})"
        yield Advice(level="error", where=WHERE, says=says, fix="start it, or correct DATABASE_URL")


def _examined(connection: psycopg.Connection, named: Settings) -> Iterator[Advice]:
    role = role_of(named.workspace)
    if found := look(connection, role):
        yield Advice(level="error", where=WHERE, says=found.says, fix=found.fix)
        return
    said = [*_power(connection, role), *_guards(connection), *_forged(named)]
    yield from said or [Advice(level="ok", where=WHERE, says="its newest shape; this login only adds to it")]


def _forged(named: Settings) -> Iterator[Advice]:
    """What was written by somebody with the program's database rights but without its key."""
    log = engine(named.database(), named.workspace)
    fix = "ask who has the password of the program's login, change it, and run `recsysops events verify`"
    for one in Lookout(log).look(MOST_EVENTS)[:MOST_NAMED]:
        says = (
            f"event {one.position} ({one.wire_name} of {one.stream}) carries no seal of this installation: "
            "no rule decided it, and nobody acts on it"
        )
        yield Advice(level="error", where=WHERE, says=says, fix=fix)
    with log.connect() as connection:
        for name, position in followers.moved_by_hand(connection):
            yield Advice(level="error", where=WHERE, says=followers.words(name, position), fix=fix)
        for says in islice(people.changed_by_hand(connection, people.in_log(connection)), MOST_NAMED):
            yield Advice(level="error", where=WHERE, says=says, fix=fix)


def _power(connection: psycopg.Connection, role: str) -> Iterator[Advice]:
    row = connection.execute(_POWER, [role]).fetchone()
    if row is None:
        return
    login, superuser, owner, owns, shadows, schema = row
    if superuser or owns:
        what = "is a superuser" if superuser else f"owns the tables (as {owner})"
        says = (
            f"the program's login “{login}” {what}: whoever has its password can switch the log's guards off"
        )
        fix = (
            f"CREATE ROLE recsysops LOGIN PASSWORD '…' IN ROLE {role}; name that login in DATABASE_URL, and "
            f"“{login}” in DATABASE_OWNER_URL for `recsysops migrate` alone"
        )
        yield Advice(level="warning", where=WHERE, says=says, fix=fix)
    if shadows:
        says = f"the program may make functions and tables of its own in the schema {schema}"
        fix = f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}"
        yield Advice(level="warning", where=WHERE, says=says, fix=fix)


def _guards(connection: psycopg.Connection) -> Iterator[Advice]:
    connection.execute("SELECT set_config('recsysops.workspace', 'main', false)")
    for one in differences(connection):
        fix = f"{one.fix}; ask who did it, and `recsysops events verify`"
        yield Advice(level="error", where=WHERE, says=one.says, fix=fix)

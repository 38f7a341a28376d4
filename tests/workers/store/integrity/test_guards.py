"""Any protection of the log that differs from what the migrations make is named, with what to do about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import Tampered
from workers.embedded import Servers
from workers.log.handle import Answer
from workers.store.connection import ROLE, driver_address
from workers.store.integrity.guards import differences, manifest, require_guards
from workers.store.integrity.protection import MANIFEST, read_picture, spell
from workers.store.log.events import number
from workers.store.migrate import migrate


def said(log: Engine) -> list[tuple[str, str]]:
    with log.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        return [(one.says, one.fix) for one in differences(driver)]


def test_the_manifest_is_the_picture_of_a_freshly_migrated_database(owner: psycopg.Connection) -> None:
    assert spell(read_picture(owner)) == MANIFEST.read_bytes(), (
        "run: python -m workers.store.integrity.protection"
    )


def test_where_nothing_was_changed_there_is_nothing_to_say(log: Engine) -> None:
    assert said(log) == []


def test_another_owner_another_schema_and_other_peoples_tables_are_no_difference(
    servers: Servers, template: str
) -> None:
    """Nor a reader, an extension's functions, or a view that works with the rights of who asks."""
    name = f"other_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as administrator:
        administrator.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'x'")
        administrator.execute(f"CREATE DATABASE {name} OWNER {name}")
        parts = psycopg.conninfo.conninfo_to_dict(driver_address(servers.database_url))
        address = psycopg.conninfo.make_conninfo(driver_address(servers.database_url), dbname=name)
        try:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute(f'CREATE SCHEMA "Own Incidents" AUTHORIZATION {name}')
                connection.execute(f'ALTER DATABASE {name} SET search_path = "Own Incidents"')
                connection.execute(f"GRANT {ROLE} TO {name} WITH ADMIN OPTION")
            url = f"postgresql://{name}:x@/{name}?host={parts['host']}"
            migrate(url)
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("CREATE TABLE others (id int); GRANT ALL ON others TO PUBLIC")
                connection.execute("CREATE FUNCTION others() RETURNS int LANGUAGE sql AS 'SELECT 1'")
                connection.execute("GRANT SELECT ON events TO pg_read_all_stats")
                connection.execute(
                    "CREATE VIEW counted WITH (security_invoker) AS SELECT count(*) FROM events"
                )
                assert [(one.says, one.fix) for one in differences(connection)] == []
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
            administrator.execute(f"DROP ROLE {name}")


EMPTY = "BEGIN RETURN NULL; END"
CHANGES = {
    "an emptied trigger body": (
        f"CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS '{EMPTY}'",
        "the body of the function refuse_change_of_events() is not what the migrations wrote",
    ),
    "a definer's function": (
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "no migration made the function mine()",
    ),
    "a function called like ours": (
        "CREATE FUNCTION chain_link(bytea, bytea, text) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
        "no migration made the function chain_link(bytea, bytea, text)",
    ),
    "a function that is no definer's any more": (
        "ALTER FUNCTION number_events(integer) SECURITY INVOKER",
        "the function number_events(most integer) works with the rights of whoever calls it",
    ),
    "another search_path": (
        "ALTER FUNCTION number_events(integer) SET search_path = pg_temp, public",
        "the function number_events(most integer) has another settings: ['search_path=pg_temp, the schema']",
    ),
    "an opened policy": (
        "ALTER POLICY ours ON events USING (true)",
        "the policy ours of events lets in true (using)",
    ),
    "one more policy": (
        "CREATE POLICY mine ON events FOR SELECT USING (true)",
        "no migration made the policy mine of events",
    ),
    "a policy that is gone": ("DROP POLICY ours ON log", "the policy ours of log is missing"),
    "row security switched off": (
        "ALTER TABLE events DISABLE ROW LEVEL SECURITY",
        "the row security of events is switched off",
    ),
    "UPDATE granted": (
        f"GRANT UPDATE ON events TO {ROLE}",
        f"{ROLE} may UPDATE on the table events",
    ),
    "UPDATE of one column granted": (
        f"GRANT UPDATE (hash) ON events TO {ROLE}",
        f"{ROLE} may UPDATE on the column hash of events",
    ),
    "something granted to everybody": (
        "GRANT SELECT ON people TO PUBLIC",
        "PUBLIC may SELECT on the table people",
    ),
    "something granted on": (
        f"GRANT SELECT ON log TO {ROLE} WITH GRANT OPTION",
        f"{ROLE} may SELECT WITH GRANT OPTION on the table log",
    ),
    "DELETE granted to somebody": (
        "GRANT DELETE ON log TO pg_read_all_stats",
        "pg_read_all_stats may DELETE on the table log",
    ),
    "the sequence granted": (
        f"GRANT UPDATE ON SEQUENCE events_id_seq TO {ROLE}",
        f"{ROLE} may UPDATE on the sequence events_id_seq",
    ),
    "a function granted to everybody": (
        "GRANT EXECUTE ON FUNCTION number_events(integer) TO PUBLIC",
        "PUBLIC may EXECUTE on the function number_events(most integer)",
    ),
    "a grant taken away": (f"REVOKE SELECT ON log FROM {ROLE}", f"{ROLE} may not SELECT on the table log"),
    "one more trigger": (
        "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "no migration made the trigger mine of events",
    ),
    "a trigger that is gone": (
        "DROP TRIGGER the_log_is_never_changed ON log",
        "the trigger the_log_is_never_changed of log is missing",
    ),
    "a trigger switched off": (
        "ALTER TABLE events DISABLE TRIGGER events_are_never_changed",
        "the trigger events_are_never_changed of events is switched off",
    ),
    "a trigger for replicas": (
        "ALTER TABLE events ENABLE REPLICA TRIGGER events_are_never_changed",
        "the trigger events_are_never_changed of events works on replicas only",
    ),
    "the triggers of foreign keys switched off": (
        "ALTER TABLE archived DISABLE TRIGGER ALL",
        'the trigger archived_archive_fkey ("RI_FKey_check_ins") of archived is switched off',
    ),
    "a trigger that fires less often": (
        "DROP TRIGGER events_are_never_changed ON events; "
        "CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR TRUNCATE ON events FOR EACH STATEMENT "
        "WHEN (false) EXECUTE FUNCTION refuse_change_of_events()",
        "the trigger events_are_never_changed of events has another when",
    ),
    "a rule": (
        "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
        "no migration made the rule mine",
    ),
    "a view": ("CREATE VIEW mine AS SELECT * FROM events", "no migration made the view mine over events"),
    "a child table": (
        "CREATE TABLE mine () INHERITS (events)",
        "no migration made the child-table mine",
    ),
    "a constraint that is gone": (
        "ALTER TABLE events DROP CONSTRAINT events_stream_version_key",
        "the constraint events_stream_version_key of events is missing",
    ),
    "a table that a crash empties": (
        "ALTER TABLE pending SET UNLOGGED",
        "the table pending has another persistence: 'u' in place of 'p'",
    ),
    "another owner": (
        "ALTER TABLE log OWNER TO pg_database_owner",
        "the table log is owned by pg_database_owner, and not by the owner of the others",
    ),
    "triggers switched off for every session": (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', "
        "current_database()); END $$",
        "no migration made the setting session_replication_role=replica",
    ),
    "another default": (
        "ALTER TABLE events ALTER COLUMN workspace SET DEFAULT 'main'",
        "the column workspace of events has another default",
    ),
    "the sequence with steps": (
        "ALTER SEQUENCE events_id_seq INCREMENT BY -1",
        "the sequence events_id_seq has another increment: -1 in place of 1",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_guard_that_was_changed_is_named(log: Engine, owner: psycopg.Connection, change: str) -> None:
    statement, says = CHANGES[change]
    owner.execute(statement.encode())
    lines = said(log)
    assert any(one.startswith(says) for one, _ in lines), lines
    assert all(fix for _, fix in lines)
    with log.connect() as connection, pytest.raises(Tampered, match="ask who did it") as caught:
        require_guards(connection)
    assert says in str(caught.value)


FIXABLE = (
    *("an opened policy", "one more policy", "row security switched off", "UPDATE granted"),
    *("UPDATE of one column granted", "something granted to everybody", "something granted on"),
    *("DELETE granted to somebody", "the sequence granted", "a function granted to everybody"),
    *("a grant taken away", "one more trigger", "a trigger switched off", "a trigger for replicas"),
    *("a rule", "a definer's function", "a function called like ours", "a child table"),
)


@pytest.mark.parametrize("change", FIXABLE)
def test_what_the_difference_says_is_what_fixes_it(
    log: Engine, owner: psycopg.Connection, change: str
) -> None:
    owner.execute(CHANGES[change][0].encode())
    for _ in range(3):  # a grant option is taken with what it was given on, which is then given again
        for _, fix in said(log):
            owner.execute(fix.encode())
    assert said(log) == []


@pytest.mark.parametrize(
    ("statement", "says", "fix"),
    [
        (f"ALTER ROLE {ROLE} SUPERUSER", f"the role {ROLE} has the attribute superuser", "NOSUPERUSER"),
        (f"ALTER ROLE {ROLE} BYPASSRLS", "has the attribute bypass row security", "NOBYPASSRLS"),
        (f"ALTER ROLE {ROLE} CREATEROLE", "has the attribute create role", "NOCREATEROLE"),
        (
            f"GRANT pg_write_all_data TO {ROLE}",
            "is a member of pg_write_all_data",
            "REVOKE pg_write_all_data",
        ),
        (f"ALTER ROLE {ROLE} SET row_security = off", "is given settings: ['row_security=off']", "RESET ALL"),
    ],
)
def test_a_role_that_may_more_is_named(database_url: str, statement: str, says: str, fix: str) -> None:
    with psycopg.connect(driver_address(database_url)) as connection:
        connection.execute(statement.encode())
        (one,) = differences(connection)
        connection.rollback()
    assert says in one.says
    assert fix in one.fix


def test_a_sequence_that_was_set_back_is_named(
    log: Engine, owner: psycopg.Connection, opened: Callable[..., Answer]
) -> None:
    opened()
    opened("Comedy", "another")
    number(log)
    owner.execute("SELECT setval('events_id_seq', 1)")
    ((says, fix),) = said(log)
    assert says == "the sequence of event ids stands at 1, and the newest event has the id 2"
    owner.execute(fix.encode())
    assert said(log) == []
    owner.execute("SELECT setval('events_id_seq', 1, false)")
    assert "stands at 0" in said(log)[0][0]


def test_the_manifest_leaves_no_table_out(owner: psycopg.Connection) -> None:
    rows = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {f"table {name}" for (name,) in rows} == {key for key in manifest() if key.startswith("table ")}

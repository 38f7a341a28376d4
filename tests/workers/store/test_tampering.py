"""Anybody who tries to change what happened is refused, or named by `verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import Tampered
from domain.incident.commands import AddNote
from workers.log.handle import Answer
from workers.store.connection import driver_address, engine, role_of
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.events import number
from workers.store.migrate import migrate

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]


@pytest.fixture(autouse=True)
def three(log: Engine, opened: Opened, pressed: Pressed) -> str:
    """An incident with two notes."""
    stream = opened().stream
    pressed(stream, AddNote(text="first"), "n1")
    pressed(stream, AddNote(text="second"), "n2")
    number(log)
    return stream


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


ONE_MORE = """
INSERT INTO events (stream, version, wire_name, schema_version, data, actor_kind, actor, at, key, part, hash)
SELECT stream, version + 1, wire_name, schema_version, data, actor_kind, actor, at, 'forged', part, hash
FROM events ORDER BY version DESC LIMIT 1
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'nobody'",
        "DELETE FROM events",
        "TRUNCATE events",
        "INSERT INTO log SELECT workspace, position + 1, event_id, hash FROM log WHERE position = 3",
        "UPDATE log SET hash = ''",
        "DELETE FROM log",
        "TRUNCATE log",
        ONE_MORE,
        f"WITH one AS ({ONE_MORE} RETURNING id) INSERT INTO pending (event_id) SELECT id FROM one",
        "INSERT INTO pending (event_id) SELECT event_id FROM log WHERE position = 2",
        "SELECT setval(pg_get_serial_sequence('events', 'id'), 1)",
        "INSERT INTO known_keys (workspace, public_key) VALUES ('main', 'mine')",
        "DELETE FROM known_keys",
        "DELETE FROM pending",
        "UPDATE pending SET event_id = 1",
        "TRUNCATE pending",
        "INSERT INTO archives (name, manifest) VALUES ('a', '{}')",
        "INSERT INTO archived SELECT workspace, 1, id, stream, version, hash, 'a' FROM events",
        "DELETE FROM archived",
        "UPDATE alembic_version SET version_num = '0001'",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "ALTER TABLE events DISABLE TRIGGER events_are_never_changed",
        "DROP TRIGGER events_are_never_changed ON events",
        "DROP TRIGGER the_log_is_never_changed ON log",
        "ALTER TABLE log DISABLE ROW LEVEL SECURITY",
        "DROP POLICY ours ON events",
        "ALTER TABLE events ADD COLUMN more text",
        "ALTER TABLE events OWNER TO recsysops_app",
        "ALTER TABLE log RENAME TO ledger",
        "DROP TABLE log",
        "DROP TABLE pending",
        "ALTER FUNCTION number_events(integer) SET search_path = pg_temp",
        "DROP FUNCTION number_events(integer)",
        "CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NULL; END'",
        "CREATE OR REPLACE FUNCTION chain_link(so_far bytea, before bytea, link bytea) RETURNS bytea "
        "LANGUAGE sql AS 'SELECT link'",
        "CREATE FUNCTION chain_link(bytea, bytea, text) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
        "CREATE FUNCTION public.hashtext(text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA recsysops_app",
        "SET session_replication_role = replica",
        "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE ROLE friend SUPERUSER",
    ],
)
def test_the_programs_role_may_not(database_url: str, log: Engine, statement: str) -> None:
    # A login of the role alone: none that could step back into the role of an owner.
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute(f"SET SESSION AUTHORIZATION {role_of('main')}; SET ROLE {role_of('main')}")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statement)
    assert isinstance(caught.value, psycopg.errors.InsufficientPrivilege)
    assert verify(log).events == 3


def test_tables_of_ones_own_do_not_stand_in_for_those_of_the_log(
    log: Engine, program: psycopg.Connection
) -> None:
    """What runs with its owner's rights must not look into the caller's temporary tables."""
    for table in ("events", "pending", "log"):
        program.execute(f"CREATE TEMP TABLE {table} (LIKE public.{table} INCLUDING DEFAULTS)")
        program.execute(f"GRANT ALL ON pg_temp.{table} TO PUBLIC")
    program.execute("ALTER TABLE pg_temp.events ALTER COLUMN id DROP NOT NULL")
    program.execute(
        "INSERT INTO pg_temp.events SELECT * FROM public.events WHERE version = 1; "
        "UPDATE pg_temp.events SET id = 99; INSERT INTO pg_temp.pending (event_id) VALUES (99)"
    )
    program.execute("SELECT number_events()")
    assert program.execute("SELECT count(*) FROM public.log").fetchone() == (3,)
    assert program.execute("SELECT count(*) FROM pg_temp.log").fetchone() == (0,)
    assert verify(log).events == 3


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE cards SET status = 'closed'", "The card of incident-"),
        ("UPDATE cards SET number = 7", "The card of incident-"),
        ("UPDATE cards SET version = 9", "The card of incident-"),
        ("UPDATE cards SET incident = replace(incident, 'Drama', 'Comedy')", "The card of incident-"),
        ("DELETE FROM cards", "has events but no card"),
        (
            "INSERT INTO followers (name, position) VALUES ('obligations', 4)",
            "was moved to 4 by hand",
        ),
        ("INSERT INTO followers (name, position) VALUES ('obligations', -1)", "was moved to -1 by hand"),
    ],
)
def test_what_the_programs_role_may_write_is_named_where_it_does_not_fit(
    log: Engine, program: psycopg.Connection, statement: str, says: str
) -> None:
    program.execute(statement)
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert says in str(caught.value)


def test_a_card_that_was_edited_is_made_again(log: Engine, program: psycopg.Connection) -> None:
    program.execute("UPDATE cards SET status = 'closed', number = 7, version = 99, incident = '{}'")
    columns = "status, severity, fingerprint, opened_at, owes, version, incident, shape, unscored"
    program.execute(
        f"INSERT INTO cards (stream, number, {columns}) SELECT 'made-up', 1, {columns} FROM cards"
    )
    rebuilt = rebuild(log)
    assert (rebuilt.cards, rebuilt.stray) == (1, 1)
    assert verify(log).cards == 1


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("ALTER TABLE events DISABLE TRIGGER events_are_never_changed", "events_are_never_changed of events"),
        ("ALTER TABLE events DISABLE TRIGGER events_go_only_into_archives", "events_go_only_into_archives"),
        ("ALTER TABLE events ENABLE REPLICA TRIGGER events_are_never_changed", "events_are_never_changed"),
        ("DROP TRIGGER the_log_is_never_changed ON log", "the_log_is_never_changed of log"),
        ("DROP TRIGGER only_what_is_closed_is_archived ON archived", "only_what_is_closed_is_archived"),
        ("ALTER TABLE archives DISABLE TRIGGER ALL", "archives_are_never_changed of archives"),
        ("ALTER TABLE events DISABLE ROW LEVEL SECURITY", "the row security of events"),
    ],
)
def test_a_guard_that_the_owner_took_away_is_named(
    log: Engine, owner: psycopg.Connection, statement: str, says: str
) -> None:
    owner.execute(statement)
    with pytest.raises(Tampered, match="ask who did it") as caught:
        verify(log)
    assert says in str(caught.value)


SWAP = """
UPDATE events SET version = 9 WHERE version = 2; UPDATE events SET version = 2 WHERE version = 3;
UPDATE events SET version = 3 WHERE version = 9
"""
SWAP_ENTRIES = "UPDATE log SET event_id = 5 - event_id WHERE position > 1"
IN_THE_MIDDLE = """
UPDATE log SET position = 9 WHERE position = 3;
INSERT INTO log SELECT workspace, 3, event_id, hash FROM log WHERE position = 9;
UPDATE log SET position = 4 WHERE position = 9
"""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE events SET actor = 'nobody' WHERE version = 2", "event 2 (note.added"),
        ("UPDATE events SET wire_name = 'note.edited' WHERE version = 2", "event 2 (note.edited"),
        ("UPDATE events SET key = 'x' WHERE version = 3", "event 3 (note.added"),
        ("UPDATE events SET hash = sha256('x') WHERE version = 2", "event 2 (note.added"),
        ("DELETE FROM events WHERE version = 2", "event at position 2 of the log is gone"),
        ("UPDATE events SET workspace = 'other' WHERE version = 2", "event at position 2 of the log is gone"),
        ("UPDATE log SET workspace = 'other' WHERE position = 3", "holds 3 events; the log numbers 2"),
        ("UPDATE log SET workspace = 'other' WHERE position = 2", "has no position 2"),
        (SWAP, "has no version 2"),
        (SWAP_ENTRIES, "has no version 2"),
        (IN_THE_MIDDLE, "has no version 4"),
        ("UPDATE log SET hash = sha256('x') WHERE position = 2", "event 2 (note.added"),
        ("TRUNCATE events", "event at position 1 of the log is gone"),
        ("TRUNCATE log", "holds 3 events; the log numbers 0"),
        ("TRUNCATE events, log, pending", "has no events; somebody wrote it by hand"),
    ],
)
def test_what_an_owner_without_guards_changed_is_named(
    log: Engine, owner: psycopg.Connection, statement: str, says: str
) -> None:
    owner.execute("ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE log DISABLE TRIGGER USER")
    owner.execute(statement)
    owner.execute("ALTER TABLE events ENABLE TRIGGER USER; ALTER TABLE log ENABLE TRIGGER USER")
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'nobody'",
        "DELETE FROM events WHERE version = 3",
        "TRUNCATE events CASCADE",
        "UPDATE log SET hash = ''",
        "DELETE FROM log",
        "TRUNCATE log",
        "INSERT INTO archives VALUES ('main', 'a', '{}'); INSERT INTO archived "
        "SELECT workspace, version, id, stream, version, hash, 'a' FROM events",
        "INSERT INTO archives VALUES ('main', 'a', '{}'); DELETE FROM archives",
    ],
)
def test_even_the_owner_is_refused_while_the_guards_stand(
    log: Engine, owner: psycopg.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), owner.transaction():
        owner.execute(statement)
    assert verify(log).events == 3


def test_a_row_moved_whole_to_another_workspace_is_missed_in_both(
    log: Engine, database_url: str, owner: psycopg.Connection, three: str
) -> None:
    migrate(database_url, workspace="other")
    owner.execute("ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE log DISABLE TRIGGER USER")
    owner.execute("UPDATE events SET workspace = 'other' WHERE version = 3")
    owner.execute("UPDATE log SET workspace = 'other', position = 1 WHERE position = 3")
    with pytest.raises(Tampered, match=f"The card of {three}"):
        verify(log)
    with pytest.raises(Tampered, match=f"{three} has no version 1"):
        verify(engine(database_url, "other"))

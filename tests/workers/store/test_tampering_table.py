"""
Who tampers with the log, how, and who names it: refused by the database, named by `verify`, or by a
witness alone. `pytest -rA` with this file prints the table.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.errors import Tampered
from domain.incident.commands import AddNote
from workers.log.handle import Answer
from workers.store.connection import ROLE, driver_address, role_of
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.chain import chained, linked
from workers.store.log.checkpoint import compare, make, read_file, spell
from workers.store.log.events import COLUMNS, number
from workers.store.log.recorded import sealed
from workers.store.seal import seal
from workers.witnesses.folder import Folder

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
Change = Callable[[psycopg.Connection], None]


def sql(statement: str) -> Change:
    def change(connection: psycopg.Connection) -> None:
        connection.execute(statement.encode())

    return change


def unguarded(change: Change) -> Change:
    """The owner takes the guards away, and puts them back as they were."""

    def around(connection: psycopg.Connection) -> None:
        for table in ("events", "log"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        change(connection)
        for table in ("events", "log"):
            connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    return around


def everywhere(statement: str) -> Change:
    """`%1$I` stands for this database, `%2$I` for whoever signs in."""
    return sql(
        f"DO $done$ BEGIN EXECUTE format($said${statement}$said$, current_database(), user); END $done$"
    )


def rewritten(connection: psycopg.Connection) -> None:
    """Another history: the second event says something else, and every hash is made again to fit it."""
    names = COLUMNS.split(", ")
    wanted = f"SELECT id, {COLUMNS} FROM events ORDER BY id"
    before = entry = b""
    for position, (event, *row) in enumerate(connection.execute(wanted.encode()).fetchall(), start=1):
        event_row = dict(zip(names, row, strict=True))
        if event_row["version"] == 2:
            event_row["data"] = event_row["data"].replace("first", "never")
        before = chained(before, event_row)
        entry = linked(entry, before)
        connection.execute(
            "UPDATE events SET data = %s, hash = %s WHERE id = %s", [event_row["data"], before, event]
        )
        connection.execute("UPDATE log SET hash = %s WHERE position = %s", [entry, position])


def resealed(connection: psycopg.Connection) -> None:
    """The same, and every seal made again as well."""
    rewritten(connection)
    wanted = f"SELECT id, {COLUMNS} FROM events ORDER BY id"
    names = COLUMNS.split(", ")
    for event, *row in connection.execute(wanted.encode()).fetchall():
        event_row = dict(zip(names, row, strict=True))
        made = seal(sealed(event_row))
        connection.execute("UPDATE events SET seal = %s WHERE id = %s", [made, event])


def appended(wrong: bytes = b"", **changes: object) -> Change:
    """One more event through the function by which events are appended, decided by nobody."""

    def append(connection: psycopg.Connection) -> None:
        names = COLUMNS.split(", ")
        wanted = f"SELECT {COLUMNS} FROM events ORDER BY id DESC LIMIT 1"
        (row,) = connection.execute(wanted.encode()).fetchall()
        event = {**dict(zip(names, row, strict=True)), "key": "forged", **changes}
        event["version"] += 1
        event["hash"] = wrong or chained(event["hash"], event)
        spelled = ", ".join(f"%({name})s" for name in names)
        connection.execute(f"SELECT append_event({spelled})".encode(), event)

    return append


def inserted(connection: psycopg.Connection) -> None:
    """One more event at the end, with the right hashes, past every trigger."""
    names = COLUMNS.split(", ")
    wanted = f"SELECT {COLUMNS} FROM events ORDER BY id DESC LIMIT 1"
    (row,) = connection.execute(wanted.encode()).fetchall()
    event = {
        **dict(zip(names, row, strict=True)),
        "key": "forged",
        "version": row[names.index("version")] + 1,
    }
    event["hash"] = chained(event["hash"], event)
    spelled = ", ".join(f"%({name})s" for name in names)
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        f"INSERT INTO events (workspace, {COLUMNS}) VALUES ('main', {spelled})".encode(), event
    )
    entry = connection.execute("SELECT hash FROM log ORDER BY position DESC LIMIT 1").fetchone()
    assert entry is not None
    connection.execute(
        "INSERT INTO log SELECT 'main', max(position) + 1, (SELECT max(id) FROM events), %s FROM log",
        [linked(bytes(entry[0]), event["hash"])],
    )
    connection.execute("SET session_replication_role = origin")


OTHER = f"{ROLE}_t{uuid.uuid4().hex[:12]}"
"""Another workspace, which is there for as long as a test."""

PUT_IN = """
INSERT INTO events (stream, version, wire_name, schema_version, data, actor_kind, actor, at, key, part, hash)
SELECT stream, 9, wire_name, schema_version, data, actor_kind, actor, at, 'forged', part, hash FROM events
"""
CUT = "DELETE FROM log WHERE position = 3; DELETE FROM events WHERE version = 3; DELETE FROM cards"
WATCHED = """
CREATE FUNCTION mine() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RETURN; END';
CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION mine()
"""
EMPTIED = """
CREATE OR REPLACE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RETURN NULL; END'
"""
ADDED = "CREATE TRIGGER mine BEFORE INSERT ON events EXECUTE FUNCTION suppress_redundant_updates_trigger()"


class Row(NamedTuple):
    """`named_by`: the database, verify or a witness; `says`: some of its words."""

    who: str
    change: Change
    named_by: str
    says: str


TABLE: Mapping[str, Row] = {
    "an event put in": Row("program", sql(PUT_IN), "the database", "permission denied for table events"),
    "an event put in with a wrong hash": Row(
        "program", appended(b"wrong"), "the database", "does not follow from its content"
    ),
    "an event that no rule decided": Row(
        "program", appended(), "verify", "carries no seal of this installation: no rule decided it"
    ),
    "a card edited": Row(
        "program", sql("UPDATE cards SET severity = 'SEV4'"), "verify", "is not what its events say"
    ),
    "a follower moved by hand": Row(
        "program",
        sql("INSERT INTO followers (name, position) VALUES ('obligations', 2)"),
        "verify",
        "“obligations” was moved to 2 by hand",
    ),
    "another workspace named": Row(
        "program", sql(f"SET ROLE {OTHER}"), "the database", f'permission denied to set role "{OTHER}"'
    ),
    "the body of a trigger emptied": Row(
        "owner", sql(EMPTIED), "verify", "the body of the function refuse_change_of_events() is not what"
    ),
    "a policy opened": Row(
        "owner", sql("ALTER POLICY ours ON events USING (true)"), "verify", "ours of events lets in true"
    ),
    "UPDATE granted": Row(
        "owner", sql(f"GRANT UPDATE ON events TO {ROLE}"), "verify", f"{ROLE} may UPDATE on the table events"
    ),
    "a trigger added": Row("owner", sql(ADDED), "verify", "no migration made the trigger mine of events"),
    "the end cut off": Row("owner", unguarded(sql(CUT)), "a witness", "the log ends at position 2"),
    "all hashes made anew": Row(
        "owner", unguarded(rewritten), "verify", "carries no seal of this installation"
    ),
    "all made anew by who also has the key": Row(
        "owner with the signing key", unguarded(resealed), "a witness", "the log was written anew"
    ),
    "the sequence set back": Row(
        "superuser",
        sql("SELECT setval(pg_get_serial_sequence('events', 'id'), 1)"),
        "verify",
        "the sequence of event ids stands at 1",
    ),
    "an event put in with triggers switched off": Row(
        "superuser", inserted, "verify", "carries no seal of this installation"
    ),
    "a view that shows every workspace": Row(
        "superuser",
        sql("CREATE VIEW mine AS SELECT * FROM events; GRANT SELECT ON mine TO PUBLIC"),
        "verify",
        "no migration made the view mine over events",
    ),
    "another key made known": Row(
        "owner",
        sql(f"INSERT INTO known_keys (workspace, public_key) VALUES ('main', '{'ab' * 32}')"),
        "verify",
        f"known_keys names the key {'ab' * 32}",
    ),
    "a trigger on every change of the schema": Row(
        "superuser", sql(WATCHED), "verify", "no migration made the event-trigger mine"
    ),
    "a publication of the events": Row(
        "owner", sql("CREATE PUBLICATION mine FOR TABLE events"), "verify", "the publication mine of events"
    ),
    "a publication of everything": Row(
        "superuser", sql("CREATE PUBLICATION mine FOR ALL TABLES"), "verify", "the publication mine of cards"
    ),
    "another search path for every session": Row(
        "owner",
        everywhere("ALTER DATABASE %1$I SET search_path = mine, public"),
        "verify",
        "no migration made the setting search_path=mine, public",
    ),
    "another search path for the program": Row(
        "superuser",
        everywhere(f"ALTER ROLE {role_of('main')} IN DATABASE %1$I SET search_path = mine, public"),
        "verify",
        f"the role {role_of('main')} is given settings: ['search_path=mine",
    ),
    "another search path for whoever signs in": Row(
        "superuser",
        everywhere("ALTER ROLE %2$I IN DATABASE %1$I SET search_path = mine, public"),
        "verify",
        "no migration made the setting search_path=mine, public of ",
    ),
    "row security switched off for whoever signs in": Row(
        "superuser",
        everywhere("ALTER ROLE %2$I IN DATABASE %1$I SET row_security = off"),
        "verify",
        "no migration made the setting row_security=off of ",
    ),
    "a library loaded into every session": Row(
        "superuser",
        everywhere("ALTER DATABASE %1$I SET session_preload_libraries = 'auto_explain'"),
        "verify",
        "no migration made the setting session_preload_libraries=auto_explain",
    ),
    "a table in front of the log's": Row(
        "superuser",
        sql(f"CREATE SCHEMA AUTHORIZATION {role_of('main')} CREATE TABLE cards (LIKE public.cards)"),
        "verify",
        ".cards in front of the log's own",
    ),
    "triggers switched off for every session": Row(
        "superuser",
        everywhere("ALTER DATABASE %1$I SET session_replication_role = replica"),
        "verify",
        "no migration made the setting session_replication_role=replica",
    ),
}


@pytest.fixture
def witness(log: Engine, opened: Opened, pressed: Pressed, key: Ed25519PrivateKey, tmp_path: Path) -> Folder:
    """An incident with two notes, and a folder that took checkpoints of its beginning and its end."""
    folder = Folder(tmp_path / "vault", 10.0)
    stream = opened().stream
    folder.hand(make(log, key))
    pressed(stream, AddNote(text="first"), "n1")
    pressed(stream, AddNote(text="second"), "n2")
    folder.hand(make(log, key))
    return folder


@pytest.fixture
def connect(database_url: str, owner: psycopg.Connection) -> Iterator[Callable[[str], psycopg.Connection]]:
    """A connection of whoever tampers."""
    owner.execute(f"CREATE ROLE {OTHER} NOLOGIN IN ROLE {ROLE}".encode())
    with psycopg.connect(driver_address(database_url), autocommit=True) as program:
        program.execute(f"SET SESSION AUTHORIZATION {role_of('main')}; SET ROLE {role_of('main')}")
        yield lambda who: program if who == "program" else owner
    owner.execute(f"DROP ROLE {OTHER}".encode())


@pytest.mark.parametrize("tampering", TABLE)
def test_whoever_tampers_is_refused_or_named(
    log: Engine,
    witness: Folder,
    connect: Callable[[str], psycopg.Connection],
    tampering: str,
    tmp_path: Path,
) -> None:
    row = TABLE[tampering]
    if row.named_by == "the database":
        with pytest.raises(psycopg.Error) as refused:
            row.change(connect(row.who))
        said = str(refused.value)
        assert verify(log).events == 3
    else:
        row.change(connect(row.who))
        said = _message(log, witness, row)
    line = next((one for one in said.splitlines() if row.says in one), None)
    assert line is not None, said
    print(f"{row.who}: {tampering} → {row.named_by}: {line.strip()}")  # noqa: T201 - the table


def _message(log: Engine, witness: Folder, row: Row) -> str:
    held = witness.held("main")
    if row.named_by == "verify":
        with pytest.raises(Tampered) as named:
            verify(log)
        return str(named.value)
    rebuild(log)  # whoever goes so far leaves no card behind that would show it
    assert verify(log).events == verify(log).events
    with pytest.raises(Tampered) as named:
        compare(log, held)
    return str(named.value)


def test_a_checkpoint_that_somebody_kept_in_a_file_shows_the_same(
    log: Engine, witness: Folder, owner: psycopg.Connection, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    file = tmp_path / "kept.jsonl"
    file.write_bytes(spell(make(log, key)))
    unguarded(sql(CUT))(owner)
    rebuild(log)
    number(log)
    with pytest.raises(Tampered, match=r"kept\.jsonl, line 1 vouches for position 3 .* ends at position 2"):
        compare(log, read_file(file))

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import orjson
import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import Tampered, VersionConflict
from domain.incident.commands import AddNote
from domain.incident.events import NoteAdded
from domain.values import Actor
from tests.workers.remade import remade
from workers.environment import clock
from workers.log.handle import Answer
from workers.store import cards
from workers.store.exports.export import export
from workers.store.integrity.verify import verify
from workers.store.log.chain import canonical
from workers.store.log.encoder import Head, Origin
from workers.store.log.events import append, head_of, last_position, number, read_after, read_stream

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]

WRITER = """
import sys
from domain.incident.commands import AddNote
from domain.values import Actor
from workers.log.handle import handle
from workers.store.connection import engine
log, stream, first = engine(sys.argv[1]), sys.argv[2], int(sys.argv[3])
person = Actor(kind="person", id="terminal:on-call")
for n in range(first, 10_000):
    handle(stream, AddNote(text=f"note {n}"), actor=person, key=f"note-{n}", log=log)
    print(n, flush=True)
"""


@pytest.mark.parametrize(
    "change",
    ["UPDATE events SET actor = 'nobody'", "DELETE FROM events", "TRUNCATE events", "DELETE FROM log"],
)
def test_the_database_itself_refuses_to_change_an_event(
    owner: psycopg.Connection, opened: Opened, change: str
) -> None:
    opened()
    with pytest.raises(psycopg.Error, match="events are never changed"):
        owner.execute(change)


def test_an_append_to_a_stream_that_moved_on_is_a_conflict(
    log: Engine, opened: Opened, on_call: Actor
) -> None:
    stream = opened().stream
    origin = Origin(actor=on_call, key="k", at=clock.now())
    with pytest.raises(VersionConflict, match="events_stream_version_key"), log.begin() as connection:
        append(connection, Head(stream), [NoteAdded(text="late")], origin)


def test_several_events_of_one_command_share_its_key_and_stay_together(log: Engine, on_call: Actor) -> None:
    origin = Origin(actor=on_call, key="k", at=clock.now())
    with log.begin() as connection:
        written = append(connection, Head("s"), [NoteAdded(text="a"), NoteAdded(text="b")], origin)
    assert [(r.version, r.key, r.id) for r in written] == [(1, "k", "s:1"), (2, "k", "s:2")]


def test_a_reader_never_passes_a_gap_while_eight_write_and_some_give_up(log: Engine, on_call: Actor) -> None:
    def write(n: int) -> None:
        dice = random.Random(n)
        for step in range(6):
            origin = Origin(actor=on_call, key=f"{n}-{step}", at=clock.now())
            with log.connect() as connection, connection.begin() as transaction:
                append(connection, Head(f"s{n}-{step}"), [NoteAdded(text="x")], origin)
                time.sleep(dice.uniform(0, 0.004))
                if dice.random() < 0.3:
                    transaction.rollback()

    seen: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, n) for n in range(8)]
        while not all(w.done() for w in writers) or not caught_up(log, seen):
            number(log)
            with log.connect() as connection:
                seen += [r.position for r in read_after(connection, seen[-1] if seen else 0)]
    for writer in writers:
        writer.result()
    with log.connect() as connection:
        everything = [r.position for r in read_after(connection, 0)]
    assert seen == everything
    assert len(seen) > 10


def caught_up(log: Engine, seen: list[int]) -> bool:
    number(log)
    with log.connect() as connection:
        return last_position(connection) == (seen[-1] if seen else 0)


def test_a_killed_writer_that_resends_leaves_no_half_and_no_double(
    log: Engine, database_url: str, opened: Opened
) -> None:
    stream = opened().stream
    confirmed = -1
    for _ in range(3):
        # It resends the last one it knows to be written, as a client does that died before the answer came.
        command = [sys.executable, "-c", WRITER, database_url, stream, str(max(confirmed, 0))]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for line in writer.stdout:
            confirmed = int(line)
            if confirmed >= 0 and confirmed % 15 == 14:
                break
        time.sleep(random.uniform(0, 0.01))
        os.kill(writer.pid, signal.SIGKILL)
        confirmed = max([confirmed, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        writer.wait(60)
    with log.connect() as connection:
        events = read_stream(connection, stream)
        card = cards.find(connection, stream)
    notes = [r.event.text for r in events if isinstance(r.event, NoteAdded)]
    assert notes == [f"note {n}" for n in range(len(notes))]
    assert len(notes) in (confirmed + 1, confirmed + 2)
    assert card == remade(events)
    assert verify(log).events == len(events)


def test_a_log_that_was_not_touched_is_verified(log: Engine, opened: Opened, pressed: Pressed) -> None:
    pressed(opened("Drama", "a").stream, AddNote(text="hm"), "n")
    opened("Comedy", "b")
    verified = verify(log)
    assert (verified.events, verified.streams, verified.cards) == (3, 2, 2)


def tamper(owner: psycopg.Connection, statement: str) -> None:
    for table in ("events", "log"):
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    owner.execute(statement)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE events SET actor = 'somebody' WHERE version = 2", "event 2 (note.added, version 2"),
        (
            "UPDATE events SET data = replace(data, 'second', 'other') WHERE version = 3",
            "event 3 (note.added",
        ),
        ("UPDATE events SET at = at + interval '1 hour' WHERE version = 1", "event 1 (incident.opened"),
        ("DELETE FROM events WHERE version = 2", "event at position 2 of the log is gone"),
        ("DELETE FROM events WHERE version = 3", "event at position 3 of the log is gone"),
        ("UPDATE cards SET severity = 'SEV4'", "The card of incident-"),
        ("UPDATE cards SET incident = '{}'", "The card of incident-"),
        ("DELETE FROM cards", "has events but no card"),
        ("DELETE FROM events", "event at position 1 of the log is gone"),
        (
            "DELETE FROM events WHERE version = 3; DELETE FROM log WHERE position = 3",
            "is not what its events say",
        ),
        ("DELETE FROM log WHERE position = 3", "holds 3 events; the log numbers 2"),
        ("UPDATE log SET event_id = 5 - event_id WHERE position > 1", "has no version 2"),
        ("DELETE FROM log; DELETE FROM events", "has no events; somebody wrote it by hand"),
        (
            "INSERT INTO followers (workspace, name, position) VALUES ('main', 'obligations', 9)",
            "was moved to 9 by hand",
        ),
    ],
)
def test_the_first_thing_that_does_not_fit_is_named(
    log: Engine, owner: psycopg.Connection, opened: Opened, pressed: Pressed, statement: str, says: str
) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="first"), "n1")
    pressed(stream, AddNote(text="second"), "n2")
    number(log)
    tamper(owner, statement)
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert says in str(caught.value)


def test_the_export_is_one_line_an_event_with_its_hash(log: Engine, opened: Opened, pressed: Pressed) -> None:
    stream = opened().stream
    pressed(stream, AddNote(text="hm"), "n")
    lines = [orjson.loads(line) for line in export(log)]
    assert [line["wire_name"] for line in lines] == ["incident.opened", "note.added"]
    assert lines[1]["data"] == {"text": "hm"}
    assert len(lines[1]["hash"]) == 64
    (second,) = map(orjson.loads, export(log, after=lines[0]["position"]))
    before = {"before": lines[0]["hash"], "entry_before": lines[0]["entry_hash"]}
    assert second == {**lines[1], **before}


def test_what_the_hash_of_an_event_is_over_never_changes() -> None:
    row = {
        "stream": "s",
        "version": 2,
        "wire_name": "note.added",
        "schema_version": 1,
        "data": '{"text":"hm"}',
        "actor_kind": "person",
        "actor": "slack:U1",
        "cause": None,
        "at": datetime(2026, 3, 3, 13, 0, tzinfo=timezone(timedelta(hours=1))),
        "key": "k",
        "part": 0,
    }
    spelled = {**row, "at": "2026-03-03T12:00:00.000000+00:00"}
    assert canonical(row) == json.dumps(spelled, sort_keys=True, separators=(",", ":")).encode()


def test_to_append_reads_the_event_before_and_no_other_however_new_the_log_is_to_the_connection(
    log: Engine,
) -> None:
    """What is planned while a log is empty stays planned so while thousands of events come."""
    events = 400
    with log.begin() as connection:
        for n in range(events):
            origin = Origin(actor=Actor(kind="person", id="terminal:on-call"), key=f"k-{n}", at=clock.now())
            head = head_of(connection, "incident-long")
            append(connection, head, [NoteAdded(text=f"note {n}")], origin)
        read = connection.exec_driver_sql(
            "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'events'"
        ).scalar_one()
    assert read <= 3 * events

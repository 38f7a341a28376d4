"""What retention takes: how much, and up to which moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.errors import LogError, Tampered
from domain.incident import commands as c
from domain.values import Actor, Improvement
from tests.workers.conftest import NOON
from workers.log.handle import Answer, handle
from workers.store import attachments, cards
from workers.store.exports.archive import archive
from workers.store.retention import Forgotten, _kept_because, bundles_needed, drop, forget, hold

Closed = Callable[..., str]
LATER, TICK = NOON + timedelta(days=40), timedelta(microseconds=1)
ATTEMPT = "INSERT INTO attempts (workspace, event_id, kind, stream, issued, begun, next_at)"


def closing(owner: psycopg.Connection, stream: str) -> datetime:
    """When a stream's incident was closed."""
    found = owner.execute(
        "SELECT (incident::jsonb ->> 'closed_at')::timestamptz FROM cards WHERE stream = %s", [stream]
    ).fetchone()
    assert found is not None
    assert isinstance(found[0], datetime)
    return found[0]


def test_what_was_closed_at_that_very_moment_is_not_dropped_and_just_before_it_is(
    log: Engine,
    tables_owner: Engine,
    owner: psycopg.Connection,
    closed: Closed,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    stream = closed("Drama")
    moment = closing(owner, stream)
    archive(log, tmp_path)
    kept = drop(log, tables_owner, tmp_path, moment, key)
    assert (kept.events, kept.streams) == (0, 0)
    assert "not long enough ago" in kept.kept[stream]
    gone = drop(log, tables_owner, tmp_path, moment + TICK, key)
    assert (gone.events, gone.streams, gone.kept) == (4, 1, {})
    again = drop(log, tables_owner, tmp_path, LATER, key)
    assert (again.events, again.streams, again.kept) == (0, 0, {})


def test_what_belongs_to_an_incident_closed_at_that_very_moment_is_not_forgotten(
    log: Engine, owner: psycopg.Connection, closed: Closed
) -> None:
    stream = closed("Drama")
    moment = closing(owner, stream)
    owner.execute(f"{ATTEMPT} VALUES ('main', %s, 'diagnose', %s, 1, 0, now())", [stream, stream])
    attachments.keep(log, b"a picture")
    owner.execute("UPDATE attachments SET kept_at = %s", [moment])
    assert forget(log, moment) == Forgotten(pictures=0, attempts=0)
    assert forget(log, moment + TICK) == Forgotten(pictures=1, attempts=1)
    assert forget(log, LATER) == Forgotten(pictures=0, attempts=0)


def test_each_is_counted_where_it_was(
    log: Engine, owner: psycopg.Connection, closed: Closed, tmp_path: Path
) -> None:
    for genre, attempts in (("Drama", 3), ("Comedy", 2)):
        stream = closed(genre)
        for kind in ("diagnose", "menu", "apply")[:attempts]:
            owner.execute(
                f"{ATTEMPT} VALUES ('main', %s, %s, %s, 1, 0, now())",
                [f"{stream}-{kind}", kind, stream],
            )
    for content in (b"one", b"two"):
        attachments.keep(log, content)
    owner.execute("UPDATE attachments SET kept_at = %s", [NOON])
    assert forget(log, LATER) == Forgotten(pictures=2, attempts=5)


def test_what_an_archive_holds_is_counted_by_file_event_and_stream(
    log: Engine, tables_owner: Engine, closed: Closed, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    closed("Drama"), closed("Comedy")
    closed("War", at=NOON + timedelta(days=35))
    archive(log, tmp_path)
    assert (hold(log, tmp_path).files, hold(log, tmp_path).events) == (0, 0)
    drop(log, tables_owner, tmp_path, LATER, key)
    held = hold(log, tmp_path)
    assert (held.files, held.events, held.streams) == (2, 12, 3)
    file = next(iter(sorted(tmp_path.iterdir())))
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(Tampered, match="is missing"):
        hold(log, tmp_path)
    file.write_bytes(content + b" ")
    with pytest.raises(Tampered, match="its bytes are others"):
        hold(log, tmp_path)


def test_what_is_not_closed_stays_whatever_an_archive_says(
    log: Engine, opened: Callable[..., Answer]
) -> None:
    with log.connect() as connection:
        going_on = cards.find(connection, opened().stream)
    assert _kept_because(going_on, LATER) == _kept_because(None, LATER) == "it is not closed"


def test_what_has_a_follow_up_that_is_open_stays(
    log: Engine, opened: Callable[..., Answer], on_call: Actor
) -> None:
    stream = opened("Drama").stream
    lesson = Improvement(detect_faster="no", diagnose_faster="no", change="log", detail="log the delivery")
    ending: tuple[c.Command, ...] = (
        c.Resolve(reason="over"),
        c.AnswerFollowUp(improvement=lesson),
        c.Close(),
    )
    for n, command in enumerate(ending):
        handle(stream, command, actor=on_call, key=str(n), at=NOON + timedelta(hours=n), log=log)
    with log.connect() as connection:
        assert _kept_because(cards.find(connection, stream), LATER) == "its follow-up is not done yet"


def test_if_not_each_event_that_goes_has_what_stands_for_it_none_goes(
    log: Engine,
    tables_owner: Engine,
    owner: psycopg.Connection,
    closed: Closed,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    closed("Drama")
    archive(log, tmp_path)
    owner.execute(
        "CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF old.version = 1 THEN RETURN NULL; END IF; RETURN old; END $$"
    )
    owner.execute("CREATE TRIGGER aa_stays BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION stays()")
    with pytest.raises(LogError, match="3 events would go and 4 entries would stand for them; nothing went"):
        drop(log, tables_owner, tmp_path, LATER, key)
    assert owner.execute("SELECT count(*) FROM events").fetchone() == (4,)
    assert owner.execute("SELECT count(*) FROM archived").fetchone() == (0,)


def test_if_fewer_archives_are_known_than_events_were_moved_it_is_said(
    log: Engine,
    tables_owner: Engine,
    owner: psycopg.Connection,
    closed: Closed,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    closed("Drama")
    archive(log, tmp_path)
    drop(log, tables_owner, tmp_path, LATER, key)
    owner.execute("SET session_replication_role = replica")  # no trigger and no foreign key holds
    owner.execute("DELETE FROM archives")
    with pytest.raises(Tampered, match="4 events were moved into archives; 0 of them are in"):
        hold(log, tmp_path)


def test_a_file_written_anew_between_two_droppings_drops_nothing_more(
    log: Engine,
    tables_owner: Engine,
    owner: psycopg.Connection,
    closed: Closed,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    closed("Drama"), closed("Comedy", at=NOON + timedelta(hours=5))
    archive(log, tmp_path)
    assert drop(log, tables_owner, tmp_path, NOON + timedelta(hours=4), key).streams == 1
    assert hold(log, tmp_path).events == 4
    (file,) = tmp_path.iterdir()
    pq.write_table(pq.read_table(file), file, compression="none")
    with pytest.raises(Tampered, match="is not the file that was signed when events were first dropped"):
        drop(log, tables_owner, tmp_path, LATER, key)
    assert owner.execute("SELECT count(*) FROM events").fetchone() == (4,)


def test_no_bundle_is_needed_of_what_was_closed_before(log: Engine, closed: Closed) -> None:
    closed("Drama")
    assert bundles_needed(log, LATER) == []

"""Closed incidents go into files by the month; their events may go from the store, and the chain holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.errors import ConfigurationError, Refused, Tampered
from domain.incident.commands import (
    AnswerFollowUp,
    Close,
    Command,
    RecordDiagnosis,
    Reopen,
    Resolve,
)
from domain.incident.events import Recorded
from domain.values import Actor, Diagnosis, Improvement
from workers.environment import clock
from workers.log import restore
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.store import attachments, cards, followers
from workers.store.connection import owner_engine
from workers.store.exports.archive import archive, read
from workers.store.exports.check import check
from workers.store.exports.export import export
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.events import number
from workers.store.memory import recall, remember
from workers.store.migrate import migrate
from workers.store.retention import drop, forget, hold
from workers.store.seal import seal
from workers.store.signature import spell_public

Opened = Callable[..., Answer]
Closed = Callable[..., str]
MARCH = datetime(2026, 3, 3, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 7, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def lived(opened: Opened, closed: Closed) -> dict[str, str]:
    """Two incidents closed in March, one in April, one reopened, one open: genre → stream."""
    streams = {"Drama": closed("Drama"), "Comedy": closed("Comedy"), "War": closed("War", at=APRIL)}
    streams["Western"] = closed("Western", last=Reopen(reason="it is back"))
    return {**streams, "Horror": opened("Horror", "h").stream}


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_month_is_a_file_and_asking_twice_writes_nothing(
    log: Engine, lived: dict[str, str], tmp_path: Path
) -> None:
    written = archive(log, tmp_path / "archive")
    assert [file.file.name for file in written] == ["main-2026-03.parquet", "main-2026-04.parquet"]
    assert [(file.events, file.streams) for file in written] == [(8, 2), (4, 1)]
    before = {name: (tmp_path / "archive" / name).read_bytes() for name in names(tmp_path / "archive")}
    assert archive(log, tmp_path / "archive") == []
    assert {name: (tmp_path / "archive" / name).read_bytes() for name in before} == before
    assert archive(log, tmp_path / "again")[0].sha256 == written[0].sha256


def test_only_what_was_closed_before_a_day_and_never_the_month_that_goes_on(
    log: Engine, lived: dict[str, str], closed: Closed, tmp_path: Path
) -> None:
    closed("Musical", at=clock.now() - timedelta(hours=2))
    assert [file.file.name for file in archive(log, tmp_path, APRIL)] == ["main-2026-03.parquet"]
    assert [file.file.name for file in archive(log, tmp_path)] == ["main-2026-04.parquet"]


def test_the_events_read_back_are_those_of_the_log(
    log: Engine, lived: dict[str, str], tmp_path: Path
) -> None:
    archive(log, tmp_path)
    rows = {row["position"]: row for row in read(tmp_path / "main-2026-03.parquet")}
    exported = {line["position"]: line for line in map(orjson.loads, export(log))}
    assert {row["stream"] for row in rows.values()} == {lived["Drama"], lived["Comedy"]}
    for position, row in rows.items():
        assert row["hash"].hex() == exported[position]["hash"]
        assert row["entry_hash"].hex() == exported[position]["entry_hash"]
        assert orjson.loads(row["data"]) == exported[position]["data"]


def test_an_incident_that_was_closed_again_goes_into_a_file_of_its_own(
    log: Engine, lived: dict[str, str], on_call: Actor, closed: Closed, tmp_path: Path
) -> None:
    archive(log, tmp_path)
    closed("Noir", at=MARCH + timedelta(days=1))
    (late,) = archive(log, tmp_path)
    assert (late.file.name, late.streams) == ("main-2026-03-2.parquet", 1)


def test_dropped_events_leave_their_hashes_and_the_log_is_still_verified(
    log: Engine, tables_owner: Engine, lived: dict[str, str], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    archive(log, tmp_path)
    before = verify(log)
    dropped = drop(log, tables_owner, tmp_path, APRIL, key)
    assert (dropped.events, dropped.streams) == (8, 2)
    assert list(dropped.kept) == [lived["War"]]
    after = verify(log, spell_public(key))
    assert (after.events, after.head, after.cards) == (before.events, before.head, before.cards)
    assert (before.archived, after.archived) == (0, 8)
    assert hold(log, tmp_path, spell_public(key)).events == 8
    assert drop(log, tables_owner, tmp_path, MAY, key).events == 4
    assert drop(log, tables_owner, tmp_path, MAY, key).events == 0
    assert verify(log).archived == 12
    assert (hold(log, tmp_path).files, hold(log, tmp_path).streams) == (2, 3)


def test_no_event_of_an_incident_that_is_not_closed_is_dropped(
    log: Engine,
    tables_owner: Engine,
    lived: dict[str, str],
    on_call: Actor,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    archive(log, tmp_path)
    handle(lived["Drama"], Reopen(reason="it is back"), actor=on_call, key="again", log=log)
    dropped = drop(log, tables_owner, tmp_path, MAY, key)
    assert dropped.kept == {
        lived["Drama"]: "the store holds other events of it than the archive; archive it again"
    }
    with log.connect() as connection:
        left = set(connection.exec_driver_sql("SELECT DISTINCT stream FROM events").scalars())
    assert left == {lived["Drama"], lived["Horror"], lived["Western"]}
    assert verify(log).archived == 8


def test_no_event_of_an_incident_whose_follow_up_is_not_done_is_dropped(
    log: Engine,
    tables_owner: Engine,
    opened: Opened,
    on_call: Actor,
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    stream = opened("Drama").stream
    lesson = Improvement(detect_faster="no", diagnose_faster="no", change="log", detail="log the delivery")
    ending: tuple[Command, ...] = (Resolve(reason="over"), AnswerFollowUp(improvement=lesson), Close())
    for n, command in enumerate(ending):
        handle(stream, command, actor=on_call, key=str(n), at=MARCH + timedelta(hours=n), log=log)
    archive(log, tmp_path)
    kept = drop(log, tables_owner, tmp_path, MAY, key).kept
    assert kept == {stream: "its follow-up is not done yet"}


@pytest.mark.parametrize("genre", ["Horror", "Western"])
def test_the_database_itself_takes_no_stand_in_for_an_incident_that_is_not_closed(
    log: Engine, owner: psycopg.Connection, lived: dict[str, str], genre: str
) -> None:
    number(log)
    owner.execute("INSERT INTO archives VALUES ('main', 'a', '{}')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not closed are never dropped"):
        owner.execute(
            "INSERT INTO archived SELECT log.workspace, position, id, stream, version, events.hash, 'a' "
            "FROM log JOIN events ON id = event_id WHERE stream = %s",
            [lived[genre]],
        )


def test_the_database_itself_takes_no_stand_in_with_another_hash(
    log: Engine, owner: psycopg.Connection, lived: dict[str, str]
) -> None:
    number(log)
    owner.execute("INSERT INTO archives VALUES ('main', 'a', '{}')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no such event at position 1"):
        owner.execute(
            "INSERT INTO archived SELECT log.workspace, position, id, stream, version, sha256('x'), 'a' "
            "FROM log JOIN events ON id = event_id WHERE position = 1"
        )


def test_the_programs_own_login_cannot_drop(
    log: Engine, database_url: str, lived: dict[str, str], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    archive(log, tmp_path)
    with pytest.raises(ConfigurationError, match="name it in DATABASE_OWNER_URL"):
        drop(log, log, tmp_path, MAY, key)
    assert verify(log).archived == 0


def test_another_workspaces_events_stay(
    log: Engine,
    database_url: str,
    tables_owner: Engine,
    lived: dict[str, str],
    key: Ed25519PrivateKey,
    tmp_path: Path,
) -> None:
    from workers.store.connection import engine

    (tmp_path / "log.jsonl").write_bytes(b"".join(export(log)))
    migrate(database_url, workspace="second")
    second = engine(database_url, "second")
    restore.restore(second, tmp_path / "log.jsonl")
    archive(second, tmp_path)
    owning = owner_engine(database_url)
    assert drop(second, owning, tmp_path, MAY, key).events == 12
    owning.dispose()
    assert (verify(log).archived, verify(second).archived) == (0, 12)


@pytest.fixture
def pruned(
    log: Engine, tables_owner: Engine, lived: dict[str, str], key: Ed25519PrivateKey, tmp_path: Path
) -> Path:
    """The folder of an archive that holds what was dropped."""
    folder = tmp_path / "archive"
    archive(log, folder)
    drop(log, tables_owner, folder, MAY, key)
    return folder


def test_an_archived_incident_is_shown_and_takes_nothing_new(
    log: Engine, pruned: Path, lived: dict[str, str], on_call: Actor
) -> None:
    with log.connect() as connection:
        card = cards.find(connection, lived["Drama"])
        assert card is not None
        assert card.status == "closed"
    with pytest.raises(Refused, match="its events are in the archive"):
        handle(lived["Drama"], Reopen(reason="again"), actor=on_call, key="r", log=log)


def test_an_archived_incident_whose_card_an_older_release_made_is_still_shown(
    log: Engine, owner: psycopg.Connection, pruned: Path, lived: dict[str, str]
) -> None:
    more = """replace(incident, '"title"', '"since_dropped": 1, "title"')"""
    owner.execute(f"UPDATE cards SET shape = 'older', incident = {more}")
    for stream, incident in owner.execute("SELECT stream, incident FROM cards").fetchall():
        sealed = seal(f"card\n{stream}\nolder\n{incident}".encode())
        owner.execute("UPDATE cards SET seal = %s WHERE stream = %s", [sealed, stream])
    with log.connect() as connection:
        card = cards.find(connection, lived["Drama"])
        assert card is not None
        assert (card.stream, card.status) == (lived["Drama"], "closed")
        assert len(cards.every(connection)) == 5


def test_an_archived_incident_whose_card_says_nothing_known_is_left_out(
    log: Engine, owner: psycopg.Connection, pruned: Path, lived: dict[str, str]
) -> None:
    owner.execute("UPDATE cards SET shape = 'older', incident = '{\"since_dropped\":1}'")
    with log.connect() as connection:
        assert cards.find(connection, lived["Drama"]) is None
        assert len(cards.every(connection)) == 2


def test_the_next_incident_of_the_same_finding_is_a_new_one(
    log: Engine, pruned: Path, lived: dict[str, str], opened: Opened
) -> None:
    answer = opened("Drama", "months later")
    assert answer.stream not in lived.values()
    assert answer.number == 6
    assert verify(log).cards == 6


def test_cards_of_archived_incidents_stay_when_all_are_made_again(log: Engine, pruned: Path) -> None:
    rebuilt = rebuild(log)
    assert (rebuilt.cards, rebuilt.archived, rebuilt.stray) == (2, 3, 0)
    assert verify(log).cards == 5


def test_an_export_names_archived_events_by_their_hashes(
    log: Engine, pruned: Path, key: Ed25519PrivateKey, tmp_path: Path, other: Engine
) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(export(log, key=key)))
    checked = check(file, spell_public(key))
    assert (checked.events, checked.archived, checked.head) == (18, 12, verify(log).head)
    with pytest.raises(Refused, match="12 events by their hash alone"):
        restore.restore(other, file)
    file.write_bytes(b"".join(export(log, after=7)))
    assert check(file).first == 8


def test_a_follower_that_begins_again_passes_over_what_was_archived(
    log: Engine, pruned: Path, lived: dict[str, str]
) -> None:
    seen: list[Recorded] = []
    while catch_up(log, "obligations", lambda _, recorded: seen.append(recorded), limit=2):
        continue
    exported = [line for line in map(orjson.loads, export(log)) if "archived" not in line]
    assert [one.position for one in seen] == [line["position"] for line in exported]
    with log.connect() as connection:
        (obligations,) = followers.every(connection)
    assert (obligations.behind, obligations.position) == (0, 18)


def test_a_follower_of_a_log_that_is_archived_to_its_end_is_at_its_end(
    log: Engine, tables_owner: Engine, closed: Closed, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    closed("Drama")
    archive(log, tmp_path)
    drop(log, tables_owner, tmp_path, MAY, key)
    seen: list[Recorded] = []
    assert catch_up(log, "obligations", lambda _, recorded: seen.append(recorded)) == 0
    with log.connect() as connection:
        (obligations,) = followers.every(connection)
    assert (obligations.behind, obligations.position, seen) == (0, 4, [])
    closed("Comedy")
    assert catch_up(log, "obligations", lambda _, recorded: seen.append(recorded)) == 4


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE archived SET hash = sha256('x') WHERE position = 1", "is not where it was"),
        ("DELETE FROM archived WHERE position = 1", "event at position 1 of the log is gone"),
        ("UPDATE archives SET manifest = replace(manifest, 'main', 'mine')", "is of another archive"),
        ("UPDATE archives SET manifest = '[1]'", "cannot be read"),
        ("UPDATE archives SET manifest = '{'", "cannot be read"),
        (
            "UPDATE archives SET manifest = (SELECT manifest FROM archives WHERE name LIKE '%-04.parquet')",
            "main-2026-03.parquet is of another archive",
        ),
        (
            'UPDATE archives SET manifest = regexp_replace(manifest, \'"sha256":"..\', \'"sha256":"zz\')',
            "its signature does not fit",
        ),
        ("UPDATE cards SET status = 'open' WHERE number = 1", "its card is open"),
        ("UPDATE cards SET severity = 'SEV4' WHERE number = 1", "whose events are archived, was edited"),
        ("UPDATE cards SET incident = '{}' WHERE number = 1", "whose events are archived, was edited"),
        ("UPDATE cards SET version = 1 WHERE number = 1", "is older than what was moved"),
        ("DELETE FROM cards WHERE number = 1", "was moved into an archive and has no card"),
    ],
)
def test_a_change_of_what_stands_for_the_archived_is_named(
    log: Engine, owner: psycopg.Connection, pruned: Path, statement: str, says: str
) -> None:
    for table in ("archived", "archives"):
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    owner.execute(statement)
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert says in str(caught.value)


def test_an_archive_signed_by_somebody_else_is_named(log: Engine, pruned: Path) -> None:
    stranger = spell_public(Ed25519PrivateKey.generate())
    with pytest.raises(Tampered, match="not by"):
        verify(log, stranger)


def test_an_archive_that_lacks_a_file_or_holds_another_is_named(
    log: Engine, pruned: Path, key: Ed25519PrivateKey
) -> None:
    file = pruned / "main-2026-03.parquet"
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(Tampered, match=r"main-2026-03\.parquet is missing"):
        hold(log, pruned)
    file.write_bytes(content + b" ")
    with pytest.raises(Tampered, match="its bytes are others"):
        hold(log, pruned)


def test_a_card_that_differs_from_its_archived_events_is_named(
    log: Engine, owner: psycopg.Connection, pruned: Path
) -> None:
    owner.execute("UPDATE cards SET incident = replace(incident, 'Drama films', 'Other films')")
    with pytest.raises(Tampered, match="whose events are archived, was edited"):
        verify(log)
    with pytest.raises(Tampered, match="is not what its archived events say"):
        hold(log, pruned)


def test_an_edited_file_drops_nothing(
    log: Engine, tables_owner: Engine, lived: dict[str, str], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    archive(log, tmp_path)
    file = tmp_path / "main-2026-03.parquet"
    table = pq.read_table(file)
    actors = pa.array(["nobody"] * len(table))
    pq.write_table(table.set_column(table.column_names.index("actor"), "actor", actors), file)
    with pytest.raises(Tampered, match="is not what was written"):
        drop(log, tables_owner, tmp_path, MAY, key)
    assert verify(log).archived == 0


def test_a_tampered_event_is_not_archived(
    log: Engine, owner: psycopg.Connection, lived: dict[str, str], tmp_path: Path
) -> None:
    owner.execute("ALTER TABLE events DISABLE TRIGGER USER")
    owner.execute("UPDATE events SET actor = 'nobody' WHERE id = 1")
    with pytest.raises(Tampered, match=f"version 1 of {lived['Drama']} is not what was written"):
        archive(log, tmp_path)


def test_only_what_is_not_the_log_is_forgotten(
    log: Engine, owner: psycopg.Connection, lived: dict[str, str]
) -> None:
    attachments.keep(log, b"old picture")
    owner.execute("UPDATE attachments SET kept_at = '2026-03-01'")
    fresh = attachments.keep(log, b"new picture")
    for stream in lived.values():
        owner.execute(
            "INSERT INTO attempts (event_id, kind, stream, issued, begun, next_at, workspace) "
            "VALUES (%s, 'diagnose', %s, 1, 0, now(), 'main')",
            [stream, stream],
        )
    with log.begin() as connection:
        remember(connection, "record:a check", 1)
    owner.execute("UPDATE memory SET kept_at = '2025-03-01'")
    forgotten = forget(log, MAY)
    assert (forgotten.pictures, forgotten.attempts) == (1, 3)
    with log.connect() as connection:
        assert recall(connection, "record:a check") == 1
    assert attachments.find(log, fresh) is not None
    assert verify(log).events == 18


def test_a_picture_of_an_incident_that_is_not_closed_is_kept_however_old(
    log: Engine, owner: psycopg.Connection, opened: Opened, closed: Closed, detector: Actor
) -> None:
    pictures = {}
    for genre in ("Horror", "Noir"):
        stream = opened(genre, genre).stream
        pictures[genre] = attachments.keep(log, genre.encode())
        command = RecordDiagnosis(diagnosis=Diagnosis(cause=None, picture=pictures[genre]))
        handle(stream, command, actor=detector, key=f"d-{genre}", at=MARCH, log=log)
    closed("Noir")
    owner.execute("UPDATE attachments SET kept_at = '2026-03-01'")
    assert forget(log, MAY).pictures == 1
    assert attachments.find(log, pictures["Horror"]) is not None
    assert attachments.find(log, pictures["Noir"]) is None

"""An export is restored into an empty store wholly or not at all; nothing is done twice because of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from bot.slack import announce
from domain.errors import LogError, Refused, Tampered
from domain.incident.commands import AddNote
from domain.incident.events import AttestationGiven, Recorded
from domain.incident.obligations import BOTS_OWN, open_obligations
from domain.values import Actor
from tests.workers.conftest import NOON
from workers.log import obligations, restore
from workers.log.attest import attest, attestations
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.store import cards
from workers.store.exports.export import export
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.chain import chained, linked
from workers.store.log.events import last_position, number, read_stream
from workers.store.log.line import read, spell
from workers.store.log.recorded import sealed
from workers.store.migrate import migrate
from workers.store.seal import seal
from workers.store.signature import spell_public

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
Closed = Callable[..., str]


@pytest.fixture
def file(
    log: Engine, opened: Opened, pressed: Pressed, closed: Closed, key: Ed25519PrivateKey, tmp_path: Path
) -> Path:
    """Two incidents, one of them closed, and a checkpoint."""
    stream = opened("Drama", "a").stream
    closed("Comedy")
    pressed(stream, AddNote(text="the end"), "n1")
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(export(log, key=key)))
    return path


def everything(log: Engine) -> list[bytes]:
    return list(export(log))


def test_the_store_is_the_same_afterwards(
    log: Engine, other: Engine, file: Path, key: Ed25519PrivateKey
) -> None:
    restored = restore.restore(other, file, spell_public(key))
    assert everything(other) == everything(log)
    assert verify(other).model_dump(exclude={"followers"}) == verify(log).model_dump(exclude={"followers"})
    assert restored.head == verify(log).head
    assert (restored.events, restored.cards) == (6, 2)
    with log.connect() as old, other.connect() as new:
        assert cards.every(new) == cards.every(old)


def test_life_goes_on_in_it(log: Engine, other: Engine, file: Path, on_call: Actor, detector: Actor) -> None:
    restore.restore(other, file)
    with other.connect() as connection:
        (open_one,) = cards.every(connection, "open")
    handle(open_one.stream, AddNote(text="here too"), actor=on_call, key="n9", log=other)
    again = handle(open_one.stream, AddNote(text="the end"), actor=on_call, key="n1", log=other)
    assert again.repeated
    assert verify(other).events == 7


def test_all_that_follow_the_log_begin_behind_its_end(log: Engine, other: Engine, file: Path) -> None:
    restore.restore(other, file)
    seen: list[Recorded] = []
    for name in (announce.FOLLOWER, obligations.FOLLOWER):
        assert catch_up(other, name, lambda _, recorded: seen.append(recorded)) == 0
    assert set(restore.FOLLOWERS) == {announce.FOLLOWER, obligations.FOLLOWER}
    assert seen == []


def test_what_was_answered_is_not_owed_and_what_is_owed_is_asked_for_by_the_clock(
    log: Engine, other: Engine, file: Path
) -> None:
    restore.restore(other, file)
    sent: list[tuple[Any, ...]] = []

    def send(*job: Any) -> bool:
        sent.append(job)
        return True

    obligations.remind(other, send)
    with other.connect() as connection:
        (open_one,) = cards.every(connection, "open")
    due = {
        (obligation.kind, obligation.event_id)
        for obligation in open_obligations(open_one)
        if obligation.kind not in BOTS_OWN
    }
    assert {(kind, event) for _, kind, _, event in sent} == due
    assert due


def test_a_store_that_is_not_empty_is_left_alone(log: Engine, file: Path) -> None:
    before = everything(log)
    with pytest.raises(Refused, match="The workspace “main” of this store holds 6 events already"):
        restore.restore(log, file)
    assert everything(log) == before


def test_another_workspace_of_the_same_database_is_an_empty_store(
    log: Engine, database_url: str, file: Path
) -> None:
    from workers.store.connection import engine

    migrate(database_url, workspace="second")
    second = engine(database_url, "second")
    restore.restore(second, file)
    assert everything(second) == everything(log)
    assert verify(log).events == verify(second).events == 6


def is_empty(log: Engine) -> bool:
    tables = ("events", "pending", "log", "cards", "followers")
    with log.connect() as connection:
        return not any(
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in tables
        )


def test_one_line_that_does_not_fit_keeps_all_of_it_out(other: Engine, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"the end", b"the eng")
    file.write_bytes(b"".join(lines))
    with pytest.raises(Tampered, match="line 6"):
        restore.restore(other, file)
    assert is_empty(other)


def test_a_file_that_begins_in_the_middle_is_no_store(log: Engine, other: Engine, file: Path) -> None:
    file.write_bytes(b"".join(export(log, after=2)))
    with pytest.raises(Refused, match="begins at position 3"):
        restore.restore(other, file)
    assert is_empty(other)


def test_an_event_that_this_release_cannot_read_keeps_all_of_it_out(other: Engine, file: Path) -> None:
    """Well hashed, and of a later release."""
    rows = [read(line) for line in file.read_bytes().splitlines(keepends=True)[:-1]]
    rows[5]["wire_name"] = "note.sung"
    rows[5]["hash"] = chained(rows[0]["hash"], rows[5])
    rows[5]["entry_hash"] = linked(rows[4]["entry_hash"], rows[5]["hash"])
    rows[5]["seal"] = seal(sealed(rows[5]))
    file.write_bytes(b"".join(map(spell, rows)))
    with pytest.raises(LogError, match=r"note\.sung"):
        restore.restore(other, file)
    assert is_empty(other)


def test_events_that_another_installation_sealed_are_kept_out(other: Engine, file: Path) -> None:
    rows = [read(line) for line in file.read_bytes().splitlines(keepends=True)[:-1]]
    rows[3]["seal"] = b"0" * 32
    file.write_bytes(b"".join(map(spell, rows)))
    with pytest.raises(Refused, match=r"position 4 .*RECSYSOPS_SIGNING_KEY"):
        restore.restore(other, file)
    assert is_empty(other)


def test_whoever_opens_an_incident_meanwhile_waits_and_gets_the_next_number(
    other: Engine, file: Path, detector: Actor, finding: Callable[..., Any]
) -> None:
    from domain.incident.commands import OpenIncident

    answers: list[Answer] = []

    def open_one() -> None:
        command = OpenIncident(number=0, finding=finding("Horror"))
        answers.append(handle(None, command, actor=detector, key="h", log=other))

    racing: list[threading.Thread] = []

    def begin(done: int, in_all: int) -> None:
        if not racing:
            racing.append(threading.Thread(target=open_one))
            racing[0].start()

    restore.restore(other, file, progress=begin)
    racing[0].join(300)
    assert [answer.number for answer in answers] == [3]
    assert verify(other).events == 7


MOST_NOTES = 500


def test_cards_are_made_again_beside_writers(
    log: Engine, opened: Opened, on_call: Actor, closed: Closed
) -> None:
    streams = [opened(genre, genre).stream for genre in ("Drama", "Comedy", "Horror")]
    stop = threading.Event()

    def write(stream: str) -> None:
        for n in range(MOST_NOTES):  # more would only make every replay longer
            if stop.is_set():
                break
            handle(stream, AddNote(text=str(n)), actor=on_call, key=f"{stream}-{n}", log=log)

    steps: list[tuple[int, int]] = []
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, stream) for stream in streams]
        try:
            for _ in range(15):
                with log.begin() as connection:
                    connection.exec_driver_sql("DELETE FROM cards WHERE stream = %(s)s", {"s": streams[0]})
                rebuild(log, lambda done, in_all: steps.append((done, in_all)))
        finally:
            stop.set()
    for writer in writers:
        writer.result()
    assert steps[:3] == [(1, 3), (2, 3), (3, 3)]
    assert verify(log).cards == 3
    number(log)
    with log.connect() as connection:
        counted = sum(len(read_stream(connection, stream)) for stream in streams)
        assert counted == last_position(connection)


def test_two_cards_with_each_others_number_are_both_made_again(log: Engine, opened: Opened) -> None:
    opened("Drama", "a")
    opened("Comedy", "b")
    with log.begin() as connection:
        for swap in ("3 WHERE number = 1", "1 WHERE number = 2", "2 WHERE number = 3"):
            connection.exec_driver_sql(f"UPDATE cards SET number = {swap}")
    assert rebuild(log).cards == 2
    assert verify(log).cards == 2


def test_what_people_vouch_for_comes_with_it_and_has_no_card(
    log: Engine, other: Engine, opened: Opened, on_call: Actor, tmp_path: Path
) -> None:
    opened("Drama", "a")
    until = NOON + timedelta(days=90)
    vouched = AttestationGiven(
        test="infra-1", how="manual", link="https://wiki.example.org/twice", until=until
    )
    attest(log, vouched, actor=on_call, key="b", at=NOON)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(export(log)))
    assert restore.restore(other, path).cards == 1
    assert (verify(other).streams, verify(other).cards) == (2, 1)
    with other.connect() as connection:
        assert [one.test for one in attestations(connection)] == ["infra-1"]

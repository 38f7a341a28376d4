"""The log is compared with checkpoints kept elsewhere, and these with each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.errors import Refused, Tampered
from domain.incident.commands import AddNote
from workers.log.handle import Answer
from workers.store.exports.check import check
from workers.store.exports.export import export
from workers.store.integrity.verify import verify
from workers.store.log.chain import linked
from workers.store.log.checkpoint import Checkpoint, Held, compare, make, read_file, require_consistent, spell
from workers.store.log.events import number
from workers.store.signature import sign, spell_public

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def file(log: Engine, opened: Opened, pressed: Pressed, key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    """Checkpoints of position 1 and 3 of a log of three events."""
    path = tmp_path / "checkpoints.jsonl"
    stream = opened().stream
    path.write_bytes(spell(make(log, key)))
    pressed(stream, AddNote(text="first"), "n1")
    pressed(stream, AddNote(text="second"), "n2")
    with path.open("ab") as more:
        more.write(spell(make(log, key)))
    return path


def made_up(key: Ed25519PrivateKey, position: int, word: bytes = b"", **fields: Any) -> Checkpoint:
    content = {"workspace": "main", "position": position, "hash": linked(b"", word).hex()}
    at = (NOON + timedelta(minutes=position)).isoformat()
    return Checkpoint.model_validate(sign("checkpoint", {**content, "at": at, **fields}, key))


def unguarded(owner: psycopg.Connection, statement: str) -> None:
    for table in ("events", "log"):
        owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    owner.execute(statement)
    for table in ("events", "log"):
        owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


CUT = """
DELETE FROM log WHERE position = 3; DELETE FROM events WHERE version = 3;
"""


def test_a_log_that_is_what_its_checkpoints_say(log: Engine, file: Path, key: Ed25519PrivateKey) -> None:
    held = read_file(file)
    assert [(one.where, one.checkpoint.position) for one in held] == [
        (f"{file}, line 1", 1),
        (f"{file}, line 2", 3),
    ]
    compared = compare(log, held, spell_public(key))
    assert (compared.checkpoints, compared.newest) == (2, 3)
    assert compared.signed_by == (spell_public(key),)


def test_an_export_that_ends_with_a_checkpoint_is_one_too(
    log: Engine, file: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    exported = tmp_path / "log.jsonl"
    exported.write_bytes(b"".join(export(log, key=key)))
    (one,) = read_file(exported)
    assert (one.where, one.checkpoint.position) == (f"{exported}, line 4", 3)
    assert compare(log, [one]).checkpoints == 1


def test_a_log_whose_end_its_owner_cut_off_is_named(
    log: Engine, file: Path, owner: psycopg.Connection
) -> None:
    unguarded(owner, CUT)
    with pytest.raises(Tampered) as caught:
        compare(log, read_file(file))
    said = str(caught.value)
    assert "the log ends at position 2" in said
    assert f"{file}, line 2" in said
    assert "was cut off" in said


def test_a_log_that_was_written_anew_is_named_from_where_on(
    log: Engine, file: Path, owner: psycopg.Connection
) -> None:
    unguarded(owner, "UPDATE log SET hash = sha256(hash) WHERE position > 1")
    with pytest.raises(Tampered) as caught:
        compare(log, read_file(file))
    assert "between position 1 and position 3 the log was written anew" in str(caught.value)


def test_a_log_that_is_another_from_its_beginning_is_named(
    log: Engine, file: Path, key: Ed25519PrivateKey
) -> None:
    with pytest.raises(Tampered, match="up to position 1 the log was written anew, or it is another log"):
        compare(log, [Held("elsewhere", made_up(key, 1, b"other"))])


def test_two_checkpoints_of_one_position_that_contradict_each_other_are_both_named(
    key: Ed25519PrivateKey,
) -> None:
    held = [Held("a.jsonl, line 3", made_up(key, 7)), Held("b.jsonl, line 1", made_up(key, 7, b"other"))]
    with pytest.raises(Tampered) as caught:
        require_consistent(held)
    for said in ("a.jsonl, line 3", "b.jsonl, line 1", "contradict each other", "position 7"):
        assert said in str(caught.value)


def test_times_that_run_backwards_against_positions_are_named(key: Ed25519PrivateKey) -> None:
    later = made_up(key, 8, at=(NOON - timedelta(hours=1)).isoformat())
    with pytest.raises(Tampered, match=r"a, line 2.* position 8 .*earlier.* position 7"):
        require_consistent([Held("a, line 1", made_up(key, 7)), Held("a, line 2", later)])


def test_checkpoints_of_other_workspaces_say_nothing_of_this_one(key: Ed25519PrivateKey, log: Engine) -> None:
    other = made_up(key, 7, b"other", workspace="kids")
    require_consistent([Held("a", made_up(key, 7)), Held("b", other)])
    with pytest.raises(Refused, match=r"of the workspace main.*kids"):
        compare(log, [Held("b", other)])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"position": 0}, "position"),
        ({"position": 2**63}, "position"),
        ({"hash": ""}, "hash"),
        ({"hash": "x" * 64}, "hash"),
        ({"at": "2026-03-01T12:00:00"}, "at"),
        ({"at": "noon"}, "at"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_no_checkpoint_is_named_with_its_line(
    key: Ed25519PrivateKey, tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    content = {"workspace": "main", "position": 1, "hash": "00" * 32, "at": NOON.isoformat()}
    file = tmp_path / "c.jsonl"
    file.write_bytes(spell(made_up(key, 1)) + orjson.dumps(sign("checkpoint", {**content, **fields}, key)))
    with pytest.raises(Tampered) as caught:
        read_file(file)
    assert f"{file}, line 2" in str(caught.value)
    assert says in str(caught.value)


def test_a_checkpoint_that_was_edited_or_that_another_key_signed_is_named(
    log: Engine, file: Path, key: Ed25519PrivateKey
) -> None:
    other = Ed25519PrivateKey.generate()
    with pytest.raises(Tampered, match=r"line 1: the checkpoint is signed by the key"):
        compare(log, read_file(file), spell_public(other))
    file.write_bytes(file.read_bytes().replace(b'"position":3', b'"position":2'))
    with pytest.raises(Tampered, match="line 2: the checkpoint is not what was signed"):
        read_file(file)


def test_a_file_without_a_checkpoint_is_refused(log: Engine, file: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(b"".join(export(log)))
    with pytest.raises(Refused, match="holds no checkpoint"):
        read_file(bare)
    bare.write_bytes(b"")
    with pytest.raises(Refused, match="holds no checkpoint"):
        read_file(bare)


def test_there_is_no_checkpoint_of_an_empty_log(log: Engine, key: Ed25519PrivateKey) -> None:
    with pytest.raises(Refused, match="The log is empty"):
        make(log, key)
    with pytest.raises(Refused, match="The log is empty"):
        list(export(log, key=key))


@pytest.mark.parametrize("signed", [True, False])
def test_what_lies_behind_the_end_is_not_exported(
    log: Engine, file: Path, key: Ed25519PrivateKey, signed: bool
) -> None:
    with pytest.raises(Refused, match="The log ends at position 3; there is nothing behind position 7"):
        export(log, after=7, key=key if signed else None)
    assert len(list(export(log, after=3, key=key))) == 1


def test_the_checkpoints_within_a_file_are_held_against_each_other(
    log: Engine, file: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    night = tmp_path / "nights.jsonl"
    night.write_bytes(file.read_bytes())
    assert check(night, spell_public(key)).last == 3
    night.write_bytes(spell(made_up(key, 7)) + spell(made_up(key, 7, b"other")))
    with pytest.raises(Tampered, match=r"line 2.*contradict each other"):
        check(night)
    night.write_bytes(spell(made_up(key, 7)) + spell(made_up(key, 8, at=NOON.isoformat())))
    with pytest.raises(Tampered, match=r"line 2.*earlier"):
        check(night)


def test_a_checkpoint_is_never_earlier_than_the_one_before_it(
    log: Engine, opened: Opened, key: Ed25519PrivateKey
) -> None:
    opened()
    ahead = datetime.now(UTC) + timedelta(hours=10)
    assert make(log, key, not_before=ahead).moment == ahead
    assert make(log, key).moment < ahead


def test_a_log_that_is_cut_and_written_on_is_named(
    log: Engine, file: Path, owner: psycopg.Connection, pressed: Pressed
) -> None:
    unguarded(owner, CUT)
    owner.execute("DELETE FROM cards")
    from workers.store.integrity.rebuild import rebuild

    rebuild(log)
    with log.connect() as connection:
        stream = connection.exec_driver_sql("SELECT stream FROM events LIMIT 1").scalar_one()
    log.dispose()
    pressed(stream, AddNote(text="another"), "n3")
    number(log)
    assert verify(log).events == 3
    with pytest.raises(Tampered, match="between position 1 and position 3"):
        compare(log, read_file(file))


def test_checkpoints_in_a_file_come_in_order(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_bytes(spell(made_up(key, 8)) + spell(made_up(key, 7)))
    with pytest.raises(Tampered, match="line 2: the checkpoint before it, of position 8, is of a later"):
        check(file)

"""An export is checked using only the file, and every change to it is named."""

from __future__ import annotations

import stat
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.errors import ConfigurationError, Tampered
from domain.incident.commands import AddNote
from workers.environment.settings import Settings
from workers.log.handle import Answer
from workers.store.exports.check import check
from workers.store.exports.export import export
from workers.store.log.chain import chained, linked
from workers.store.log.checkpoint import CHECKPOINT
from workers.store.log.events import number
from workers.store.log.line import read, spell
from workers.store.signature import read_public, require_signed, sign, signing_key, spell_public

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
Change = Callable[[list[bytes]], None]
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def file(log: Engine, opened: Opened, pressed: Pressed, key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    """Five events of two incidents, and a checkpoint."""
    drama, comedy = opened("Drama", "a").stream, opened("Comedy", "b").stream
    pressed(drama, AddNote(text="first"), "n1")
    pressed(drama, AddNote(text="second"), "n2")
    pressed(comedy, AddNote(text="third"), "n3")
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(export(log, key=key)))
    return path


def changed(line: bytes, **fields: Any) -> bytes:
    return orjson.dumps({**orjson.loads(line), **fields}, option=orjson.OPT_APPEND_NEWLINE)


def test_an_export_that_was_not_touched_is_as_it_was_written(file: Path, key: Ed25519PrivateKey) -> None:
    checked = check(file, spell_public(key))
    assert (checked.events, checked.streams, checked.first, checked.last) == (5, 2, 1, 5)
    assert checked.signed_by == spell_public(key)
    last = orjson.loads(file.read_bytes().splitlines()[-1])
    assert set(last) == {"workspace", "position", "hash", "at", "public_key", "signature"}
    assert (last["workspace"], last["position"], last["hash"]) == ("main", 5, checked.head)


def edit(n: int, **fields: Any) -> Change:
    def change(lines: list[bytes]) -> None:
        lines[n] = changed(lines[n], **fields)

    return change


def swap(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def twice(lines: list[bytes]) -> None:
    lines.insert(3, lines[2])


def respell(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"text":"first"', b'"text":"other","text":"first"')


def rehash(lines: list[bytes]) -> None:
    """Whoever edits an event can make its hash again, and then the log's does not fit."""
    row = read(lines[2])
    row["data"] = '{"text":"other"}'
    row["hash"] = chained(read(lines[0])["hash"], row)
    lines[2] = spell(row)


def empty(lines: list[bytes]) -> None:
    row = orjson.loads(lines[2])
    del row["data"]
    lines[2] = orjson.dumps(row) + b"\n"


def remove(n: int) -> Change:
    def change(lines: list[bytes]) -> None:
        del lines[n]

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "an edited text": (edit(2, data={"text": "other"}), "line 3: note.added, version 2 of incident-"),
    "an edited actor": (edit(1, actor="nobody"), "line 2: incident.opened"),
    "an edited time": (edit(3, at="2020-01-01T00:00:00+00:00"), "line 4: note.added"),
    "an edited position": (edit(1, position=7), "line 2: position 2 is missing; this is position 7"),
    "an edited hash": (edit(3, hash="00" * 32), "line 4: note.added"),
    "an edited hash of the log": (edit(3, entry_hash="00" * 32), "line 4: it is not where it was"),
    "a body taken out": (
        empty,
        "line 3: it does not have the fields of an event",
    ),
    "an event made up and hashed again": (rehash, "line 3: it is not where it was"),
    "two lines swapped": (swap, "line 3: position 3 is missing; this is position 4"),
    "a line removed": (remove(1), "line 2: position 2 is missing; this is position 3"),
    "the first line removed": (remove(0), "line 1: it is position 2, and what comes before it is missing"),
    "the last event removed": (remove(4), "line 5: the checkpoint is of position 5"),
    "a line twice": (twice, "line 4: position 4 is missing; this is position 3"),
    "a name twice in a line": (respell, "line 3: it is not spelled as an export spells it"),
    "a line that is no JSON": (lambda lines: lines.insert(1, b"}\n"), "line 2: it is not JSON"),
    "an edited checkpoint": (edit(5, position=4), "line 6: the checkpoint is not what was signed"),
    "the checkpoint removed": (remove(5), "does not end with a signed checkpoint"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_line_that_does_not_fit_is_named(file: Path, key: Ed25519PrivateKey, change: str) -> None:
    make, says = CHANGES[change]
    lines = file.read_bytes().splitlines(keepends=True)
    make(lines)
    file.write_bytes(b"".join(lines))
    with pytest.raises(Tampered) as caught:
        check(file, spell_public(key))
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_checkpoint_that_somebody_else_signed_is_forged(file: Path, key: Ed25519PrivateKey) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    real = orjson.loads(lines[-1])
    content = {name: real[name] for name in ("workspace", "position", "hash", "at")}
    forger = Ed25519PrivateKey.generate()
    lines[-1] = orjson.dumps(sign(CHECKPOINT, content, forger), option=orjson.OPT_APPEND_NEWLINE)
    file.write_bytes(b"".join(lines))
    assert check(file).signed_by == spell_public(forger)
    with pytest.raises(Tampered, match="line 6: the checkpoint is signed by the key"):
        check(file, spell_public(key))
    lines[-1] = changed(lines[-1], public_key=spell_public(key))
    file.write_bytes(b"".join(lines))
    with pytest.raises(Tampered, match="line 6: the checkpoint is not what was signed"):
        check(file, spell_public(key))


def test_a_signature_of_one_kind_fits_no_other(key: Ed25519PrivateKey) -> None:
    signed = sign("archive", {"position": 1}, key)
    require_signed("archive", signed)
    with pytest.raises(Tampered, match="not what was signed"):
        require_signed(CHECKPOINT, signed)


def test_an_export_that_goes_on_where_the_last_one_ended_is_checked_line_by_line(
    log: Engine, file: Path, key: Ed25519PrivateKey
) -> None:
    file.write_bytes(b"".join(export(log, after=2, key=key)))
    checked = check(file, spell_public(key))
    assert (checked.first, checked.last, checked.events) == (3, 5, 3)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[0] = changed(lines[0], data={"text": "other"})
    file.write_bytes(b"".join(lines))
    with pytest.raises(Tampered, match=r"line 1: note\.added, version 2"):
        check(file)


def test_nightly_exports_laid_one_behind_the_other_are_one(
    log: Engine, file: Path, pressed: Pressed, key: Ed25519PrivateKey
) -> None:
    stream = orjson.loads(file.read_bytes().splitlines()[0])["stream"]
    pressed(stream, AddNote(text="the next night"), "n4")
    with file.open("ab") as both:
        both.writelines(export(log, after=5, key=key))
        both.writelines(export(log, after=6, key=key))
    checked = check(file, spell_public(key))
    assert (checked.events, checked.last) == (6, 6)


def test_an_empty_log_is_exported_and_checked(log: Engine, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(export(log)))
    checked = check(path)
    assert (checked.events, checked.last, checked.head) == (0, 0, "")


def made_up(events: int) -> Iterator[bytes]:
    """The lines of a log with a hundred streams, without a store."""
    heads: dict[str, tuple[int, bytes]] = {}
    entry = b""
    for n in range(events):
        stream = f"s{n % 100}"
        version, before = heads.get(stream, (0, b""))
        row: dict[str, Any] = {
            "position": n + 1,
            "entry_hash": b"",
            "stream": stream,
            "version": version + 1,
            "wire_name": "note.added",
            "schema_version": 1,
            "data": '{"text":"' + "x" * 100 + '"}',
            "actor_kind": "person",
            "actor": "somebody",
            "cause": None,
            "at": MOMENT,
            "key": str(n),
            "part": 0,
        }
        row["hash"] = chained(before, row)
        row["entry_hash"] = entry = linked(entry, row["hash"])
        heads[stream] = (version + 1, row["hash"])
        yield spell(row)


KEY = Ed25519PrivateKey.generate()
EVENTS = list(made_up(6))
END = {"position": 6, "hash": read(EVENTS[-1])["entry_hash"].hex(), "at": MOMENT.isoformat()}
SIGNED = sign(CHECKPOINT, {"workspace": "main", **END}, KEY)
WRITTEN = b"".join(EVENTS) + orjson.dumps(SIGNED, option=orjson.OPT_APPEND_NEWLINE)


@given(st.integers(0, len(WRITTEN) - 2), st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_whichever_byte_is_changed_it_is_named(where: int, by: int) -> None:
    other = bytearray(WRITTEN)
    other[where] ^= by
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        path.write_bytes(WRITTEN)
        assert check(path, spell_public(KEY)).events == 6
        path.write_bytes(other)
        with pytest.raises(Tampered):
            check(path, spell_public(KEY))


@given(st.lists(st.integers(0, 6), max_size=9))
@settings(max_examples=200, deadline=None)
def test_in_no_other_order_is_it_the_same_log(order: list[int]) -> None:
    lines = WRITTEN.splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.jsonl")
        path.write_bytes(b"".join(lines[n] for n in order))
        try:
            checked = check(path, spell_public(KEY))
        except Tampered:
            return
    # A checkpoint may be repeated, and may stand alone; it never stands for lines that are gone.
    events = [n for n in order if n < 6]
    assert events in ([], [0, 1, 2, 3, 4, 5])
    assert order[-1] == 6
    assert (checked.last, checked.head) == (6, END["hash"])


def test_checking_a_hundred_thousand_events_needs_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    peaks = []
    for events in (1_000, 100_000):
        path = tmp_path / f"{events}.jsonl"
        with path.open("wb") as file:
            file.writelines(made_up(events))
        tracemalloc.start()
        assert check(path).events == events
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


@given(
    st.dictionaries(
        st.text(), st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text())
    )
)
def test_whatever_is_signed_is_what_is_vouched_for(content: dict[str, Any]) -> None:
    key = Ed25519PrivateKey.generate()
    signed = sign(CHECKPOINT, content, key)
    require_signed(CHECKPOINT, orjson.loads(orjson.dumps(signed)), spell_public(key))


def test_the_signing_key_is_made_once_for_the_owner_only_and_never_shown(tmp_path: Path) -> None:
    here = Settings(var=tmp_path / "var")
    first = spell_public(signing_key(here))
    assert spell_public(signing_key(here)) == first
    (path,) = (tmp_path / "var").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    named = Settings(var=tmp_path / "elsewhere", signing_key=path)
    assert spell_public(signing_key(named)) == first


def test_a_key_that_is_none_is_said_so_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(ConfigurationError, match="openssl genpkey -algorithm ed25519"):
        signing_key(Settings(signing_key=path))
    path.write_text("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ConfigurationError, match="holds no Ed25519 private key") as caught:
        signing_key(Settings(signing_key=path))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="neither 64 hexadecimal digits nor a PEM"):
        read_public(str(path))


def test_exporting_many_events_needs_no_more_memory_than_a_few(
    log: Engine, owner: psycopg.Connection
) -> None:
    peaks = []
    for events in (6_000, 54_000):
        owner.execute(
            """WITH written AS (
                INSERT INTO events (workspace, stream, version, wire_name, schema_version, data, actor_kind,
                                    actor, at, key, part, hash)
                SELECT 'main', 's' || n, 1, 'note.added', 1, '{"text":"' || repeat('x', 200) || '"}',
                       'worker', 'w', now(), gen_random_uuid()::text, 0, sha256(n::text::bytea)
                FROM generate_series((SELECT count(*) FROM events) + 1, %s) AS n RETURNING id)
            INSERT INTO pending SELECT 'main', id FROM written""",
            [events],
        )
        while number(log):
            continue
        tracemalloc.start()
        assert sum(1 for _ in export(log)) == events
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]

"""
A client with the program's own role writes consistent events by the only way there is. None of them carries
the seal of a rule: nobody acts on it, nobody shows it, and it is named.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.errors import LogError, Refused, Tampered, VersionConflict
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.menu import digest_of
from domain.incident.obligations import open_obligations
from domain.values import Actor
from tests.workers.conftest import NOON, make_option
from workers.log.attest import attest, attestations
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.log.obligations import hand_over, remind, settle
from workers.store import cards, followers
from workers.store.connection import driver_address, role_of
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.chain import chained, spelled
from workers.store.log.encoder import JOINT, Head, Origin, draft
from workers.store.log.events import COLUMNS, append, head_of, insert, number, read_stream, write

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
Forge = Callable[..., None]

OPTION = make_option(blast_share=0.9, needs_second_person=True)
APPEND = f"SELECT append_event({', '.join(f'%({name})s' for name in COLUMNS.split(', '))})"


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like, but not its signing key."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


@pytest.fixture
def chosen(opened: Opened, pressed: Pressed) -> str:
    """An incident of which a hotfix was chosen that a second person has to approve."""
    stream = opened().stream
    pressed(stream, c.RecordDiagnosisFailure(reason="no evidence"), "diagnosis")
    pressed(stream, c.PrepareMenu(options=(OPTION,)), "menu")
    pressed(stream, c.ChooseHotfix(option="fill", menu=digest_of([OPTION])), "choose")
    return stream


@pytest.fixture
def forge(log: Engine, program: psycopg.Connection) -> Forge:
    """Writes an event as whoever knows the whole program would: `forge(stream, event, key="k")`."""

    def write(stream: str, event: e.Logged, **changes: Any) -> None:
        with log.connect() as connection:
            head = head_of(connection, stream)
        program.execute(APPEND, forged(head, event, **changes))

    return write


def forged(head: Head, event: e.Logged, **changes: Any) -> dict[str, Any]:
    row = {
        "stream": head.stream,
        "version": head.version + 1,
        "wire_name": event.wire_name,
        "schema_version": event.schema_version,
        "data": orjson.dumps(event.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode(),
        "actor_kind": "person",
        "actor": "slack:U-boss",
        "cause": None,
        "at": NOON + timedelta(hours=1),
        "key": secrets.token_hex(8),
        "part": 0,
        "rules": 1,
        "seal": secrets.token_bytes(32),
    }
    row |= changes
    return {"hash": chained(head.hash, row), **row}


APPROVED = e.HotfixApproved(option="fill", menu=digest_of([OPTION]))


@pytest.mark.parametrize("seal", [None, b"0" * 32])
def test_a_forged_approval_is_not_acted_on_and_is_named(
    log: Engine, chosen: str, forge: Forge, seal: bytes | None
) -> None:
    forge(chosen, APPROVED, seal=seal)
    sent: list[tuple[object, ...]] = []

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    catch_up(log, "obligations", hand_over(send))
    remind(log, send, at=datetime.now(UTC) + timedelta(days=1))
    assert not [job for job in sent if "apply" in job]
    assert not settle(log, {}, "apply", chosen, f"{chosen}:5")
    with log.connect() as connection:
        card = cards.find(connection, chosen)
        assert card is not None
        assert card.hotfix is not None
        assert card.hotfix.stage == "chosen"
        assert [record.event.wire_name for record in read_stream(connection, chosen)][-1] == "hotfix.chosen"
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert str(caught.value).startswith(f"event 5 (hotfix.approved, version 5 of {chosen}) carries no seal")
    assert "\n" not in str(caught.value)


def test_what_comes_after_a_forged_event_goes_on_without_it(
    log: Engine, chosen: str, forge: Forge, on_call: Actor
) -> None:
    forge(chosen, APPROVED)
    forge(chosen, e.IncidentClosed())
    second = on_call.model_copy(update={"id": "terminal:second"})
    approve = c.ApproveHotfix(option="fill", menu=digest_of([OPTION]))
    with pytest.raises(Refused, match="second person"):
        handle(chosen, approve, actor=on_call, key="a", log=log)
    handle(chosen, approve, actor=second, key="b", log=log)
    seen: list[e.Recorded] = []
    assert catch_up(log, "obligations", lambda _, record: seen.append(record)) == 4
    assert catch_up(log, "obligations", lambda _, record: seen.append(record)) == 1
    assert [record.version for record in seen] == [1, 2, 3, 4, 7]
    with log.connect() as connection:
        assert [one.position for one in followers.every(connection)] == [7]
        card = cards.find(connection, chosen)
    assert card is not None
    assert {obligation.event_id for obligation in open_obligations(card) if obligation.kind == "apply"} == {
        f"{chosen}:7"
    }
    rebuild(log)
    with log.connect() as connection:
        assert cards.find(connection, chosen) == card
    with pytest.raises(Tampered) as caught:
        verify(log)
    assert [line[:7] for line in str(caught.value).splitlines()] == ["event 5", "event 6"]


def test_a_key_that_somebody_took_beforehand_keeps_nobody_out(
    log: Engine, chosen: str, forge: Forge, pressed: Pressed
) -> None:
    forge(chosen, e.NoteAdded(text="first"), key="later")
    answered = pressed(chosen, c.AddNote(text="mine"), "later")
    assert (answered.repeated, len(answered.events)) == (False, 1)
    again = pressed(chosen, c.AddNote(text="mine"), "later")
    assert (again.repeated, again.events[0].version) == (True, answered.events[0].version)
    forge("audit", APPROVED, key="vouch")
    said = e.AttestationGiven(
        test="data-1", how="manual", link="https://example.org", until=NOON + timedelta(days=9)
    )
    actor = Actor(kind="person", id="terminal:on-call")
    assert len(attest(log, said, actor=actor, key="vouch", at=NOON)) == 1
    with log.connect() as connection:
        assert [one.test for one in attestations(connection)] == ["data-1"]


def test_a_stream_that_somebody_began_beforehand_keeps_no_finding_out(
    log: Engine, opened: Opened, forge: Forge
) -> None:
    stream = opened(key="elsewhere").stream  # how it will be named can be found out anywhere
    later = stream.replace(stream[-4:], "0000")
    forge(later, e.IncidentOpened(number=1, title="x", kind="declared", severity="SEV4", fingerprint="f"))
    number(log)
    with log.connect() as connection:
        assert read_stream(connection, later) == ()
        assert cards.find(connection, later) is None
    with pytest.raises(Refused, match="There is no incident"):
        handle(later, c.Acknowledge(), actor=Actor(kind="person", id="x"), key="k", log=log)


def test_even_with_its_seal_what_no_rule_would_decide_is_named(log: Engine, opened: Opened) -> None:
    stream = opened().stream
    with log.begin() as connection:
        origin = Origin(Actor(kind="person", id="x"), "k", NOON)
        append(connection, head_of(connection, stream), [e.IncidentClosed()], origin)
    rebuild(log)
    with pytest.raises(Tampered, match=r"event 2 \(incident.closed.* nothing that a rule would have decided"):
        verify(log)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"hash": b"x" * 32}, "does not follow from its content"),
        ({"version": 9}, "has no version 8"),
        ({"version": 0}, "does not follow from its content"),
        ({"stream": "another", "version": 2}, "another has no version 1"),
        ({"part": 1}, "does not follow the one before"),
        ({"part": -1}, "does not follow the one before"),
    ],
)
def test_what_does_not_follow_is_refused_at_the_door(
    log: Engine, chosen: str, program: psycopg.Connection, changes: dict[str, Any], error: str
) -> None:
    with log.connect() as connection:
        head = head_of(connection, chosen)
    with pytest.raises(psycopg.errors.CheckViolation, match=error):
        program.execute(APPEND, forged(head, APPROVED, **changes))
    assert verify(log).events == 4


@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_of_several_events_none_is_written_where_one_does_not_follow(
    log: Engine, chosen: str, data: st.DataObject
) -> None:
    """By whoever knows the whole program: a hash that does not fit, events that are missing or exchanged."""
    origin = Origin(Actor(kind="person", id="x"), secrets.token_hex(8), NOON)
    count = data.draw(st.integers(2, 5))
    with log.begin() as connection:
        head = head_of(connection, chosen)
        notes = [e.NoteAdded(text=f"note {n}") for n in range(count)]
        asked = draft(head, notes, origin).parameters
        at = data.draw(st.integers(0, count - 1))
        wrong = {
            "hash": bytes(asked["hash"][: at * 32]) + b"x" * 32 + bytes(asked["hash"][at * 32 + 32 :]),
            "data": JOINT.join(reversed(asked["data"].split(JOINT))),
            "wire_name": asked["wire_name"].partition(JOINT)[2],
            "first": head.version + 2,
        }
        name = data.draw(st.sampled_from(sorted(wrong)))
        with pytest.raises(LogError, match="SQLSTATE 23514"), connection.begin_nested():
            write(connection, insert(several=True), {**asked, name: wrong[name]})
        assert head_of(connection, chosen) == head
    assert verify(log).events == 4


@pytest.mark.parametrize("changes", [{"version": 4}, {"key": "choose"}])
def test_a_version_or_a_key_that_is_taken_is_a_conflict(
    log: Engine, chosen: str, program: psycopg.Connection, changes: dict[str, Any]
) -> None:
    with log.connect() as connection:
        head = head_of(connection, chosen)
        before = read_stream(connection, chosen)[2]
        origin = Origin(Actor(kind="person", id="x"), changes.get("key", "k"), NOON)
        place = head if "key" in changes else Head(chosen, 3, hash_of(connection, before))
        with pytest.raises(VersionConflict):
            append(connection, place, [APPROVED], origin)


def hash_of(connection: Any, record: e.Recorded) -> bytes:
    query = "SELECT hash FROM events WHERE stream = %(stream)s AND version = %(version)s"
    found = connection.exec_driver_sql(query, {"stream": record.stream, "version": record.version})
    return bytes(found.scalar_one())


def test_an_event_stands_in_line_once(log: Engine, chosen: str, owner: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        owner.execute("INSERT INTO pending SELECT 'main', event_id FROM pending LIMIT 1")
    assert verify(log).events == 4


EARLIEST = datetime(1, 1, 2)  # noqa: DTZ001 - the strategy adds the zone
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.data())
def test_postgresql_makes_the_same_hash_byte_for_byte(
    hashing: psycopg.Connection, data: st.DataObject
) -> None:
    names = ("actor", "actor_kind", "data", "key", "stream", "wire_name")
    row: dict[str, Any] = {name: data.draw(TEXT) for name in names}
    row["cause"] = data.draw(st.none() | TEXT)
    row |= {name: data.draw(st.integers(0, 2**31 - 1)) for name in ("part", "schema_version", "version")}
    row["at"] = data.draw(st.datetimes(min_value=EARLIEST, timezones=st.timezones()))
    before = data.draw(st.binary(max_size=32))
    query = """SELECT event_hash(%(before)s, %(actor)s, %(actor_kind)s, %(at)s::timestamptz, %(cause)s,
        %(data)s, %(key)s, %(part)s::int, %(schema_version)s::int, %(stream)s, %(version)s::int,
        %(wire_name)s)"""
    found = hashing.execute(query, {**row, "before": before, "at": spelled(row["at"])}).fetchone()
    assert found == (chained(before, row),)


@pytest.fixture(scope="module")
def hashing(servers: Any, template: str) -> Iterator[psycopg.Connection]:
    """Any migrated database: nothing is written."""
    from sqlalchemy import make_url

    url = make_url(driver_address(servers.database_url)).set(database="postgres")
    name = f"hashing_{secrets.token_hex(6)}"
    address = url.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        with psycopg.connect(url.set(database=name).render_as_string(hide_password=False)) as connection:
            yield connection
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")

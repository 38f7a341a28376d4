"""Cards, followers and attempts that somebody edited who has the program's role: not believed, but
reported and repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import Tampered
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.obligations import Obligation
from domain.values import Diagnosis
from tests.workers.conftest import NOON, make_finding
from workers.doctor.store import examine_store
from workers.environment import clock
from workers.log.follow import Poisoned, catch_up, stumble
from workers.log.handle import Answer
from workers.log.obligations import MOST_TRIES, Work, hand_over, remind, settle
from workers.store import attempts, cards, followers, reminders
from workers.store.connection import driver_address, role_of
from workers.store.integrity.repair import Repairs
from workers.store.integrity.verify import verify
from workers.store.log.events import number
from workers.store.log.undecided import Lookout

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]


@pytest.fixture
def program(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who has taken over the program: its role, and any SQL they like, but not its signing key."""
    options = f"-c role={role_of('main')}"
    with psycopg.connect(driver_address(database_url), autocommit=True, options=options) as connection:
        yield connection


@pytest.fixture
def stream(opened: Opened, pressed: Pressed, log: Engine) -> str:
    """An incident with a note."""
    stream = opened().stream
    pressed(stream, c.AddNote(text="first"), "n1")
    number(log)
    return stream


EDITS = [
    "UPDATE cards SET incident = replace(incident, 'Drama', 'Comedy')",
    "UPDATE cards SET owes = false",
    "UPDATE cards SET follow_up_due = now()",
    "UPDATE cards SET due_at = NULL",
    "UPDATE cards SET due_at = now() + interval '9 years'",
    "UPDATE cards SET obligations = '{}'",
    "UPDATE cards SET status = 'closed'",
    "UPDATE cards SET fingerprint = 'another'",
    "UPDATE cards SET seal = NULL",
    "DELETE FROM cards",
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_card_that_was_edited_is_not_believed_and_is_made_again(
    log: Engine, stream: str, program: psycopg.Connection, edit: str
) -> None:
    with log.connect() as connection:
        before = cards.find(connection, stream)
    program.execute(edit)
    with log.connect() as connection:
        found = cards.find(connection, stream)
        assert found is None or cards.kept_of(found) == before
    assert Repairs(log).go_on() == [stream]
    with log.connect() as connection:
        assert cards.find(connection, stream) == before
        later = clock.now() + timedelta(days=1)
        assert [one.card.stream for one in reminders.look(connection, later, 9)] == [stream]
    assert verify(log).cards == 1
    assert Repairs(log).go_on() == []


def test_a_card_that_was_moved_back_is_made_again(
    log: Engine, stream: str, pressed: Pressed, program: psycopg.Connection
) -> None:
    program.execute("CREATE TEMP TABLE kept AS SELECT * FROM cards")
    program.execute("ALTER TABLE kept DROP COLUMN found_by")  # PostgreSQL alone writes it
    pressed(stream, c.Acknowledge(), "a")
    program.execute("DELETE FROM cards; INSERT INTO cards SELECT * FROM kept")
    number(log)
    assert Repairs(log).go_on() == [stream]
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    assert found.status == "acknowledged"


def test_a_finding_is_not_joined_to_an_incident_whose_card_somebody_edited(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection
) -> None:
    fingerprint = make_finding("Comedy").fingerprint
    program.execute("UPDATE cards SET fingerprint = %s", [fingerprint])
    answered = opened("Comedy", key="comedy")
    assert answered.stream != stream
    assert isinstance(answered.events[0].event, e.IncidentOpened)


def test_a_follower_that_was_moved_forward_goes_over_the_log_again(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection, database_url: str
) -> None:
    seen: list[int] = []
    catch_up(log, "obligations", lambda _, record: seen.append(record.position))
    opened("Comedy", key="comedy")
    number(log)
    program.execute("UPDATE followers SET position = 3 WHERE name = 'obligations'")
    with pytest.raises(Tampered, match="“obligations” was moved to 3 by hand"):
        verify(log)
    advice = examine_store({"DATABASE_URL": database_url, "RECSYSOPS_VAR": "/nowhere"})
    assert any("“obligations” was moved to 3 by hand" in one.says for one in advice)
    catch_up(log, "obligations", lambda _, record: seen.append(record.position))
    assert seen == [1, 2, 1, 2, 3]
    with log.connect() as connection:
        (obligations,) = followers.every(connection)
    assert obligations.position == 3
    assert verify(log).followers == 1


@pytest.mark.parametrize("edit", ["paused = true", "paused = true, failures = 3, seal = NULL"])
def test_a_follower_that_somebody_paused_in_the_table_goes_on(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection, edit: str
) -> None:
    seen: list[int] = []
    catch_up(log, "obligations", lambda _, record: seen.append(record.position))
    program.execute(f"UPDATE followers SET {edit} WHERE name = 'obligations'".encode())
    opened("Comedy", key="comedy")
    catch_up(log, "obligations", lambda _, record: seen.append(record.position))
    assert seen[-1] == 3
    with log.connect() as connection:
        (obligations,) = followers.every(connection)
    assert (obligations.position, obligations.paused) == (3, False)


def test_a_follower_that_a_person_paused_stays_so_whatever_stands_in_the_table(
    log: Engine, stream: str, program: psycopg.Connection
) -> None:
    with log.begin() as connection:
        followers.register(connection, "obligations")
        followers.pause(connection, "obligations", True)
    assert verify(log).followers == 1
    assert catch_up(log, "obligations", lambda *_: None) == 0
    with log.begin() as connection:
        followers.pause(connection, "obligations", False)
    assert catch_up(log, "obligations", lambda *_: None) == 2


@pytest.mark.parametrize("failures", [99, -99])
def test_an_event_is_set_aside_for_the_failures_there_were_whatever_somebody_counted(
    log: Engine, stream: str, program: psycopg.Connection, failures: int
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the broker hangs")

    with log.begin() as connection:
        followers.register(connection, "obligations")
    program.execute("UPDATE followers SET failures = %s", [failures])
    stumbled = []
    for _ in range(followers.MOST_TRIES):
        with pytest.raises(Poisoned) as poisoned:
            catch_up(log, "obligations", fails)
        stumbled.append(stumble(log, "obligations", poisoned.value.recorded, "the broker hangs"))
    assert stumbled == [False, False, False, False, True]


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM attempts",
        "UPDATE attempts SET next_at = now() + interval '9 years'",
    ],
)
def test_what_was_taken_from_the_attempts_is_handed_over_again(
    log: Engine, stream: str, program: psycopg.Connection, edit: str
) -> None:
    sent: list[tuple[object, ...]] = []

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    catch_up(log, "obligations", hand_over(send))
    assert [job[1] for job in sent] == ["diagnose"]
    program.execute(edit)
    assert remind(log, send, clock.now() + timedelta(hours=1)) == 1


SEALED_ELSEWHERE = """
UPDATE attempts SET (begun, trouble, seal) = (other.begun, other.trouble, other.seal) FROM attempts AS other
WHERE other.event_id = 'other' AND attempts.event_id <> 'other'
"""


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE attempts SET begun = 99",
        "UPDATE attempts SET begun = 99, trouble = NULL",
        "UPDATE attempts SET begun = 99, seal = NULL",
        "UPDATE attempts SET begun = 99, trouble = 'it was Ada', seal = sha256('x')",
        SEALED_ELSEWHERE,
    ],
)
def test_what_somebody_counted_by_hand_is_not_given_up(
    log: Engine, stream: str, program: psycopg.Connection, edit: str
) -> None:
    owed = Obligation(kind="diagnose", event_id=f"{stream}:1", since=NOON)
    with log.begin() as connection:
        attempts.begin(connection, stream, owed, NOON)
        attempts.end(connection, owed, trouble="the warehouse hangs")
        other = owed.model_copy(update={"event_id": "other"})
        for _ in range(9):
            attempts.begin(connection, stream, other, NOON)
    program.execute(edit)
    works: list[Work] = []

    def diagnose(work: Work) -> list[c.Command]:
        works.append(work)
        return [c.RecordDiagnosis(diagnosis=Diagnosis(cause="language is unset", cause_kind="feature"))]

    assert settle(log, {"diagnose": diagnose}, "diagnose", stream, owed.event_id)
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    assert found.diagnosis is not None
    # Nobody knows what became of it before: it is neither the first try nor the last one.
    assert [(1 < work.tries <= MOST_TRIES, work.last_try) for work in works] == [(True, False)]


@pytest.mark.parametrize("count", [-5, 2**31 - 1])
def test_no_count_of_hand_overs_keeps_the_clock_from_its_work(
    log: Engine, stream: str, program: psycopg.Connection, count: int
) -> None:
    catch_up(log, "obligations", hand_over(lambda *_: True))
    program.execute("UPDATE attempts SET issued = %s", [count])
    assert remind(log, lambda *_: True, clock.now() + timedelta(hours=1)) == 1


@pytest.mark.parametrize(
    "obligations", ['{"diagnose": 5}', '{"diagnose": []}', '{"diagnose": ["x", "never"]}']
)
def test_one_card_that_cannot_be_read_keeps_no_other_from_being_looked_at(
    log: Engine, stream: str, opened: Opened, program: psycopg.Connection, obligations: str
) -> None:
    other = opened("Comedy", key="comedy").stream
    program.execute("UPDATE cards SET obligations = %s WHERE stream = %s", [obligations, stream])
    sent: list[tuple[object, ...]] = []

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    later = clock.now() + timedelta(hours=1)
    remind(log, send, later)
    assert {job[2] for job in sent} == {other}
    number(log)
    Repairs(log).go_on()
    remind(log, send, later)
    assert {job[2] for job in sent} == {other, stream}


def test_debts_are_an_object_for_the_database_itself(stream: str, program: psycopg.Connection) -> None:
    for obligations in ("nothing", "[]"):
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.InvalidTextRepresentation)):
            program.execute("UPDATE cards SET obligations = %s", [obligations])


def test_forged_events_are_counted_and_the_doctor_names_them(
    log: Engine, stream: str, program: psycopg.Connection, database_url: str
) -> None:
    from tests.workers.store.test_forged import APPEND, forged
    from workers.store.log.events import head_of

    lookout = Lookout(log)
    assert lookout.look(1_000) == ()
    with log.connect() as connection:
        head = head_of(connection, stream)
    program.execute(APPEND, forged(head, e.IncidentClosed(), at=NOON))
    assert [(one.position, one.wire_name) for one in lookout.look(1_000)] == [(3, "incident.closed")]
    advice = examine_store({"DATABASE_URL": database_url, "RECSYSOPS_VAR": "/nowhere"})
    assert any(one.says.startswith("event 3 (incident.closed of incident-") for one in advice)

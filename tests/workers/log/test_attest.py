"""What people vouch for is in the log like everything else, and does not disturb incidents."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.errors import Tampered
from domain.incident.events import AUDIT, AttestationGiven, NoteAdded, Recorded
from domain.values import Actor
from tests.workers.conftest import NOON
from workers.log.attest import attest, attestations
from workers.log.follow import catch_up
from workers.log.handle import Answer
from workers.log.obligations import hand_over
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.encoder import Origin
from workers.store.log.events import append, head_of, number, read_after

VOUCH = AttestationGiven(
    test="infra-1", how="automatic", link="https://ci.example.org/twice", until=NOON + timedelta(days=90)
)
Said = Callable[..., tuple[Recorded, ...]]


@pytest.fixture
def said(log: Engine, on_call: Actor) -> Said:
    """A person vouches: `said(VOUCH, "key")`."""

    def say(given: AttestationGiven, key: str) -> tuple[Recorded, ...]:
        return attest(log, given, actor=on_call, key=key, at=NOON)

    return say


def standing(log: Engine) -> set[str]:
    with log.connect() as connection:
        return {one.test for one in attestations(connection)}


def test_who_vouched_is_an_event_of_the_log(log: Engine, said: Said, on_call: Actor) -> None:
    said(VOUCH, "a")
    said(VOUCH.model_copy(update={"test": "model-5"}), "b")
    assert standing(log) == {"infra-1", "model-5"}
    number(log)
    with log.connect() as connection:
        written = read_after(connection, 0)
    assert [one.event.wire_name for one in written] == ["attestation.given", "attestation.given"]
    assert {(one.stream, one.actor) for one in written} == {(AUDIT, on_call.id)}


def test_the_same_key_twice_is_answered_with_what_was_written_the_first_time(log: Engine, said: Said) -> None:
    assert said(VOUCH, "a") == said(VOUCH, "a")


def test_two_who_vouch_at_once_are_both_written(log: Engine, said: Said) -> None:
    tests = [f"{section}-{n}" for section in ("data", "model", "infra") for n in range(1, 5)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda test: said(VOUCH.model_copy(update={"test": test}), test), tests))
    assert standing(log) == set(tests)
    assert verify(log).events == len(tests)


def test_the_chain_the_cards_and_the_followers_hold_with_incidents_beside(
    log: Engine, said: Said, opened: Callable[..., Answer]
) -> None:
    opened("Drama", "a")
    said(VOUCH, "b")
    opened("Comedy", "c")
    verified = verify(log)
    assert (verified.streams, verified.cards) == (3, 2)
    assert rebuild(log).cards == 2
    sent: list[str] = []

    def send(_job: str, kind: str, *_: object) -> bool:
        sent.append(kind)
        return True

    assert catch_up(log, "obligations", hand_over(send)) == 3
    assert sent == ["diagnose", "diagnose"]
    assert verify(log).followers == 1


def test_what_stands_in_the_stream_and_is_no_attestation_is_found(
    log: Engine, said: Said, on_call: Actor
) -> None:
    said(VOUCH, "a")
    with log.begin() as connection:
        origin = Origin(actor=on_call, key="b", at=NOON)
        append(connection, head_of(connection, AUDIT), [NoteAdded(text="slipped in")], origin)
    with pytest.raises(
        Tampered, match=r"note\.added.* is of an incident, and stands in the stream of the audit"
    ):
        verify(log)


def test_an_attestation_in_an_incident_is_found(
    log: Engine, opened: Callable[..., Answer], said: Said, on_call: Actor
) -> None:
    stream = opened("Drama", "a").stream
    (given,) = said(VOUCH, "b")
    assert isinstance(given.event, AttestationGiven)
    with log.begin() as connection:
        origin = Origin(actor=on_call, key="c", at=NOON)
        append(connection, head_of(connection, stream), [given.event], origin)
    with pytest.raises(Tampered, match=r"is of an incident and holds attestation\.given"):
        verify(log)

"""Incidents for which the same cause is named are one: also where a worker dies on the way, or two meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from domain.detection.judge.state import CheckState, TrackedFinding
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Actor, Diagnosis, slice_of
from workers.checks.run import State
from workers.detect.open_incidents import open_incidents
from workers.log.handle import Answer
from workers.log.obligations import Work, settle
from workers.respond.diagnose.merge import merge
from workers.store import cards
from workers.store.lock import in_turn
from workers.store.log.events import read_stream

Opened = Callable[..., Answer]
DETECTOR = Actor(kind="worker", id="worker:detect")
CAUSE = Diagnosis(
    cause="`language` is not set for 812 films",
    cause_kind="feature",
    object="language",
    place=slice_of(country="France"),
    title="`language` is not set where country = France",
)


def diagnoses(work: Work) -> Iterator[c.Command]:
    """As the handler does, with a diagnosis that takes no time."""
    with in_turn(work.log, "incidents"):
        merge(work, CAUSE)
        yield c.RecordDiagnosis(diagnosis=CAUSE)


def diagnosed(log: Engine, stream: str) -> None:
    assert settle(log, {"diagnose": diagnoses}, "diagnose", stream, f"{stream}:1")


def card(log: Engine, stream: str) -> Incident:
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def events(log: Engine, stream: str) -> list[str]:
    with log.connect() as connection:
        return [record.event.wire_name for record in read_stream(connection, stream)]


def test_the_second_incident_of_a_cause_is_a_part_of_the_first(log: Engine, opened: Opened) -> None:
    first, second = (opened(genre, genre).stream for genre in ("Drama", "Crime"))
    diagnosed(log, first)
    diagnosed(log, second)
    assert events(log, first) == ["incident.opened", "diagnosis.gathered", "finding.joined"]
    assert events(log, second) == ["incident.opened", "incident.merged", "diagnosis.gathered"]
    kept, part = card(log, first), card(log, second)
    assert part.merged_into == kept.number
    assert [one.fingerprint for one in kept.also] == [part.fingerprint]


def test_a_worker_that_dies_after_merging_merges_and_diagnoses_once(log: Engine, opened: Opened) -> None:
    first, second = (opened(genre, genre).stream for genre in ("Drama", "Crime"))
    diagnosed(log, first)

    def dies(work: Work) -> Iterator[c.Command]:
        merge(work, CAUSE)
        raise SystemExit("killed")

    with pytest.raises(SystemExit):
        settle(log, {"diagnose": dies}, "diagnose", second, f"{second}:1")
    diagnosed(log, second)
    assert events(log, first) == ["incident.opened", "diagnosis.gathered", "finding.joined"]
    assert events(log, second) == ["incident.opened", "incident.merged", "diagnosis.gathered"]


def test_one_that_a_person_took_while_it_was_looked_into_stays_apart(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    first, second = (opened(genre, genre).stream for genre in ("Drama", "Crime"))
    diagnosed(log, first)

    def slow(work: Work) -> Iterator[c.Command]:
        pressed(second, c.Acknowledge(), "mine")
        yield from diagnoses(work)

    assert settle(log, {"diagnose": slow}, "diagnose", second, f"{second}:1")
    assert card(log, second).status == "acknowledged"
    assert card(log, first).also == ()


def test_of_two_that_are_diagnosed_at_once_one_is_a_part_of_the_other(log: Engine, opened: Opened) -> None:
    streams, together = [opened(genre, genre).stream for genre in ("Drama", "Crime")], Barrier(2)

    def at_once(stream: str) -> None:
        together.wait(60)
        diagnosed(log, stream)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_once, streams))
    merged = [card(log, stream).merged_into for stream in streams]
    assert sum(one is not None for one in merged) == 1


def test_what_is_found_of_a_part_again_opens_no_incident(log: Engine, opened: Opened) -> None:
    first, second = (opened(genre, genre).stream for genre in ("Drama", "Crime"))
    diagnosed(log, first)
    diagnosed(log, second)
    seen, merged_at = card(log, second).finding, card(log, second).closed_at
    assert seen is not None and merged_at is not None
    later = {"window_start": merged_at, "window_end": merged_at + timedelta(minutes=1)}
    again = seen.model_copy(update=later)
    held = TrackedFinding(slice=seen.slice, since=seen.window_start)
    state = State(checks={seen.check: CheckState(seen={seen.fingerprint: held})})
    open_incidents(log, [again], DETECTOR, state)
    with log.connect() as connection:
        assert {one.stream for one in cards.every(connection)} == {first, second}
    assert card(log, second).status == "closed"


def test_what_is_found_of_a_part_once_the_whole_is_repaired_is_an_incident_of_its_own(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    first, second = (opened(genre, genre).stream for genre in ("Drama", "Crime"))
    diagnosed(log, first)
    diagnosed(log, second)
    pressed(first, c.Resolve(how="elsewhere", reason="The language is back."), "resolve")
    seen, fixed_at = card(log, second).finding, card(log, first).resolved_at
    assert seen is not None and fixed_at is not None
    after = {"window_start": fixed_at, "window_end": fixed_at + timedelta(minutes=1)}
    held = TrackedFinding(slice=seen.slice, since=seen.window_start)
    state = State(checks={seen.check: CheckState(seen={seen.fingerprint: held})})
    open_incidents(log, [seen.model_copy(update=after)], DETECTOR, state)
    with log.connect() as connection:
        (third,) = [one for one in cards.every(connection) if one.stream not in {first, second}]
    assert third.status == "open"

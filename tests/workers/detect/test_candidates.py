"""
Whatever the rules make of a finding with all incidents at hand, they make of it with those that PostgreSQL
finds; and these do not become more with the number that is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.detection.correlate.joining import (
    LONGEST_OVER,
    MOST_MEASURED,
    _may_be,
    joined_by,
    link_to,
    over_already,
)
from domain.detection.correlate.same_cause import BLIND, SILENT
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage
from domain.values import Actor, Finding, Severity, Slice
from tests.workers.conftest import NOON, make_finding
from workers.detect.candidates import linked_to, near
from workers.detect.open_incidents import open_incidents
from workers.store import cards
from workers.store.related import reporting

TABLES = ("raw", "shown", "played", "scores", "rained")
LINEAGES = (
    Lineage(),
    Lineage({"shown": frozenset({"raw"}), "played": frozenset({"raw", "shown"}), "raw": frozenset()}),
    Lineage({"shown": frozenset({"raw"})}, {"scores": frozenset({"played"})}),
)
SLICES: tuple[Slice, ...] = (
    (),
    (("genre", "Drama"),),
    (("genre", "Comedy"),),
    (("country", "France"),),
    (("country", "France"), ("genre", "Drama")),
    (("country", 'a "b" \\u0041 ü\x1f'),),
)
UNITS = ("rows", "rows", "share", BLIND, SILENT)
MANY = 400


def any_finding(random: Random) -> Finding:
    """A finding of few tables, slices, columns and hours, so that many have something in common."""
    start = NOON + timedelta(hours=random.choice((0, 1, 2, 3, 300)), microseconds=random.choice((0, 7)))
    return make_finding().model_copy(
        update={
            "check": random.choice(("counts", "nulls")),
            "table": random.choice(TABLES),
            "slice": random.choice(SLICES),
            "subject": random.choice((None, None, "language", "length")),
            "unit": random.choice(UNITS),
            "kind": random.choice(("detected",) * 5 + ("predicted",)),
            "window_start": start,
            "window_end": start
            + random.choice((timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))),
            "observed": random.choice((0.0, 29.0, 300.0)),
            "expected": random.choice((0.0, 100.0, 100.0)),
        }
    )


def any_incident(random: Random, number: int, one: Finding | None = None) -> Incident:
    """An incident with a finding like that, at any point of its life."""
    first = one or any_finding(random)
    later = random.choice((timedelta(0), timedelta(hours=1)))
    latest = first.model_copy(
        update={"window_start": first.window_start + later, "window_end": first.window_end + later}
    ).model_copy(update={"observed": random.choice((first.observed, 50.0))})
    status = random.choice(("open", "acknowledged", "resolved", "closed"))
    fixed = random.choice(("hotfix", "by_itself")) if status in ("resolved", "closed") else None
    also = tuple(any_finding(random) for _ in range(random.choice((0, 0, 0, 2))))
    return Incident(
        stream=f"incident-{number}",
        number=number,
        title=first.title,
        kind=first.kind,
        status=status,
        severity=Severity.SEV3,
        fingerprint=first.fingerprint,
        first_finding=first,
        finding=latest,
        also=also,
        opened_at=first.window_end,
        opened_by="worker:detect",
        resolved_at=latest.window_end if fixed else None,
        resolved_how=fixed,
        cleared_at=random.choice((None, None, latest.window_end)),
        version=1,
        last_event_id=str(number),
        last_at=latest.window_end,
    )


def keep(log: Engine, incidents: Sequence[Incident]) -> None:
    with log.begin() as connection:
        for one in incidents:
            cards.keep(connection, one)


def unclosed(incidents: Sequence[Incident]) -> list[Incident]:
    return [one for one in incidents if one.status != "closed"]


@pytest.fixture
def incidents(log: Engine) -> list[Incident]:
    """Many of them, oldest first."""
    random = Random(7)
    made = [any_incident(random, number) for number in range(1, MANY)]
    keep(log, made)
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False), made_from=st.sampled_from(LINEAGES))
def test_what_joins_or_is_over_among_all_is_so_among_those_found(
    log: Engine, incidents: list[Incident], random: Random, made_from: Lineage
) -> None:
    finding = any_finding(random)
    since = finding.window_start
    found, beside = list(linked_to(log, finding, made_from)), list(near(log, finding, made_from))

    def joins(linked: Sequence[Incident], newest_first: Sequence[Incident]) -> object:
        return joined_by(
            finding, linked, newest_first, made_from, since, lambda one: one.number % 2 == 0, shares
        )

    def shares(one: Finding) -> dict[str, float]:
        return {one.slice[0][1]: 1.0} if one.slice else {}

    own = {one.stream for one in unclosed(incidents) if link_to(one, finding, made_from)}
    assert own <= {one.stream for one in found}
    measured = {one.stream for one in unclosed(incidents) if _may_be(one, finding, made_from)}
    assert measured <= {one.stream for one in beside}
    assert joins(found, beside) == joins(unclosed(incidents), unclosed(incidents)[::-1])
    closed = linked_to(log, finding, made_from, ("closed",), finding.window_start - LONGEST_OVER)
    around = [one for one in incidents if one.opened_at >= finding.window_start - LONGEST_OVER]
    assert over_already(finding, closed, made_from) == over_already(finding, around, made_from)


def test_those_found_are_few_because_most_that_cannot_join_are_not_read(
    log: Engine, incidents: list[Incident]
) -> None:
    random = Random(8)
    read = needed = 0
    for made_from in LINEAGES * 40:
        finding = any_finding(random)
        found = {one.stream for one in linked_to(log, finding, made_from)}
        joined = {one.stream for one in unclosed(incidents) if finding in one.also}
        own = {one.stream for one in unclosed(incidents) if link_to(one, finding, made_from)}
        read, needed = read + len(found), needed + len(own | joined)
    assert read <= 2 * needed


def test_whoever_reports_a_fingerprint_is_found_by_it_also_where_it_joined(
    log: Engine, incidents: list[Incident]
) -> None:
    for one in unclosed(incidents):
        for finding in one.also:
            assert one in list(reporting(log, {finding.fingerprint, "none"}))
        assert one in list(reporting(log, {one.fingerprint}))
    assert list(reporting(log, {"none"})) == []


@pytest.fixture
def crowd(log: Engine) -> None:
    """Thousands of open incidents, each about a genre of its own, all of one table and one minute."""
    random = Random(9)
    quiet: dict[str, Any] = {"status": "open", "also": (), "cleared_at": None, "resolved_how": None}
    made = (any_incident(random, n, make_finding(f"Genre {n}")) for n in range(1, 3_000))
    keep(log, [one.model_copy(update=quiet) for one in made])


@pytest.mark.usefixtures("crowd")
def test_a_finding_among_thousands_of_open_incidents_reads_the_few_that_may_have_its_cause(
    log: Engine, detector: Actor, read_cards: list[str]
) -> None:
    after: datetime = NOON + timedelta(days=30)
    alone = make_finding("Genre 5000").model_copy(update={"window_start": after, "window_end": after})
    assert list(linked_to(log, alone, Lineage())) == list(near(log, alone, Lineage())) == []
    assert read_cards == []
    beside = make_finding("Genre 5000").model_copy(update={"check": "another"})
    assert open_incidents(log, [make_finding("Genre 5000"), beside], detector) == 2
    assert len(read_cards) <= MOST_MEASURED + 5
    with log.connect() as connection:
        joined = cards.unclosed(connection, make_finding("Genre 5000").fingerprint)
    assert joined is not None
    assert [one.check for one in joined.also] == ["another"]


@pytest.mark.usefixtures("crowd")
def test_of_those_that_only_a_measurement_tells_apart_the_newest_few_are_measured(
    log: Engine, read_cards: list[str]
) -> None:
    finding, asked = make_finding("Genre 5000"), list[Finding]()

    def explained_by(one: Finding) -> dict[str, float]:
        asked.append(one)
        return {one.title: 1.0}

    incidents = near(log, finding, Lineage())
    assert joined_by(finding, (), incidents, Lineage(), None, lambda _: False, explained_by) is None
    assert len({one.title for one in asked} - {finding.title}) == MOST_MEASURED
    assert len(read_cards) == MOST_MEASURED

"""Sums over cards and the obligations that are due, without reading a card, however many there are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine

from bot.messages.home import TO_CLOSE, UNRESOLVED
from domain.incident import commands as c
from domain.incident.obligations import open_obligations
from domain.incident.state import Incident
from domain.incident.times import STEPS, durations
from domain.values import Actor, Diagnosis
from tests.workers.conftest import make_finding, make_option
from workers.door import Door
from workers.environment import clock
from workers.environment.settings import Settings
from workers.log import obligations
from workers.log.handle import Answer, handle
from workers.log.open_obligations import every
from workers.store import cards, reminders, sums
from workers.store.seal import seal

MANY = 3_000
LATER = timedelta(hours=1)

WAY = (
    c.Acknowledge(),
    c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")),
    c.PrepareMenu(options=(make_option(),)),
    c.Resolve(how="by_itself", reason="gone"),
)
"""How far each incident of a story has come: all of them at another step."""


@pytest.fixture
def incidents(log: Engine, on_call: Actor, noon: datetime) -> list[Incident]:
    """Ten incidents, two at each step of the way, one of them a false alarm."""
    for n in range(10):
        opening = c.OpenIncident(number=0, finding=make_finding(f"Genre {n}"))
        stream = handle(None, opening, actor=on_call, key=f"open-{n}", at=noon, log=log).stream
        for m, command in enumerate(WAY[: n % 5]):
            at = noon + timedelta(minutes=n + 7 * m, microseconds=n)
            handle(stream, command, actor=on_call, key=f"{n}-{m}", at=at, log=log)
    handle(stream, c.Reopen(reason="not gone"), actor=on_call, key="again", at=noon + LATER, log=log)
    dismissed = c.Dismiss(reason="planned")
    handle(stream, dismissed, actor=on_call, key="planned", at=noon + LATER, log=log)
    with log.connect() as connection:
        return cards.every(connection)


@pytest.fixture
def crowd(log: Engine, owner: psycopg.Connection, opened: Callable[..., Answer]) -> None:
    """Thousands of open incidents, each of which owes a diagnosis and a message: copies of one that does."""
    opened()
    columns = [
        c.name for c in cards._CARDS.columns if c.name not in {"stream", "number", "fingerprint", "found_by"}
    ]
    copied = ", ".join(columns)
    owner.execute(
        f"INSERT INTO cards (stream, number, fingerprint, {copied}) "
        f"SELECT stream || n, number + n, fingerprint || n, {copied} "
        f"FROM cards, generate_series(1, {MANY}) AS n"
    )
    owner.execute("UPDATE cards SET obligations = replace(obligations, ':1\"', ':' || number || '\"')")
    rows = owner.execute("SELECT stream, shape, incident FROM cards").fetchall()
    seals = [seal(f"card\n{stream}\n{shape}\n{incident}".encode()) for stream, shape, incident in rows]
    owner.execute(
        "UPDATE cards SET seal = sealed.seal FROM unnest(%s::text[], %s::bytea[]) AS sealed (stream, seal) "
        "WHERE cards.stream = sealed.stream",
        [[row[0] for row in rows], seals],
    )
    owner.execute("VACUUM ANALYZE cards")


def plan_of(connection: Connection, query: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Every step of how PostgreSQL answered a question."""
    found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", asked).scalar_one()
    plans = found if isinstance(found, list) else json.loads(found)
    steps, waiting = [], [plans[0]["Plan"]]
    while waiting:
        steps.append(waiting.pop())
        waiting += steps[-1].get("Plans", [])
    return steps


def rows_of_cards(steps: list[dict[str, Any]]) -> float:
    """How many rows of cards were looked at, in whatever way."""
    return sum(
        float((step["Actual Rows"] + step.get("Rows Removed by Filter", 0)) * step["Actual Loops"])
        for step in steps
        if step.get("Relation Name") == "cards"
    )


def test_the_sums_are_those_of_the_cards(log: Engine, incidents: list[Incident]) -> None:
    taken = [durations(one) for one in incidents if one.resolved_how != "false_alarm"]
    of_step = {step: [t for one in taken if (t := getattr(one, f"to_{step}")) is not None] for step in STEPS}
    owed = Counter(obligation.kind for one in incidents for obligation in open_obligations(one))
    with log.connect() as connection:
        assert sums.counts(connection) == Counter((one.status, one.severity.value) for one in incidents)
        means = sums.mean_times(connection)
        found = {one.kind: one for one in sums.owed_sums(connection, clock.now())}
        listed = every(connection, clock.now())
    assert {step: count for step, (_, count) in means.items()} == {k: len(v) for k, v in of_step.items() if v}
    for step, (mean, _) in means.items():
        seconds = fmean(took.total_seconds() for took in of_step[step])
        assert mean.total_seconds() == pytest.approx(seconds, abs=1e-6)
    assert {kind: one.count for kind, one in found.items()} == owed
    assert {(one.stream, one.kind, one.event_id, one.since) for one in listed} == {
        (one.stream, obligation.kind, obligation.event_id, obligation.since)
        for one in incidents
        for obligation in open_obligations(one)
    }
    assert [one.since for one in listed] == sorted(one.since for one in listed)


def test_the_worst_come_first_and_each_once_page_after_page(log: Engine, incidents: list[Incident]) -> None:
    unresolved = [one for one in incidents if one.status in UNRESOLVED]
    in_order = sorted(unresolved, key=lambda one: (one.severity.value, -one.number))
    with log.connect() as connection:
        pages = [cards.worst(connection, UNRESOLVED, page, 3) for page in (1, 2, 3, 4)]
    assert [one for page in pages for one in page] == in_order


@pytest.mark.usefixtures("crowd")
def test_home_and_metrics_read_a_page_of_cards_however_many_are_open(
    database_url: str, redis_url: str, read_cards: list[str]
) -> None:
    door = Door(Settings(database_url=database_url, broker_url=redis_url))
    assert len(door.worst(UNRESOLVED, 7, 20)) == 20
    assert door.worst(TO_CLOSE, 1, 20) == []
    assert len(read_cards) == 20
    assert sum(door.counts().values()) == MANY + 1
    assert {one.kind: one.count for one in door.owed_sums()} == {"announce": MANY + 1, "diagnose": MANY + 1}
    assert len(door.owed(5)) == 5
    assert door.mean_times(timedelta(days=36_500)) == {"detect": (timedelta(minutes=1), MANY + 1)}
    assert len(read_cards) == 20


@pytest.mark.usefixtures("crowd")
def test_a_page_and_what_is_due_are_found_by_an_index(log: Engine) -> None:
    page = {"statuses": list(UNRESOLVED), "severities": ["SEV1", "SEV2"], "before": 40, "most": 20}
    soon, late = datetime(2020, 1, 1, tzinfo=UTC), clock.now() + LATER
    not_ours = ["expire", "announce"]
    with log.connect() as connection:
        assert rows_of_cards(plan_of(connection, cards._WORST, page)) <= 2 * 60 + 20
        for query in (sums._COUNTS, sums._OWED_SUMS):  # the rows that leave the database
            assert plan_of(connection, query, {"at": late})[0]["Actual Rows"] <= 2
        for at, most in ((soon, 0), (late, 100)):
            due: dict[str, object] = {"at": at, "beyond": late + LATER, "not_ours": not_ours, "most": 100}
            assert rows_of_cards(plan_of(connection, reminders._DUE, due)) <= most


@pytest.mark.usefixtures("crowd")
def test_the_clock_hands_over_a_batch_after_the_other_and_looks_at_none_of_it_again_before_its_time(
    log: Engine, read_cards: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def send(job: str, kind: str, stream: str, event_id: str) -> bool:
        sent.append(stream)
        return True

    monkeypatch.setattr(obligations, "BEAT_SECONDS", 0.000001)  # one batch a beat
    at = clock.now() + LATER
    assert obligations.remind(log, send, at) == obligations.AT_ONCE
    monkeypatch.setattr(obligations, "BEAT_SECONDS", 600.0)
    assert obligations.remind(log, send, at) == MANY + 1 - obligations.AT_ONCE
    assert Counter(sent) == dict.fromkeys(sent, 1)
    assert obligations.remind(log, send, at + timedelta(seconds=1)) == 0
    assert read_cards == []


@pytest.mark.usefixtures("crowd")
def test_a_broker_that_goes_away_in_between_gets_the_rest_at_the_next_beat(
    log: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(obligations, "BEAT_SECONDS", 600.0)
    at, taken = clock.now() + LATER, 0

    def send(*_: object) -> bool:
        nonlocal taken
        taken += 1
        return taken <= 150

    assert obligations.remind(log, send, at) == 150
    taken = -MANY
    assert obligations.remind(log, send, at) == MANY + 1 - 150


@pytest.mark.parametrize("kind", ["known", "fresh"])
def test_after_the_clock_was_set_back_no_obligation_waits_longer_than_its_pause(
    log: Engine, opened: Callable[..., Answer], kind: str
) -> None:
    sent: list[object] = []

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    ahead = clock.now() + timedelta(hours=10)
    if kind == "known":
        opened()
        assert obligations.remind(log, send, ahead) == 1
    else:
        handle(
            None,
            c.DeclareIncident(number=0, title="odd", severity=make_finding().severity),
            actor=Actor(kind="person", id="p"),
            key="declared",
            at=ahead,
            log=log,
        )
        handle(
            None,
            c.OpenIncident(number=0, finding=make_finding("Comedy")),
            actor=Actor(kind="worker", id="w"),
            key="opened-ahead",
            at=ahead,
            log=log,
        )
    sent.clear()
    assert obligations.remind(log, send, clock.now()) == 1
    assert len(sent) == 1
    assert obligations.remind(log, send, clock.now()) == 0

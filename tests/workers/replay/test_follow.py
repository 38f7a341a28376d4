"""What the nightly replay says about a depot's follow-ups: done, worse, or ready to leave shadow mode."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.events import Recorded
from domain.incident.followed import is_open, standing
from domain.incident.state import Incident
from domain.values import Actor, AddedCheck, Estimate, Improvement, TriedChange
from tests.workers.replay.depot import END, HALF, Depot, scans
from workers.declaration.addition import add
from workers.declaration.lines import lines_of
from workers.detect.quietly import quietly
from workers.detect.record import begin_records
from workers.environment.settings import settings
from workers.log.handle import handle
from workers.replay.again import replay
from workers.replay.keep import replay_tick
from workers.store import cards
from workers.store.log.events import read_stream

PERSON = Actor(kind="person", id="terminal:ann", groups=("oncall",))
WORKER = Actor(kind="worker", id="worker:test")
KEYS = {"kind": "volume", "table": "scans", "history": "8d"}
OFTEN = {**KEYS, "window": "10m", "every": "10m", "shadow": True}
NIGHT = timedelta(days=1)
LESSON = Improvement(detect_faster="Yes", diagnose_faster="No", change="check", detail="A shorter window")


def tried(name: str = "often", high: float = 0.5, **keys: object) -> TriedChange:
    """A change that a replay spoke for."""
    rate = Estimate(value=0.0, low=0.0, high=high, unit="alarms a week", basis="replay")
    change = AddedCheck(
        name=name, lines=lines_of(name, {**OFTEN, **keys}), beside="parcels", stood=lines_of("parcels", KEYS)
    )
    return TriedChange(change=change, says="in windows of 10m", saved_seconds=1200.0, alarms=rate, weeks=6.0)


def accepts(depot: Depot, incident: Incident, change: TriedChange | None) -> Incident:
    """The incident resolved and its follow-up accepted; a check is written into the declaration."""
    changes = (change,) if change else ()
    steps: list[tuple[c.Command, Actor]] = [
        (c.Resolve(reason="the feed is back"), PERSON),
        (c.ProposeFollowUp(improvement=LESSON, changes=changes), WORKER),
        (c.AcceptFollowUp(), PERSON),
        (c.AssignFollowUp(owner="terminal:ann", due_at=END + timedelta(days=14)), WORKER),
    ]
    if change is not None:
        diff = add(depot.file, change.change)
        steps.append((c.RecordChangeWritten(check=change.change.name, diff=diff), WORKER))
        depot.declares(depot.file.read_text())
    for place, (command, actor) in enumerate(steps):
        key = f"{incident.number}:{place}:{type(command).__name__}"
        handle(incident.stream, command, actor=actor, key=key, at=END, log=depot.log)
    return depot.card(incident.stream)


def night(depot: Depot, at: datetime) -> None:
    """The replay of that night, and whatever it says of follow-ups."""
    replay_tick(depot.log, depot.recommender, settings(), at - 2 * NIGHT)
    assert replay_tick(depot.log, depot.recommender, settings(), at)


def events_of(depot: Depot, incident: Incident, kind: type[e.Event]) -> list[Recorded]:
    with depot.log.connect() as connection:
        return [one for one in read_stream(connection, incident.stream) if isinstance(one.event, kind)]


@pytest.fixture
def depot(log: Engine, tmp_path: Path) -> Depot:
    """Its incident is open, diagnosed, and with a menu."""
    made = Depot(log, tmp_path, scans())
    made.raises(*made.found())
    return made


def first(depot: Depot) -> Incident:
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    with depot.log.connect() as connection:
        found = cards.find(connection, one.number)
    assert found is not None
    return found


def test_in_shadow_mode_it_is_not_done_out_of_it_the_replay_shows_it_once(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert one.agreed is not None
    assert (one.agreed.check, one.agreed.shadow, one.agreed.judged) == ("often", True, True)
    assert one.agreed.sooner is not None
    assert one.agreed.sooner > timedelta(0)
    night(depot, END + 2 * NIGHT)
    assert events_of(depot, incident, e.FollowUpDone) == []

    depot.declares(depot.text.replace('every = "10m"\nshadow = true\n', 'every = "10m"\n'))
    for nights in (4, 8):
        night(depot, END + nights * NIGHT)
    (done,) = events_of(depot, incident, e.FollowUpDone)
    assert isinstance(done.event, e.FollowUpDone)
    assert done.event.shown_by == "replay"
    assert done.event.says.startswith("in a replay of this incident often finds it ")
    assert done.event.says.endswith(" sooner")
    (after,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert (after.verdict, after.now.check) == ("better", "often")


def test_words_alone_are_done_by_whatever_finds_it_sooner(depot: Depot) -> None:
    incident = accepts(depot, first(depot), None)
    night(depot, END + 2 * NIGHT)
    assert events_of(depot, incident, e.FollowUpDone) == []


def test_more_alarms_than_promised_ask_for_it_to_be_taken_back(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    check = depot.recommender.checks["often"]
    assert incident.resolved_at is not None
    begin_records(depot.log, [check], incident.resolved_at)
    finding, _at = depot.found()
    for days in range(1, 10):
        at = incident.resolved_at + timedelta(days=days)
        false = finding.model_copy(update={"check": "often", "window_start": at - HALF, "window_end": at})
        assert quietly(depot.log, depot.recommender, [false], at) == []
    for weeks in (4, 5):
        night(depot, incident.resolved_at + timedelta(weeks=weeks))
    (asked,) = events_of(depot, incident, e.TakeBackRequested)
    assert isinstance(asked.event, e.TakeBackRequested)
    assert asked.event.reason == ("9 false alarms in 28 d, 2.2 a week [1.2–3.9]; promised were 0.0 [0.0–0.5]")
    assert "take_back" in depot.card(incident.stream).awaits


def test_one_false_alarm_soon_after_is_no_rate_yet(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    assert incident.resolved_at is not None
    begin_records(depot.log, [depot.recommender.checks["often"]], incident.resolved_at)
    finding, _at = depot.found()
    at = incident.resolved_at + timedelta(minutes=30)
    false = finding.model_copy(update={"check": "often", "window_start": at - HALF, "window_end": at})
    quietly(depot.log, depot.recommender, [false], at)
    night(depot, incident.resolved_at + timedelta(hours=20))
    assert events_of(depot, incident, e.TakeBackRequested) == []


def test_as_many_alarms_as_promised_are_no_reason(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried(high=2.0))
    assert incident.resolved_at is not None
    begin_records(depot.log, [depot.recommender.checks["often"]], incident.resolved_at)
    finding, _at = depot.found()
    for days in (3, 9):
        at = incident.resolved_at + timedelta(days=days)
        false = finding.model_copy(update={"check": "often", "window_start": at - HALF, "window_end": at})
        quietly(depot.log, depot.recommender, [false], at)
    night(depot, incident.resolved_at + timedelta(weeks=4))
    assert events_of(depot, incident, e.TakeBackRequested) == []


def test_on_what_was_kept_it_does_not_find_its_own_incident(depot: Depot) -> None:
    blunt = tried("blunt", window="30m", every="30m", least_change=0.95)
    incident = accepts(depot, first(depot), blunt)
    night(depot, END + 2 * NIGHT)
    (asked,) = events_of(depot, incident, e.TakeBackRequested)
    assert isinstance(asked.event, e.TakeBackRequested)
    assert asked.event.reason == "blunt does not find this incident"


def test_on_a_table_that_holds_the_missing_rows_since_that_proves_nothing(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    scans(fault_at=None).to_parquet(depot.folder / "scans.parquet")
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert one.agreed is not None
    assert (one.agreed.sooner, one.agreed.on_kept) == (None, False)
    night(depot, END + 2 * NIGHT)
    assert events_of(depot, incident, e.TakeBackRequested) == []
    assert events_of(depot, incident, e.FollowUpDone) == []


def test_what_was_no_incident_and_is_raised_by_it_alone_asks_for_it_to_be_taken_back(depot: Depot) -> None:
    finding, at = depot.found()
    sharp = tried("sharp", window="30m", every="30m", least_change=0.2)
    incident = accepts(depot, first(depot), sharp)
    handle(incident.stream, c.Close(), actor=PERSON, key="close", at=END, log=depot.log)
    other = depot.raises(finding, at, key="again")
    assert other.number != incident.number
    dismissed = c.Dismiss(reason="a holiday of the carrier")
    handle(other.stream, dismissed, actor=PERSON, key="none", log=depot.log)
    depot.declares(depot.text.replace("shadow = true\nleast_change = 0.2\n", "least_change = 0.2\n"))
    depot.changes(
        '[checks.parcels]\nkind = "volume"\n', '[checks.parcels]\nkind = "volume"\nleast_change = 0.9\n'
    )
    night(depot, END + 2 * NIGHT)
    (asked,) = events_of(depot, incident, e.TakeBackRequested)
    assert isinstance(asked.event, e.TakeBackRequested)
    assert asked.event.reason == f"#{other.number}, which was no incident, is raised by it"


def test_what_was_shown_done_is_taken_back_all_the_same_once_it_does_harm(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried("sharp", window="10m", every="10m", least_change=0.2))
    handle(incident.stream, c.Close(), actor=PERSON, key="close", at=END, log=depot.log)
    depot.changes("shadow = true\nleast_change = 0.2\n", "least_change = 0.2\n")
    night(depot, END + 2 * NIGHT)
    now = standing(depot.card(incident.stream), END)
    assert now is not None
    assert now.state == "done"

    depot.changes(
        '[checks.parcels]\nkind = "volume"\n', '[checks.parcels]\nkind = "volume"\nleast_change = 0.9\n'
    )
    other = depot.raises(*depot.found(), key="again")
    dismissed = c.Dismiss(reason="a holiday of the carrier")
    handle(other.stream, dismissed, actor=PERSON, key="none", log=depot.log)
    for nights in (5, 8):
        night(depot, END + nights * NIGHT)
    (asked,) = events_of(depot, incident, e.TakeBackRequested)
    assert isinstance(asked.event, e.TakeBackRequested)
    assert asked.event.reason == f"#{other.number}, which was no incident, is raised by it"
    after = depot.card(incident.stream)
    assert "take_back" in after.awaits
    now = standing(after, END)
    assert now is not None
    assert (now.state, is_open(after)) == ("to be taken out", True)


def test_a_check_that_was_left_to_a_person_is_taken_back_once_they_took_it_out(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    for command in (
        c.RequestTakeBack(check="often", reason="too many alarms"),
        c.RecordChangeLeft(check="often", diff="-", reason="changed by hand"),
    ):
        handle(incident.stream, command, actor=WORKER, key=type(command).__name__, at=END, log=depot.log)
    night(depot, END + 2 * NIGHT)
    now = standing(depot.card(incident.stream), END)
    assert now is not None
    assert now.state == "to be taken out"
    depot.declares(depot.text.partition("[checks.often]")[0])
    night(depot, END + 6 * NIGHT)
    now = standing(depot.card(incident.stream), END)
    assert now is not None
    assert now.state == "taken back"

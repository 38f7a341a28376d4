"""Checks of a team's own in the log: incidents, the shadow's record, what is over and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.incident.events import NoteAdded
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from tests.workers.strangers import HISTOGRAMS, WRONG, Install, installing
from workers.conformance import DAY, END, HOUR, last_day, sound
from workers.conformance.table import NAME, declared
from workers.detect.detection_run import detection_run
from workers.detect.end_incidents import FOUND_NO_MORE
from workers.detect.record import read_alarms, read_records
from workers.store import cards
from workers.store.log.events import read_stream


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    with installing(tmp_path, monkeypatch) as install:
        yield install


def every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


def shop(folder: Path, check: dict[str, object]) -> Recommender:
    """Three days after the fault's day, which is the one that ends at `END`."""
    frame = sound(27, END + 3 * DAY)
    hit = last_day(frame)
    frame["minutes"] += 100.0 * (hit & (frame["country"] == "France"))
    frame["rating"] += 2.0 * hit
    return declared(check, frame, folder)


def test_a_finding_opens_an_incident_that_is_over_when_it_is_measured_to_be_back(
    log: Engine, install: Install, tmp_path: Path
) -> None:
    install("too_long", WRONG)
    recommender = shop(tmp_path, {"kind": "too_long", "column": "minutes", "dimensions": ["country"]})
    for days in range(-1, 4):
        detection_run(log, recommender, END + days * DAY + HOUR)
    (incident,) = every(log)
    assert incident.finding
    assert (incident.finding.check, incident.finding.slice) == (NAME, (("country", "France"),))
    assert incident.cleared_at is not None


def test_what_cannot_be_measured_is_never_said_to_be_over_but_to_be_found_no_more(
    log: Engine, install: Install, tmp_path: Path
) -> None:
    install("moved", HISTOGRAMS)
    recommender = shop(tmp_path, {"kind": "moved"})
    for days in range(-1, 4):
        detection_run(log, recommender, END + days * DAY + HOUR)
    (incident,) = every(log)
    assert incident.cleared_at is None
    with log.connect() as connection:
        events = [recorded.event for recorded in read_stream(connection, incident.stream)]
    assert [event.text for event in events if isinstance(event, NoteAdded)] == [FOUND_NO_MORE]


def test_in_the_shadow_its_findings_are_on_its_record_alone(
    log: Engine, install: Install, tmp_path: Path
) -> None:
    install("moved", HISTOGRAMS)
    recommender = shop(tmp_path, {"kind": "moved", "shadow": True})
    for days in range(-1, 2):
        detection_run(log, recommender, END + days * DAY + HOUR)
    assert every(log) == []
    ((name, alarm),) = read_alarms(log, recommender)
    assert (name, alarm.quiet) == (NAME, "shadow")
    (record,) = read_records(log, recommender, END + 2 * DAY)
    assert record.check == NAME

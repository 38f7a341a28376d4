"""What is known about a depot's follow-up since it was agreed: its replay, and its check's record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.replayed import AlarmsSince
from tests.workers.replay.depot import END, HALF, Depot, scans
from tests.workers.replay.test_follow import NIGHT, accepts, first, night, tried
from workers.detect.quietly import quietly
from workers.detect.record import begin_records
from workers.replay.since import change_since


@pytest.fixture
def depot(log: Engine, tmp_path: Path) -> Depot:
    """Its incident is open, diagnosed, and with a menu."""
    made = Depot(log, tmp_path, scans())
    made.raises(*made.found())
    return made


def test_before_the_first_replay_and_the_first_look_nothing_is_known_but_that_it_is_declared(
    depot: Depot,
) -> None:
    before = first(depot)
    assert change_since(depot.log, depot.recommender, before, END) is None
    incident = accepts(depot, before, tried())
    found = change_since(depot.log, depot.recommender, incident, END)
    assert found is not None
    assert (found.declared, found.alarms, found.replayed, found.replayed_at) == (True, None, None, None)
    unread = change_since(depot.log, None, incident, END)
    assert unread is not None
    assert unread.declared is None


def test_afterwards_it_is_what_the_newest_replay_and_the_record_say(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    assert incident.resolved_at is not None
    begun = incident.resolved_at
    begin_records(depot.log, [depot.recommender.checks["often"]], begun)
    finding, _at = depot.found()
    at = begun + timedelta(days=1)
    false = finding.model_copy(update={"check": "often", "window_start": at - HALF, "window_end": at})
    quietly(depot.log, depot.recommender, [false], at)
    replayed_at = begun + 14 * NIGHT
    night(depot, replayed_at)
    found = change_since(depot.log, depot.recommender, incident, replayed_at)
    assert found is not None
    assert found.alarms == AlarmsSince(since=begun, shadow=True, alarms=1, confirmed=0, false=1, undecided=0)
    assert found.replayed is not None
    assert found.replayed.agreed is not None
    assert found.replayed.agreed.sooner is not None
    assert found.replayed.agreed.sooner > timedelta(0)
    assert found.replayed_at == replayed_at


def test_taken_out_by_hand_it_is_not_declared(depot: Depot) -> None:
    incident = accepts(depot, first(depot), tried())
    depot.declares(depot.text.partition("[checks.often]")[0])
    found = change_since(depot.log, depot.recommender, incident, END)
    assert found is not None
    assert (found.declared, found.alarms) == (False, None)

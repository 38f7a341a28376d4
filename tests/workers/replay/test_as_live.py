"""What a check remembered is kept with an incident, so that its looks are walked again as they were live."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.detection.judge.discovery import Wealth
from domain.detection.judge.state import CheckState
from domain.incident.state import Incident
from tests.workers.replay.depot import DECLARED, END, FAULT_AT, HALF, Depot, scans
from workers.bundle.open import open_bundle
from workers.checks.run import State
from workers.detect.detection_run import detection_run
from workers.detect.earlier import APART, before_it_was_found, passed
from workers.environment.settings import settings
from workers.replay.again import replay
from workers.replay.freeze import ABOUT, ARRAYS, Looks, opened
from workers.store import cards

DAY = timedelta(days=1)
ALONE = DECLARED.partition("[checks.routes]")[0] + "[deployers" + DECLARED.partition("[deployers")[2]


def twice_lost() -> pd.DataFrame:
    """The scans, most of which went missing for the same hours of the day before, too."""
    rows = scans()
    before = (rows["scanned"] >= FAULT_AT - DAY) & (rows["scanned"] < END - DAY)
    return rows[~(before & (np.random.default_rng(1).random(len(rows)) > 0.3))]


@pytest.fixture
def depot(log: Engine, tmp_path: Path) -> Depot:
    """A depot of which nobody told in the log what its check found the day before."""
    depot = Depot(log, tmp_path, twice_lost(), ALONE)
    shadow = depot.changes('kind = "volume"\n', 'kind = "volume"\nshadow = true\n')
    detection_run(log, shadow, FAULT_AT - DAY - 4 * HALF)
    detection_run(log, shadow, END - DAY + 4 * HALF)
    depot.changes("shadow = true\n", "")
    detection_run(log, depot.recommender, FAULT_AT + HALF)
    return depot


def the_incident(depot: Depot) -> Incident:
    with depot.log.connect() as connection:
        (incident,) = cards.every(connection)
    return incident


def looks_of(depot: Depot, incident: Incident) -> Looks:
    bundle = open_bundle(depot.log, depot.objects, incident)
    return opened({name: bundle.content(name) for name in (ABOUT, ARRAYS)}).looks


def test_what_is_found_only_by_what_its_check_remembers_is_found_again_by_the_looks_that_were_kept(
    depot: Depot,
) -> None:
    incident = the_incident(depot)
    assert incident.first_finding is not None
    assert incident.first_finding.window_end == FAULT_AT + HALF
    depot.settles(incident.stream, incident.opened_at)
    memory = looks_of(depot, the_incident(depot)).memory
    assert memory is not None
    assert memory == before_it_was_found(depot.log, incident.first_finding)
    assert memory.excluded
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert (one.verdict, one.identical, one.notes) == ("same", True, ())


def test_without_it_the_same_looks_would_find_it_later(depot: Depot) -> None:
    first = the_incident(depot).first_finding
    assert first is not None
    found, _ = depot.found(FAULT_AT - 8 * HALF)
    assert found.window_end > first.window_end


@given(looks=st.integers(1, 200), step=st.integers(1, 5))
def test_of_former_memories_the_older_one_is_some_looks_old_and_no_more_than_two_are_kept(
    looks: int, step: int
) -> None:
    earlier: dict[str, list[object]] = {}
    for look in range(0, looks, step):
        state = CheckState(wealth=Wealth(looks=look))
        earlier = passed(earlier, State(checks={"parcels": state}))
    former = [CheckState.model_validate(one).wealth.looks for one in earlier["parcels"]]
    assert len(former) <= 2
    last = looks - 1 - (looks - 1) % step
    assert former == sorted(former, reverse=True)
    assert last - former[0] < APART
    assert former[-1] == 0 if len(former) == 1 else former[0] - former[1] >= APART

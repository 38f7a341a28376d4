"""What a check remembered is kept with an incident, so that its looks can be repeated as they were live."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.detection.judge.state import CheckState
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.replay.depot import DECLARED, END, FAULT_AT, HALF, Depot, scans
from workers.bundle.open import open_bundle
from workers.checks.plan import plan
from workers.checks.run import State
from workers.detect.detection_run import detection_run
from workers.detect.earlier import Earlier, apart_of, before_it_was_found, passed
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
    """A depot whose log does not hold what its check found the day before."""
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
    former = before_it_was_found(depot.log, incident.first_finding)
    assert former is not None and memory == former.memory
    assert memory.excluded
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert (one.verdict, one.identical, one.notes) == ("same", True, ())


def test_without_it_the_same_looks_would_find_it_later(depot: Depot) -> None:
    first = the_incident(depot).first_finding
    assert first is not None
    found, _ = depot.found(FAULT_AT - 8 * HALF)
    assert found.window_end > first.window_end


def test_looks_that_came_late_are_walked_as_they_came(log: Engine, tmp_path: Path) -> None:
    """A look took half an hour: what those between would have reported, and sooner, nobody was told."""
    often = ALONE.replace('window = "30m"', 'window = "30m"\nevery = "5m"')
    depot = Depot(log, tmp_path, scans(), often)
    at = FAULT_AT - 8 * HALF
    while not everything(log):
        at += HALF
        detection_run(log, depot.recommender, at)
    incident = the_incident(depot)
    assert incident.first_finding is not None
    assert incident.first_finding.window_end > depot.found(FAULT_AT - 4 * HALF)[0].window_end
    depot.settles(incident.stream, incident.opened_at)
    assert looks_of(depot, the_incident(depot)).skipped
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    assert (one.verdict, one.identical) == ("same", True)


def everything(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


PARCELS = Check(name="parcels", kind="volume", table="scans")
SCANS = Table(name="scans", path="scans.parquet", time="scanned", window=HALF)


@given(minutes=st.lists(st.integers(1, 90), min_size=1, max_size=120), window=st.sampled_from([30, 360]))
def test_of_former_memories_the_older_one_is_from_before_the_newest_windows_and_no_more_than_two_are_kept(
    minutes: list[int], window: int
) -> None:
    lake = Recommender(name="lake", tables={"scans": SCANS}, checks={"parcels": PARCELS})
    declared = PARCELS.model_copy(
        update={"window": timedelta(minutes=window), "every": HALF, "history": 8 * DAY}
    )
    planned = plan(lake, declared)
    earlier: Earlier = {}
    before, ends = State(), list[datetime]()
    for past in np.cumsum(minutes).tolist():
        ends.append(FAULT_AT + timedelta(minutes=past))
        after = State(checks={planned.check.name: CheckState(last_window_end=ends[-1])})
        earlier = passed(earlier, before, after, [planned])
        before = after
    former = earlier.get(planned.check.name, [])
    assert len(former) <= 2
    known = [CheckState.model_validate(one["state"]).last_window_end for one in former]
    for one, end in zip(former, known, strict=True):
        assert end is not None
        assert one["ends"] == [later.isoformat() for later in ends if later > end]
    if len(known) == 2:
        assert known[0] is not None and known[1] is not None
        assert known[0] - known[1] >= apart_of(planned)
    if len(ends) > 1:
        assert known[-1] is not None
        assert known[-1] == ends[0] or ends[-1] - known[-1] >= apart_of(planned)

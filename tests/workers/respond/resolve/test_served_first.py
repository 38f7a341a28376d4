"""A hotfix in stages is reverted at its first stage if those who are served it lose by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.held_out import held_out
from domain.values import Actor, Diagnosis, Finding, Option, Severity
from tests.workers.conftest import make_option
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.log.open_obligations import due
from workers.respond.resolve.deploy import stage_keys
from workers.respond.resolve.served_first import InStage
from workers.respond.resolve.watch import watch
from workers.store import cards

MINUTE = timedelta(minutes=1)
DEPLOYED = datetime(2026, 5, 12, 8, tzinfo=UTC)
ON_CALL = Actor(kind="person", id="terminal:on-call")
MEMBERS = 2_000
FINDING = Finding(
    check="by_shelf",
    table="lists",
    slice=(("shelf", "poetry"),),
    window_start=DEPLOYED - 6 * MINUTE,
    window_end=DEPLOYED - MINUTE,
    observed=100,
    expected=400,
    p_value=1e-9,
    severity=Severity.SEV2,
    title="poetry is shown less",
)


def deployed(log: Engine, **given: Any) -> Work:
    """The first stage is in force; the watch is due ten minutes after."""
    declared = {"guards": ("loans",), "stages": (0.05, 0.5, 1.0), "watch": timedelta(hours=1)}
    offered: tuple[Option, ...] = (make_option(**{**declared, **given}),)
    steps: tuple[tuple[c.Command, datetime], ...] = (
        (c.OpenIncident(number=0, finding=FINDING), DEPLOYED - MINUTE),
        (c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), DEPLOYED - MINUTE),
        (c.PrepareMenu(options=offered), DEPLOYED - MINUTE),
        (c.ChooseHotfix(option="fill", menu=digest_of(offered)), DEPLOYED),
        (c.RecordHotfixApplied(option="fill", receipt="done"), DEPLOYED),
    )
    stream = None
    for number, (step, at) in enumerate(steps):
        stream = handle(stream, step, actor=ON_CALL, key=f"k{number}", at=at, log=log).stream
    assert stream is not None
    incident = card(log, stream)
    at = DEPLOYED + 10 * MINUTE
    (obligation,) = (one for one in due(incident, at) if one.kind == "watch")
    return Work(log, incident, obligation, at)


def card(log: Engine, stream: str) -> Incident:
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def library(folder: Path, work: Work, *, fails: bool, member: str | None = "reader") -> Recommender:
    """Lists for two hours, and loans of one list in three; of who is served none is lent any more."""
    chance, count = np.random.default_rng(3), 20_000
    at = pd.to_datetime(DEPLOYED) + pd.to_timedelta(np.sort(chance.uniform(-110, 10, count)), unit="min")
    who = np.array([f"r{n}" for n in range(MEMBERS)])
    served = ~held_out(who, stage_keys(work)[0], 0.05)
    drawn = chance.integers(0, MEMBERS, count)
    shelf = np.where(chance.random(count) < 0.1, "poetry", "novels")
    lists = pd.DataFrame({"at": at, "reader": who[drawn], "shelf": shelf})
    lost = served[drawn] & (at >= pd.Timestamp(DEPLOYED)) & fails
    loans = lists[(chance.random(count) < 0.33) & ~lost]
    for name, rows in (("lists", lists), ("loans", loans)):
        rows.to_parquet(folder / f"{name}.parquet", index=False)
    tables = {
        name: Table(name=name, path=str(folder / f"{name}.parquet"), time="at", window=MINUTE, member=member)
        for name in ("lists", "loans")
    }
    checks = {
        "by_shelf": Check(name="by_shelf", kind="slice_volume", table="lists", dimensions=("shelf",)),
        "loans": Check(name="loans", kind="volume", table="loans"),
    }
    return Recommender(name="library", tables=tables, checks=checks)


def test_what_only_the_few_who_are_served_lose_reverts_the_first_stage(log: Engine, tmp_path: Path) -> None:
    work = deployed(log)
    (said,) = watch(work, library(tmp_path, work, fails=True))
    assert isinstance(said, c.RecordHarm)
    assert said.reason.startswith("the 5 % of members who are served it have 0 rows of `loans`, where ")


@pytest.mark.parametrize("given", [{}, {"guards": ()}, {"stages": ()}])
def test_where_they_lose_nothing_that_is_guarded_or_all_are_served_there_is_no_harm(
    log: Engine, tmp_path: Path, given: dict[str, Any]
) -> None:
    work = deployed(log, **given)
    (said,) = watch(work, library(tmp_path, work, fails=bool(given)))
    assert isinstance(said, c.RecordWatch | c.VerifyHotfix)


def test_a_table_that_names_no_member_is_passed_over(log: Engine, tmp_path: Path) -> None:
    work = deployed(log)
    (said,) = watch(work, library(tmp_path, work, fails=True, member=None))
    assert isinstance(said, c.RecordWatch)


@given(
    before=st.none() | st.integers(-400, 0),
    ends=st.lists(st.integers(1, 400), min_size=1, max_size=40, unique=True),
    step=st.integers(5, 90),
)
def test_they_are_compared_once_in_each_part_of_a_window_however_often_it_is_looked_at(
    before: int | None, ends: list[int], step: int
) -> None:
    """A comparison reads ten times the stage: for windows of a day it is not made every fifteen seconds."""
    looked = None if before is None else DEPLOYED + timedelta(seconds=before)
    taken = list[int]()
    for seconds in sorted(ends):
        end = DEPLOYED + timedelta(seconds=seconds)
        if (nth := InStage(DEPLOYED, end, looked).nth(timedelta(seconds=step))) is not None:
            taken.append(nth)
        looked = end
    assert taken == sorted({seconds // step for seconds in ends} - {0})

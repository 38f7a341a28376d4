"""What a hotfix is worth today is measured in tables, between members served and the same few held out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from bot.messages.in_force import home_of, in_force
from bot.messages.incident.stage import hotfix as section_of
from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import WORTH, scheduled
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.exposure import Exposure
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.held_out import held_out
from domain.values import Actor, Diagnosis, Estimate, Finding, Option, Severity
from tests.workers.conftest import make_option
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.log.open_obligations import due
from workers.respond.resolve.worth import settle
from workers.store import cards
from workers.store.log.events import read_stream

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONSET = datetime(2026, 5, 12, 6, tzinfo=UTC)
DEPLOYED = ONSET + 2 * HOUR
HELD_OUT = 0.05
ON_CALL = Actor(kind="person", id="terminal:on-call")
WORKER = Actor(kind="worker", id="worker:worth")
PROMISED = Estimate(value=100, low=-150, high=330, unit="loans a day", basis="replay")
POETRY, FAULTY = 0.2, 0.05
"""Of what is shown: usually, and where the fault is not repaired."""


@pytest.fixture
def deployed(log: Engine) -> Callable[..., Incident]:
    """A slice of a library's lists that was shown less, and a hotfix verified after its deployment."""

    def happened(hold_out: float = HELD_OUT) -> Incident:
        offered: tuple[Option, ...] = (make_option(whole=PROMISED, hold_out=hold_out),)
        finding = Finding(
            check="by_shelf",
            table="lists",
            slice=(("shelf", "poetry"),),
            window_start=ONSET,
            window_end=ONSET + HOUR,
            observed=100,
            expected=400,
            p_value=1e-9,
            severity=Severity.SEV2,
            title="poetry is shown less",
        )
        steps: tuple[tuple[c.Command, datetime], ...] = (
            (c.OpenIncident(number=0, finding=finding), ONSET + HOUR),
            (c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), ONSET + HOUR),
            (c.PrepareMenu(options=offered), ONSET + HOUR),
            (c.ChooseHotfix(option="fill", menu=digest_of(offered)), DEPLOYED),
            (c.RecordHotfixApplied(option="fill", receipt="done"), DEPLOYED),
            (c.VerifyHotfix(option="fill", observed=1, expected=1, repaired_share=0.9), DEPLOYED + HOUR),
        )
        stream = None
        for number, (step, at) in enumerate(steps):
            stream = handle(stream, step, actor=ON_CALL, key=f"k{number}", at=at, log=log).stream
        assert stream is not None
        return card(log, stream)

    return happened


def card(log: Engine, stream: str) -> Incident:
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def salt_of(log: Engine, incident: Incident) -> str:
    """The approval's id, with which the client draws members."""
    with log.connect() as connection:
        events = read_stream(connection, incident.stream)
    return next(one.id for one in events if one.event.wire_name == "hotfix.approved")


def library(folder: Path, salt: str, *, members: int = 3000, **more: float) -> Recommender:
    """
    Lists of the days before and of the day since, each of four books; loans of one list in three.

    Args:
        repaired: share of poetry shown where the hotfix is served; `lift`: how much more is lent there.
    """
    repaired, lift = more.get("repaired", POETRY), more.get("lift", 0.0)
    rng = np.random.default_rng(3)
    lists = 30_000
    first = ONSET - 5 * DAY
    times = pd.to_datetime(first) + pd.to_timedelta(np.sort(rng.random(lists)) * 6.5, unit="D")
    who = np.array([f"r{n}" for n in range(members)])
    appetite = rng.gamma(2.0, 1.0, members)
    drawn = rng.choice(members, lists, p=appetite / appetite.sum())
    without = held_out(who, salt, 1 - HELD_OUT)[drawn]
    since, fixed = times >= pd.Timestamp(ONSET), (times >= pd.Timestamp(DEPLOYED)) & ~without
    share = np.where(fixed, repaired, np.where(since, FAULTY, POETRY))
    shelf = np.where(rng.random((lists, 4)) < share[:, None], "poetry", "novels")
    shown = pd.DataFrame(
        {
            "seen_at": np.repeat(times, 4),
            "list": np.repeat(np.arange(lists), 4),
            "book": "b1",
            "reader": np.repeat(who[drawn], 4),
            "shelf": shelf.ravel(),
        }
    )
    lent = rng.random(lists) < 0.3 * np.where(fixed, 1 + lift, 1.0)
    chosen = shown.iloc[::4][lent].rename(columns={"seen_at": "lent_at"})
    shown.to_parquet(folder / "lists.parquet", index=False)
    chosen.to_parquet(folder / "loans.parquet", index=False)
    tables = {
        name: Table(name=name, path=str(folder / f"{name}.parquet"), time=time, item="book", member="reader")
        for name, time in (("lists", "seen_at"), ("loans", "lent_at"))
    }
    check = Check(name="by_shelf", kind="slice_volume", table="lists", dimensions=("shelf",), history=4 * DAY)
    exposure = Exposure(shown="lists", chosen="loans", request="list")
    return Recommender(name="library", tables=tables, exposure=exposure, checks={"by_shelf": check})


def measured(log: Engine, incident: Incident, recommender: Recommender) -> c.RecordWorth:
    """What the obligation comes to once it is due, a day after the deployment."""
    at = DEPLOYED + DAY
    (obligation,) = (one for one in due(incident, at) if one.kind == WORTH)
    (said,) = settle(Work(log, incident, obligation, at), recommender)
    assert isinstance(said, c.RecordWorth)
    return said


def test_what_it_repairs_and_what_everybody_gains_today_is_measured_and_reported(
    log: Engine, deployed: Callable[..., Incident], tmp_path: Path
) -> None:
    incident = deployed()
    shop = library(tmp_path, salt_of(log, incident), lift=0.5)
    said = measured(log, incident, shop)
    repaired, gained = said.repaired, said.gained
    assert repaired.value is not None, repaired.basis
    assert repaired.low is not None
    assert repaired.high is not None
    assert 0.3 < repaired.low < 1.0 < repaired.high < 2.0
    assert "without it" in repaired.basis
    assert gained.value is not None, gained.basis
    assert gained.low is not None
    assert gained.low > 0
    assert gained.unit == "loans a day"
    handle(incident.stream, said, actor=WORKER, key="w", at=DEPLOYED + DAY, log=log)
    after = card(log, incident.stream)
    (one,) = in_force([after], DEPLOYED + DAY)
    assert one.worth is not None
    assert one.worth.repaired == repaired
    assert "today, against members held out" in str(home_of([one], 1, lambda path: path))
    assert "Today, against members held out: repairs" in str(section_of(after))


def test_where_the_cause_is_gone_it_is_worth_nothing_any_more(
    log: Engine, deployed: Callable[..., Incident], tmp_path: Path
) -> None:
    incident = deployed()
    said = measured(log, incident, library(tmp_path, salt_of(log, incident), repaired=FAULTY))
    assert said.repaired.low is not None
    assert said.repaired.high is not None
    assert said.repaired.low < 0 < said.repaired.high
    assert said.gained.low is not None
    assert said.gained.high is not None
    assert said.gained.low < 0 < said.gained.high


def test_with_too_few_held_out_or_nobody_named_it_is_said_and_the_day_after_it_is_looked_at_again(
    log: Engine, deployed: Callable[..., Incident], tmp_path: Path
) -> None:
    incident = deployed()
    shop = library(tmp_path, salt_of(log, incident), members=200)
    said = measured(log, incident, shop)
    assert said.repaired.value is None
    assert "members held out, of 199; 30 are needed" in said.repaired.basis
    tables = {name: one.model_copy(update={"member": None}) for name, one in shop.tables.items()}
    unnamed = measured(log, incident, shop.model_copy(update={"tables": tables}))
    assert 'does not say whose row it is; add member = "…"' in unnamed.repaired.basis
    assert unnamed.gained.value is None
    handle(incident.stream, said, actor=WORKER, key="w", at=DEPLOYED + DAY, log=log)
    assert [one.since for one in scheduled(card(log, incident.stream)) if one.kind == WORTH] == [
        DEPLOYED + 2 * DAY
    ]


def test_the_first_look_comes_after_six_hours_and_none_where_nobody_is_held_out_or_it_is_reverted(
    log: Engine, deployed: Callable[..., Incident]
) -> None:
    incident = deployed()

    def kinds(one: Incident, at: datetime) -> set[str]:
        return {obligation.kind for obligation in due(one, at)}

    assert WORTH not in kinds(incident, DEPLOYED + 5 * HOUR)
    assert WORTH in kinds(incident, DEPLOYED + 6 * HOUR)
    handle(incident.stream, c.RevertHotfix(option="fill"), actor=ON_CALL, key="r", log=log)
    assert WORTH not in kinds(card(log, incident.stream), DEPLOYED + 6 * HOUR)


def test_without_a_hold_out_nothing_is_compared(log: Engine, deployed: Callable[..., Incident]) -> None:
    incident = deployed(hold_out=0.0)
    assert WORTH not in {obligation.kind for obligation in due(incident, DEPLOYED + 3 * DAY)}
    (one,) = in_force([incident], DEPLOYED + DAY)
    assert (one.hold_out, one.worth) == (0.0, None)
    assert "held out" not in str(home_of([one], 1, lambda path: path))

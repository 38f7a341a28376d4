"""What everybody gained or lost under a hotfix is measured in tables, and the hour of the day is no cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation, open_obligations
from domain.incident.outcome import cost_against_promise
from domain.incident.state import Incident
from domain.recommender.exposure import Exposure
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Estimate, Option
from tests.workers.conftest import make_finding, make_option
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.respond.resolve.cost import settle
from workers.store import cards

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALARM = datetime(2026, 5, 12, 18, tzinfo=UTC)
DEPLOYED, VERDICT = ALARM + 2 * HOUR, ALARM + 5 * HOUR
ON_CALL = Actor(kind="person", id="terminal:on-call")
PROMISED = Estimate(value=-10, low=-150, high=130, unit="borrowings a day", basis="replay")


def borrowed(at: datetime, harm: float) -> float:
    """Of a library's recommendations: twice as many in the evening; less by `harm` under the hotfix."""
    evening = 0.4 if at.hour >= 20 else 0.2
    return evening * (1 - harm if DEPLOYED <= at < VERDICT else 1.0)


@pytest.fixture
def library(tmp_path: Path) -> Callable[..., Recommender]:
    """Lists shown and books borrowed, at 400 lists an hour over so many days up to the verdict."""

    def made(days: int = 10, harm: float = 0.0) -> Recommender:
        rng = np.random.default_rng(11)
        first = VERDICT - days * DAY
        minutes = np.arange(0, days * 24 * 60, 0.15)
        times = pd.to_datetime(first) + pd.to_timedelta(minutes, unit="min")
        shown = pd.DataFrame({"seen_at": times, "list": np.arange(len(times)), "book": "b1"})
        chances = np.array([borrowed(at, harm) for at in times.floor("h")])
        chosen = shown[rng.random(len(shown)) < chances]
        shown.to_parquet(tmp_path / "lists.parquet", index=False)
        chosen.rename(columns={"seen_at": "lent_at"}).to_parquet(tmp_path / "loans.parquet", index=False)
        tables = {
            "lists": Table(name="lists", path=str(tmp_path / "lists.parquet"), time="seen_at", item="book"),
            "loans": Table(name="loans", path=str(tmp_path / "loans.parquet"), time="lent_at", item="book"),
        }
        exposure = Exposure(shown="lists", chosen="loans", request="list")
        return Recommender(name="library", tables=tables, exposure=exposure)

    return made


@pytest.fixture
def deployed(log: Engine) -> Callable[[], Incident]:
    """An incident whose hotfix was in force from `DEPLOYED` on, and verified at `VERDICT`."""

    def happened() -> Incident:
        offered: tuple[Option, ...] = (make_option(whole=PROMISED),)
        steps: tuple[tuple[c.Command, datetime], ...] = (
            (c.OpenIncident(number=0, finding=make_finding()), ALARM),
            (c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), ALARM),
            (c.PrepareMenu(options=offered), ALARM),
            (c.ChooseHotfix(option="fill", menu=digest_of(offered)), DEPLOYED),
            (c.RecordHotfixApplied(option="fill", receipt="done"), DEPLOYED),
            (
                c.VerifyHotfix(option="fill", observed=1, expected=1, repaired_share=0.9, low=0.8, high=1.0),
                VERDICT,
            ),
        )
        stream = None
        for number, (step, at) in enumerate(steps):
            stream = handle(stream, step, actor=ON_CALL, key=f"k{number}", at=at, log=log).stream
        assert stream is not None
        return _card(log, stream)

    return happened


def _card(log: Engine, stream: str) -> Incident:
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def measured(log: Engine, incident: Incident, recommender: Recommender) -> c.RecordCost:
    (obligation,) = (one for one in open_obligations(incident) if one.kind == "cost")
    (said,) = settle(Work(log, incident, obligation, VERDICT), recommender)
    assert isinstance(said, c.RecordCost)
    return said


def test_an_evening_in_which_more_is_borrowed_anyway_is_no_gain(
    log: Engine, library: Callable[..., Recommender], deployed: Callable[[], Incident]
) -> None:
    cost = measured(log, deployed(), library()).cost
    assert cost.unit == "borrowings a day"
    assert cost.value is not None
    assert cost.low is not None
    assert cost.high is not None
    assert cost.low < 0 < cost.high
    assert abs(cost.value) < 300  # of some 2,500 a day


def test_what_everybody_loses_under_it_is_reported_as_worse_than_promised(
    log: Engine, library: Callable[..., Recommender], deployed: Callable[[], Incident]
) -> None:
    incident = deployed()
    said = measured(log, incident, library(harm=0.4))
    assert said.cost.high is not None
    assert said.cost.high < 0
    handle(incident.stream, said, actor=ON_CALL, key="cost", at=VERDICT, log=log)
    after = _card(log, incident.stream)
    assert "cost" not in {one.kind for one in open_obligations(after)}
    assert after.hotfix is not None
    assert cost_against_promise(after.hotfix).endswith("worse than promised")
    assert after.outcomes[0].cost == said.cost


def test_with_two_earlier_days_it_is_said_that_nobody_knows(
    log: Engine, library: Callable[..., Recommender], deployed: Callable[[], Incident]
) -> None:
    cost = measured(log, deployed(), library(days=3)).cost
    assert cost.value is None
    assert "2 earlier days" in cost.basis


def test_without_a_table_of_choices_the_reason_is_said(
    log: Engine, library: Callable[..., Recommender], deployed: Callable[[], Incident]
) -> None:
    cost = measured(log, deployed(), library(days=3).model_copy(update={"exposure": None})).cost
    assert cost.value is None
    assert "exposure" in cost.basis


def test_nothing_is_measured_of_a_hotfix_that_was_never_deployed(
    log: Engine, library: Callable[..., Recommender], deployed: Callable[[], Incident]
) -> None:
    incident = deployed()
    never = incident.model_copy(update={"hotfix": None})
    obligation = Obligation(kind="cost", event_id="e", since=VERDICT)
    assert list(settle(Work(log, never, obligation, VERDICT), library(days=3))) == []

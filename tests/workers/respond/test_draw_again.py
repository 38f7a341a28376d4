"""An incident's metric drawn again, from a table that lost rows for a while."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.obligations import Obligation, open_obligations
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Diagnosis, Finding
from tests.workers.conftest import NOON
from tests.workers.pictures.test_metric import size
from workers.checks.run import State, run_checks
from workers.declaration.declare import load
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.respond import draw_again
from workers.store import attachments, cards
from workers.store.log.events import read_stream

FIVE = timedelta(minutes=5)
LOST_FROM, LOST_TO = NOON, NOON + timedelta(hours=5)
DECLARED = """
[recommender]
name = "kiosk"
[tables.sales]
path = "sales.parquet"
time = "sold_at"
window = "5m"
dimensions = ["town"]
[checks.sales]
kind = "slice_volume"
table = "sales"
history = "6h"
"""
BOT = Actor(kind="worker", id="worker:test")


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """Twelve hours of two towns' sales; one of them sells a fifth for five hours from noon on."""
    folder = tmp_path_factory.mktemp("kiosk")
    chance = np.random.default_rng(3)
    seconds = np.sort(chance.uniform(0, 12 * 3_600, 60_000))
    frame = pd.DataFrame({"sold_at": pd.Timestamp(NOON) - pd.Timedelta(hours=6)}, index=range(60_000))
    frame["sold_at"] += pd.to_timedelta(seconds, unit="s").floor("us")
    frame["town"] = chance.choice(["Aydos", "Beltin"], 60_000)
    lost = frame["sold_at"].between(pd.Timestamp(LOST_FROM), pd.Timestamp(LOST_TO))
    frame[~(lost & (frame["town"] == "Aydos") & (chance.random(60_000) < 0.8))].to_parquet(
        folder / "sales.parquet"
    )
    (folder / "recsysops.toml").write_text(DECLARED, encoding="utf-8")
    return load(folder, {})


@pytest.fixture(scope="module")
def finding(recommender: Recommender) -> Finding:
    state = State()
    for back in (3, 2, 1):
        at = LOST_FROM + (4 - back) * FIVE + timedelta(seconds=30)
        result = run_checks(recommender, at, state)
        state = result.state
    return next(one for one in result.findings if dict(one.slice) == {"town": "Aydos"})


def resolved(log: Engine, finding: Finding) -> Incident:
    """Opened, looked into, fixed by someone else, resolved after six hours."""
    found = Diagnosis(cause="the till", cause_kind="feed", since=LOST_FROM, picture="a1" * 32)
    steps: list[tuple[c.Command, timedelta]] = [
        (c.OpenIncident(number=0, finding=finding), 3 * FIVE),
        (c.RecordDiagnosis(diagnosis=found), 4 * FIVE),
        (c.Resolve(reason="The till counts again."), timedelta(hours=6)),
    ]
    stream: str | None = None
    for place, (command, after) in enumerate(steps):
        answer = handle(stream, command, actor=BOT, key=f"draw-{place}", at=LOST_FROM + after, log=log)
        stream = answer.stream
    with log.connect() as connection:
        incident = cards.find(connection, str(stream))
    assert incident is not None
    return incident


def test_the_picture_of_an_incident_that_is_over_shows_loss_and_recovery(
    log: Engine, recommender: Recommender, finding: Finding
) -> None:
    incident = resolved(log, finding)
    (obligation,) = (one for one in open_obligations(incident) if one.kind == "draw")
    work = Work(log, incident, obligation, LOST_TO + timedelta(hours=1))
    (command,) = draw_again.settle(work, recommender)
    assert isinstance(command, c.RecordPicture)
    assert command.picture is not None
    kept = attachments.find(log, command.picture)
    with log.connect() as connection:
        moments = draw_again.moments_of(read_stream(connection, incident.stream))
    assert kept is not None
    assert size(kept[0])[0] == 1_400
    assert [word for _at, word in moments] == ["alarm", "resolved"]


def test_what_is_expected_is_not_learned_from_the_incident(
    recommender: Recommender, finding: Finding
) -> None:
    series = draw_again.series_of(recommender, finding, LOST_FROM, LOST_TO + timedelta(minutes=30))
    assert series is not None
    starts = series["window_start"]
    during = series[(starts >= LOST_FROM + FIVE) & (starts < LOST_TO - FIVE)]
    over = series[starts >= LOST_TO + FIVE]
    assert starts.iloc[0] <= LOST_FROM - 15 * FIVE
    assert len(during) > 50
    assert (during["observed"] < 0.5 * during["expected"]).all()
    assert (over["observed"] > 0.7 * over["expected"]).all()


def test_moments_before_the_first_window_or_long_after_the_last_are_left_out() -> None:
    series = pd.DataFrame({"window_start": [pd.Timestamp(NOON + n * FIVE) for n in range(3)]})
    minutes = {-1: "before", 0: "first", 14: "last", 19: "verdict", 21: "long after"}
    moments = [(NOON + timedelta(minutes=minute), word) for minute, word in minutes.items()]
    assert [word for _at, word in draw_again.within(series, moments)] == ["first", "last", "verdict"]


def test_of_a_check_that_is_gone_the_rows_are_drawn(recommender: Recommender, finding: Finding) -> None:
    without = recommender.model_copy(update={"checks": {}})
    series = draw_again.series_of(without, finding, LOST_FROM, LOST_FROM + timedelta(hours=1))
    assert series is not None
    assert series["observed"].sum() > 0


def test_what_has_no_number_any_more_is_said(log: Engine, recommender: Recommender, finding: Finding) -> None:
    gone = finding.model_copy(update={"table": "none", "check": "none"})
    incident = resolved(log, finding).model_copy(update={"finding": gone})
    work = Work(
        log, incident, Obligation(kind="draw", event_id=f"{incident.stream}:3", since=LOST_TO), LOST_TO
    )
    (command,) = draw_again.settle(work, recommender)
    assert isinstance(command, c.RecordPicture)
    assert command.picture is None
    assert "no number" in command.reason

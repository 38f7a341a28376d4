from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.errors import SourceError, TooFewRows
from domain.incident.commands import ScorePrediction
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding
from workers.look_ahead import LOOK_EVERY, predict_tick
from workers.store import cards

from .conftest import NOON, make_finding

LONG = 2 * LOOK_EVERY
Answers = Callable[..., None]


@pytest.fixture
def recommender() -> Recommender:
    table = Table(name="prelaunch", path="none.parquet", time="at", window=timedelta(days=1))
    check = Check(name="launches", kind="launch_forecast", table="prelaunch")
    return Recommender(name="cinema", tables={"prelaunch": table}, checks={check.name: check})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What the forecasts say, one look after another."""

    def say(*looks: Sequence[Finding] | Exception) -> None:
        left = list(looks)

        def forecast(*_: object) -> Sequence[Finding]:
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr("workers.look_ahead.forecast", forecast)
        monkeypatch.setattr("workers.look_ahead.score", lambda *_: None)

    return say


def predicted() -> Finding:
    return make_finding().model_copy(update={"check": "launches", "kind": "predicted", "subject": "film-7"})


def every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


def test_a_forecast_opens_one_incident_and_is_scored_once_its_day_is_over(
    log: Engine, recommender: Recommender, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(*[[predicted()]] * 4)
    over = iter([None, ScorePrediction(observed=31, forecast=29, low=20, high=40)])
    monkeypatch.setattr("workers.look_ahead.score", lambda *_: next(over))
    for n in range(4):
        assert predict_tick(log, recommender, NOON + n * LONG) == 1
    (incident,) = every(log)
    assert incident.kind == "predicted"
    assert incident.score is not None
    assert incident.score.came_true


def test_the_calendar_is_looked_at_when_it_is_time_and_again_at_once_after_a_failure(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers([predicted()], SourceError("the file is being written"), [predicted()])
    assert predict_tick(log, recommender, NOON) == 1
    assert predict_tick(log, recommender, NOON + LOOK_EVERY / 2) == 0
    assert predict_tick(log, recommender, NOON + LOOK_EVERY) == 0
    assert predict_tick(log, recommender, NOON + LOOK_EVERY + timedelta(seconds=1)) == 1


def test_a_calendar_that_cannot_be_read_twice_is_an_incident_until_it_can(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers(SourceError("no such file"), SourceError("no such file"), [])
    predict_tick(log, recommender, NOON)
    assert every(log) == []
    predict_tick(log, recommender, NOON + LONG)
    assert "cannot look: no such file" in every(log)[0].title
    assert every(log)[0].cleared_at is None
    predict_tick(log, recommender, NOON + 2 * LONG)
    assert every(log)[0].cleared_at is not None


def test_too_few_launches_to_learn_from_alarm_nobody(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers(TooFewRows("12 past launches"), TooFewRows("12 past launches"))
    assert predict_tick(log, recommender, NOON) == predict_tick(log, recommender, NOON + LONG) == 0
    assert every(log) == []

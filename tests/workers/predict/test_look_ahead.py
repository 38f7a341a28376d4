from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.errors import SourceError, TooFewRows
from domain.incident.commands import AnswerFollowUp, Close, Command, Dismiss, ScorePrediction
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.prediction.launch import Forecast
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Finding, Improvement
from tests.workers.conftest import NOON, make_finding
from workers.log.handle import handle
from workers.predict.look_ahead import LOOK_EVERY, prediction_run
from workers.store import cards
from workers.store.log.events import read_stream

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
        left, found = list(looks), list[Finding]()

        def forecasts(*_: object) -> tuple[Forecast, ...]:
            answer = left.pop(0)
            if isinstance(answer, Exception):
                raise answer
            found[:] = answer
            return (forecast_of(31.0) if answer else forecast_of(700.0),)

        monkeypatch.setattr("workers.predict.look_ahead.forecasts", forecasts)
        monkeypatch.setattr("workers.predict.look_ahead.missed", lambda *_: list(found))
        monkeypatch.setattr("workers.predict.look_ahead.score", lambda *_: None)

    return say


def forecast_of(value: float) -> Forecast:
    return Forecast(
        "film-7", NOON + timedelta(days=10), value, 0.7 * value, 1.4 * value, 800.0, (), (), 0.001, value
    )


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
    monkeypatch.setattr("workers.predict.look_ahead.score", lambda *_: next(over))
    for n in range(4):
        assert prediction_run(log, recommender, NOON + n * LONG) == 1
    (incident,) = every(log)
    assert incident.kind == "predicted"
    assert incident.score is not None
    assert incident.score.came_true


def test_a_forecast_that_recovers_by_itself_is_reported_and_so_is_one_that_falls_again(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers([predicted()], [], [], [predicted()], [predicted()])
    prediction_run(log, recommender, NOON)
    assert every(log)[0].cleared_at is None
    for n in (1, 2):
        prediction_run(log, recommender, NOON + n * LONG)
    (incident,) = every(log)
    assert incident.cleared_at is not None
    assert incident.status == "open"
    assert timeline_of(log, incident)[-1] == "Back to normal: 700, expected 800"
    for n in (3, 4):
        prediction_run(log, recommender, NOON + n * LONG)
    (incident,) = every(log)
    assert incident.cleared_at is None
    assert incident.findings_count == 2


def test_a_launch_that_is_put_right_closed_and_lost_again_is_a_new_incident(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers([predicted()], [predicted()], [], [predicted()], [predicted()])
    prediction_run(log, recommender, NOON)
    close(log, every(log)[0])
    prediction_run(log, recommender, NOON + LONG)
    assert len(every(log)) == 1  # what was closed as it is goes on: nothing new
    for n in (2, 3, 4):
        prediction_run(log, recommender, NOON + n * LONG)
    assert [incident.status for incident in every(log)] == ["open", "closed"]


def test_between_missed_and_recovered_nothing_is_said(
    log: Engine, recommender: Recommender, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers([predicted()], [], [predicted()])
    prediction_run(log, recommender, NOON)
    close(log, every(log)[0])
    monkeypatch.setattr("workers.predict.look_ahead.recovered", lambda _: False)
    for n in (1, 2):
        prediction_run(log, recommender, NOON + n * LONG)
    assert [incident.status for incident in every(log)] == ["closed"]


def timeline_of(log: Engine, incident: Incident) -> list[str]:
    with log.connect() as connection:
        return [entry.what for entry in timeline(read_stream(connection, incident.stream))]


def close(log: Engine, incident: Incident) -> None:
    why = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="it was tried out")
    steps: tuple[Command, ...] = (Dismiss(reason="known"), AnswerFollowUp(improvement=why), Close())
    for n, command in enumerate(steps):
        handle(
            incident.stream,
            command,
            actor=Actor(kind="person", id="terminal:on-call"),
            key=f"close-{incident.number}-{n}",
            log=log,
        )


def test_the_calendar_is_looked_at_when_it_is_time_and_again_at_once_after_a_failure(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers([predicted()], SourceError("the file is being written"), [predicted()])
    assert prediction_run(log, recommender, NOON) == 1
    assert prediction_run(log, recommender, NOON + LOOK_EVERY / 2) == 0
    assert prediction_run(log, recommender, NOON + LOOK_EVERY) == 0
    assert prediction_run(log, recommender, NOON + LOOK_EVERY + timedelta(seconds=1)) == 1


def test_a_calendar_that_cannot_be_read_twice_is_an_incident_until_it_can(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers(SourceError("no such file"), SourceError("no such file"), [])
    prediction_run(log, recommender, NOON)
    assert every(log) == []
    prediction_run(log, recommender, NOON + LONG)
    assert "cannot look: no such file" in every(log)[0].title
    assert every(log)[0].cleared_at is None
    prediction_run(log, recommender, NOON + 2 * LONG)
    assert every(log)[0].cleared_at is not None


def test_too_few_launches_to_learn_from_alarm_nobody(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    answers(TooFewRows("12 past launches"), TooFewRows("12 past launches"))
    assert prediction_run(log, recommender, NOON) == prediction_run(log, recommender, NOON + LONG) == 0
    assert every(log) == []


def test_a_calendar_on_a_schedule_is_looked_at_when_that_says_so(
    log: Engine, recommender: Recommender, answers: Answers
) -> None:
    check = recommender.checks["launches"].model_copy(update={"schedule": "0 6,18 * * *"})
    declared = recommender.model_copy(update={"checks": {"launches": check}})
    answers([predicted()], [predicted()])
    looked = [prediction_run(log, declared, NOON + timedelta(hours=hours)) for hours in (0, 3, 5.9, 6, 7)]
    assert looked == [1, 0, 0, 1, 0]

"""A cause not found yet is searched for again, without anybody asking."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.events import DiagnosisRequested
from domain.recommender.recommender import Recommender
from domain.values import Actor, Diagnosis
from workers.detect.look_again import look_again
from workers.log.handle import Answer, handle
from workers.store.log.events import read_stream

from ..conftest import NOON

MINUTE = timedelta(minutes=1)
NOTHING = Recommender(name="shop", tables={})
WORKER = Actor(kind="worker", id="worker:diagnose")


class Scene:
    """One incident that was opened at noon, and what is found out about it."""

    def __init__(self, log: Engine, stream: str, detector: Actor) -> None:
        self.log, self.stream, self.detector, self.said = log, stream, detector, 0

    def say(self, *commands: c.Command) -> None:
        for command in commands:
            self.said += 1
            handle(self.stream, command, actor=WORKER, key=f"said-{self.said}", at=NOON, log=self.log)

    def diagnosed(self, cause: str | None) -> None:
        kind = "feature" if cause else "unknown"
        found = Diagnosis.model_validate({"cause": cause, "cause_kind": kind})
        self.say(c.RecordDiagnosis(diagnosis=found), c.PrepareMenu(options=()))

    def asked(self, minutes: float) -> int:
        return look_again(self.log, NOTHING, self.detector, NOON + minutes * MINUTE)

    def requests(self) -> int:
        with self.log.connect() as connection:
            events = read_stream(connection, self.stream)
        return sum(isinstance(one.event, DiagnosisRequested) for one in events)


@pytest.fixture
def scene(log: Engine, opened: Callable[..., Answer], detector: Actor) -> Scene:
    return Scene(log, opened().stream, detector)


def test_it_is_asked_again_each_time_that_twice_as_much_is_logged_and_five_times_at_most(
    scene: Scene,
) -> None:
    scene.diagnosed(None)
    times = []
    for minutes in (0.5, 1, 1.5, 2, 3, 5, 6, 9, 15, 17, 30, 33, 60, 600):
        if scene.asked(minutes):
            times.append(minutes)
            scene.diagnosed(None)
    assert times == [1, 2, 5, 9, 17]
    assert scene.requests() == 5


def test_two_runs_that_find_it_due_ask_once(scene: Scene) -> None:
    scene.diagnosed(None)
    assert [scene.asked(1), scene.asked(1)] == [1, 0]
    scene.diagnosed(None)
    assert scene.asked(1.9) == 0


def test_a_cause_that_was_named_is_not_asked_for_again(scene: Scene) -> None:
    scene.diagnosed("language is unset")
    assert scene.asked(4) == 0


def test_while_it_is_looked_into_nobody_asks(scene: Scene) -> None:
    assert scene.asked(4) == 0


def test_what_is_over_is_not_asked_for(scene: Scene) -> None:
    scene.diagnosed(None)
    scene.say(c.ClearFinding(observed=100.0, expected=100.0, window_end=NOON + MINUTE))
    assert scene.asked(4) == 0

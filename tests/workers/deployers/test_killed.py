"""A worker killed hard between the effect and its record, or during it: done once, and recorded once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.values import Actor, Diagnosis
from tests.workers.conftest import make_option
from tests.workers.deployers import flag_server
from tests.workers.deployers import hub as hubs
from tests.workers.deployers import target as targets
from tests.workers.deployers.killed import RECORDING, recommender
from tests.workers.deployers.mlflow_server import Registry
from workers.deployers.kind import DEPLOYERS
from workers.log.handle import handle
from workers.log.obligations import settle
from workers.respond.resolve.deploy import apply, revert
from workers.store import cards
from workers.store.log.events import read_stream

Dies = str | int
WAITS_SECONDS = 30.0
"""For the lock of a worker that is dead: the database notices that its connection is gone."""


@dataclass(frozen=True)
class Place:
    """
    A target to deploy to.

    Args:
        deployer: its declaration; `environment` what that names.
        effects: the keys that acted there so far, each as often as it acted.
        in_force: the keys in force there, asked by other means than the deployer's.
    """

    deployer: dict[str, Any]
    effects: Callable[[], list[str]]
    in_force: Callable[[], list[str]]
    environment: dict[str, str]
    hotfix: str = "fill_feature"


def entries(text: str | bytes | None) -> list[str]:
    return [entry["id"] for entry in json.loads(text)["overrides"]] if text else []


def file_place(folder: Path, _stack: ExitStack, _request: pytest.FixtureRequest) -> Place:
    path = folder / "overrides.json"

    def held() -> list[str]:
        return entries(path.read_text() if path.exists() else None)

    return Place({"kind": "file", "path": str(path)}, held, held, {})


def redis_place(_folder: Path, stack: ExitStack, request: pytest.FixtureRequest) -> Place:
    url, key = request.getfixturevalue("redis_url"), f"test:overrides:{uuid.uuid4().hex}"
    client = stack.enter_context(Redis.from_url(url))
    stack.callback(client.delete, key)

    def held() -> list[str]:
        return entries(client.get(key))

    return Place({"kind": "redis", "url_env": "CACHE_URL", "key": key}, held, held, {"CACHE_URL": url})


def webhook_place(folder: Path, stack: ExitStack, _request: pytest.FixtureRequest) -> Place:
    target = stack.enter_context(targets.listening(targets.Target(folder / "journal")))
    declared = {"kind": "webhook", "url": target.url, "confirm_url": target.url, "secret_env": "HOOK_SECRET"}
    return Place(
        declared,
        lambda: [
            key for (key, action), times in target.done.items() if action == "apply" for _ in range(times)
        ],
        lambda: sorted(target.serving),
        {"HOOK_SECRET": targets.SECRET},
        "webhook",
    )


def mlflow_place(_folder: Path, _stack: ExitStack, request: pytest.FixtureRequest) -> Place:
    registry: Registry = request.getfixturevalue("registry")
    model = f"ranker {uuid.uuid4().hex[:8]}"
    registry.register(model, 3)

    def moved() -> list[str]:
        return [registry.holder(model)] if registry.alias(model) == "2" else []

    declared = {"kind": "mlflow", "url": registry.url, "model": model, "alias": "champion", "timeout": "60s"}
    return Place(declared, moved, moved, {}, "webhook")


def pull_request_place(folder: Path, stack: ExitStack, _request: pytest.FixtureRequest) -> Place:
    hub = stack.enter_context(hubs.listening(hubs.Hub(folder / "serving.git")))
    declared = {
        "kind": "pull_request",
        "url": hub.url,
        "repository": hubs.REPOSITORY,
        "token_env": "HUB_TOKEN",
    }

    def held() -> list[str]:
        return entries(hub.read("overrides.json"))

    def merged() -> list[str]:
        first = [one for one in hub.pulls if not one["head"].endswith("-revert")]
        return [
            one["body"].rpartition("Hotfix: ")[2] for one in first for _ in range(hub.merged[one["head"]])
        ]

    return Place(declared, merged, held, {"HUB_TOKEN": hubs.TOKEN})


def flag_place(folder: Path, stack: ExitStack, _request: pytest.FixtureRequest) -> Place:
    path = folder / "flags.json"
    ranker = {"state": "ENABLED", "variants": {"v7": "7", "v8": "8"}, "defaultVariant": "v8"}
    path.write_text(json.dumps({"flags": {"ranker": ranker}}))
    url = stack.enter_context(flag_server.running(path))

    def marked() -> list[str]:
        flag = json.loads(path.read_text())["flags"]["ranker"]
        return [flag["metadata"]["recsysops"]] if flag["defaultVariant"] == "v7" else []

    declared = {"kind": "flag", "path": str(path), "url": url, "flag": "ranker", "variant": "v7"}
    return Place({**declared, "timeout": "60s"}, marked, marked, {}, "webhook")


PLACES = {
    "file": file_place,
    "redis": redis_place,
    "webhook": webhook_place,
    "mlflow": mlflow_place,
    "pull_request": pull_request_place,
    "flag": flag_place,
}
AMID = {"mlflow": (3, 4), "pull_request": (5, 7, 9, 10)}
"""
After which answers, of those that take several requests, a worker dies as well: after the tag and the alias;
after the tree, the branch, the pull request and its merge.
"""

CASES = [
    *((kind, RECORDING) for kind in PLACES),
    *((kind, answers) for kind, each in AMID.items() for answers in each),
]


@pytest.fixture
def place(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    with ExitStack() as stack:
        made = PLACES[kind](tmp_path, stack, request)
        made.deployer["name"] = "there"
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


class Story:
    """An incident with a hotfix for the place approved."""

    def __init__(self, log: Engine, stream: str, on_call: Actor, place: Place) -> None:
        self._log, self._stream, self._on_call = log, stream, on_call
        self._recommender = recommender(place.deployer, place.hotfix)
        parameters = {**make_option().parameters, "kind": place.hotfix}
        option = make_option(deployer="there", parameters=parameters)
        self.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")))
        self.say(c.PrepareMenu(options=(option,)))
        self.say(c.ChooseHotfix(option="fill", menu=digest_of([option])))
        self.approval = self.incident.last_event_id

    def say(self, command: c.Command) -> None:
        handle(self._stream, command, actor=self._on_call, key=type(command).__name__, log=self._log)

    @property
    def incident(self) -> Incident:
        with self._log.connect() as connection:
            found = cards.find(connection, self._stream)
        assert found is not None
        return found

    @property
    def stage(self) -> str:
        assert self.incident.hotfix is not None
        return self.incident.hotfix.stage

    def recorded(self, name: str) -> int:
        with self._log.connect() as connection:
            return [one.event.wire_name for one in read_stream(connection, self._stream)].count(name)

    def die(self, place: Place, dies: Dies, database_url: str, root: Path) -> int:
        """Let another process do it and be killed; its exit code."""
        task = {
            "deployer": place.deployer,
            "hotfix": place.hotfix,
            "dies": dies,
            "database_url": database_url,
            "stream": self._stream,
            "event_id": self.approval,
        }
        command = [sys.executable, "-m", "tests.workers.deployers.killed"]
        around = {**os.environ, "PYTHONPATH": f"{root}:{root / 'client'}"}
        done = subprocess.run(
            command, input=json.dumps(task), text=True, cwd=root, env=around, timeout=600, check=False
        )
        return done.returncode

    def settle(self, kind: str) -> bool:
        rooms = {"apply": apply, "revert": revert}
        handlers = {kind: lambda work: rooms[kind](work, self._recommender)}
        event_id, until = self.incident.last_event_id, time.monotonic() + WAITS_SECONDS
        while not settle(self._log, handlers, kind, self._stream, event_id):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True


@pytest.mark.parametrize(("kind", "dies"), CASES)
def test_a_worker_killed_before_it_is_recorded_deploys_once_and_another_records_it_once(
    place: Place,
    dies: Dies,
    log: Engine,
    database_url: str,
    opened: Callable[..., Any],
    on_call: Actor,
    root: Path,
) -> None:
    story = Story(log, opened().stream, on_call, place)
    assert story.die(place, dies, database_url, root) == -signal.SIGKILL
    assert story.stage == "approved"
    assert place.effects() in ([[story.approval]] if dies == RECORDING else [[], [story.approval]])

    assert story.settle("apply")
    assert (story.stage, story.recorded("hotfix.applied")) == ("applied", 1)
    assert place.effects() == place.in_force() == [story.approval]

    story.say(c.RevertHotfix(option="fill"))
    assert story.settle("revert")
    assert (story.stage, place.in_force()) == ("reverted", [])


def test_each_kind_that_there_is_is_killed() -> None:
    assert set(PLACES) == set(DEPLOYERS.ours())

"""The worker, the follower and the clock as real processes, with a real broker between them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.values import Actor, Diagnosis, Improvement
from tests.workers.conftest import make_option
from workers.log.handle import Answer, handle
from workers.store import cards
from workers.store.integrity.verify import verify
from workers.store.log.checkpoint import compare, read_file
from workers.store.log.events import last_position, number, read_stream

DECLARATION = """
[recommender]
name = "cinema"
[tables.impressions]
path = "impressions.csv"
time = "at"
window = "1m"
[hotfixes.fill_language]
kind = "fill_feature"
label = "Fill language in"
does = "fills it in"
causes = ["feature"]
deployer = "overrides"
expires = "1d"
watch = "5m"
[deployers.overrides]
kind = "file"
path = "overrides.json"
[trackers.notes]
kind = "file"
path = "follow-ups.md"
every = "0s"
[witness.vault]
kind = "folder"
path = "vault"
every = "0s"
"""
WORKER = ("celery", "-A", "workers.process.app", "worker", "--concurrency", "1", "--loglevel", "ERROR")
FOLLOWER = ("workers.log.obligations",)
CLOCK = ("workers.process.schedule",)

Start = Callable[[tuple[str, ...]], subprocess.Popen[bytes]]


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path, root: Path) -> Iterator[Start]:
    (tmp_path / "impressions.csv").write_text("at,genre\n2026-03-03T12:00:00Z,Drama\n")
    (tmp_path / "recsysops.toml").write_text(DECLARATION)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BROKER_QUEUE": f"processes-{uuid.uuid4().hex}",
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
    }
    running: list[subprocess.Popen[bytes]] = []

    def launch(module: tuple[str, ...]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *module]
        running.append(subprocess.Popen(command, cwd=root, env=environment, start_new_session=True))
        return running[-1]

    yield launch
    for process in running:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a process and of its children, as when the machine's memory runs out."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)


@pytest.fixture
def approved(log: Engine, opened: Callable[..., Answer], on_call: Actor) -> str:
    stream = opened().stream
    for command in (
        c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset")),
        c.PrepareMenu(options=(make_option(),)),
        c.ChooseHotfix(option="fill", menu=digest_of([make_option()])),
    ):
        handle(stream, command, actor=on_call, key=type(command).__name__, log=log)
    return stream


def wait_for(log: Engine, stream: str, stage: str, seconds: float) -> Incident:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with log.connect() as connection:
            incident = cards.find(connection, stream)
        if incident and incident.hotfix and incident.hotfix.stage == stage:
            return incident
        time.sleep(0.1)
    raise AssertionError(f"not {stage} within {seconds} s: {incident and incident.hotfix}")


def test_a_hotfix_is_deployed_once_and_taken_back_once_while_everything_is_killed(
    log: Engine, approved: str, start: Start, tmp_path: Path, on_call: Actor
) -> None:
    # Each of the three dies at a random moment of its first second of work, and comes back.
    for module in (FOLLOWER, WORKER, CLOCK):
        process = start(module)
        time.sleep(random.uniform(0.5, 2.5))
        kill(process)
    for module in (FOLLOWER, WORKER, CLOCK):
        start(module)
    incident = wait_for(log, approved, "applied", 600)
    overrides = tmp_path / "overrides.json"
    assert len(orjson.loads(overrides.read_bytes())["overrides"]) == 1
    handle(approved, c.RevertHotfix(option="fill"), actor=on_call, key="revert", log=log)
    wait_for(log, approved, "reverted", 600)
    assert orjson.loads(overrides.read_bytes())["overrides"] == []
    with log.connect() as connection:
        names = [record.event.wire_name for record in read_stream(connection, approved)]
    assert names.count("hotfix.applied") == names.count("hotfix.reverted") == 1
    assert incident.number == 1
    assert verify(log).streams == 1


@pytest.mark.parametrize("module", [FOLLOWER, CLOCK])
def test_a_process_without_an_address_says_in_words_which_one_and_how_to_set_it(
    module: tuple[str, ...], tmp_path: Path, root: Path
) -> None:
    hidden = ("DATABASE_URL", "REDIS_URL", "BROKER_URL")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=root,
        env={**environment, "RECSYSOPS_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("No address of ")
    assert "Traceback" not in done.stderr


def test_a_witness_is_handed_checkpoints_by_the_clock_and_a_worker(
    log: Engine, approved: str, start: Start, tmp_path: Path, on_call: Actor
) -> None:
    for module in (WORKER, CLOCK):
        start(module)
    file = tmp_path / "vault" / "main.jsonl"
    for n in range(2):
        handle(approved, c.AddNote(text="more"), actor=on_call, key=f"more-{n}", log=log)
        noted = _end(log)  # the fix that was approved is at work too: the end moves on
        deadline = time.monotonic() + 90
        while not file.exists() or read_file(file)[-1].checkpoint.position < noted:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    held = read_file(file)
    assert len({one.checkpoint.position for one in held}) == len(held)
    assert compare(log, held).newest == held[-1].checkpoint.position


def test_a_follow_up_becomes_a_ticket_and_who_ticks_it_off_is_noticed(
    log: Engine, approved: str, start: Start, tmp_path: Path, on_call: Actor
) -> None:
    for module in (WORKER, CLOCK, FOLLOWER):
        start(module)

    def card() -> Incident:
        with log.connect() as connection:
            found = cards.find(connection, approved)
        assert found is not None
        return found

    def wait(until: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not until():
            assert time.monotonic() < deadline
            time.sleep(0.2)

    wait(lambda: card().hotfix and card().hotfix.stage != "approved")  # type: ignore[union-attr]
    lesson = Improvement(detect_faster="yes", diagnose_faster="no", change="check", detail="an alarm")
    ending: tuple[c.Command, ...] = (c.Resolve(reason="over"), c.AnswerFollowUp(improvement=lesson))
    for n, command in enumerate(ending):
        handle(approved, command, actor=on_call, key=f"ending-{n}", log=log)
    wait(lambda: card().ticket and card().ticket.is_open)  # type: ignore[union-attr]
    file = tmp_path / "follow-ups.md"
    file.write_text(file.read_text().replace("- [ ] To do: check: an alarm.", "- [x] done"))
    wait(lambda: card().follow_up_ended_at)
    assert verify(log).streams == 1


def _end(log: Engine) -> int:
    number(log)
    with log.connect() as connection:
        return last_position(connection)

"""`recsysops up` as started in a terminal, with its own servers, and what happens to it there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.bot.conftest import free_port
from tests.bot.test_supervise import alive
from tests.bot.workspace.driver import Driver
from workers import embedded
from workers.store.connection import driver_address

PATIENCE_SECONDS = 240.0
DECLARED = """
[recommender]
name = "small"
[tables.impressions]
path = "impressions.csv"
time = "at"
window = "1m"
[routes]
default = "#recsysops"
[permissions]
respond = ["oncall"]
"""


class Up:
    """`recsysops up` in a process, and what it said so far."""

    def __init__(self, folder: Path, root: Path, *options: str, declared: str = DECLARED) -> None:
        self.var = folder
        (folder / "impressions.csv").write_text("at,genre\n2026-03-03T12:00:00Z,Drama\n")
        (folder / "recsysops.toml").write_text(declared)
        hidden = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SLACK_APP_TOKEN")
        environment = {name: value for name, value in os.environ.items() if not name.endswith(hidden)}
        environment |= {
            "RECSYSOPS_VAR": str(folder),
            "RECSYSOPS_CONFIG": str(folder / "recsysops.toml"),
            "SLACK_BOT_TOKEN": "xoxb-nobody",
            "SLACK_SIGNING_SECRET": "nobody",
            "SLACK_BASE_URL": f"http://127.0.0.1:{free_port()}/api/",
        }
        self.port = free_port()
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli.main", "up", "--port", str(self.port), *options],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a terminal's foreground group, for Ctrl-C
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(iter(self.process.stdout.readline, ""))

    def running(self) -> dict[str, int]:
        with suppress(OSError, ValueError):
            return {k: v[0] for k, v in json.loads((self.var / "up.lock").read_text())["processes"].items()}
        return {}

    def until(self, done: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            log = self.var / "up.log"
            assert time.monotonic() < until, (self.said, log.exists() and log.read_text()[-5000:])
            time.sleep(0.05)

    def until_said(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.said))

    def until_ready(self) -> None:
        self.until_said(f"http://127.0.0.1:{self.port}")

    def servers(self) -> dict[str, psutil.Process]:
        files = {"PostgreSQL": "postgres/postmaster.pid", "Valkey": "valkey/valkey.pid"}
        return {
            name: psutil.Process(int((self.var / file).read_text().split()[0]))
            for name, file in files.items()
        }

    def family(self) -> list[psutil.Process]:
        """Everything that was started, servers and all."""
        mine = psutil.Process(self.process.pid)
        found = {*mine.children(recursive=True), *self.servers().values()}
        return [*found, *(child for one in self.servers().values() for child in one.children(recursive=True))]

    def all_gone(self, family: list[psutil.Process]) -> None:
        self.until(lambda: not [one for one in family if alive(one.pid)])


@pytest.fixture
def start(servers_folder: Path, root: Path) -> Iterator[Callable[..., Up]]:
    servers_folder.chmod(0o755)  # PostgreSQL does not run as root, and has to reach its folder
    begun: list[Up] = []

    def up(*options: str, **more: str) -> Up:
        begun.append(Up(servers_folder, root, *options, **more))
        return begun[-1]

    yield up
    for one in begun:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGTERM)
            one.process.wait(PATIENCE_SECONDS)


def test_who_dies_is_started_again_a_server_as_well_and_a_second_up_is_refused(
    start: Callable[..., Up],
) -> None:
    up = start()
    up.until_ready()

    second = start()
    assert second.process.wait(PATIENCE_SECONDS) == 2
    second.until_said(f"runs on {up.var} already (process {up.process.pid}, since ")
    assert up.process.poll() is None

    before = up.running()
    assert {"web", "worker", "looks", "clock", "follower", "announce"} == set(before)
    os.kill(before["worker"], signal.SIGKILL)
    up.until_said("worker ended (killed by SIGKILL); it is started again.")
    up.until(lambda: up.running().get("worker", before["worker"]) != before["worker"])
    assert {**up.running(), "worker": 0} == {**before, "worker": 0}

    servers, addresses = up.servers(), embedded.running(up.var)
    for name, process in servers.items():
        process.kill()
        up.until_said(f"{name} had ended; it was started again.")
        assert embedded.running(up.var) == addresses
    assert addresses is not None
    with psycopg.connect(driver_address(addresses.database_url)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    family = up.family()
    os.killpg(up.process.pid, signal.SIGINT)  # Ctrl-C, and again while it stops
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(PATIENCE_SECONDS) == 0
    up.all_gone(family)
    assert (up.var / "up.lock").read_text() == ""
    assert not (up.var / "environment.json").exists()


def test_killed_hard_nothing_of_it_is_left_and_the_next_start_says_so(start: Callable[..., Up]) -> None:
    up = start()
    up.until_ready()
    family = up.family()
    up.process.kill()
    up.process.wait(PATIENCE_SECONDS)
    up.all_gone(family)
    up.until(lambda: not (up.var / "environment.json").exists() and embedded.running(up.var) is None)

    again = start()
    again.until_said(f"(process {up.process.pid}) was killed; its processes ended with it")
    again.until_ready()
    family = again.family()
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(PATIENCE_SECONDS) == 0
    again.all_gone(family)


@pytest.mark.parametrize("options", [(), ("--socket",)], ids=["over HTTP", "over Socket Mode"])
def test_with_a_chat_of_its_own_people_meet_there_whatever_slack_the_shell_names(
    start: Callable[..., Up], options: tuple[str, ...]
) -> None:
    port = free_port()
    up = start("--chat", "--workspace-port", str(port), *options)
    up.until_said(f"http://127.0.0.1:{port}")
    assert "workspace" in up.running()
    assert ("socket" in up.running()) == bool(options)

    declare = [sys.executable, "-m", "bot.cli.main", "declare", "Danish films are gone"]
    subprocess.run(declare, env={**os.environ, "RECSYSOPS_VAR": str(up.var)}, check=True)
    with closing(Driver(f"http://127.0.0.1:{port}")) as person:
        person.wait(lambda: "Danish films are gone" in str(person.messages()), "the incident's message")
        person.command("status")
        person.wait(lambda: "Danish films are gone" in str(person.ephemerals()), "the bot's answer")


def test_what_is_wrong_with_the_declaration_is_said_and_the_rest_runs_on(start: Callable[..., Up]) -> None:
    up = start(declared=DECLARED + '[routes]\ndefault = "#again"\n')
    up.until_said("recsysops.toml: not readable as TOML")
    up.until_said("Until that is fixed nothing is checked; open incidents are announced as ever.")
    up.until_ready()

"""The supervisor of `recsysops up`, over small processes: it restarts those that end, and leaves none."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bot.up import supervise
from bot.up.supervise import CONFIGURATION, MANY_DEATHS, Programs, Supervisor
from domain.errors import ConfigurationError

PATIENCE_SECONDS = 60.0


class Run:
    """A supervisor for the block, with what it said and wrote."""

    def __init__(self, tmp_path: Path, commands: dict[str, str], **options: object) -> None:
        self.said: list[str] = []
        self.noted: dict[str, int] = {}
        self.log = tmp_path / "up.log"
        self._commands, self._options = commands, options

    async def __aenter__(self) -> Run:
        self._held = self.log.open("w", encoding="utf-8")
        first = self._options.pop("first", None)
        self.supervisor = Supervisor(
            Programs(self._commands, os.environ, first),  # type: ignore[arg-type]
            self._held,
            self.said.append,
            note=self._note,
            **self._options,  # type: ignore[arg-type]
        )
        self.ended = asyncio.create_task(self.supervisor.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.ended.done():
            self.supervisor.ask_to_stop()
            await asyncio.wait_for(self.ended, PATIENCE_SECONDS)
        self._held.close()

    def _note(self, processes: object) -> None:
        assert isinstance(processes, dict)
        self.noted = dict(processes)

    async def until(self, done: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert time.monotonic() < until, (self.said, self.log.read_text())
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


async def test_one_is_killed_the_other_goes_on_and_the_one_is_started_again_with_a_word(
    tmp_path: Path,
) -> None:
    async with Run(tmp_path, {"one": "exec sleep 600", "other": "exec sleep 600"}) as run:
        await run.until(lambda: len(run.noted) == 2)
        one, other = run.noted["one"], run.noted["other"]
        os.kill(one, signal.SIGKILL)
        await run.until(lambda: run.noted.get("one", one) != one)
        assert run.noted["other"] == other
        assert run.said == ["one ended (killed by SIGKILL); it is started again."]
        assert "up    | one ended (killed by SIGKILL)" in run.log.read_text()


async def test_who_ends_over_and_over_is_said_so_loudly_with_its_last_words_and_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.001)
    async with Run(tmp_path, {"one": "echo the disk is gone; exit 7", "other": "exec sleep 600"}) as run:
        await run.until(lambda: any("DOES NOT STAY UP" in line for line in run.said))
        assert "other" in run.noted
    assert run.said[:MANY_DEATHS] == ["one ended (exit code 7); it is started again."] * MANY_DEATHS
    assert "the others go on" in run.said[MANY_DEATHS]
    assert run.said[MANY_DEATHS].endswith("the disk is gone")


async def test_a_wrong_configuration_is_said_at_once_with_the_reason_and_ends_all(tmp_path: Path) -> None:
    commands = {"one": f"echo SLACK_BOT_TOKEN not set; exit {CONFIGURATION}", "other": "exec sleep 600"}
    async with Run(tmp_path, commands) as run:
        with pytest.raises(ConfigurationError, match=r"cannot run as it is configured\.\nSLACK_BOT_TOKEN"):
            await asyncio.wait_for(run.ended, PATIENCE_SECONDS)
    assert run.noted == {}


async def test_a_configuration_that_became_wrong_meanwhile_ends_nobody_else(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    command = f"test -e {wrong} && echo unknown key && exit {CONFIGURATION}; exec sleep 600"
    async with Run(tmp_path, {"one": command, "other": "exec sleep 600"}) as run:
        await run.until(lambda: len(run.noted) == 2)
        wrong.touch()
        os.kill(run.noted["one"], signal.SIGKILL)
        await run.until(lambda: "unknown key" in run.said)
        assert not run.ended.done()
        assert "other" in run.noted


async def test_what_comes_first_is_over_before_the_others_begin_and_they_do_not_where_it_failed(
    tmp_path: Path,
) -> None:
    done = tmp_path / "done"
    async with Run(
        tmp_path, {"one": f"test -e {done} && exec sleep 600"}, first=("first", f"touch {done}")
    ) as run:
        await run.until(lambda: "one" in run.noted)
        assert run.said == []
    async with Run(tmp_path, {"one": "exec sleep 600"}, first=("first", "echo no rows; exit 3")) as run:
        with pytest.raises(ConfigurationError, match=r"first failed \(exit code 3\).\nno rows"):
            await asyncio.wait_for(run.ended, PATIENCE_SECONDS)


async def test_one_that_does_not_want_to_end_is_ended_and_at_once_where_it_is_asked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "STOP_SECONDS", 10 * PATIENCE_SECONDS)
    async with Run(tmp_path, {"one": "trap '' TERM; sleep 600 & wait; wait; sleep 600"}) as run:
        await run.until(lambda: "one" in run.noted and len(psutil.Process(run.noted["one"]).children()) == 1)
        one = psutil.Process(run.noted["one"])
        family = [one, *one.children()]
        run.supervisor.ask_to_stop()
        await asyncio.sleep(0)
        run.supervisor.ask_to_stop()
        await asyncio.wait_for(run.ended, PATIENCE_SECONDS)
    assert not any(alive(process.pid) for process in family)


async def test_what_a_process_started_ends_with_it_before_it_is_started_again(tmp_path: Path) -> None:
    async with Run(tmp_path, {"one": "sleep 600 & sleep 600 & wait"}) as run:
        await run.until(lambda: "one" in run.noted and len(psutil.Process(run.noted["one"]).children()) == 2)
        one = run.noted["one"]
        children = psutil.Process(one).children()
        os.kill(one, signal.SIGKILL)
        await run.until(lambda: run.noted.get("one", one) != one)
        assert not any(alive(child.pid) for child in children)


async def test_a_server_that_ended_is_reported_and_where_it_answers_elsewhere_all_are_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "SERVERS_SECONDS", 0.01)
    fallen: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("Valkey",), {"REDIS_URL": "redis://elsewhere"}),
        (("PostgreSQL",), {}),
    ]
    commands = {"one": "echo at $REDIS_URL; exec sleep 600"}
    async with Run(tmp_path, commands, revive=lambda: fallen.pop() if fallen else ((), {})) as run:
        await run.until(lambda: "at redis://elsewhere" in run.log.read_text())
    assert run.said[:2] == [
        "PostgreSQL had ended; it was started again.",
        "Valkey had ended; it was started again.",
    ]


SUPERVISED = """
import asyncio, os, sys
from bot.up.supervise import Programs, Supervisor
async def main():
    note = lambda running: len(running) == 2 and print(*running.values(), flush=True)
    commands = {"one": "sleep 600 & sleep 600 & wait", "two": "exec nice -n 1 sleep 600"}
    with open(sys.argv[1], "w") as log:
        after = ("/bin/sh", "-c", f"touch {sys.argv[1]}.after")
        await Supervisor(Programs(commands, os.environ), log, print, note=note, after=after).run()
asyncio.run(main())
"""


def supervised(log: Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A supervisor in a process of its own; and all that it started, its reaper last."""
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(log)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    heads = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    until = time.monotonic() + PATIENCE_SECONDS
    while len(heads[0].children()) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    watching = [one for one in psutil.Process(process.pid).children() if "watch" in one.cmdline()]
    return process, [*heads, *heads[0].children(), *watching]


def test_killed_hard_all_that_it_started_ends_with_it_and_is_cleared_up_after(tmp_path: Path) -> None:
    process, family = supervised(tmp_path / "log")
    process.kill()
    process.wait(PATIENCE_SECONDS)
    psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    assert not any(alive(one.pid) for one in family)
    assert (tmp_path / "log.after").exists()


def test_killed_hard_together_with_its_reaper_its_processes_still_end(tmp_path: Path) -> None:
    process, family = supervised(tmp_path / "log")
    os.kill(process.pid, signal.SIGSTOP)  # else it starts another one
    family[-1].kill()
    process.kill()
    process.wait(PATIENCE_SECONDS)
    if sys.platform == "linux":  # others have no kernel that is asked for it
        psutil.wait_procs(family[:2], timeout=PATIENCE_SECONDS)
        assert not any(alive(one.pid) for one in family[:2])
    for orphan in family[:4]:  # ours to end: nobody was left to do it
        with suppress(psutil.NoSuchProcess):
            orphan.kill()


def test_a_reaper_that_was_killed_is_replaced_by_one_that_knows_all(tmp_path: Path) -> None:
    process, family = supervised(tmp_path / "log")
    family[-1].kill()
    mine = psutil.Process(process.pid)
    until = time.monotonic() + PATIENCE_SECONDS
    while not [one for one in mine.children() if one.pid != family[-1].pid and "watch" in one.cmdline()]:
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    process.wait(PATIENCE_SECONDS)
    psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    assert not any(alive(one.pid) for one in family)

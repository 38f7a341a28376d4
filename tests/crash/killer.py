"""The project's processes and servers, each killed hard at random and chosen moments, and started again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tests.workers.process.test_processes import kill

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "web": ("tests.crash.hurried", "bot.slack.app"),
    "worker": ("celery", "-A", "tests.crash.hurried", "worker", "--concurrency", "2", "--loglevel", "ERROR"),
    "follower": ("tests.crash.hurried",),
    "clock": ("workers.process.schedule",),
    "announce": ("bot.slack.announce",),
}
SHORTEST_PAUSE_SECONDS = 0.3
TEN_HOURS_SECONDS = 36_000
LAST_LINES = 250


class Killer:
    """
    Runs the processes within `with`, and kills one of them or of `servers` every now and then. After each
    their wall clocks are set: forward ten hours, back, backward ten hours, and right again.

    Args:
        servers: name → how it is killed and started again.
        kills: how many at random moments, with at most `pause_seconds` between two.

    Attributes:
        killed: how often each was killed at random moments so far.
        trouble: what went wrong with starting something again.
        clocks_set: how often the wall clocks were set.
    """

    def __init__(
        self,
        command: tuple[Path, Mapping[str, str], Path],
        servers: Mapping[str, Callable[[], None]],
        seed: int,
        kills: int,
        pause_seconds: float,
    ) -> None:
        self.killed = Counter[str]()
        self.trouble: BaseException | None = None
        self.clocks_set = 0
        self._root, self._environment, self._log = command
        self._ahead = self._log.with_name("ahead")
        self._servers = servers
        self._chance, self._kills, self._longest = random.Random(seed), kills, pause_seconds
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._locks = {name: threading.Lock() for name in (*PROCESSES, *servers)}
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._kill_now_and_then, daemon=True)

    @property
    def victims(self) -> tuple[str, ...]:
        """Who is killed at random moments."""
        return tuple(self._locks)

    @property
    def count(self) -> int:
        """How many kills at random moments there were so far."""
        return self.killed.total()

    @property
    def done(self) -> bool:
        """True where there were as many as were asked for."""
        return self.count >= self._kills

    def strike(self, name: str) -> None:
        """Kill one now, and start it again."""
        with self._locks[name]:
            if name in self._servers:
                self._servers[name]()
            elif not self._enough.is_set():
                kill(self._running[name])
                self._start(name)

    def stop_killing(self) -> None:
        """What runs now goes on running."""
        self._enough.set()
        if self._thread.is_alive():
            self._thread.join(60)

    def stacks(self) -> str:
        """Where each process stands, and what they said last: for whoever asks why nothing goes on."""
        self.stop_killing()
        alive = {name: process.poll() is None for name, process in self._running.items()}
        for name, process in self._running.items():
            if alive[name]:
                os.killpg(process.pid, signal.SIGABRT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)  # it says where it stands as it ends
        said = self._log.read_text(errors="replace").splitlines()
        return "\n".join([f"alive: {alive}", *said[-LAST_LINES:]])

    def __enter__(self) -> Killer:
        for name in PROCESSES:
            self._start(name)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_killing()
        for name, process in self._running.items():
            with self._locks[name]:
                kill(process)

    def _start(self, name: str) -> None:
        with self._log.open("ab") as log:
            log.write(f"--- {time.time():.2f} {name} starts\n".encode())
            log.flush()
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.shifted", str(self._ahead), *PROCESSES[name]],
                cwd=self._root,
                env={**self._environment, "PYTHONFAULTHANDLER": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _kill_now_and_then(self) -> None:
        order: list[str] = []
        while not self.done and not self._enough.wait(self._pause_seconds()):
            if not order:  # in turns, so that chance leaves nobody out
                order = self._chance.sample(self.victims, k=len(self.victims))
            name = order.pop()
            try:
                self.strike(name)
            except BaseException as error:
                self.trouble = error
                raise
            self.killed[name] += 1
            self._set_clocks((0, 1, 0, -1)[self.count % 4] * TEN_HOURS_SECONDS)

    def _set_clocks(self, ahead_seconds: int) -> None:
        fresh = self._ahead.with_suffix(".new")
        fresh.write_text(str(ahead_seconds))
        fresh.replace(self._ahead)
        self.clocks_set += 1

    def _pause_seconds(self) -> float:
        return self._chance.uniform(SHORTEST_PAUSE_SECONDS, self._longest)

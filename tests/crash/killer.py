"""The project's processes, each killed hard at random moments and started again at once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.workers.test_processes import kill

PROCESSES: Mapping[str, tuple[str, ...]] = {
    "web": ("bot.app",),
    "worker": ("celery", "-A", "tests.crash.hurried", "worker", "--concurrency", "2", "--loglevel", "ERROR"),
    "follower": ("tests.crash.hurried",),
    "clock": ("workers.schedule",),
    "announce": ("bot.announce",),
}
VICTIMS = ("web", "worker", "follower", "announce")
SHORTEST_SECONDS, LONGEST_SECONDS = 0.3, 2.5


class Killer:
    """
    Runs the processes within `with`, and kills one of them every now and then: `kills` times in all.

    Attributes:
        killed: how often each was killed so far.
    """

    def __init__(self, root: Path, environment: Mapping[str, str], log: Path, seed: int, kills: int) -> None:
        self.killed = Counter[str]()
        self._root, self._environment, self._log = root, environment, log
        self._chance, self._kills = random.Random(seed), kills
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._kill_now_and_then, daemon=True)

    @property
    def count(self) -> int:
        """How many kills there were so far."""
        return self.killed.total()

    def _strike(self, name: str) -> None:
        kill(self._running[name])
        self.killed[name] += 1
        self._start(name)

    def stop_killing(self) -> None:
        """What runs now goes on running."""
        self._enough.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def __enter__(self) -> Killer:
        for name in PROCESSES:
            self._start(name)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_killing()
        for process in self._running.values():
            kill(process)

    def _start(self, name: str) -> None:
        with self._log.open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *PROCESSES[name]],
                cwd=self._root,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _kill_now_and_then(self) -> None:
        order: list[str] = []
        while self.count < self._kills and not self._enough.wait(self._pause_seconds()):
            if not order:  # in turns, so that chance leaves nobody out
                order = self._chance.sample(VICTIMS, k=len(VICTIMS))
            self._strike(order.pop())

    def _pause_seconds(self) -> float:
        return self._chance.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)

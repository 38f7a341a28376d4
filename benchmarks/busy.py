"""Who kept the processor busy during a measurement: what was measured, or other work on the same machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil

IDLE = ("idle", "iowait", "guest", "guest_nice")


class Meter:
    """
    Counts from its creation.

    Args:
        folder: the stack's; servers that detached themselves are recognised because they work in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = time.perf_counter()
        self._all, self._ours = _machine_seconds(), self._our_seconds()

    def strangers(self) -> float:
        """Average number of cores that others have kept busy since then."""
        ours = sum(seconds - self._ours.get(pid, 0.0) for pid, seconds in self._our_seconds().items())
        busy = _machine_seconds() - self._all - ours
        return max(0.0, busy / (time.perf_counter() - self._begun))

    def cores(self, pid: int) -> float:
        """Average number of cores that a process of ours and its children have kept busy since then."""
        parent = psutil.Process(pid)
        family = {pid, *(child.pid for child in parent.children(recursive=True))}
        now = {one: seconds for one, seconds in self._our_seconds().items() if one in family}
        spent = sum(seconds - self._ours.get(one, 0.0) for one, seconds in now.items())
        return spent / (time.perf_counter() - self._begun)

    def _our_seconds(self) -> dict[int, float]:
        return {one.pid: _seconds(one) for one in self._ours_now()}

    def _ours_now(self) -> Iterator[psutil.Process]:
        own = psutil.Process()
        family = {own.pid, *(child.pid for child in own.children(recursive=True))}
        for process in psutil.process_iter():
            try:
                if process.pid in family or Path(process.cwd()).is_relative_to(self._folder):
                    yield process
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _machine_seconds() -> float:
    times = psutil.cpu_times()._asdict()
    return float(sum(seconds for name, seconds in times.items() if name not in IDLE))

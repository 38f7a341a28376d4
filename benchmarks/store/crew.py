"""Processes that do the same thing at the same time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from functools import lru_cache
from multiprocessing.connection import Connection as Pipe
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from benchmarks.store.contender import Contender
from benchmarks.store.facts import STREAM_EVENTS
from benchmarks.store.ours import Ours

START_SECONDS = 0.1

Result = TypeVar("Result")


class Crew:
    """`size` processes, started afresh so that they inherit no connection, and kept for the whole run."""

    def __init__(self, size: int) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._pipes: list[Pipe] = []
        self._processes = []
        for _ in range(size):
            near, far = fresh.Pipe()
            process = fresh.Process(target=_serve, args=(far,), daemon=True)
            process.start()
            self._pipes.append(near)
            self._processes.append(process)

    def __enter__(self) -> Self:
        self.all(_ready)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.join()

    def all(self, work: Callable[..., Result], *arguments: Any) -> list[Result]:
        """Calls `work` with `arguments` in all processes at once; returns each one's result."""
        return self._ask(self._pipes, work, arguments)

    def one(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What the first of them returned, while the others rest."""
        return self._ask(self._pipes[:1], work, arguments)[0]

    def start(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Let the first of them begin; `finish` waits for its result."""
        self._pipes[0].send((work, arguments))

    def finish(self) -> Any:
        """The result of the work that was started."""
        return self._answers(self._pipes[:1])[0]

    @staticmethod
    def _ask(pipes: list[Pipe], work: Callable[..., Result], arguments: tuple[Any, ...]) -> list[Result]:
        for pipe in pipes:
            pipe.send((work, arguments))
        return Crew._answers(pipes)

    @staticmethod
    def _answers(pipes: list[Pipe]) -> list[Any]:
        answers = [pipe.recv() for pipe in pipes]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers


def _serve(pipe: Pipe) -> None:
    while True:
        work, arguments = pipe.recv()
        try:
            pipe.send(work(*arguments))
        except Exception as error:  # noqa: BLE001 - sent to whoever asked
            pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _ready() -> None:
    """Answers once the process has imported everything."""


@lru_cache(maxsize=64)
def opened(kind: type[Contender], url: str) -> Contender:
    """This process's connection to a store."""
    return kind(url)


def write(kind: type[Contender], url: str, begin_at: float, seconds: float, batch: int) -> float:
    """Events appended a second, to streams of its own, starting at `begin_at` (`time.time()`)."""
    store = opened(kind, url)
    length = max(STREAM_EVENTS, batch)
    time.sleep(max(0.0, begin_at - time.time()))
    written, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        if written % length == 0:
            store.begin(f"incident-{uuid4()}")
        store.append(written % length, batch)
        written += batch
    return written / (time.perf_counter() - begun)


def fill(kind: type[Contender], url: str, streams: int) -> list[str]:
    """The names of newly written streams, each of `STREAM_EVENTS` events."""
    store, names = opened(kind, url), [f"incident-{uuid4()}" for _ in range(streams)]
    for name in names:
        store.begin(name)
        store.append(0, STREAM_EVENTS)
    return names


def settle(kind: type[Contender], url: str) -> tuple[int, float]:
    """How many events appends had left unfinished, and the seconds it took to finish them."""
    store, begun = opened(kind, url), time.perf_counter()
    return store.settle(), time.perf_counter() - begun


def replay(kind: type[Contender], url: str) -> tuple[int, float]:
    """How many events a replay read, and in how many seconds."""
    store, begun = opened(kind, url), time.perf_counter()
    return store.replay(), time.perf_counter() - begun


def load(kind: type[Contender], url: str, streams: list[str]) -> list[float]:
    """Milliseconds of loading each of these streams."""
    store, took = opened(kind, url), []
    for stream in streams:
        begun = time.perf_counter()
        found = store.load(stream)
        took.append((time.perf_counter() - begun) * 1000)
        if found < STREAM_EVENTS:
            raise RuntimeError(f"{stream} has {found} events, not {STREAM_EVENTS}")
    return took


def verify(url: str) -> tuple[int, float]:
    """How many events were verified, and in how many seconds of this process's own work."""
    store, begun = Ours(url), time.process_time()
    return store.verify(), time.process_time() - begun

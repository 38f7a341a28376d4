"""
Keeps engines that read files open from one question to the next.

Starting DuckDB takes longer than most questions to a small table, and a look asks several. Code that takes
one look after another says so with `kept_open`; within it, an engine that was released is handed to the next
user that reads the same files. One that failed, or was interrupted, is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from workers.sources.engines.engine import close, open_duckdb

Reads = tuple[str, tuple[str, ...]]
"""The folder of relative names, and the files or patterns that are read."""

_idle: ContextVar[dict[Reads, list[Any]] | None] = ContextVar("idle", default=None)


@contextmanager
def kept_open() -> Iterator[None]:
    """Keep engines open until the end of the block; if nested, until the end of the outer block."""
    if _idle.get() is not None:
        yield
        return
    idle: dict[Reads, list[Any]] = {}
    before = _idle.set(idle)
    try:
        yield
    finally:
        _idle.reset(before)
        for connections in idle.values():
            for connection in connections:
                close(connection)


def reads_of(folder: str, reads: Iterable[str]) -> Reads:
    """What an engine may read: the key by which it is handed to whoever needs exactly that."""
    return folder, tuple(sorted(set(reads)))


def take(reads: Reads) -> Any:
    """An engine that reads exactly these files: an idle one, or a new one."""
    idle = _idle.get()
    if idle and idle.get(reads):
        return idle[reads].pop()
    return open_duckdb(*reads)


def give_back(reads: Reads, connection: Any) -> None:
    """Release an engine that answered all questions put to it."""
    idle = _idle.get()
    if idle is None:
        close(connection)
    else:
        idle.setdefault(reads, []).append(connection)

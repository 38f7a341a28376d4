"""How far a long task has come, for whoever waits: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

SECONDS = 15.0

Step = Callable[[int, int], None]
"""Called with how many are done, and out of how many."""


@contextmanager
def progress(what: str, seconds: float = SECONDS) -> Iterator[Step]:
    """
    Show the progress of `what` while the block runs. On standard error: programs read standard output.

    Args:
        seconds: between two lines, when there is no terminal.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, what, seconds)
        return
    with Progress(transient=True, console=console) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, in_all: bar.update(task, completed=done, total=in_all)


def _lines(console: Console, what: str, seconds: float) -> Step:
    said_at = time.monotonic()

    def step(done: int, in_all: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= seconds:
            said_at = time.monotonic()
            console.print(f"{what}: {done:,} of {in_all:,}", highlight=False)

    return step

"""How far a long task has come, for whoever waits: a bar in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn

from bot.cli.terminal import Screen, warn

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
    screen = Screen(stderr=True)
    if not screen.is_terminal:
        yield _lines(what, seconds)
        return
    with Progress(*progress_bar(), transient=True, console=screen) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, in_all: bar.update(task, completed=done, total=in_all)


def progress_bar() -> tuple[ProgressColumn, ...]:
    """What a bar shows: what is done, and how far it is."""
    return TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()


def _lines(what: str, seconds: float) -> Step:
    said_at = time.monotonic()

    def step(done: int, in_all: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= seconds:
            said_at = time.monotonic()
            warn(f"{what}: {done:,} of {in_all:,}")

    return step

"""
The border of the terminal: whatever a command prints goes out here, and nothing in it is acted upon, neither
by the terminal nor as rich's markup.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from pydantic import BaseModel
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from domain.inert import in_json, lines

BESIDE = 3
"""Spaces around a column of a table."""

SECONDS = 15.0

Step = Callable[[int, int], None]
"""Called with how many are done, and out of how many."""


class Screen(Console):
    """Rich's console, for what is drawn: tables and progress. Only its own styles become escape sequences."""

    def __init__(self, **more: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **more)

    def render_str(self, text: str, **more: Any) -> Text:
        """Text that is measured as it will be shown."""
        return super().render_str(lines(text), **more)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever is drawn, also by a part of rich that makes its text itself."""
        for one in super().render(renderable, options):
            yield one if one.control else one._replace(text=lines(one.text))


def say(line: str) -> None:
    """Print one line, whatever is in it."""
    page(line.replace("\n", " "))


def page(text: str) -> None:
    """Print a text of several lines of ours."""
    typer.echo(lines(text))


def warn(text: str) -> None:
    """Tell the person at the terminal, and not the program that reads the output."""
    typer.echo(lines(text), err=True)


def print_json(value: object) -> None:
    """Print JSON, and nothing else, on standard output; our own values by their fields."""
    typer.echo(in_json(json.dumps(value, ensure_ascii=False, indent=2, default=_plain)))


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def end_in_json(asked: bool, value: object, code: int = 0) -> None:
    """Print an answer as JSON and end the command with this exit code, if `--json` asked for that."""
    if asked:
        print_json(value)
        raise typer.Exit(code)


def stream(exported: Iterable[bytes]) -> None:
    """Lines of JSON as they are, for a program; for eyes, without what a terminal would obey."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.writelines(exported)
        return
    for line in exported:
        typer.echo(in_json(line.decode()), nl=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """
    Print a table as wide as the terminal, or as its longest rows when there is no terminal.

    No cell is cut: what does not fit continues on the next line, and words stay whole if there is room.
    """
    screen = Screen()
    drawn = Table(title=title or None, box=box.SIMPLE, title_justify="left")
    cells_of = [list(map(lines, row)) for row in (columns, *rows)]
    longest = [max(map(_longest_line, cells)) for cells in zip(*cells_of, strict=True)]
    words = [max(map(_longest_word, cells)) for cells in zip(*cells_of, strict=True)]
    room = screen.width - 1 - BESIDE * len(columns)
    if screen.is_terminal or "COLUMNS" in os.environ:
        longest = widths_within(room, words, longest)
    else:
        screen.width = max(screen.width, screen.width - room + sum(longest))
    for name, width in zip(columns, longest, strict=True):
        drawn.add_column(name, overflow="fold", width=max(width, 1))
    for row in cells_of[1:]:
        drawn.add_row(*row)
    screen.print(drawn)


def widths_within(room: int, least: Sequence[int], longest: Sequence[int]) -> list[int]:
    """
    The width of each column: its longest line if all fit; otherwise at least its longest word, with the rest
    of the room for the columns that lack most. If not even the words fit, the widest columns give way.

    >>> widths_within(30, [4, 9, 5], [4, 9, 40])
    [4, 9, 17]
    >>> widths_within(20, [4, 9, 30], [4, 9, 40])
    [4, 8, 8]
    """
    widths = list(least)
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    while sum(widths) < room and widths != list(longest):
        lack = [most - now for most, now in zip(longest, widths, strict=True)]
        widths[lack.index(max(lack))] += 1
    return widths


def _longest_line(cell: str) -> int:
    return max(map(cell_len, cell.splitlines()), default=0)


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)


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

"""Tables for a terminal: as wide as it is, with nothing cut off."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table

from bot.cli.terminal import Screen
from domain import inert

BESIDE = 3
"""Spaces around a column."""


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """
    Print a table as wide as the terminal, or as its longest rows when there is no terminal.

    No cell is cut: what does not fit continues on the next line, and words stay whole if there is room.
    """
    screen = Screen()
    drawn = Table(title=title or None, box=box.SIMPLE, title_justify="left")
    lines = [list(map(inert.lines, row)) for row in (columns, *rows)]
    longest = [max(map(_longest_line, cells)) for cells in zip(*lines, strict=True)]
    words = [max(map(_longest_word, cells)) for cells in zip(*lines, strict=True)]
    room = screen.width - 1 - BESIDE * len(columns)
    if screen.is_terminal or "COLUMNS" in os.environ:
        longest = widths_within(room, words, longest)
    else:
        screen.width = max(screen.width, screen.width - room + sum(longest))
    for name, width in zip(columns, longest, strict=True):
        drawn.add_column(name, overflow="fold", width=max(width, 1))
    for row in lines[1:]:
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

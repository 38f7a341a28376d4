"""
The border of the terminal: whatever a command prints goes out here, and nothing in it is acted upon, neither
by the terminal nor as rich's markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from domain.inert import in_json, lines


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
    """Print JSON, and nothing else, on standard output."""
    typer.echo(in_json(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


def stream(exported: Iterable[bytes]) -> None:
    """Lines of JSON as they are, for a program; for eyes, without what a terminal would obey."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.writelines(exported)
        return
    for line in exported:
        typer.echo(in_json(line.decode()), nl=False)

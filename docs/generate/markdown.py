"""The Markdown that generated pages are made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence

NOTE = "<!-- Made by `make docs` from the code; edit that. -->"


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join((f"# {title}", NOTE, *(part.strip("\n") for part in parts if part))) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """
    >>> print(table(("key", "says"), [("`a`", "x | y")]))
    | key | says |
    |---|---|
    | `a` | x \\| y |
    """
    lines = [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "\n".join(
        [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {line} |" for line in lines)]
    )


def first_paragraph(it: object) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(it) or "").partition("\n\n")[0].split())


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"


def capital(text: str) -> str:
    """
    >>> capital("what is wrong")
    'What is wrong.'
    """
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "?", "!")) else f"{whole}."

"""TOML as text: where a key is in it, and how keys and values are written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.errors import Refused

_HEADER = re.compile(r"^\s*\[\[?([^\]]+)\]\]?")
_KEY = re.compile(r"^\s*([\w.\"'-]+)\s*=")


def line_of(text: str, key: Sequence[str]) -> int | None:
    """
    The 1-based line of the longest prefix of `key` that is written; None if no part of it is
    written. A list entry is named by its index: `("planned", "0")`.

    >>> line_of('[tables.plays]\\npath = "a"\\n', ("tables", "plays", "path"))
    2
    """
    best: tuple[int, int] | None = None
    section: tuple[str, ...] = ()
    listed: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = _parts(header[1])
            if line.lstrip().startswith("[["):
                listed[section] = listed.get(section, -1) + 1
                section = (*section, str(listed[section]))
            here = section
        elif found := _KEY.match(line):
            here = (*section, *_parts(found[1]))
        else:
            continue
        here = here[: len(key)]
        if tuple(key[: len(here)]) == here and (best is None or len(here) > best[0]):
            best = (len(here), number)
    return best[1] if best else None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def lines_of(name: str, keys: Mapping[str, Any]) -> str:
    """
    A check as it is written in a declaration.

    >>> print(lines_of("rows", {"kind": "volume", "window": "5m", "shadow": True}), end="")
    [checks.rows]
    kind = "volume"
    window = "5m"
    shadow = true
    """
    return f"[checks.{key_text(name)}]\n" + "".join(
        f"{key_text(key)} = {value_text(one)}\n" for key, one in keys.items()
    )


def key_text(name: str) -> str:
    """A key, quoted if it has to be."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def value_text(value: Any) -> str:
    """
    A value on one line.

    Raises:
        Refused: it is of a type that a declaration does not hold.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(map(value_text, value)) + "]"
        case Mapping():
            return "{" + ", ".join(f"{key_text(key)} = {value_text(one)}" for key, one in value.items()) + "}"
        case _:
            raise Refused(f"{value!r} cannot be written into a declaration by itself")

"""Where a key is in a TOML text."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

"""
How much a tired person reads: the most that a message says before its buttons.

What does not fit is one press away: in the thread, behind *Why these numbers*, in the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.messages.blocks import Block

WORDS, LINES = 120, 12
_TIME = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_WORD = re.compile(r"[^\W_]")


def text_of(blocks: Iterable[Block]) -> str:
    """The text of a message down to its general buttons, with times spelled out."""
    said: list[str] = []
    for block in blocks:
        if block["type"] == "actions":
            break
        texts = block.get("elements") or [block.get("text")]
        said += [one["text"] for one in texts if one and isinstance(one.get("text"), str)]
    return _TIME.sub(r"\1", "\n".join(said))


def words_in(text: str) -> int:
    """How many words a text has; a mark or a sign alone is none."""
    return sum(1 for one in text.split() if _WORD.search(one))


def lines_in(text: str) -> int:
    """How many lines a text has, apart from empty ones."""
    return sum(1 for line in text.splitlines() if line.strip())


def few(text: str, most: int) -> str:
    """
    At most so many words, in one line; dots show that there was more.

    >>> few("The language of 212 films is not set.", 4), few("Not set.", 4)
    ('The language of 212 …', 'Not set.')
    """
    parts, left = text.split(), most
    for at, part in enumerate(parts):
        left -= 1 if _WORD.search(part) else 0
        if left < 0:
            return " ".join([*parts[:at], "…"])
    return " ".join(parts)

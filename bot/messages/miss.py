"""Choices of items that the model had ranked low, lowest first: who, what, where, instead of what."""

from __future__ import annotations

from collections.abc import Iterable

from bot.messages import words
from bot.messages.blocks import Block, context, escape, header, section
from domain.answer import Miss
from domain.errors import Refused
from domain.values import Slice, name_slice

LISTED = 10  # in one message
NONE_KEPT = "No low-ranked choices are recorded. Checks of kind `misses` record them."


def slice_asked(pairs: Iterable[str]) -> Slice:
    """
    The slice that somebody wrote, pair by pair.

    Raises:
        Refused: one of them is not a pair.

    >>> slice_asked(["device=tv", " country = United States"])
    (('device', 'tv'), ('country', 'United States'))
    """
    return tuple(_pair(one) for one in pairs)


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name.strip():
        raise Refused(f"{text.strip()!r} is not a slice; write for instance device=tv")
    return name.strip(), value.strip()


def lowest(misses: Iterable[Miss], wanted: Slice = (), limit: int = LISTED) -> list[Miss]:
    """The `limit` lowest-ranked `misses`, each once, among those whose context includes `wanted`."""
    once = {one.key: one for one in misses if set(wanted) <= set(one.slice)}
    return sorted(once.values(), key=lambda one: (-one.surprise, one.key))[:limit]


def place(miss: Miss) -> str:
    """The position at which the model had ranked it."""
    return f"{miss.rank} of {miss.ranked}"


def instead_of(miss: Miss) -> str | None:
    """What the model had ranked first; None if unknown."""
    return next((one.title or one.item for one in miss.candidates if one.rank == 1), None)


def blocks(misses: list[Miss]) -> list[Block]:
    """For Slack: one line per choice, and why they are worth a look."""
    if not misses:
        return [section(NONE_KEPT)]
    said = context(
        "A single choice that the model did not foresee is not an error; a pattern of them is. "
        "`recsysops misses --json` has each with its candidates and features."
    )
    return [header("Choices that the model had ranked low"), *(section(_line(one)) for one in misses), said]


def _line(miss: Miss) -> str:
    chose, first = escape(miss.title or miss.item), instead_of(miss)
    instead = f", first was {escape(first)}" if first else ""
    who = " · ".join(filter(None, (escape(miss.member or ""), escape(name_slice(miss.slice)))))
    return f"*{chose}*: ranked {place(miss)}{instead}\n{words.moment(miss.at)} · {who}"

"""The scorecard in words, for whoever reads it in a channel once a week."""

from __future__ import annotations

from typing import Protocol

from bot.messages.blocks import Block, section
from bot.messages.link import Link, linked


class Scorecard(Protocol):
    """What is told of `domain.improvement.scorecard.Scorecard`."""

    @property
    def incidents(self) -> int: ...
    @property
    def predicted(self) -> int: ...
    @property
    def false_alarms(self) -> int: ...


def digest(found: Scorecard, link: Link) -> tuple[str, list[Block]]:
    """The message of a week: its text, and its blocks."""
    text = (
        f"Scorecard of the last 7 days: {found.incidents} incidents, {found.predicted} of them predicted; "
        f"{found.false_alarms} false alarms beside them."
    )
    return text, [section(f"{text} {linked('All incidents', link('/'))}")]

"""A rehearsal in words, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.messages import words
from domain.incident.events import HotfixRehearsed, Verdict

COLUMNS = ("Hotfix", "", "Promised", "Repairs")
VERDICTS: Mapping[Verdict, str] = {
    "repairs": "✓ repairs",
    "misses": "! misses its promise",
    "nothing": "✗ repairs nothing",
    "impossible": "· cannot be rehearsed",
}


def row(one: HotfixRehearsed) -> tuple[str, ...]:
    """One hotfix: the result, what was promised, what is true."""
    promised = "–" if one.promised is None else words.estimate(one.promised)
    repaired = "–" if one.repaired is None else f"{100 * one.repaired:.0f} %"
    return one.hotfix, VERDICTS[one.verdict], promised, repaired


def why(one: HotfixRehearsed) -> str:
    """The fault that was planted for it, and the result."""
    planted = f"{one.planted}: " if one.planted else ""
    return f"{one.hotfix}: {planted}{one.says}"


def useless(rehearsed: Sequence[HotfixRehearsed]) -> tuple[str, ...]:
    """The hotfixes that repair nothing."""
    return tuple(one.hotfix for one in rehearsed if one.verdict == "nothing")


def recorded(written: int | None) -> str:
    """Whether the rehearsal was recorded in the log."""
    if written is None:
        return "Not recorded."
    return "Recorded." if written else "Recorded before: the log says the same of today."

"""
Who may do what: one rule, asked at a press, at a terminal, and again before a hotfix is deployed.

Whoever is not named may not, and where nobody is named nobody may.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

STALE = timedelta(hours=1)
"""
When older than this, what is known of groups still lets people respond, but nobody change the recommender: an
hour in which the chat answered nobody, or told us to wait, is no reason to refuse whoever is on call.
"""

DANGEROUS = frozenset({"deploy", "approve", "break_glass"})
"""What changes the recommender: where it cannot be known who may, nobody may."""

Right = Literal["yes", "no", "nobody", "unknown"]
"""They may; they may not; nobody may; or it depends on groups whose members are not known well enough."""


def right(
    need: str,
    allowed: Collection[str],
    named: Collection[str | None],
    groups: Collection[str],
    *,
    fresh: bool,
) -> Right:
    """
    Whether somebody may do what needs `need`.

    Args:
        allowed: ids of people and handles of groups that are declared for it.
        named: what the declaration may call this person.
        groups: handles of the groups that they are in, as last known.
        fresh: whether that was known less than `STALE` ago.
    """
    if not allowed:
        return "nobody"
    if not set(allowed).isdisjoint(named):
        return "yes"
    if not fresh and (need in DANGEROUS or not groups):
        return "unknown"
    return "no" if set(allowed).isdisjoint(groups) else "yes"

"""What kinds of hotfix that call a recommender's own receiver by name have in common."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.values import Value


class Hook(Value):
    """`hook`: the name by which the receiver knows it; by default the hotfix's own."""

    hook: str | None = None
    """Name by which the receiver knows it; by default the hotfix's own."""


def called(hotfix: DeclaredHotfix, keys: Hook) -> str:
    """The receiver's name for it."""
    return keys.hook or hotfix.name

"""What kinds of hotfix have in common that call a recommender's own receiver by a name."""

from __future__ import annotations

from collections.abc import Iterator

from domain.answer import Advice
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.values import Value


class Hook(Value):
    """`hook`: the name by which the receiver knows it; the hotfix's own, where none is named."""

    hook: str | None = None


def called(hotfix: DeclaredHotfix, keys: Hook) -> str:
    """The receiver's name for it."""
    return keys.hook or hotfix.name


def examine(hotfix: DeclaredHotfix, _keys: Hook, recommender: Recommender) -> Iterator[Advice]:
    """A deployer that cannot call anything."""
    if recommender.deployers[hotfix.deployer].kind == "file":
        says = f'calls a hook, but deployer "{hotfix.deployer}" is a file'
        where = f"hotfixes.{hotfix.name}.deployer"
        yield Advice(level="error", where=where, says=says, mend="name a webhook deployer")

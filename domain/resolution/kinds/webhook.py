"""Whatever a recommender's own receiver does where it is called: a rollback, a failover."""

from __future__ import annotations

from collections.abc import Iterator

from domain.answer import Advice
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import Kind
from domain.resolution.replays.registry import REPLAYS
from domain.resolution.way import Unfit
from domain.values import Value


class Keys(Value):
    """`hook`: the name by which the receiver knows it; the hotfix's own, where none is named."""

    hook: str | None = None


def called(hotfix: DeclaredHotfix, keys: Keys) -> str:
    """The receiver's name for it."""
    return keys.hook or hotfix.name


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """The symptom's slice and onset, and what its replay needs to be true."""
    found = around.diagnosis
    told: dict[str, object] = {"hook": called(hotfix, keys), "slice": dict(around.slice)}
    if hotfix.replay is not None:
        more = REPLAYS[hotfix.replay.kind].given(around)
        if isinstance(more, Unfit):
            return more
        told |= more
    if found.since is not None:
        told["since"] = found.since.isoformat()
    return told


def examine(hotfix: DeclaredHotfix, _keys: Keys, recommender: Recommender) -> Iterator[Advice]:
    """A deployer that cannot call anything."""
    if recommender.deployers[hotfix.deployer].kind == "file":
        says = f'is a webhook, but deployer "{hotfix.deployer}" is a file'
        where = f"hotfixes.{hotfix.name}.deployer"
        yield Advice(level="error", where=where, says=says, mend="name a webhook deployer")


KIND = Kind(
    name="webhook",
    purpose="calls the recommender's own receiver, which does it",
    options=Keys,
    example={"hook": "catalogue_rollback"},
    given=given,
    called=called,
    examine=examine,
)

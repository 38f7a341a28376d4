"""Whatever a recommender's own receiver does where it is called: a rollback, a failover."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import Kind
from domain.resolution.replays.registry import REPLAYS
from domain.values import Value


class Keys(Value):
    """`hook`: the name by which the receiver knows it; the hotfix's own, where none is named."""

    hook: str | None = None


def called(hotfix: DeclaredHotfix, keys: Keys) -> str:
    """The receiver's name for it."""
    return keys.hook or hotfix.name


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object]:
    """The symptom's slice and onset, and what its replay needs to be true."""
    found = around.diagnosis
    told: dict[str, object] = {"hook": called(hotfix, keys), "slice": dict(around.slice)}
    if hotfix.replay is not None:
        told |= REPLAYS[hotfix.replay.kind].given(around)
    if found.since is not None:
        told["since"] = found.since.isoformat()
    return told


KIND = Kind(
    name="webhook",
    purpose="calls the recommender's own receiver, which does it",
    options=Keys,
    example={"hook": "catalogue_rollback"},
    given=given,
    called=called,
)

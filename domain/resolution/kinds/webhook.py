"""Whatever a recommender's own receiver does when it is called: a rollback, a failover."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.replays.registry import REPLAYS
from domain.resolution.way import Unfit


def given(hotfix: DeclaredHotfix, keys: Hook, around: Circumstances) -> dict[str, object] | Unfit:
    """The symptom's slice and onset, and what its replay needs to be true."""
    found = around.diagnosis
    parameters: dict[str, object] = {"hook": called(hotfix, keys), "slice": dict(around.slice)}
    if hotfix.replay is not None:
        more = REPLAYS[hotfix.replay.kind].given(around)
        if isinstance(more, Unfit):
            return more
        parameters |= more
    if found.since is not None:
        parameters["since"] = found.since.isoformat()
    return parameters


def rehearse(hotfix: DeclaredHotfix, _keys: Hook) -> Rehearsal | Unfit:
    """Rehearse it as its replay is rehearsed."""
    if hotfix.replay is None:
        return Unfit("no `replay` says what its receiver does")
    return REPLAYS[hotfix.replay.kind].rehearsal or Unfit("its replay says not how")


KIND = Kind(
    name="webhook",
    purpose="calls the recommender's own receiver, which does it",
    options=Hook,
    example={"hook": "catalogue_rollback"},
    given=given,
    called=called,
    own=True,
    rehearse=rehearse,
)

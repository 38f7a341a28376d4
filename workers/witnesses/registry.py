"""The kinds of witness: the one table."""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import ConfigurationError
from domain.recommender.keys.nearest import nearest
from domain.recommender.witness import Witness
from workers.witnesses import folder, git, slack, webhook
from workers.witnesses.kind import Keeper, Kind, Surroundings

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (folder.KIND, webhook.KIND, slack.KIND, git.KIND)}


def options_of(name: str) -> type[Witness]:
    """
    The model that a declared witness of this kind is read as.

    Raises:
        ConfigurationError: there is no such kind.
    """
    if name not in KINDS:
        raise ConfigurationError(f"{name!r} is not known; {nearest(name, KINDS)}")
    return KINDS[name].options


def open_witness(witness: Witness, around: Surroundings) -> Keeper | None:
    """
    A client for a declared witness; None if only the chat's side can reach it.

    Raises:
        WitnessError: what it needs is missing.
    """
    opened = KINDS[witness.kind].open
    return opened(witness, around) if opened else None

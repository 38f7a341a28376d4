"""What a kind of deployer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.answer import Advice
from domain.recommender.deployer import Deployer as Declared
from workers.deployers.deployer import Deployer

Environment = Mapping[str, str]
"""The variables that a declaration may name."""


@dataclass(frozen=True)
class Kind:
    """
    A kind of deployer, all that the rest needs to know of it; teams' own are registered by an entry point of
    the group `recsysops.deployers` that names such a value.

    Args:
        options: the typed keys under [deployers.NAME].
        open: a declared one to speak to. Raises ConfigurationError: what it needs is not there.
        examine: what the doctor says of a declared one; nothing where all is well. Changes nothing.
        carries: whether a hotfix of this kind can be sent there.
        needs, confirms, reverts: its row in the reference.
        in_stages: whether it can serve an option to a `share` (0–1) of members, drawn with a `salt`: both are
            among the option's parameters then. Members of a smaller share are among those of a larger one.
        renews: whether what is in force there stays so until a later end, applied again under its key.
    """

    name: str
    options: type[Declared]
    open: Callable[[Any, Environment], Deployer]
    examine: Callable[[Any, Environment], Iterator[Advice]]
    carries: Callable[[str], bool]
    needs: str
    confirms: str
    reverts: str
    in_stages: bool = False
    renews: bool = True


def unset(where: str, key: str, variable: str, environment: Environment, so: str) -> Iterator[Advice]:
    """One line where the variable that `key` names is not set; `so` is what cannot be done without it."""
    if not environment.get(variable):
        says = f"the variable {variable} is not set: {so}"
        yield Advice(level="error", where=f"{where}.{key}", says=says, fix=f"set {variable}")

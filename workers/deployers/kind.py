"""What a kind of deployer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.answer import Advice
from domain.recommender.deployer import Deployer as Declared
from domain.recommender.deployer import UnreadDeployer
from domain.recommender.hotfix import HOTFIX_GROUP
from workers.deployers.deployer import Deployer
from workers.environment.installed import Kinds, points_of_this_house

Environment = Mapping[str, str]
"""The variables that a declaration may use."""


@dataclass(frozen=True)
class Kind:
    """
    A kind of deployer: all that the rest of the program needs to know of it. Teams register their own by an
    entry point of the group `recsysops.deployers` that names such a value.

    Args:
        options: the typed keys under [deployers.NAME].
        open: a client for a declared deployer. Raises ConfigurationError: what it needs is missing.
        examine: what the doctor says about a declared one; nothing if all is well. Changes nothing.
        carries: whether a hotfix of this kind can be sent there.
        needs, confirms, reverts: its row in the reference.
        in_stages: whether it can serve an option to a `share` (0–1) of members, drawn with a `salt`; both are
            then among the option's parameters. The members of a smaller share are part of every larger one.
        renews: whether applying it again under its key keeps it in force until a later end.
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


def one_of(*hotfixes: str) -> Callable[[str], bool]:
    """Carries these of our kinds of hotfix, and a team's own, of which nothing is known here."""
    return lambda kind: (
        kind in hotfixes or kind not in {one.name for one in points_of_this_house(HOTFIX_GROUP)}
    )


DEPLOYERS = Kinds("recsysops.deployers", Kind, UnreadDeployer)

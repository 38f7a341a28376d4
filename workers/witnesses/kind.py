"""What a kind of witness is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from domain.recommender.witness import Witness
from workers.store.log.checkpoint import Checkpoint, Held


class Keeper(Protocol):
    """
    A witness that can be spoken to from here.

    Raises (both methods): WitnessError, in words without any secret.
    """

    def hand(self, checkpoint: Checkpoint) -> str:
        """
        Have it keep a checkpoint; returns a sentence for people. The same position again changes nothing, an
        earlier one than it holds is refused.
        """
        ...

    def held(self, workspace: str) -> list[Held] | None:
        """
        What it holds of a workspace, in the order in which it came; None where it cannot be read.

        Raises:
            Tampered: what it holds is no checkpoint, or not what was signed.
        """
        ...


@dataclass(frozen=True)
class Surroundings:
    """`environment`: the variables that a declaration may name; `var`: where copies may be kept."""

    environment: Mapping[str, str]
    var: Path


@dataclass(frozen=True)
class Kind:
    """
    A kind of witness: its typed `options`, and how one is opened; `open` is None where only the chat's side
    can speak to it (`bot.slack.witness`).
    """

    name: str
    options: type[Witness]
    open: Callable[[Any, Surroundings], Keeper] | None

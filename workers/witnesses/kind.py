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
    A witness that can be reached from here.

    Raises (both methods): WitnessError, with a message free of secrets.
    """

    def hand(self, checkpoint: Checkpoint) -> str:
        """
        Have it keep a checkpoint; returns a sentence for people. Repeating a position changes nothing; one
        before the last that it holds is refused.
        """
        ...

    def held(self, workspace: str) -> list[Held] | None:
        """
        What it holds of a workspace, in order of arrival; None if it cannot be read.

        Raises:
            Tampered: what it holds is not a checkpoint, or not what was signed.
        """
        ...


@dataclass(frozen=True)
class Surroundings:
    """`environment`: the variables that a declaration may use; `var`: where copies may be kept."""

    environment: Mapping[str, str]
    var: Path


@dataclass(frozen=True)
class Kind:
    """
    A kind of witness: its typed `options`, and how to open one; `open` is None if only the chat's side
    can reach it (`bot.slack.witness`).
    """

    name: str
    options: type[Witness]
    open: Callable[[Any, Surroundings], Keeper] | None

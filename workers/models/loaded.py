"""What every model file provides: scores of rows, in each arithmetic that a service may have used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import SourceError

WIDTHS = {"in 64 bits": np.float64, "in 32 bits": np.float32}
LEAST_CHANCE = 1e-9

Scores = npt.NDArray[Any]
Output = Literal["score", "chance"]


class LoadedModel(ABC):
    """
    One model, asked for scores.

    `kind` is "log_odds" if it tells two classes apart, else "number". `note` says what may be wrong with it,
    in words; empty if nothing is. `needs` are the modules that its contributions require.
    """

    kind: str = "number"
    note: str = ""
    needs: tuple[str, ...] = ()
    widths: Mapping[str, Any] = WIDTHS

    @property
    @abstractmethod
    def takes(self) -> int | None:
        """How many features it takes, if it knows."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Output, ...]:
        """What it can be asked for."""

    @abstractmethod
    def inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """Its inputs; texts as they are. None if a width makes no difference."""

    @abstractmethod
    def asked(self, what: Output, inputs: Any) -> Scores:
        """(rows,) of one of its `outputs`."""

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """(rows,) log-odds of the second class, or the predicted number. Columns are found by name."""
        inputs = self.inputs(features)
        if "score" in self.outputs:
            return np.asarray(self.asked("score", inputs), np.float64)
        chance = np.clip(np.asarray(self.asked("chance", inputs), np.float64), LEAST_CHANCE, 1 - LEAST_CHANCE)
        return np.asarray(np.log(chance) - np.log1p(-chance))

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, Scores]:
        """
        The scores in each arithmetic that a service may have computed them in: in 64 or 32 bits, as the
        model's score or as a probability, for all rows at once or request by request; only those named in
        `only`, if given.
        """
        parts = [slice(None)] if requests is None else _parts(requests)
        found = {}
        for words, width in self.widths.items():
            wanted = [name for name in self.outputs if only is None or f"{name} {words}" in only]
            inputs = self.inputs(features, width) if wanted else None
            if inputs is None:
                continue
            for name in wanted:
                rows = [self.asked(name, self.some(inputs, part)) for part in parts]
                scores = np.concatenate(rows)
                found[f"{name} {words}"] = scores if requests is None else _in_order(scores, parts)
        return found

    def some(self, inputs: Any, part: Any) -> Any:
        """The rows `part` of the inputs."""
        return inputs.iloc[part] if isinstance(inputs, pd.DataFrame) else inputs[part]


def column_of(scores: Any) -> Scores:
    """One score per row: for two classes that of the second. Raises SourceError if there are more."""
    found = np.asarray(scores)
    if found.ndim == 1:
        return found
    if found.shape[1] > 2:
        raise SourceError(f"it gives {found.shape[1]} scores a row; a ranking needs a model with one")
    return found[:, -1]


def _parts(requests: npt.NDArray[np.intp]) -> list[Any]:
    order = np.argsort(requests, kind="stable")
    edges = np.flatnonzero(np.diff(requests[order])) + 1
    return list(np.split(order, edges))


def _in_order(scores: Scores, parts: list[Any]) -> Scores:
    answer = np.empty_like(scores)
    answer[np.concatenate(parts)] = scores
    return answer

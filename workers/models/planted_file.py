"""A model with a planted fault, for rehearsals: a file that names another model and what to get wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import SourceError, sanitized
from domain.resolution.rehearsal.planted import Segment
from workers.models.loaded import LoadedModel, Output, Scores

END = ".planted"


class PlantedModel(LoadedModel):
    """Scores like another model, but `by` higher (lower if below 0) where one feature lies in the segment."""

    def __init__(self, inner: LoadedModel, segment: Segment) -> None:
        self.inner, self.segment = inner, segment
        self.kind, self.note = inner.kind, inner.note

    @property
    def takes(self) -> int | None:
        """How many features it takes, if it knows."""
        return self.inner.takes

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it can be asked for: the fault is in the score."""
        return ("score",)

    def inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """The features as they are: the inner model is asked for its own input."""
        numbers = features.select_dtypes("number").columns
        return features.astype(dict.fromkeys(numbers, np.dtype(width)))

    def asked(self, what: Output, inputs: Any) -> Scores:
        """(rows,) of its score."""
        inside = inputs[self.segment.feature].astype(np.float64).between(self.segment.low, self.segment.high)
        return np.asarray(self.inner.score(inputs) + self.segment.by * inside.to_numpy(float))


def write_planted(path: Path, model: Path, segment: Segment) -> None:
    """Write the file of `model` with this fault."""
    path.write_text(json.dumps({"model": str(model), **vars(segment)}))


def within(path: Path) -> Path | None:
    """The file of the model inside; None if there is none, which loading it will report."""
    try:
        model = Path(json.loads(path.read_text())["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if model.suffix.lower() == END else model


def load_planted(path: Path) -> PlantedModel:
    """
    Read the model in `path`.

    Raises:
        SourceError: it names no model, or the model it names cannot be read.
    """
    try:
        said = json.loads(path.read_text())
        model = Path(said.pop("model"))
        segment = Segment(**said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: names no model with a fault ({sanitized(error)})") from error
    if model.suffix.lower() == END:
        raise SourceError(f"{path}: names a model that has a fault already")
    from workers.models.files import load_model  # noqa: PLC0415 - which reads this format, too

    return PlantedModel(load_model(model), segment)

"""Reads a model from LightGBM's own text file (`Booster.save_model`): trees, and nothing executable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import SourceError, sanitized
from workers.models.loaded import LoadedModel, Output, Scores, column_of

BINARY = "binary"
BEGINS = b"tree\n"


class LightgbmModel(LoadedModel):
    """One booster: for two classes in log-odds; for anything else, including ranking, as its raw score."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        self.booster = booster
        self.widths = {"in 64 bits": np.float64}  # LightGBM takes no other
        objective = str(booster.dump_model(num_iteration=1)["objective"])
        self.kind = "log_odds" if objective.startswith(BINARY) else "number"

    @property
    def takes(self) -> int | None:
        """How many features it takes."""
        return int(self.booster.num_feature())

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it can be asked for."""
        return ("score", "chance") if self.kind == "log_odds" else ("score",)

    def inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """Numbers as they are; texts as the categories from its training, in the order of its file."""
        named = self.booster.feature_name()
        own = features[named] if set(named) <= set(features) else features
        known = self.booster.pandas_categorical or []
        texts = [name for name in own if not pd.api.types.is_numeric_dtype(own[name])]
        if len(texts) > len(known):  # a number column that is never set arrives without a type
            texts = [name for name in texts if own[name].notna().any()]
        if len(texts) != len(known):
            raise SourceError(
                f"it was trained with {len(known)} features of categories, and of those given "
                f"{len(texts)} are texts"
            )
        taken = own.astype({name: np.dtype(width) for name in own if name not in texts})
        for name, values in zip(texts, known, strict=True):
            taken[name] = pd.Categorical(own[name], categories=values)
        return taken

    def asked(self, what: Output, inputs: Any) -> Scores:
        """(rows,) of one of its outputs."""
        return column_of(self.booster.predict(inputs, raw_score=what == "score"))

    def contributions(self, rows: pd.DataFrame, background: pd.DataFrame) -> npt.NDArray[np.float64]:
        """
        (rows, features) what each feature adds to the raw score, by its trees; relative to the training data,
        not to the `background`, which cancels out in a difference of two groups.
        """
        found = np.asarray(self.booster.predict(self.inputs(rows), pred_contrib=True), np.float64)
        named = self.booster.feature_name()
        order = [named.index(name) if name in named else place for place, name in enumerate(rows)]
        return found[:, order]


def load_lightgbm(path: Path) -> LightgbmModel:
    """Read the booster in `path`. Raises SourceError if the file is not one of LightGBM's."""
    with path.open("rb") as file:
        begins = file.read(len(BEGINS)).replace(b"\r", b"")
    if not begins.startswith(BEGINS.strip()):
        raise SourceError(f"{path}: not a text file of LightGBM's; write it with Booster.save_model")
    try:
        return LightgbmModel(lightgbm.Booster(model_file=str(path)))
    except lightgbm.basic.LightGBMError as error:
        raise SourceError(
            f"{path}: could not be read ({sanitized(error)}); write it with Booster.save_model"
        ) from error

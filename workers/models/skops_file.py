"""Reads a model from a skops file, without running anything the file says, and only with known types."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from domain.diagnosis.items.attribution import by_trees
from domain.errors import SourceError, sanitized
from workers.models.loaded import LoadedModel, Output, Scores, column_of

# What trees, linear models, networks and their pipelines need beyond skops' own list. `functools.partial` is
# left out on purpose: it can hold any function.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
    }
)


class SkopsModel(LoadedModel):
    """One fitted scikit-learn estimator."""

    def __init__(self, estimator: object, note: str = "") -> None:
        self.estimator = estimator
        self.kind = "log_odds" if hasattr(estimator, "predict_proba") else "number"
        self.note = note
        self.needs = ("shap",) if by_trees(self) else ()

    @property
    def takes(self) -> int | None:
        """How many features it takes, if it knows."""
        count = getattr(self.estimator, "n_features_in_", None)
        return None if count is None else int(count)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it can be asked for."""
        if self.kind == "number":
            return ("score",)
        return ("score", "chance") if hasattr(self.estimator, "decision_function") else ("chance",)

    def inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """The estimator's inputs; texts as they are. None if a width makes no difference."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is None:
            # Row by row, as a service passes them: in column order the last bit is rounded differently.
            return np.ascontiguousarray(features.to_numpy(width))
        if missing := [name for name in names if name not in features]:
            raise SourceError(f"it takes {', '.join(missing)}, which its rows do not hold")
        own = features[list(names)]
        numbers = [name for name in own if pd.api.types.is_numeric_dtype(own[name])]
        if not numbers and width == np.float32:
            return None
        return own.astype({name: np.dtype(width) for name in numbers})

    def asked(self, what: Output, inputs: Any) -> Scores:
        """(rows,) of one of its outputs."""
        estimator: Any = self.estimator
        if what == "chance":
            return column_of(estimator.predict_proba(inputs))
        if self.kind == "number":
            return column_of(estimator.predict(inputs))
        return column_of(estimator.decision_function(inputs))


def load_skops(path: Path) -> SkopsModel:
    """
    Read the model in `path`.

    Raises:
        SourceError: not a skops file, or it holds types outside the allow-list, which are named.
    """
    try:
        strangers = sorted(set(skops.io.get_untrusted_types(file=path)) - TRUSTED)
    except MemoryError:
        raise
    except Exception as error:  # (skops passes on whatever its zip and JSON readers raise)
        raise SourceError(
            f"{path}: not a skops file ({sanitized(error)}); write it with skops.io.dump"
        ) from error
    if strangers:
        raise SourceError(
            f"{path}: holds types that are not trusted and was not opened: {', '.join(strangers)}; "
            "only scikit-learn's trees, linear models, networks and their pipelines are read"
        )
    written = ""
    try:
        estimator, written = _read(lambda: skops.io.load(path, trusted=sorted(TRUSTED)))
    except MemoryError:
        raise
    except Exception as error:  # (a file of another scikit-learn may raise anything)
        raise SourceError(
            f"{path}: could not be read ({sanitized(error)}); write it with this scikit-learn"
        ) from error
    return SkopsModel(estimator, written)


def _read(load: Callable[[], object]) -> tuple[object, str]:
    """The loaded object, and a note if another version of scikit-learn wrote it."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        estimator = load()
    for one in raised:
        if isinstance(one.message, InconsistentVersionWarning):
            warning = one.message
            return estimator, (
                f"it was written with scikit-learn {warning.original_sklearn_version} and is read with "
                f"{warning.current_sklearn_version}"
            )
    return estimator, ""

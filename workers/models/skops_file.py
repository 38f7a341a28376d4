"""A model from a skops file: read without running what the file says, and only of known types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io  # type: ignore[import-untyped,unused-ignore]

from domain.errors import SourceError

# What trees, linear models and their pipelines need beyond skops' own list. `functools.partial` is left out
# on purpose: it can hold any function.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    }
)


class SkopsModel:
    """
    One fitted scikit-learn estimator, asked for scores.

    `kind` is "log_odds" where the estimator is a classifier of two classes, else "number".
    """

    def __init__(self, estimator: object) -> None:
        self.estimator = estimator
        self.kind = "log_odds" if hasattr(estimator, "predict_proba") else "number"

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """(rows,) log-odds of the second class, or the predicted number. Columns are found by name."""
        names = getattr(self.estimator, "feature_names_in_", None)
        inputs = features[list(names)] if names is not None else features.to_numpy(float)
        estimator: Any = self.estimator
        if self.kind == "number":
            return np.asarray(estimator.predict(inputs), np.float64)
        if hasattr(estimator, "decision_function"):
            return np.asarray(estimator.decision_function(inputs), np.float64)
        chance = np.clip(np.asarray(estimator.predict_proba(inputs), np.float64)[:, -1], 1e-9, 1 - 1e-9)
        return np.asarray(np.log(chance) - np.log1p(-chance))


def load_model(path: Path) -> SkopsModel:
    """
    Read the model in `path`.

    Raises:
        SourceError: missing, not a skops file, or holding types outside the allow-list; names them.
    """
    if not path.exists():
        raise SourceError(f"{path}: there is no model file; train the model, or correct `path` of the model")
    try:
        strangers = sorted(set(skops.io.get_untrusted_types(file=path)) - TRUSTED)
    except Exception as error:  # (skops lets through whatever its zip and JSON readers raise)
        raise SourceError(f"{path}: not a skops file ({error}); write it with skops.io.dump") from error
    if strangers:
        raise SourceError(
            f"{path}: holds types that are not trusted and was not opened: {', '.join(strangers)}; "
            "only scikit-learn's trees, linear models and their pipelines are read"
        )
    try:
        return SkopsModel(skops.io.load(path, trusted=sorted(TRUSTED)))
    except Exception as error:  # (a file of another scikit-learn may raise anything)
        raise SourceError(
            f"{path}: could not be read ({type(error).__name__}: {error}); write it with this scikit-learn"
        ) from error

"""A model from a skops file: read without running what the file says, and only of known types."""

from __future__ import annotations

from pathlib import Path

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

    `kind` is "probability" where the estimator is a classifier with `predict_proba`, else "number".
    """

    def __init__(self, estimator: object) -> None:
        self.estimator = estimator
        self.kind = "probability" if hasattr(estimator, "predict_proba") else "number"

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """(rows,) probability of the last class, or the predicted number. `features` in the trained order."""
        names = getattr(self.estimator, "feature_names_in_", None)
        inputs = features[list(names)] if names is not None else features.to_numpy(float)
        if self.kind == "probability":
            return np.asarray(self.estimator.predict_proba(inputs), np.float64)[:, -1]  # type: ignore[attr-defined]
        return np.asarray(self.estimator.predict(inputs), np.float64)  # type: ignore[attr-defined]


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

"""A model from a skops file: read without running what the file says, and only of known types."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

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
WIDTHS = {"in 64 bits": np.float64, "in 32 bits": np.float32}

Scores = npt.NDArray[Any]


class SkopsModel:
    """
    One fitted scikit-learn estimator, asked for scores.

    `kind` is "log_odds" where the estimator is a classifier of two classes, else "number". `note` says what
    may be wrong with it, in words; empty where nothing is.
    """

    def __init__(self, estimator: object, note: str = "") -> None:
        self.estimator = estimator
        self.kind = "log_odds" if hasattr(estimator, "predict_proba") else "number"
        self.note = note

    @property
    def takes(self) -> int | None:
        """How many features it takes, where it knows."""
        count = getattr(self.estimator, "n_features_in_", None)
        return None if count is None else int(count)

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        """(rows,) log-odds of the second class, or the predicted number. Columns are found by name."""
        inputs = self._inputs(features)
        if self.kind == "number" or hasattr(self.estimator, "decision_function"):
            return np.asarray(self._asked("score", inputs), np.float64)
        chance = np.clip(np.asarray(self._asked("chance", inputs), np.float64), 1e-9, 1 - 1e-9)
        return np.asarray(np.log(chance) - np.log1p(-chance))

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, Scores]:
        """
        The scores in each arithmetic that a service may have computed them in: in 64 or 32 bits, as the
        model's score or as a chance, for all rows at once or for those of a request together; those named
        `only`, where it is said.
        """
        parts = [slice(None)] if requests is None else _parts(requests)
        found = {}
        for words, width in WIDTHS.items():
            wanted = [name for name in self._outputs() if only is None or f"{name} {words}" in only]
            inputs = self._inputs(features, width) if wanted else None
            if inputs is None:
                continue
            for name in wanted:
                rows = [self._asked(name, _some(inputs, part)) for part in parts]
                scores = np.concatenate(rows)
                found[f"{name} {words}"] = scores if requests is None else _in_order(scores, parts)
        return found

    def _outputs(self) -> tuple[str, ...]:
        if self.kind == "number":
            return ("score",)
        return ("score", "chance") if hasattr(self.estimator, "decision_function") else ("chance",)

    def _inputs(self, features: pd.DataFrame, width: npt.DTypeLike = np.float64) -> Any:
        """What the estimator takes; texts as they are. None where a width makes no difference."""
        names = getattr(self.estimator, "feature_names_in_", None)
        if names is None:
            return features.to_numpy(width)
        own = features[list(names)]
        numbers = [name for name in own if pd.api.types.is_numeric_dtype(own[name])]
        if not numbers and width == np.float32:
            return None
        return own.astype({name: np.dtype(width) for name in numbers})

    def _asked(self, what: str, inputs: Any) -> Scores:
        estimator: Any = self.estimator
        if what == "chance":
            return _column(estimator.predict_proba(inputs))
        if self.kind == "number":
            return _column(estimator.predict(inputs))
        return _column(estimator.decision_function(inputs))


def _column(scores: Any) -> Scores:
    """One score a row: of two classes that of the second."""
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


def _some(inputs: Any, part: Any) -> Any:
    return inputs.iloc[part] if isinstance(inputs, pd.DataFrame) else inputs[part]


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
    written = ""
    try:
        estimator, written = _read(lambda: skops.io.load(path, trusted=sorted(TRUSTED)))
    except MemoryError:
        raise
    except Exception as error:  # (a file of another scikit-learn may raise anything)
        raise SourceError(
            f"{path}: could not be read ({type(error).__name__}: {error}); write it with this scikit-learn"
        ) from error
    return SkopsModel(estimator, written)


def _read(load: Callable[[], object]) -> tuple[object, str]:
    """What is loaded, and a note where another version of scikit-learn wrote it."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        estimator = load()
    for one in raised:
        if isinstance(one.message, InconsistentVersionWarning):
            told = one.message
            return estimator, (
                f"it was written with scikit-learn {told.original_sklearn_version} and is read with "
                f"{told.current_sklearn_version}"
            )
    return estimator, ""

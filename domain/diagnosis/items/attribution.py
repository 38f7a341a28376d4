"""Which of the model's features pulled the score of the items concerned down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.inside.gradients import Network, integrated_gradients
from domain.diagnosis.replay import Scorer
from domain.errors import SourceError, TooFewRows

ROWS = 200  # explained; trees give about 240 a second
LEAST = 10
MOST_BY_ORDER = 1_000  # features, each of which asks the model twice for all rows
FEW = 3  # rows, enough to see what a pipeline makes of its columns

Floats = npt.NDArray[np.float64]


def attribute_gap(
    model: Scorer,
    concerned: pd.DataFrame,
    comparable: pd.DataFrame,
    features: Sequence[str],
    *,
    seed: int = 0,
) -> tuple[tuple[str, float], ...]:
    """
    The difference in mean score between two groups of candidates, split among the features.

    Args:
        concerned, comparable: candidates with `features`, in the model's order.

    Returns:
        (feature, contribution) in the model's unit, the most negative first; they add up to about the gap.

    Raises:
        TooFewRows: fewer than 10 candidates on a side.

    Source:
        Lundberg & Lee (2017), NeurIPS 30; for trees Lundberg et al. (2020), Nature Machine Intelligence 2.
    """
    if len(concerned) < LEAST or len(comparable) < LEAST:
        raise TooFewRows(
            f"{len(concerned)} candidates concerned and {len(comparable)} comparable: {LEAST} needed"
        )
    names = list(features)
    mine = concerned[names].sample(min(ROWS, len(concerned)), random_state=seed)
    theirs = comparable[names].sample(min(ROWS, len(comparable)), random_state=seed)
    rows = pd.concat([mine, theirs], ignore_index=True)
    values = contributions(model, rows, theirs)
    gap = values[: len(mine)].mean(axis=0) - values[len(mine) :].mean(axis=0)
    return tuple(sorted(zip(names, (float(part) for part in gap), strict=True), key=lambda pair: pair[1]))


def contributions(model: Scorer, rows: pd.DataFrame, background: pd.DataFrame) -> Floats:
    """
    What each feature adds to each row's score, against what is usual in `background`; computed by the model
    itself where it can, or where it is in another process.

    Returns:
        (rows, features) in the model's unit.

    Raises:
        SourceError: it can only be called, and takes more than 1,000 features.
    """
    own = getattr(model, "contributions", None)
    if own is not None:
        return np.asarray(own(rows, background), np.float64)
    taken_apart = _taken_apart(model, rows, background)
    return _shapley_by_order(model, rows, background) if taken_apart is None else taken_apart()


def _taken_apart(model: Scorer, rows: pd.DataFrame, background: pd.DataFrame) -> Callable[[], Floats] | None:
    """A function that takes the contributions of `rows` from the model; None where it can only be called."""
    estimator: Any = getattr(model, "estimator", None)
    if any(not pd.api.types.is_numeric_dtype(rows[name]) for name in rows):
        return None
    rows, background = rows.astype(float), background.astype(float)
    if by_trees(model):
        return lambda: _by_shap(estimator, rows)
    steps = getattr(estimator, "steps", None)
    last, before = (steps[-1][1], transform_of(estimator)) if steps else (estimator, _as_it_is)
    coefficients, network = np.ravel(getattr(last, "coef_", ())), network_of(last)
    linear = len(coefficients) == rows.shape[1]
    known = network is not None and network.known
    if not (linear or known) or not column_by_column(before, background):
        return None
    inputs, base = before(rows), before(background).mean(axis=0)
    if linear:
        return lambda: np.asarray((inputs - base) * coefficients, np.float64)
    return None if network is None else lambda: integrated_gradients(network, inputs, base)


def _by_shap(estimator: Any, rows: pd.DataFrame) -> Floats:
    import shap  # noqa: PLC0415 (seconds; few need it)

    found = shap.TreeExplainer(estimator).shap_values(rows.to_numpy(float))
    return np.asarray(found, np.float64).reshape(len(rows), rows.shape[1])


def by_trees(model: Scorer) -> bool:
    """Whether its contributions are read off its trees, for which `shap` is needed."""
    name = type(getattr(model, "estimator", None)).__name__
    return name.endswith(("GradientBoostingClassifier", "GradientBoostingRegressor"))


def _as_it_is(rows: pd.DataFrame) -> Floats:
    return rows.to_numpy(np.float64)


def transform_of(pipeline: Any) -> Callable[[pd.DataFrame], Floats]:
    """What a pipeline does before its last step."""
    if len(pipeline.steps) == 1:
        return _as_it_is
    named = hasattr(pipeline, "feature_names_in_")

    def transform(rows: pd.DataFrame) -> Floats:
        found: Any = pipeline[:-1].transform(rows if named else rows.to_numpy(np.float64))
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, np.float64)

    return transform


def column_by_column(transform: Callable[[pd.DataFrame], Floats], background: pd.DataFrame) -> bool:
    """
    Whether each column becomes one in its place: not turned round, added up, or left out.

    Half of the columns are moved at a time, so that of any two each is once moved without the other: few
    calls are enough even for ten thousand columns. They move by different steps, so that none undoes another.
    """
    few = background.iloc[:FEW]
    usual = transform(few)
    if usual.shape != few.shape:
        return False
    places = np.arange(few.shape[1])
    moved = few.fillna(0.0).to_numpy(np.float64) + 1.0 + np.sqrt(places + 2.0) % 1.0
    for bit in range((few.shape[1] - 1).bit_length()):
        for side in (0, 1):
            inside = (places >> bit) & 1 == side
            half = pd.DataFrame(np.where(inside, moved, few), index=few.index, columns=few.columns)
            if not np.array_equal(transform(half)[:, ~inside], usual[:, ~inside], equal_nan=True):
                return False
    return True


def network_of(last: Any) -> Network | None:
    """A multi-layer perceptron of scikit-learn's; with two classes its score is the last layer's sum."""
    weights = getattr(last, "coefs_", None)
    return None if weights is None else Network(weights, last.intercepts_, str(last.activation))


def _shapley_by_order(model: Scorer, rows: pd.DataFrame, background: pd.DataFrame) -> Floats:
    """For any other model: features go from the usual to the row's value, in their order and in reverse."""
    if rows.shape[1] > MOST_BY_ORDER:
        raise SourceError(
            f"it can only be called, and of {rows.shape[1]:,} features, more than {MOST_BY_ORDER:,}, each by "
            "itself takes too long"
        )
    total = np.zeros(rows.shape)
    orders = [list(rows.columns), list(rows.columns)[::-1]]
    for order in orders:
        current = pd.DataFrame({name: _usual(background[name], len(rows)) for name in rows})
        score = model.score(current)
        for name in order:
            current[name] = rows[name].to_numpy()
            after = model.score(current)
            total[:, rows.columns.get_loc(name)] += (after - score) / len(orders)
            score = after
    return total


def _usual(column: pd.Series, count: int) -> pd.Series:
    """The median of numbers, the most common of texts, for so many rows."""
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(np.full(count, column.astype(float).median()))
    common = column.mode()
    return pd.Series([common.iloc[0] if len(common) else None] * count, dtype=object)

"""
Whether the model does what its team expects of it, on logged candidates, with a counter-example where not.

One feature at a time is changed in candidates as they were logged, to values that others of them have: what
the model says about impossible items does not matter.

Source:
    Invariance and directional expectation tests: Ribeiro, Wu, Guestrin & Singh (2020), "Beyond Accuracy:
    Behavioral Testing of NLP Models with CheckList", ACL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.replay import Scorer
from domain.errors import SourceError
from domain.recommender.expectation import Expectation

ROWS = 300  # candidates that are tried
STEPS = 9  # values of a feature that are tried: quantiles of those that were logged
ROUNDING = 1e-6  # of how far the scores scatter: less is no difference

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Broken:
    """
    An expectation that does not hold for `count` of `rows` candidates; `example` is the worst of them, in
    words that begin with what was changed.
    """

    expected: Expectation
    count: int
    rows: int
    example: str


@dataclass(frozen=True)
class _Tried:
    """The worst of one change: (rows,) how far it violates the expectation, and how to word it for a row."""

    wrong: Floats
    was: Floats
    became: Floats
    said: list[str]


def broken_by(
    model: Scorer,
    candidates: pd.DataFrame,
    features: Sequence[str],
    item: str,
    expected: Expectation,
    *,
    seed: int = 0,
) -> Broken | None:
    """
    How the expectation is broken; None where it holds.

    Args:
        candidates: as they were logged, with `features` in the model's order and the column `item`.

    Raises:
        SourceError: the model cannot be asked, or the expectation is about numbers and the feature holds
            none.
    """
    rows = candidates.sample(min(ROWS, len(candidates)), random_state=seed).reset_index(drop=True)
    own = rows[list(features)]
    scores = model.score(own)
    least = ROUNDING * max(float(np.std(scores)), ROUNDING)
    tried = _tried(model, own, scores, expected, least, seed)
    wrong = np.flatnonzero(tried.wrong > least)
    if not len(wrong):
        return None
    worst = int(wrong[np.argmax(tried.wrong[wrong])])
    example = f"{tried.said[worst]} the score of {rows[item].iloc[worst]} "
    example += _moved(tried.was[worst], tried.became[worst])
    return Broken(expected, len(wrong), len(rows), example)


def _moved(was: float, became: float) -> str:
    return f"is {became:.3g}" if was == became else f"goes from {was:.3g} to {became:.3g}"


def _tried(
    model: Scorer, rows: pd.DataFrame, scores: Floats, one: Expectation, least: float, seed: int
) -> _Tried:
    if one.between is not None:
        low, high = one.between
        beyond = np.maximum(low - scores, scores - high)
        return _Tried(beyond, scores, scores, ["as it was logged,"] * len(rows))
    if one.rises_with is not None:
        return _directed(model, rows, one.rises_with, 1.0)
    if one.falls_with is not None:
        return _directed(model, rows, one.falls_with, -1.0)
    if one.swaps is not None:
        first, other = one.swaps
        turned = rows.assign(**{first: rows[other], other: rows[first]})
        said = [
            f"with `{first}` {_value(a)} and `{other}` {_value(b)} swapped,"
            for a, b in rows[[first, other]].values
        ]
        return _changed(model, turned, scores, said)
    if one.tells_unset is not None:
        return _unset(model, rows, one.tells_unset, least)
    return _ignored(model, rows, scores, one.ignores or (), seed)


def _changed(model: Scorer, changed: pd.DataFrame, scores: Floats, said: list[str]) -> _Tried:
    after = model.score(changed)
    return _Tried(np.abs(after - scores), scores, after, said)


def _ignored(model: Scorer, rows: pd.DataFrame, scores: Floats, names: Sequence[str], seed: int) -> _Tried:
    """Each row with the values that another one has there."""
    order = np.random.default_rng(seed).permutation(len(rows))
    was, now = rows[list(names)], rows[list(names)].iloc[order].reset_index(drop=True)
    said = [f"with {_pairs(names, *both)}," for both in zip(was.values, now.values, strict=True)]
    return _changed(model, rows.assign(**{name: now[name] for name in names}), scores, said)


def _numbers(rows: pd.DataFrame, name: str) -> Floats:
    """The values of a feature that are set."""
    known = rows[name].dropna()
    if not pd.api.types.is_numeric_dtype(known):
        raise SourceError(f"`{name}` holds texts, and not numbers")
    return known.to_numpy(np.float64)


def _with_each(rows: pd.DataFrame, name: str, values: Sequence[Any]) -> pd.DataFrame:
    """(values · rows,) all rows with the first value, then with the second: the model is asked once."""
    return pd.concat([rows.assign(**{name: value}) for value in values], ignore_index=True)


def _directed(model: Scorer, rows: pd.DataFrame, name: str, way: float) -> _Tried:
    """The largest step in the wrong direction between neighbouring values; none where all are the same."""
    known, none = _numbers(rows, name), np.zeros(len(rows))
    if len(np.unique(known)) < 2:
        return _Tried(none, none, none, [""] * len(rows))
    values = np.unique(np.quantile(known, np.linspace(0, 1, STEPS), method="nearest"))
    curves = model.score(_with_each(rows, name, list(values))).reshape(len(values), -1)
    against = -way * np.diff(curves, axis=0)
    place, each = against.argmax(axis=0), np.arange(len(rows))
    said = [f"with `{name}` {_value(values[at])} → {_value(values[at + 1])}" for at in place]
    return _Tried(against[place, each], curves[place, each], curves[place + 1, each], said)


def _unset(model: Scorer, rows: pd.DataFrame, name: str, least: float) -> _Tried:
    """
    Wrong where the score is the same with the feature unset and with 0, though other values change it: a
    feature that the model ignores for a row says nothing there.
    """
    known = _numbers(rows, name)
    usual = np.quantile(known, (0.1, 0.9)).tolist() if len(known) else []
    unset, *others = model.score(_with_each(rows, name, [np.nan, 0.0, *usual])).reshape(-1, len(rows))
    zero, heeded = others[0], np.ptp(others, axis=0)
    wrong = np.where((np.abs(unset - zero) <= least) & (heeded > least), heeded, 0.0)
    return _Tried(wrong, zero, unset, [f"with `{name}` not set, as with 0,"] * len(rows))


def _pairs(names: Sequence[str], was: Iterable[object], now: Iterable[object]) -> str:
    return ", ".join(
        f"`{name}` {_value(a)} → {_value(b)}" for name, a, b in zip(names, was, now, strict=True)
    )


def _value(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "not set" if np.isnan(value) else f"{value:.3g}"
    return str(value)

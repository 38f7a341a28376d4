"""
Whether the model does what its team expects of it, on logged candidates, with a counter-example where not.

One feature at a time is changed in candidates as they were logged, to values that others of them have: what
the model says of items that could not be is nobody's concern.

Source:
    Invariance and directional expectation tests: Ribeiro, Wu, Guestrin & Singh (2020), "Beyond Accuracy:
    Behavioral Testing of NLP Models with CheckList", ACL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.diagnosis.replay import Scorer
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
    """The worst of one change: (rows,) how much it is against what is expected, and how to say it of one."""

    wrong: Floats
    was: Floats
    became: Floats
    said: list[str]


def broken_of(
    model: Scorer,
    candidates: pd.DataFrame,
    features: Sequence[str],
    item: str,
    expected: Sequence[Expectation],
    *,
    seed: int = 0,
) -> tuple[Broken, ...]:
    """
    The expectations that do not hold.

    Args:
        candidates: as they were logged, with `features` in the model's order and the column `item`.

    Raises:
        SourceError: the model cannot be asked.
    """
    rows = candidates.sample(min(ROWS, len(candidates)), random_state=seed).reset_index(drop=True)
    own = rows[list(features)]
    if own.empty:
        return ()
    scores = model.score(own)
    least = ROUNDING * max(float(np.std(scores)), ROUNDING)
    found = []
    for one in expected:
        tried = _tried(model, own, scores, one, least, seed)
        wrong = np.flatnonzero(tried.wrong > least)
        if len(wrong):
            worst = int(wrong[np.argmax(tried.wrong[wrong])])
            says = f"{tried.said[worst]} the score of {rows[item].iloc[worst]} "
            says += _moved(tried.was[worst], tried.became[worst])
            found.append(Broken(one, len(wrong), len(rows), says))
    return tuple(found)


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
    other = rows[list(names)].iloc[order].reset_index(drop=True)
    said = [
        "with "
        + ", ".join(f"`{name}` {_value(a)} → {_value(b)}" for name, a, b in zip(names, was, now, strict=True))
        + ","
        for was, now in zip(rows[list(names)].values, other.values, strict=True)
    ]
    return _changed(model, rows.assign(**{name: other[name] for name in names}), scores, said)


def _directed(model: Scorer, rows: pd.DataFrame, name: str, way: float) -> _Tried:
    """The largest step against the way, between neighbouring values; none where they are all alike."""
    known = rows[name].dropna().to_numpy(np.float64)
    values = (
        np.unique(np.quantile(known, np.linspace(0, 1, STEPS), method="nearest")) if len(known) else known
    )
    if len(values) < 2:
        return _Tried(np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows)), [""] * len(rows))
    curves = np.stack([model.score(rows.assign(**{name: value})) for value in values], axis=1)
    against = -way * np.diff(curves, axis=1)
    place = against.argmax(axis=1)
    each = np.arange(len(rows))
    said = [f"with `{name}` {_value(values[at])} → {_value(values[at + 1])}" for at in place]
    return _Tried(against[each, place], curves[each, place], curves[each, place + 1], said)


def _unset(model: Scorer, rows: pd.DataFrame, name: str, least: float) -> _Tried:
    """
    Wrong where the score is the same with the feature not set and with 0, though other values make another:
    what the model never heeds for a row says nothing there.
    """
    unset, zero = (model.score(rows.assign(**{name: value})) for value in (np.nan, 0.0))
    known = rows[name].dropna().to_numpy(np.float64)
    others = (
        np.stack([zero, *(model.score(rows.assign(**{name: one})) for one in np.quantile(known, (0.1, 0.9)))])
        if len(known)
        else zero[None]
    )
    heeded = np.ptp(others, axis=0)
    same = (np.abs(unset - zero) <= least) & (heeded > least)
    return _Tried(
        np.where(same, heeded, 0.0), zero, unset, [f"with `{name}` not set, as with 0,"] * len(rows)
    )


def _value(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "not set" if np.isnan(value) else f"{value:.3g}"
    return str(value)

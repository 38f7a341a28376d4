"""How far each item's numbers are from what all its other features predict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits

from domain.prediction.neighbours import MAD_TO_SIGMA, is_numeric

Floats = npt.NDArray[np.float64]

LEAST_OTHERS = 60  # to learn from; below that what is expected is mostly chance
MOST_VALUES = 20  # of a text, the most common ones; the rest are one
FOLDS = 5


def spreads_off(mine: pd.DataFrame, others: pd.DataFrame, features: Sequence[str]) -> dict[str, float]:
    """
    Each number → how many spreads a typical one of `mine` is from what its other features predict.

    A value is compared as a normal score of its rank among others, so that neither units nor long tails
    matter; the prediction is linear in the scores of the rest. Being off to both sides counts as much as to
    one.

    Args:
        mine, others: rows with `features`; `others` are taken to be right.

    Returns:
        Median |residual| in robust spreads of the others' own, which is about 0.7 where nothing is off. Empty
        below `LEAST_OTHERS`.

    Source:
        The inverse covariance holds all regressions of one variable on the rest: Lauritzen (1996), Graphical
        Models, 5.1; shrunk as by Ledoit & Wolf (2004), J. Multivariate Analysis 88(2).
    """
    numbers = [name for name in features if is_numeric(others[name]) and others[name].notna().any()]
    if len(others) < LEAST_OTHERS or not numbers:
        return {}
    ours, theirs = _scores(mine, others, features, numbers)
    with threadpool_limits(limits=1):  # so small a matrix is inverted faster by one thread on busy cores
        found, held_out = _residuals(theirs, ours), _held_out(theirs)
    off = {}
    for place, name in enumerate(numbers):
        known, own = others[name].notna().to_numpy(bool), mine[name].notna().to_numpy(bool)
        spread = MAD_TO_SIGMA * float(np.median(np.abs(held_out[known, place])))
        if own.any() and spread > 0:
            off[name] = float(np.median(np.abs(found[own, place]))) / spread
    return off


def _held_out(rows: Floats) -> Floats:
    """(n_rows, n_columns) residuals of each row, as the other folds predict it."""
    fold = np.arange(len(rows)) % FOLDS
    found = np.empty_like(rows)
    for one in range(FOLDS):
        found[fold == one] = _residuals(rows[fold != one], rows[fold == one])
    return found


def _scores(
    mine: pd.DataFrame, others: pd.DataFrame, features: Sequence[str], numbers: Sequence[str]
) -> tuple[Floats, Floats]:
    """(n_mine, n_columns), (n_others, n_columns): numbers first, then a column per value of each text."""
    sides: tuple[list[Floats], list[Floats]] = ([], [])
    for name in numbers:
        past = others[name].to_numpy(float, na_value=np.nan)
        for side, rows in zip(sides, (mine, others), strict=True):
            side.append(_normal(rows[name].to_numpy(float, na_value=np.nan), past))
    for name in features:
        if name in numbers or others[name].isna().all():
            continue
        texts = others[name].astype("string")
        for value in texts.value_counts().index[:MOST_VALUES]:
            rate = float((texts == value).mean())
            for side, rows in zip(sides, (mine, others), strict=True):
                held = (rows[name].astype("string") == value).fillna(False).to_numpy(float)
                known = rows[name].notna().to_numpy(float)
                side.append(known * (held - rate) / max(np.sqrt(rate * (1 - rate)), 1e-9))
    return np.column_stack(sides[0]), np.column_stack(sides[1])


def _normal(values: Floats, past: Floats) -> Floats:
    """The normal score of each value's mid-rank in the past; 0 where not set."""
    known = np.sort(past[np.isfinite(past)])
    low, high = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    scores = norm.ppf(((low + high) / 2 + 0.5) / (len(known) + 1))
    return np.where(np.isfinite(values), scores, 0.0)


def _residuals(learned: Floats, rows: Floats) -> Floats:
    """(n_rows, n_columns) each column less what its regression on all others, over `learned`, gives."""
    middle = learned.mean(axis=0)
    covariance, _ = ledoit_wolf(learned - middle, assume_centered=True)
    precision = np.linalg.inv(covariance + 1e-6 * np.eye(len(covariance)))
    return np.asarray(((rows - middle) @ precision) / np.diag(precision), np.float64)

"""Comparable rows: the nearest in all features that are not themselves suspect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

MAD_TO_SIGMA = 1.4826
NUMERIC_CAP = 3.0  # spreads; anything further apart is simply "different"
NULL_DISTANCE = 0.5  # an unset value is neither near nor far


def robust_centre(values: Floats) -> tuple[float, float]:
    """
    Median and spread (1.4826 MAD; the standard deviation where more than half agree), nulls left out.

    >>> robust_centre(np.array([1.0, 2.0, 3.0, np.nan]))
    (2.0, 1.4826)
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return float("nan"), float("nan")
    middle = float(np.median(known))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(known - middle)))
    return middle, spread or float(np.std(known))


def is_numeric(column: pd.Series) -> bool:
    """Whether distances in the column are meaningful. Flags count as categories."""
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def distances(rows: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str]) -> Floats:
    """
    Mean distance per feature, each between 0 and 1.

    Args:
        rows, pool: frames that hold `features`.

    Returns:
        (rows, pool). Numbers: |difference| in the pool's spreads, capped at `NUMERIC_CAP`; others 0 or 1.

    Source:
        Gower (1971), Biometrics 27(4), with robust spreads.
    """
    total = np.zeros((len(rows), len(pool)))
    for name in features:
        total += distance(rows[name], pool[name])
    return total / max(len(features), 1)


def distance(left: pd.Series, right: pd.Series) -> Floats:
    """(left, right) how far apart the values of one feature are, 0–1; see `distances`."""
    if is_numeric(left) and is_numeric(right):
        own, other = left.to_numpy(float, na_value=np.nan), right.to_numpy(float, na_value=np.nan)
        spread = robust_centre(other)[1]
        apart = np.abs(own[:, None] - other[None, :]) / (spread if spread > 0 else 1.0)
        apart = np.minimum(apart, NUMERIC_CAP) / NUMERIC_CAP
        unknown = ~np.isfinite(own)[:, None] | ~np.isfinite(other)[None, :]
    else:
        both = pd.concat([left.astype("string"), right.astype("string")])
        codes = pd.factorize(both)[0]
        own_codes, other_codes = codes[: len(left)], codes[len(left) :]
        apart = (own_codes[:, None] != other_codes[None, :]).astype(float)
        unknown = (own_codes < 0)[:, None] | (other_codes < 0)[None, :]
    return np.where(unknown, NULL_DISTANCE, apart)


def nearest(
    rows: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str], count: int
) -> npt.NDArray[np.intp]:
    """Places in `pool` of the `count` nearest to each row, nearest first: (rows, min(count, pool))."""
    apart = distances(rows, pool, features)
    count = min(count, len(pool))
    if not count:
        return np.empty((len(rows), 0), dtype=np.intp)
    furthest = np.partition(apart, count - 1, axis=1)[:, count - 1]
    found = np.empty((len(rows), count), dtype=np.intp)
    for place, (own, limit) in enumerate(zip(apart, furthest, strict=True)):
        near = np.flatnonzero(own <= limit)
        found[place] = near[np.argsort(own[near], kind="stable")[:count]]
    return found

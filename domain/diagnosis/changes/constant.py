"""
Model features in the log that hold one value where they used to vary.

A feature of member and item (a match of tastes, say) is a different number in each row, so nobody knows what
a row should hold. That all rows hold the same can be seen anyway; what they should hold is estimated from the
rows most like them: those of the item, of the member, or of the item in that slice of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from domain.diagnosis.changes.departed import LEAST_ROWS, MOST_BEFORE, Departed
from domain.diagnosis.place import Floats, inside, place_of
from domain.diagnosis.replay import CandidateColumns

SEED = 1  # for drawing from the values before
WHOLE = 0.95  # share of a slice's rows that hold the value, from which on it is constant there


def constant(
    rows: pd.DataFrame, before: pd.DataFrame, columns: CandidateColumns, dimensions: Sequence[str]
) -> tuple[Departed, ...]:
    """
    The numeric features that are constant in a slice, or everywhere, with a value that was rare there.

    Args:
        rows, before: logged candidates since the onset and before it.
    """
    names = [name for name in columns.features if name in rows and name in before]
    numeric = [name for name in names if pd.api.types.is_numeric_dtype(rows[name])]
    return tuple(found for name in numeric for found in _feature(rows, before, columns, dimensions, name))


def _feature(
    rows: pd.DataFrame,
    before: pd.DataFrame,
    columns: CandidateColumns,
    dimensions: Sequence[str],
    name: str,
) -> Iterator[Departed]:
    counts = rows[name].value_counts()
    if counts.empty or counts.iloc[0] < LEAST_ROWS:
        return
    value = float(counts.index[0])
    hit = (rows[name] == value).fillna(value=False).to_numpy(bool)
    placed = place_of(rows, hit, dimensions)
    then = before.loc[inside(before, placed.slice), name]
    if placed.purity < WHOLE or not len(then) or float((then == value).mean()) > MOST_BEFORE:
        return
    held = hit & inside(rows, placed.slice)
    should = _estimated(rows, before, _likes(columns, dimensions, before), name)
    yield Departed(name, held, should, placed, unset=False, words=f"is {value:.3g} for all")


def _likes(columns: CandidateColumns, dimensions: Sequence[str], before: pd.DataFrame) -> list[list[str]]:
    """The sets of columns by which rows may resemble each other, the fewest columns first."""
    member = columns.member
    own = [columns.item, *([member] if member is not None and member in before else [])]
    others = [name for name in dimensions if name not in own]
    return [[name] for name in own] + [[name, other] for name in own for other in others]


def _estimated(rows: pd.DataFrame, before: pd.DataFrame, likes: Sequence[list[str]], name: str) -> Floats:
    """
    (n_rows,) the mean of the rows most like each one, by the columns that leave the least unexplained, plus
    one of the residuals, drawn at random: means alone would lie closer together than ranked values ever do,
    and few would come first.

    Source:
        Stochastic regression imputation; Little & Rubin (2002), Statistical Analysis with Missing Data, 4.3.
    """
    values = before[name].astype(float)
    usual, best, least = float(values.mean()), None, float(values.var())
    left, means = values - usual, None
    for keys in likes:
        by = values.groupby([before[key] for key in keys], observed=True)
        beside, free = values - by.transform("mean"), len(values) - by.ngroups
        size = float(beside.pow(2).sum()) / free if free > 0 else least
        if size < least:
            best, least, means = keys, size, by.mean()
            left = beside * np.sqrt(len(values) / free)
    centre = np.full(len(rows), usual)
    if best is not None and means is not None:
        index = pd.MultiIndex.from_frame(rows[best]) if len(best) > 1 else pd.Index(rows[best[0]])
        centre = means.reindex(index).fillna(usual).to_numpy(float)
    spread = left.dropna().to_numpy(float)
    drawn = np.random.default_rng(SEED).choice(spread, len(rows)) if len(spread) else 0.0
    return np.asarray(centre + drawn, np.float64)

"""Which features of a launch are out of line with those of similar launches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from domain.prediction.neighbours import distances, is_numeric, robust_centre

NEIGHBOURS = 30
SUSPECT_SPREADS = 3.5
ALWAYS_SET = 0.95  # share


def suspects_of_each(
    upcoming: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str]
) -> list[tuple[str, ...]]:
    """
    The suspect features of each row of `upcoming`.

    What sets most launches apart (how far ahead they still are) is not a fault of any single one.
    """
    every = [suspect_features(upcoming.iloc[[place]], pool, features) for place in range(len(upcoming))]
    common = _in_most(every)
    return [tuple(name for name in some if name not in common) for some in every]


def suspect_features(row: pd.DataFrame, pool: pd.DataFrame, features: Sequence[str]) -> tuple[str, ...]:
    """
    Features of one row that its neighbours in all other features do not share: unset where it is always
    set, or a number more than 3.5 spreads off.
    """
    suspects = [n for n in features if row[n].isna().all() and pool[n].notna().mean() > ALWAYS_SET]
    numbers = [name for name in features if name not in suspects and is_numeric(pool[name])]
    found = []
    for name in numbers:
        others = [other for other in features if other != name and other not in suspects]
        near = np.argsort(distances(row, pool, others)[0], kind="stable")[:NEIGHBOURS]
        middle, spread = robust_centre(pool[name].iloc[near].to_numpy(float, na_value=np.nan))
        value = float(row[name].iloc[0])
        if spread > 0 and abs(value - middle) > SUSPECT_SPREADS * spread:
            found.append(name)
    return tuple(suspects + found)


def _in_most(suspects: Sequence[tuple[str, ...]]) -> set[str]:
    names = {name for some in suspects for name in some}
    count = {name: sum(name in some for some in suspects) for name in names}
    return {name for name in names if count[name] > max(1, len(suspects) // 2)}

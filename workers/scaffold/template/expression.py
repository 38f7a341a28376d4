"""own_kind: more rows of one value of a column than there should be, for instance of one member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from domain.detection.own import WINDOW, Judgement, Options, OwnCheck, OwnExpression, Seen


class Keys(Options):
    """What is written under [checks.NAME] in addition to the keys that every check has."""

    column: str
    times: float = 3.0  # times the highest count in any past window


def ask(rows: Any, keys: Keys, _dimensions: tuple[str, ...]) -> Any:
    """An Ibis expression over the table's rows, run by the engine: one row per window."""
    each = rows.group_by(WINDOW, keys.column).aggregate(n=rows.count())
    return each.group_by(WINDOW).aggregate(most=each.n.max().cast("float64"), rows=each.n.sum())


def judge(keys: Keys, seen: Seen[pd.DataFrame]) -> Iterator[Judgement]:
    """Judge the last window by the usable ones before it."""
    most = np.zeros(seen.grid.count)
    most[seen.data[WINDOW]] = seen.data["most"]
    ever = float(most[seen.usable].max())
    yield Judgement(
        observed=float(most[-1]),
        expected=float(np.median(most[seen.usable])),
        low=0.0,
        high=keys.times * ever,
        p_value=0.0 if most[-1] > keys.times * ever else 1.0,  # a rule: chance plays no part
        subject=keys.column,
        unit=f"rows of one {keys.column}",
        says=f"{most[-1]:,.0f} rows of one {keys.column}, never more than {ever:,.0f} before",
        matters=float(most[-1]) - ever >= seen.check.least_rows,
    )


CHECK = OwnCheck(
    kind="own_kind",
    needs=OwnExpression(ask),
    judge=judge,
    options=Keys,
    columns=lambda keys: (keys.column,),
)

"""
How far exposure is concentrated on few items, whole and by slice: whether everybody is shown the same.

A model that lost a feature, a candidate source that returns nothing, a cache that is served to everybody: the
recommender falls back on its most popular items, often in one slice only, while clicks may even rise. The
number of different items also falls in a quiet hour. So the measure is how often two impressions show the
same,

    D = Σ n_i (n_i − 1) / (N (N − 1))        over the items i, shown n_i times among N impressions,

an estimate that does not depend on how many impressions there are; its inverse is the effective number of
items. It is compared with its own past as any metric by window (`series`), each slice of one dimension
separately.

Source:
    Simpson (1949), "Measurement of Diversity", Nature 163, with this unbiased estimate; the effective number
    of order 2 is that of Hill (1973), Ecology 54. In recommenders, as aggregate diversity: Adomavicius & Kwon
    (2012), IEEE TKDE 24(5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.metric import Metric
from domain.detection.data.window import WINDOW, Grid
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.judging import Again, Judging, as_it_is
from domain.detection.judge.series.anomaly_score import Way
from domain.detection.judge.series.measure_series import measure_series
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kind import Kind
from domain.detection.kinds.tables.series import judge_series
from domain.detection.needs import OwnExpression
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Options
from domain.values import Slice

LEAST_SHOWN = 50  # impressions of a slice in a window; with fewer, their coincidence is unknown
MOST_SLICES = 200  # each is a time series of its own
NAME = "how often two impressions show the same item"
PART, VALUE, SHOWN, MEETINGS = "__part", "__value", "shown", "meetings"
NOT_LOOKED_AT: tuple[Way, ...] = ("spread", "silence")


class Keys(Options):
    """What is written under [checks.NAME] besides the keys that every check has: the column with the item."""

    item: str
    """Column with the item that is shown."""


def ask(rows: Any, keys: Keys, dimensions: tuple[str, ...]) -> Any:
    """
    By window, whole and for each value of each dimension: impressions, and ordered pairs that show one item.

    Args:
        rows: the table's rows (an Ibis table) with the column `WINDOW` and the dimensions as texts.
    """
    shown = rows.filter(rows[keys.item].notnull())
    parts = [_met(shown, keys.item, place, of) for place, of in enumerate((None, *dimensions))]
    whole, *others = parts
    return whole.union(*others) if others else whole


def _met(rows: Any, item: str, place: int, of: str | None) -> Any:
    """One part: the whole table, or the values of one dimension; `PART` says which."""
    value = rows[WINDOW].cast("string") if of is None else rows[of].cast("string")
    shown = rows.select(__at=rows[WINDOW], __what=value, __item=rows[item])
    each = shown.group_by("__at", "__what", "__item").aggregate(n=shown.count())
    pairs = each["n"] * (each["n"] - 1)
    met = each.group_by("__at", "__what").aggregate(**{SHOWN: each["n"].sum(), MEETINGS: pairs.sum()})
    return met.select(
        **{
            WINDOW: met["__at"],
            PART: (met[SHOWN] * 0 + place).cast("int64"),
            VALUE: met["__what"],
            SHOWN: met[SHOWN].cast("float64"),
            MEETINGS: met[MEETINGS].cast("float64"),
        }
    )


def concentration(shown: Floats, meetings: Floats) -> Floats:
    """
    (n,) in [0, 1]: how often two impressions show the same item, from impressions and the ordered pairs of
    them that do; NaN where there are too few to say.

    >>> concentration(np.array([100.0, 100.0, 5.0]), np.array([9900.0, 99.0, 20.0])).tolist()
    [1.0, 0.01, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        index = meetings / (shown * (shown - 1))
    return np.asarray(np.where(shown >= LEAST_SHOWN, index, np.nan))


def metric_of(frame: pd.DataFrame, grid: Grid, dimensions: tuple[str, ...]) -> Metric:
    """
    The result of `ask`, as one metric by window.

    Raises:
        SourceError: more than 200 slices.
    """
    index = concentration(frame[SHOWN].to_numpy(dtype=float), frame[MEETINGS].to_numpy(dtype=float))
    held: dict[Slice, Floats] = {(): np.full(grid.count, np.nan)}
    for place, value, window, found in zip(frame[PART], frame[VALUE], frame[WINDOW], index, strict=True):
        where: Slice = () if place == 0 else ((dimensions[int(place) - 1], str(value)),)
        held.setdefault(where, np.full(grid.count, np.nan))[int(window)] = found
    if len(held) > MOST_SLICES + 1:
        few = "name fewer dimensions, or such with fewer values"
        raise SourceError(f"{len(held) - 1:,} slices, more than {MOST_SLICES}; {few}")
    slices = tuple(sorted(held))
    return Metric(grid, np.column_stack([held[where] for where in slices]), slices, np.nan)


def as_series(check: Check) -> Check:
    """The check as one of a metric by window, with the name that people read."""
    return check.model_copy(update={"measure": NAME}).with_options(aggregate="sum")


def judge(run: CheckRun, frame: pd.DataFrame, memory: CheckState) -> Verdict:
    """Whether the same items are shown more (or less) than ever, in all or in a slice. See `judge_series`."""
    metric = metric_of(frame, run.grid, run.dimensions)
    return judge_series(as_series(run.check), metric, memory, without=NOT_LOOKED_AT)


def measure(run: CheckRun, frame: pd.DataFrame, again: Again[pd.DataFrame]) -> Measurement:
    """How concentrated the finding's slice is now. See `measure_series`."""
    metric = metric_of(frame, run.grid, run.dimensions)
    return measure_series(as_series(run.check), again.finding, metric, again.past, again.start)


KIND = Kind(
    name="concentration",
    purpose="the same few items shown to everybody, in all or in a slice",
    example={"item": "item_id"},
    options=Keys,
    needs=OwnExpression(ask),
    judging=Judging(judge, measure, over="windows", narrowed=as_it_is),
    columns=lambda keys: (keys.item,),
    sliced="always",
    least_windows=8,
)

"""
An item that is shown, but not in one slice of requests: a block, a rule or a screen that leaves it out.

All rows are counted, not only requests whose candidates were logged, so an item of five in a thousand rows is
missed within minutes. How much an item is shown changes with its age and the hour; where it is shown hardly
does. So the slice's part of an item's rows is compared with that part in the past, scaled by the change in
the slice's part of all rows since: what was always shown more on one device is no fault. An item that was
shown more there, and is now shown as elsewhere, is none either.

Slices by an attribute of the item itself (its genre, its country) say nothing here and are left out.

Source:
    Observed against expected under independence: the residuals of a two-way table, Agresti (2013),
    Categorical Data Analysis, 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.tally import OTHERS, Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.proportion import Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import RowsByItem
from domain.detection.suited import Suited, shown
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from domain.values import Slice

OF_ITEMS = 0.9  # of the items have a single value of a dimension: it describes the item, not the request


def _says(_column: str, observed: float, expected: float) -> str:
    if observed <= 0:
        return "not shown there, though it is elsewhere"
    return f"shown {percent(1 - observed / expected)} less often there than usual, unlike elsewhere"


WORDS = Words(says=_says, unit=lambda _column: "times shown", way="drop", loss=True)


@dataclass(frozen=True)
class _Pairs:
    """Places in the cells: of an item in a slice of requests, of the item, and of the slice."""

    both: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    slice: npt.NDArray[np.int64]


def shown_of(tally: Tally, item: str) -> Proportions:
    """
    For each item, its rows in each slice of requests, scaled as if the slice had always been as large a part
    of all rows as in the last window. Slices without rows then say nothing.
    """
    pairs, shown = _pairs(tally, item), tally.rows
    part = shown[:, pairs.slice] / np.maximum(shown[:, [0]], 1.0)
    now = np.broadcast_to(part[-1], part.shape)
    scaled = np.divide(part, now, out=np.zeros(part.shape), where=now > 0)
    there = np.concatenate([shown[:, [0]], shown[:, pairs.both]], axis=1)[:, :, None]
    rows = np.concatenate([shown[:, [0]], shown[:, pairs.item] * scaled], axis=1)[:, :, None]
    cells = ((), *(tally.cells[at] for at in pairs.both))
    as_elsewhere = np.append(1.0, part[-1])[:, None]
    rows = np.maximum(rows, there)
    return Proportions(tally.grid, cells, tally.columns, rows, there, tally.first, most=as_elsewhere)


def _pairs(tally: Tally, item: str) -> _Pairs:
    at = {cell: place for place, cell in enumerate(tally.cells)}
    ever = tally.rows.sum(axis=0)
    own = _describing(tally.cells, ever, item)
    found = []
    for place, cell in enumerate(tally.cells):
        parts = dict(cell)
        if len(parts) != 2 or parts.get(item, OTHERS) == OTHERS or own & set(parts):
            continue
        one, other = (part for part in cell if part[0] == item), (part for part in cell if part[0] != item)
        found.append((place, at[tuple(one)], at[tuple(other)]))
    both, items, slices = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return _Pairs(both, items, slices)


def _describing(cells: tuple[Slice, ...], ever: Floats, item: str) -> frozenset[str]:
    """The dimensions in which nearly every item has a single value."""
    values: dict[str, dict[str, int]] = {}
    for place, cell in enumerate(cells):
        parts = dict(cell)
        if len(parts) == 2 and item in parts and ever[place] > 0:
            (name,) = (name for name in parts if name != item)
            counts = values.setdefault(name, {})
            counts[parts[item]] = counts.get(parts[item], 0) + 1
    return frozenset(
        name for name, counts in values.items() if np.mean([n == 1 for n in counts.values()]) >= OF_ITEMS
    )


def judge_item_parity(run: CheckRun, tally: Tally, state: CheckState) -> Verdict:
    """Whether an item is shown less in a slice than its rows elsewhere call for. See `judge_proportions`."""
    shown = shown_of(tally, str(run.table.item))
    if len(shown.cells) == 1:
        return Verdict(
            state=state, judged=False, note="no slices of requests: declare dimensions of them, and ways = 2"
        )
    return judge_proportions(run.check, shown, state, run.looks_per_week, WORDS)


def measure_item_parity(run: CheckRun, tally: Tally, again: Again[Tally]) -> Measurement:
    """How often the finding's item is shown in its slice now. See `measure_proportion`."""
    shown = shown_of(tally, str(run.table.item))
    return measure_proportion(run.check, again.finding, shown, None, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for table in shown(recommender):
        if table.item is not None and table.dimensions:
            yield Suited(table.name)


KIND = Kind(
    name="item_parity",
    purpose="items that are shown, but not in one slice of requests",
    options=Options,
    needs=RowsByItem(),
    judging=Judging(judge_item_parity, measure_item_parity),
    sliced="always",
    by_item=True,
    evidences=("monitor-3",),
    suits=_suits,
)

"""A kind judges what was read, without a table and without an engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.detection.data.check_run import CheckRun
from domain.detection.data.window import Grid
from domain.detection.judge.state import CheckState, Verdict
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.declaration.check_kinds import find, read_options


def look_at(check: Check, grid: Grid, history: timedelta = timedelta(days=28)) -> CheckRun:
    """A look of the check at the last window of `grid`, taken whenever one is complete."""
    table = Table(name=check.table or "views", path="views.parquet", time="at")
    return CheckRun(
        recommender=Recommender(name="shop", tables={table.name: table}),
        check=check,
        options=read_options(find(check.kind), check),
        table=table,
        dimensions=(),
        grid=grid,
        window=grid.width,
        every=grid.width,
        history=history,
    )


def verdict_of(check: Check, data: Any, state: CheckState | None = None) -> Verdict:
    """What the check's kind says of `data`."""
    return find(check.kind).judging.verdict(look_at(check, data.grid), data, state or CheckState())

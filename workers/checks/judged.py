"""
What the check behind a finding observed in the windows up to now, and what it compared that with: the same
looks, taken again with one slice traced. So any kind that expects a number has something to show.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pandas as pd

from domain.detection.judge.comparison import Comparison
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.recommender.options import OfColumns
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.backtest_check import all_at_once, walk
from workers.checks.plan import Plan, plan
from workers.declaration.check_kinds import find
from workers.sources.engines.source import open_source

WINDOWS = 40


def judged_until(
    recommender: Recommender,
    finding: Finding,
    at: datetime,
    *,
    windows: int = WINDOWS,
    wrong: tuple[ExcludedWindow, ...] = (),
) -> pd.DataFrame | None:
    """
    The finding's last `windows` windows: `window_start`, `observed`, `expected`, `low`, `high`; adjoining, up
    to the last complete one. None if the check is gone, gives no numbers for it, or would have to ask for
    each window by itself. Nothing is learned from times that were `wrong`; where the engine learns what is
    usual, the windows after these are asked for by themselves.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    check = recommender.checks.get(finding.check)
    if check is None:
        return None
    planned = plan(recommender, check)
    last = planned.due_end(at)
    apart = replace(planned, every=planned.window)
    ends = [last - n * planned.window for n in reversed(range(windows))]
    narrow = _of_its_column(recommender, apart, finding)
    looks = all_at_once(recommender, narrow, ends)
    if looks is None:
        return None
    followed = CheckState(traced=frozenset({finding.slice}))
    looked = [verdict for _at, verdict in walk(recommender, narrow, looks, followed, wrong)]
    seen = [one for verdict in looked if isinstance(verdict, Verdict) for one in verdict.comparisons]
    rows = [_row(one) for one in seen if (one.slice, one.subject) == (finding.slice, finding.subject)]
    known = [row for row in rows if row["observed"] is not None]
    return pd.DataFrame(known) if known else None


def _of_its_column(recommender: Recommender, planned: Plan, finding: Finding) -> Plan:
    """
    The same check of the finding's column alone: a person waits for it, and all columns of a wide table may
    be too many to count at once.
    """
    check = planned.check
    if finding.subject is None or not issubclass(find(check.kind).options, OfColumns):
        return planned
    with open_source(recommender, planned.table.name) as source:
        mine = [name for name in source.columns if finding.is_of(name)]
    if not mine:
        return planned
    own = {**check.options, "columns": (max(mine, key=len),)}
    return replace(planned, check=check.model_copy(update={"options": own}))


def _row(one: Comparison) -> dict[str, object]:
    columns = {"observed", "expected", "low", "high"}
    return {"window_start": pd.Timestamp(one.window_start), **one.model_dump(include=columns)}

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
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.backtest_check import backtest_check, is_shared
from workers.checks.plan import due_end, plan

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
    each window by itself. Nothing is learned from times that were `wrong`.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    check = recommender.checks.get(finding.check)
    if check is None:
        return None
    planned = plan(recommender, check)
    last = due_end(recommender, planned, at)
    apart = replace(planned, every=planned.window)
    ends = [last - n * planned.window for n in reversed(range(windows))]
    if not is_shared(recommender, apart, ends):
        return None
    followed = CheckState(traced=frozenset({finding.slice}), known=wrong)
    looked = [verdict for _at, verdict in backtest_check(recommender, apart, ends, followed)]
    seen = [one for verdict in looked if isinstance(verdict, Verdict) for one in verdict.comparisons]
    rows = [_row(one) for one in seen if (one.slice, one.subject) == (finding.slice, finding.subject)]
    known = [row for row in rows if row["observed"] is not None]
    return pd.DataFrame(known) if known else None


def _row(one: Comparison) -> dict[str, object]:
    columns = {"observed", "expected", "low", "high"}
    return {"window_start": pd.Timestamp(one.window_start), **one.model_dump(include=columns)}

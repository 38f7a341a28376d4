"""A better check, proved by replaying the past: when it would have fired, and how often for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.errors import TooFewRows

LEAST_DELIVERIES = 3
LEAST_RISE = 0.01  # share of items
SPREADS = 6.0
MEMORY = 30  # deliveries


@dataclass(frozen=True)
class Proof:
    """`earlier` is how long before the actual alarm it fires; `false_alarms` are over `days` of history."""

    fired_at: datetime | None
    earlier: timedelta | None
    false_alarms: int
    days: float
    deliveries: int

    @property
    def sentence(self) -> str:
        """For the card and the report."""
        span = f"{self.deliveries:,} deliveries in {self.days:,.0f} days"
        if self.fired_at is None or self.earlier is None:
            return f"Replayed over {span}: it would not have fired before the alarm did"
        minutes = self.earlier / timedelta(minutes=1)
        lead = f"{minutes:,.0f} min" if minutes < 120 else f"{minutes // 60:,.0f} h {minutes % 60:.0f} min"
        return f"Replayed over {span}: would have fired {lead} earlier, {self.false_alarms} false alarms"


def replay_unset_alarm(shares: pd.DataFrame, opened_at: datetime, onset: datetime | None = None) -> Proof:
    """
    Replay the alarm “more items than usual lack this feature” over all deliveries as if live.

    Args:
        shares: one row a delivery: `delivered_at` (aware), `share` of items without the feature (0–1).
        opened_at: when the incident was opened; alarms more than a day before `onset` are false ones.

    Returns:
        The alarm fires where the share exceeds the median of up to 30 previous deliveries by more than six
        spreads, and by at least one percentage point.

    Raises:
        TooFewRows: fewer than 3 deliveries.
    """
    ordered = shares.sort_values("delivered_at").reset_index(drop=True)
    ordered = ordered[ordered["delivered_at"] <= pd.Timestamp(opened_at)]
    if len(ordered) < LEAST_DELIVERIES:
        raise TooFewRows(
            f"{len(ordered)} deliveries are known; {LEAST_DELIVERIES} are needed to prove an alarm"
        )
    times, values = pd.DatetimeIndex(ordered["delivered_at"]), ordered["share"].to_numpy(float)
    fired = [n for n in range(1, len(values)) if _fires(values[max(0, n - MEMORY) : n], values[n])]
    start = pd.Timestamp((onset or opened_at) - timedelta(days=1))
    true = [n for n in fired if times[n] >= start]
    days = (times[-1] - times[0]) / pd.Timedelta(days=1)
    at = times[true[0]].floor("us").to_pydatetime() if true else None
    return Proof(at, opened_at - at if at else None, len(fired) - len(true), float(days), len(values))


def _fires(before: np.ndarray[tuple[int], np.dtype[np.float64]], now: float) -> bool:
    middle = float(np.median(before))
    spread = 1.4826 * float(np.median(np.abs(before - middle)))
    return now - middle > max(LEAST_RISE, SPREADS * spread)

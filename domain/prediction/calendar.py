"""The launch calendar: which column holds what, and what was known about each launch at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.errors import TooFewRows

PAST_LAUNCHES = 30  # fewer say nothing about tails
FIRST_DAY = timedelta(days=1)
LOOKS = 16
"""Snapshots of an upcoming launch to look at: enough to see how they scatter by chance."""


@dataclass(frozen=True)
class LaunchColumns:
    """Which column of the launch calendar holds what. `outcome` is null until the first day is over."""

    item: str
    snapshot: str
    launch: str
    outcome: str
    features: tuple[str, ...]


def upcoming_launches(
    snapshots: pd.DataFrame, columns: LaunchColumns, at: datetime, horizon: timedelta
) -> pd.DataFrame:
    """
    The newest `LOOKS` snapshots of each item that launches within `horizon` of `at`, as it was known then,
    oldest first.
    """
    known = snapshots[snapshots[columns.snapshot] <= at]
    ahead = known[(known[columns.launch] > at) & (known[columns.launch] <= at + horizon)]
    ordered = ahead.sort_values(columns.snapshot, kind="stable")
    newest: pd.DataFrame = ordered.groupby(columns.item, sort=False).tail(LOOKS).reset_index(drop=True)
    return newest


def past_launches(
    snapshots: pd.DataFrame, columns: LaunchColumns, at: datetime, lead: timedelta
) -> pd.DataFrame:
    """
    One row for each item whose first day was over and known at `at`: its last snapshot at least `lead` before
    the launch, with the outcome.

    Raises:
        TooFewRows: fewer than 30 of them.
    """
    known = snapshots[snapshots[columns.snapshot] <= at]
    done = known[known[columns.launch] + FIRST_DAY <= at]
    outcomes = _latest(done[done[columns.outcome].notna()], columns).set_index(columns.item)[columns.outcome]
    early = _latest(done[done[columns.launch] - done[columns.snapshot] >= lead], columns)
    early = early[early[columns.item].isin(outcomes.index)].copy()
    early[columns.outcome] = early[columns.item].map(outcomes).astype(float)
    past: pd.DataFrame = early[np.isfinite(early[columns.outcome].to_numpy())].reset_index(drop=True)
    if len(past) < PAST_LAUNCHES:
        raise TooFewRows(
            f"the launch calendar holds {len(past)} past launches whose first day is known; "
            f"{PAST_LAUNCHES} are needed: keep snapshots from {lead.days} days before each launch, and fill "
            f"`{columns.outcome}` afterwards"
        )
    return past


def _latest(snapshots: pd.DataFrame, columns: LaunchColumns) -> pd.DataFrame:
    ordered = snapshots.sort_values(columns.snapshot, kind="stable")
    last: pd.DataFrame = ordered.drop_duplicates(columns.item, keep="last").reset_index(drop=True)
    return last

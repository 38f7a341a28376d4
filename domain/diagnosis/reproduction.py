"""The fault taken back in replay: how much of the gap closes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from domain.diagnosis.replay import CandidateColumns, Scorer, derived_columns, fill_rows, load_traffic


@dataclass(frozen=True)
class Reproduction:
    """Exposures per request of the items concerned, now and with the feature back; share of gap closed."""

    now: float
    after: float
    closes: float
    requests: int


def reproduce(
    rows: pd.DataFrame,
    before: pd.DataFrame | None,
    columns: CandidateColumns,
    model: Scorer,
    feature: str,
    former: Mapping[str, str],
) -> Reproduction | None:
    """
    Replay `rows` with `feature` of each item set to its former value.

    Args:
        before: candidates from before the fault: the gap is measured against them, values looked up there.
        former: item → value.

    Returns:
        `closes`: share of (before − now) that comes back; null when no model feature is made from `feature`,
        or nobody can tell what it would be.
    """
    traffic = load_traffic(rows, columns, model)
    concerned = traffic.rows[columns.item].astype(str).isin(set(former)).to_numpy()
    derived = derived_columns(traffic.rows, columns, feature, concerned)
    if not derived or not concerned.any():
        return None
    pool = pd.concat([rows, before]) if before is not None and len(before) else rows
    fixed = fill_rows(traffic.rows, pool, columns, feature, former, derived)
    if fixed.equals(traffic.rows[list(columns.features)].astype(fixed.dtypes)):
        return None
    own = concerned * traffic.row_weights
    now = float(own @ traffic.exposure(traffic.scores(traffic.rows)) / traffic.request_count)
    after = float(own @ traffic.exposure(traffic.scores(fixed)) / traffic.request_count)
    goal = after
    if before is not None and len(before):
        past = load_traffic(before, columns, model)
        mine = past.rows[columns.item].astype(str).isin(set(former)).to_numpy() * past.row_weights
        goal = float(mine @ past.exposure(past.scores(past.rows)) / past.request_count)
    gap = goal - now
    closes = (after - now) / gap if abs(gap) > 1e-9 else 0.0
    return Reproduction(now, after, float(np.clip(closes, 0.0, 1.5)), traffic.request_count)

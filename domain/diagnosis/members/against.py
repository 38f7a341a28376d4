"""
How the members concerned fared, compared with comparable members in the same time.

    rows a member before the onset ─▶ since it        of those concerned
    rows a member before the onset ─▶ since it        of the nearest others in what is declared of members
        ▼
    ratio of both ratios: what everybody lost, by the hour of the day or a fault of all, falls out of it

Source:
    Difference in differences on the log scale, with nearest neighbours: Heckman, Ichimura & Todd (1997), Rev.
    Econ. Stud. 64(4). The interval is of Bayesian bootstraps of both sides, Rubin (1981), Ann. Stat. 9(1):
    comparable members count for as many as they stand for.
    New members: as launches are, `domain.detection.exposure.cold_start`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.exposure.cold_start import ColdStart, cold_start
from domain.diagnosis.members.nearby import nearby
from domain.diagnosis.members.rows import (
    BEFORE,
    CHOSEN,
    COHORT,
    INSIDE,
    MEMBERS,
    NOW,
    POPULAR,
    ROWS_BEFORE,
    ROWS_NOW,
    SHOWN,
    Cohorts,
    MemberRows,
)
from domain.errors import TooFewRows
from domain.incident.numbers import minute
from domain.prediction.neighbours import nearest

CONCERNED, POOL = 500, 2_000  # members who are compared, and among whom comparable ones are found
COMPARABLES = 5  # of each
LEAST = 10  # members on a side
LEAST_ROWS = 20  # on a side, before the onset
RESAMPLED = 999
CONFIDENCE = 0.9
HALF = 0.5  # of a row, more or less: what was not seen once may come
LEAST_COHORTS = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Against:
    """
    Relative changes, −0.6 is 60 % less: `own` of the members concerned, `others` of comparable ones, and
    `ratio` of the first against the second with `low`–`high`. `nearest_in`: by which features.
    """

    own: float
    others: float
    ratio: float
    low: float
    high: float
    concerned: int
    comparables: int
    nearest_in: tuple[str, ...]

    @property
    def differ(self) -> bool:
        """Whether they fare differently from comparable members, beyond what chance may explain."""
        return not self.low <= 0 <= self.high


def free_features(rows: MemberRows, matched: Sequence[str]) -> tuple[str, ...]:
    """The features by which comparable members are found: not the slice's own, and known of anybody."""
    known = (name for name in rows.features if name in rows.frame and rows.frame[name].notna().any())
    return tuple(name for name in known if name not in matched)


def against_comparable(rows: MemberRows, matched: Sequence[str], *, seed: int = 0) -> Against:
    """
    Args:
        matched: columns of the finding's slice, in which comparable members differ by construction.

    Raises:
        TooFewRows: fewer than 10 members, or 20 rows before the onset, on a side.
    """
    frame, chance = rows.frame, np.random.default_rng(seed)
    mine, others = frame[frame[INSIDE]], frame[~frame[INSIDE]]
    mine = mine.sample(min(CONCERNED, len(mine)), random_state=seed)
    others = others.sample(min(POOL, len(others)), random_state=seed)
    names = free_features(rows, matched)
    if min(len(mine), len(others)) < LEAST:
        raise TooFewRows(f"{len(mine)} members concerned and {len(others)} others: {LEAST} needed")
    near = nearest(mine, others, nearby(names, chance), COMPARABLES if names else len(others))
    few = min(float(mine[ROWS_BEFORE].sum()), float(others.iloc[np.unique(near)][ROWS_BEFORE].sum()))
    if few < LEAST_ROWS:
        raise TooFewRows(f"{few:.0f} rows of them before it began: {LEAST_ROWS} needed")
    weights = np.bincount(near.ravel(), minlength=len(others)) / near.shape[1]
    own = _changes(mine, np.ones(len(mine)), rows, chance)
    theirs = _changes(others, weights, rows, chance)
    low, high = np.quantile(own[1:] - theirs[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Against(
        own=float(np.expm1(own[0])),
        others=float(np.expm1(theirs[0])),
        ratio=float(np.expm1(own[0] - theirs[0])),
        low=float(np.expm1(low)),
        high=float(np.expm1(high)),
        concerned=len(mine),
        comparables=len(np.unique(near)),
        nearest_in=names,
    )


def _changes(members: pd.DataFrame, weights: Floats, rows: MemberRows, chance: np.random.Generator) -> Floats:
    """(1 + resampled,) log ratio of what they have per hour since and before: as it is, and resampled."""
    logs = np.full(1 + RESAMPLED, -np.log(rows.since / rows.before))
    drawn = chance.exponential(size=(RESAMPLED, len(members))) * weights
    unseen = np.concatenate([[HALF], chance.gamma(HALF, size=RESAMPLED)])
    for values, counts, sign in ((NOW, ROWS_NOW, 1), (BEFORE, ROWS_BEFORE, -1)):
        amount, count = (members[name].to_numpy(np.float64) for name in (values, counts))
        size = amount.sum() / max(count.sum(), 1.0) or 1.0  # of a row, on average
        total = np.concatenate([[weights @ amount], drawn @ amount])
        logs += sign * np.log(total + unseen * size)
    return logs


@dataclass(frozen=True)
class Newcomers:
    """
    New members (`count` of them), against former cohorts at the same age: what each is `shown`, how much of
    that they choose, and how much of it is `popular`; both null where a cohort was shown nothing.
    """

    count: int
    shown: ColdStart
    chosen: ColdStart | None
    popular: ColdStart | None


def new_members(cohorts: Cohorts) -> Newcomers:
    """
    What today's new members are shown, and choose of it, against former cohorts at the same age.

    Raises:
        TooFewRows: fewer than 10 new members, or three former cohorts with as many.
    """
    counts = cohorts.counts.set_index(COHORT).astype(float)
    counts = counts[counts[MEMBERS] >= LEAST]
    if 0 not in counts.index:
        raise TooFewRows(f"fewer than {LEAST} members joined since {minute(cohorts.since)}")
    if len(counts) <= LEAST_COHORTS:
        raise TooFewRows(
            f"{len(counts) - 1} former cohorts have {LEAST} new members or more, {LEAST_COHORTS} are needed"
        )

    def against(name: str, of: str) -> ColdStart:
        """`name` for each `of`, as counts of as many as today's are."""
        scaled = counts[name] * counts[of].loc[0] / counts[of]
        hours = cohorts.length.total_seconds() / 3600
        return cold_start("0", _bin(scaled), hours)

    whole = bool(counts[SHOWN].all())
    return Newcomers(
        count=int(counts[MEMBERS].to_numpy()[counts.index == 0][0]),
        shown=against(SHOWN, MEMBERS),
        chosen=against(CHOSEN, SHOWN) if whole else None,
        popular=against(POPULAR, SHOWN) if whole else None,
    )


def _bin(values: pd.Series) -> pd.DataFrame:
    """One bin of age, as `cold_start` takes it."""
    return pd.DataFrame({0: values.to_numpy(np.float64)}, index=[str(one) for one in values.index])

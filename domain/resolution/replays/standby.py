"""Compares the rows of a feed's standby with those of the feed: what a failover would bring back."""

from __future__ import annotations

import numpy as np

from domain.diagnosis.material import Standby
from domain.resolution.circumstances import Circumstances
from domain.resolution.loss import expected_rows
from domain.resolution.price import Price
from domain.resolution.resample import estimate, normal
from domain.resolution.way import Parameters, Unfit, Way, unknown
from domain.values import Estimate

SEED_STANDBY, SEED_ELSEWHERE = 5, 6
NOT_COMPARED = "the standby was not compared with the feed elsewhere"


def _price(_given: Parameters, around: Circumstances) -> Price:
    spare, finding = around.standby, around.finding
    if spare is None or spare.rows_standby <= 0:
        return unknown(around, "the standby holds no rows of this slice")
    # A check of the standby finds what the feed lacks of it, not what people would have asked for.
    itself = spare.table == finding.table
    expected = spare.rows_standby if itself else expected_rows(finding) * _windows(spare, around)
    brought = spare.rows_standby + np.sqrt(spare.rows_standby) * normal(SEED_STANDBY)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = 100 * (brought - spare.rows) / (expected - spare.rows)
    basis = f"the standby has {spare.rows_standby:,.0f} rows where the feed has {spare.rows:,.0f}"
    touched = finding.affected_share
    return Price(estimate(draws, "%", basis), _elsewhere(spare), 1.0 if touched is None else touched)


def _windows(spare: Standby, around: Circumstances) -> float:
    """
    Over how many of the finding's windows the rows were counted: by time, which also works where the first of
    them lie before the onset. Where the time was not kept, by the feed's own rows.
    """
    finding = around.finding
    if spare.seconds:
        return spare.seconds / (finding.window_end - finding.window_start).total_seconds()
    return spare.rows / finding.observed if spare.rows > 0 and finding.observed > 0 else 1.0


def _elsewhere(spare: Standby) -> Estimate:
    """How many rows of all other slices the standby lacks or has in excess."""
    mine, theirs = spare.elsewhere or (0.0, 0.0)
    if mine <= 0:
        return Estimate(value=None, unit="% rows", basis=NOT_COMPARED)
    apart = theirs - mine
    # Nearly all rows are in both: only those in just one of them vary by chance.
    chance = np.sqrt(abs(apart) + 1)
    draws = 100 * (apart + chance * normal(SEED_ELSEWHERE)) / mine
    return estimate(draws, "% rows", f"elsewhere it has {theirs:,.0f} rows, the feed {mine:,.0f}")


NOT_A_REQUEST = Unfit(
    "it brings back rows of a feed and no ranked requests, in which alone faults are planted; "
    "compare both feeds by a check of kind joins"
)

STANDBY = Way(name="standby", price=_price, holds="standby", of_feed=True, rehearsal=NOT_A_REQUEST)

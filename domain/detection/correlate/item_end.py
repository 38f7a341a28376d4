"""An item that ended everywhere: the rows a slice has lacked since then are no incident of that slice."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import pdtr

from domain.detection.correlate.joining import MOST_OF_IT
from domain.values import Finding

LEFT = 0.2
"""Share of its expected rows that an ended item may keep in the whole table: some look for what is over."""

CHANCE = 0.001
"""Least chance that the other items hold no more than they do; below it, they have lost something too."""


@dataclass(frozen=True)
class ItemEnd:
    """
    An item of a slice that has hardly any rows left in the whole table: `left` is the share that remains of
    the rows it would have had since. It is `passing` if it had appeared only lately. `due` are the rows that
    it would have brought to the slice since, had it continued; `rest` are those expected of the rest of the
    slice, and `held` the rows that the rest actually has.
    """

    item: str
    passing: bool
    left: float
    due: float
    rest: float
    held: int

    def explains(self, finding: Finding, least_change: float) -> bool:
        """
        Whether most of what the slice of `finding` lacks is this item, which came and went, and its other
        items have lost nothing that matters by the check's own `least_change` (share).
        """
        mostly = self.due >= MOST_OF_IT * (finding.expected - finding.observed)
        others = self.held >= (1 - least_change) * self.rest or float(pdtr(self.held, self.rest)) >= CHANCE
        return self.passing and self.left <= LEFT and mostly and others

"""An item that ended everywhere: what one slice of it lacks since is no incident of the slice."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import pdtr

from domain.detection.correlate.joining import MOST_OF_IT
from domain.values import Finding

LEFT = 0.2
"""Of what it would have, that an item may go on to have in the whole table: some look for what is over."""

CHANCE = 0.001
"""That the other items hold no more than they do; where it is less likely, they have lost something too."""


@dataclass(frozen=True)
class ItemEnd:
    """
    An item of a slice, of which the whole table has hardly any more rows: `left` is the share of those that
    it would have had since. It is `passing` where it had come only lately. `due` are the rows that it would
    have brought to the slice since, had it gone on, `rest` those expected of the rest of the slice, and
    `held` those there are.
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
        items have lost nothing that matters, by the check's own `least_change` (share).
        """
        mostly = self.due >= MOST_OF_IT * (finding.expected - finding.observed)
        others = self.held >= (1 - least_change) * self.rest or float(pdtr(self.held, self.rest)) >= CHANCE
        return self.passing and self.left <= LEFT and mostly and others

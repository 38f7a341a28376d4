"""Features as served to a model and as it learned them: histograms of both, with the same bins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Histograms

SET, NOT_SET = "set", "not set"


@dataclass(frozen=True)
class ServedFeatures:
    """
    `served`, what was fed: histograms by window, the last one judged; and `learned`, what was learned from:
    (n_cells, n_bins) counts for each of the same bins and slices. A column may have a second entry of bins
    with the labels `SET` and `NOT_SET`.
    """

    served: Histograms
    learned: tuple[Floats, ...]

    def until(self, last: int, history: int) -> ServedFeatures:
        """The same with window `last` as the judged one and at most `history` windows before it."""
        return replace(self, served=self.served.until(last, history))

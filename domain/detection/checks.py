"""The checks that look at counts, by the kind that is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.detection.counts import Counts
from domain.detection.slice_volume import judge_slices
from domain.detection.state import CheckState, Verdict
from domain.detection.volume import judge_volume
from domain.recommender.check import Check

Judge = Callable[[Check, Counts, CheckState, float | None], Verdict]

CHECKS: Mapping[str, Judge] = {"volume": judge_volume, "slice_volume": judge_slices}
"""`freshness` looks at silences instead of counts, `launch_forecast` belongs to `domain.prediction`."""

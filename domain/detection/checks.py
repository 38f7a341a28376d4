"""The checks by the kind that is declared: of counts, of metrics, and of what rows hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.detection.allowed import judge_domain
from domain.detection.calibration import judge_calibration
from domain.detection.counts import Counts
from domain.detection.disagreements import judge_disagreements
from domain.detection.drift import judge_drift
from domain.detection.duplicates import judge_duplicates
from domain.detection.gaps import judge_references
from domain.detection.histogram import Histograms
from domain.detection.joins import judge_joins
from domain.detection.latency import judge_latency
from domain.detection.metric import judge_metric
from domain.detection.misses import judge_misses
from domain.detection.missing import judge_missing
from domain.detection.numeric import judge_numeric
from domain.detection.outcomes import Outcomes
from domain.detection.sampling import judge_sampling
from domain.detection.schema import Columns, judge_schema
from domain.detection.scores import judge_scores
from domain.detection.series import Metric, judge_series
from domain.detection.skew import Fed, judge_skew
from domain.detection.slice_volume import judge_slices
from domain.detection.stages import judge_stages
from domain.detection.state import CheckState, Verdict
from domain.detection.tally import Tally
from domain.detection.versions import judge_versions
from domain.detection.volume import judge_volume
from domain.recommender.check import Check

Judge = Callable[[Check, Counts, CheckState, float | None], Verdict]
RowsJudge = Callable[[Check, Tally, CheckState, float | None], Verdict]

CHECKS: Mapping[str, Judge] = {
    "volume": judge_volume,
    "slice_volume": judge_slices,
    "production_bias": judge_slices,
}
"""
`freshness` looks at silences instead of counts, `launch_forecast` belongs to `domain.prediction`. What is
found of `production_bias` is told where it leads away from merit (`domain.detection.merited`).
"""

ROWS: Mapping[str, RowsJudge] = {
    "missing": judge_missing,
    "domain": judge_domain,
    "duplicates": judge_duplicates,
    "references": judge_references,
    "misses": judge_misses,
    "joins": judge_joins,
    "disagreements": judge_disagreements,
    "numeric": judge_numeric,
}
"""Each counts rows of which something is wrong."""

PORTIONS: Mapping[str, RowsJudge] = {
    "stages": judge_stages,
    "sampling": judge_sampling,
    "versions": judge_versions,
}
"""Each counts rows that have a property, of which there may be too few or too many."""

DRIFT: Mapping[str, Callable[[Check, Histograms, CheckState, float | None], Verdict]] = {
    "drift": judge_drift,
    "scores": judge_scores,
}
METRICS: Mapping[str, Callable[[Check, Metric, CheckState], Verdict]] = {
    "series": judge_series,
    "metric": judge_metric,
}
SCHEMA: Mapping[str, Callable[[Check, Columns, CheckState], Verdict]] = {"schema": judge_schema}

LATENCY: Mapping[str, Callable[[Check, Histograms, CheckState, float | None], Verdict]] = {
    "latency": judge_latency
}

CALIBRATION: Mapping[str, Callable[[Check, Outcomes, CheckState, float | None], Verdict]] = {
    "calibration": judge_calibration
}
SKEW: Mapping[str, Callable[[Check, Fed, CheckState, float | None], Verdict]] = {"skew": judge_skew}

MODEL = (*CALIBRATION, *SKEW, "staleness", "training")
"""The kinds that look at a model as such; a training (`judge_training`) and an age have no windows."""

DATA = (*ROWS, *PORTIONS, *LATENCY, *DRIFT, *SCHEMA)
"""The kinds that look at what rows hold."""

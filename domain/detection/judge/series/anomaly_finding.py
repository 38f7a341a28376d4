"""
An anomaly as a finding: its numbers in the metric's unit, and words for somebody who was asleep a minute
ago.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

from domain.detection.judge.comparison import Comparison
from domain.detection.judge.series.anomaly_score import AnomalyScore, Rarity
from domain.detection.judge.severity import SEV1_TIMES, SEV2_TIMES, severity_of
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.options import Aggregated, Ranking
from domain.values import Finding, Severity, Slice, name_slice

FIRST_SHARE = 1_000.0  # above this, a change in per cent is no longer a number for a person
NOTHING_SHARE = 0.05  # of what is large for a metric: below this, next to nothing was expected
QUANTILE = 0.95  # used if a check of a quantile names none
RANKING = {
    "auc": "AUC",
    "log_loss": "log loss",
    "ndcg": "NDCG@{top}",
    "hit_rate": "hit rate@{top}",
    "mrr": "MRR@{top}",
}
"""Metrics of a model's ranking, as people write them."""


@dataclass(frozen=True)
class ReportedAnomaly:
    """
    An anomaly of the last window and how rare it is; whether there is `nothing` in that window, what is
    `large` for the metric, and, if it already stands, when it becomes the new normal.
    """

    score: AnomalyScore
    rarity: Rarity
    nothing: bool
    large: float
    normal_from: datetime | None = None

    @property
    def ratio(self) -> float:
        """How rare it is relative to the threshold of an anomaly, in logarithms of the return period."""
        return self.rarity.score


@dataclass(frozen=True)
class Numbers:
    """What a finding says, in `unit`."""

    observed: float
    expected: float
    low: float
    high: float
    unit: str


def metric_name(check: Check) -> str:
    """
    >>> wait = Check(name="c", kind="series", measure="wait", options={"aggregate": "quantile"})
    >>> metric_name(wait)
    '95 % quantile of wait'
    >>> metric_name(Check(name="c", kind="metric", options={"metric": "ndcg", "top": 10}))
    'NDCG@10'
    """
    ranked, keys = Ranking.of(check), Aggregated.of(check)
    if ranked.metric is not None:
        return RANKING[ranked.metric].format(top=ranked.top or "k")
    match keys.made(check.measure):
        case "count":
            return "rows"
        case "sum":
            return str(check.measure)
        case "mean":
            return f"mean {check.measure}"
        case "quantile":
            return f"{100 * (keys.quantile or QUANTILE):g} % quantile of {check.measure}"
        case "ratio":
            return f"{check.measure} per {keys.over}"


def swing_of(check: Check) -> str:
    """The unit of how far a metric is off from window to window."""
    return f"swing of {metric_name(check)}"


def finding_of(
    check: Check, edge: Callable[[int], datetime], count: int, where: Slice, anomaly: ReportedAnomaly
) -> Finding:
    """
    The finding for the last of `count` windows; a silence begins where the standstill did.

    Args:
        edge: when a window begins, given its place.
    """
    width = edge(count) - edge(count - 1)
    numbers = _numbers(check, width.total_seconds(), anomaly)
    off = abs(numbers.observed - numbers.expected)
    share = _share(anomaly, numbers, off)
    silent = anomaly.score.way == "silence"
    back = int(anomaly.score.observed[-1]) if silent else 0
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        window_start=edge(max(count - 1 - back, 0)),
        window_end=edge(count),
        observed=numbers.observed,
        expected=numbers.expected,
        low=numbers.low,
        high=numbers.high,
        unit=numbers.unit,
        p_value=anomaly.rarity.p_value,
        severity=check.severity or _severity(anomaly, share, fell=numbers.observed < numbers.expected),
        affected_share=share,
        title=_title(check, where, anomaly, numbers, anomaly.score.windows * width),
    )


def comparison_of(
    check: Check, edge: Callable[[int], datetime], count: int, where: Slice, scores: Sequence[AnomalyScore]
) -> Comparison | None:
    """
    The last window alone against its season, or against its level if there is none; inside the band there is
    no anomaly. None while there is too little to judge by.
    """
    for way in ("season", "spike"):
        for score in (one for one in scores if one.way == way):
            expected, limit = float(score.expected[-1]), score.limit()
            if limit is not None and isfinite(expected) and isfinite(limit):
                observed = float(score.observed[-1])
                return Comparison(
                    slice=where,
                    unit=metric_name(check),
                    window_start=edge(count - 1),
                    window_end=edge(count),
                    observed=observed if isfinite(observed) else None,
                    expected=expected,
                    low=expected - limit,
                    high=expected + limit,
                )
    return None


def _share(anomaly: ReportedAnomaly, numbers: Numbers, off: float) -> float | None:
    """
    The missing or excess share of what was expected; if next to nothing was expected, the share of what is
    large for the metric, and None if nothing ever was.
    """
    if anomaly.score.way in ("spread", "silence"):
        return min(1.0, off / numbers.expected) if numbers.expected > 0 else 1.0
    against = abs(numbers.expected)
    if against < NOTHING_SHARE * anomaly.large:
        against = anomaly.large
    return min(1.0, off / against) if against > 0 else None


def _numbers(check: Check, width: float, anomaly: ReportedAnomaly) -> Numbers:
    score, limit = anomaly.score, anomaly.rarity.limit
    observed, expected = float(score.observed[-1]), float(score.expected[-1])
    if score.way == "silence":
        return Numbers(observed * width, anomaly.score.usual() * width, 0.0, limit * width, "seconds")
    if score.way == "spread":
        return Numbers(observed, anomaly.score.usual(), 0.0, limit, swing_of(check))
    return Numbers(observed, expected, expected - limit, expected + limit, metric_name(check))


def _severity(anomaly: ReportedAnomaly, share: float | None, *, fell: bool) -> Severity:
    if anomaly.score.way == "spread" or share is None:
        return Severity.SEV3
    if anomaly.score.way == "silence":
        times = float(anomaly.score.observed[-1]) / max(anomaly.rarity.limit, 1.0)
        worst = Severity.SEV1 if times >= SEV1_TIMES else Severity.SEV2
        return worst if times >= SEV2_TIMES else Severity.SEV3
    return severity_of(share, drop=fell)


def _title(check: Check, where: Slice, anomaly: ReportedAnomaly, numbers: Numbers, length: timedelta) -> str:
    place = f"{check.table} where {name_slice(where)}" if where else str(check.table)
    says = f"{place}: {metric_name(check)} {_says(anomaly, numbers, length)}"
    if anomaly.normal_from is None or anomaly.score.way == "silence":
        return says
    return f"{says}; the new normal from {anomaly.normal_from:%Y-%m-%d %H:%M} UTC on"


def _says(anomaly: ReportedAnomaly, numbers: Numbers, length: timedelta) -> str:
    match anomaly.score.way:
        case "silence":
            says = "without a value" if anomaly.nothing else "has not moved"
            usual = f"usually at most {_named(numbers.expected)}" if numbers.expected > 0 else "never before"
            return f"{says} for {_named(numbers.observed)}, {usual}"
        case "spread":
            if numbers.expected <= 0:
                return "swings, which it never did"
            return f"swings {numbers.observed / numbers.expected:,.1f} times as far as usual"
        case "decay":
            return f"{_change(numbers)} over the last day than in the two weeks before"
        case "level":
            return f"{_change(numbers)} than usual for {name_duration(length)}"
        case "spike" | "season":
            return f"{_change(numbers)} than usual at this time"


def _named(seconds: float) -> str:
    return name_duration(timedelta(seconds=round(seconds)))


def _change(numbers: Numbers) -> str:
    word = "higher" if numbers.observed > numbers.expected else "lower"
    off = abs(numbers.observed - numbers.expected)
    if off >= FIRST_SHARE * abs(numbers.expected):
        return f"{numbers.observed:,.3g}, {word}"
    return f"{off / abs(numbers.expected):.0%} {word}".replace("%", " %")

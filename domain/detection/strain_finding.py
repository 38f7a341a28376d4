"""
A strain as a finding: its numbers in the metric's unit, and words for somebody who was asleep a minute
ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.detection.alarm import MARGIN
from domain.detection.freshness import SEV1_TIMES, SEV2_TIMES
from domain.detection.severity import severity_of
from domain.detection.strain import Strain
from domain.recommender.check import Check
from domain.recommender.duration import name_duration
from domain.values import Finding, Severity, Slice, name_slice

FIRST_SHARE = 1_000.0  # from where on a change in per cent is no number for a person
QUANTILE = 0.95  # where a check of a quantile names none
RANKING = {
    "auc": "AUC",
    "log_loss": "log loss",
    "ndcg": "NDCG@{top}",
    "hit_rate": "hit rate@{top}",
    "mrr": "MRR@{top}",
}
"""Metrics of a model's ranking, as people write them."""


@dataclass(frozen=True)
class Told:
    """A strain of the last window, its ratio, how rare that is (two-sided p), and the usual distance."""

    strain: Strain
    ratio: float
    p_value: float
    usual: float
    nothing: bool


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
    >>> metric_name(Check(name="c", kind="series", table="t", aggregate="quantile", measure="wait"))
    '95 % quantile of wait'
    >>> metric_name(Check(name="c", kind="metric", table="t", metric="ndcg", top=10))
    'NDCG@10'
    """
    if check.metric is not None:
        return RANKING[check.metric].format(top=check.top or "k")
    match check.aggregated:
        case "count":
            return "rows"
        case "sum":
            return str(check.measure)
        case "mean":
            return f"mean {check.measure}"
        case "quantile":
            return f"{100 * (check.quantile or QUANTILE):g} % quantile of {check.measure}"
        case "ratio":
            return f"{check.measure} per {check.over}"


def swing_of(check: Check) -> str:
    """The unit of how far a metric is off from window to window."""
    return f"swing of {metric_name(check)}"


def finding_of(
    check: Check, edge: Callable[[int], datetime], count: int, where: Slice, told: Told
) -> Finding:
    """
    The finding of the last of `count` windows; a silence begins where the standstill did.

    Args:
        edge: when a window begins, by its place.
    """
    width = edge(count) - edge(count - 1)
    numbers = _numbers(check, width.total_seconds(), told)
    off = abs(numbers.observed - numbers.expected)
    share = min(1.0, off / abs(numbers.expected)) if numbers.expected else 1.0
    silent = told.strain.way == "silence"
    back = int(told.strain.observed[-1]) if silent else 0
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
        p_value=told.p_value,
        severity=check.severity or _severity(told, share, fell=numbers.observed < numbers.expected),
        affected_share=share,
        title=_title(check, where, told, numbers, told.strain.windows * width),
    )


def _numbers(check: Check, width: float, told: Told) -> Numbers:
    strain = told.strain
    observed, expected = float(strain.observed[-1]), float(strain.expected[-1])
    level = float(strain.level[-1])
    if strain.way == "silence":
        return Numbers(observed * width, level * width, 0.0, MARGIN * level * width, "seconds")
    if strain.way == "spread":
        return Numbers(observed, told.usual, 0.0, MARGIN * level, swing_of(check))
    return Numbers(
        observed, expected, expected - MARGIN * level, expected + MARGIN * level, metric_name(check)
    )


def _severity(told: Told, share: float, *, fell: bool) -> Severity:
    if told.strain.way == "spread":
        return Severity.SEV3
    if told.strain.way == "silence":
        worst = Severity.SEV1 if told.ratio >= SEV1_TIMES else Severity.SEV2
        return worst if told.ratio >= SEV2_TIMES else Severity.SEV3
    return severity_of(share, drop=fell)


def _title(check: Check, where: Slice, told: Told, numbers: Numbers, length: timedelta) -> str:
    place = f"{check.table} where {name_slice(where)}" if where else str(check.table)
    return f"{place}: {metric_name(check)} {_says(told, numbers, length)}"


def _says(told: Told, numbers: Numbers, length: timedelta) -> str:
    match told.strain.way:
        case "silence":
            says = "without a value" if told.nothing else "has not moved"
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

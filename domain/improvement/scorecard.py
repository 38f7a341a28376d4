"""How well the practice works: mean times and counts over incidents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from domain.incident.state import Incident
from domain.incident.timeline import durations
from domain.values import Value


class MeanTime(Value):
    """A mean over the `count` incidents in which the step was taken; null without any."""

    mean: timedelta | None
    median: timedelta | None
    count: int


class Scorecard(Value):
    """
    `detect` counts from the diagnosed onset to the opening; `acknowledge`, `diagnose`, `mitigate` (a hotfix
    verified) and `resolve` from the opening. Dismissed incidents count in `false_alarms` only.
    """

    incidents: int
    false_alarms: int
    predicted: int
    with_follow_up: int
    detect: MeanTime
    acknowledge: MeanTime
    diagnose: MeanTime
    mitigate: MeanTime
    resolve: MeanTime


def score_practice(incidents: Iterable[Incident]) -> Scorecard:
    """Fold incidents into one scorecard."""
    every = list(incidents)
    real = [incident for incident in every if incident.resolved_how != "false_alarm"]
    taken = [durations(incident) for incident in real]
    return Scorecard(
        incidents=len(real),
        false_alarms=len(every) - len(real),
        predicted=sum(incident.kind == "predicted" for incident in real),
        with_follow_up=sum(incident.follow_up is not None for incident in real),
        detect=_mean([each.to_detect for each in taken]),
        acknowledge=_mean([each.to_acknowledge for each in taken]),
        diagnose=_mean([each.to_diagnose for each in taken]),
        mitigate=_mean([each.to_mitigate for each in taken]),
        resolve=_mean([each.to_resolve for each in taken]),
    )


def _mean(spans: Sequence[timedelta | None]) -> MeanTime:
    known = [span for span in spans if span is not None]
    mean = sum(known, timedelta(0)) / len(known) if known else None
    return MeanTime(mean=mean, median=middle(known), count=len(known))


def middle(spans: Sequence[timedelta | None]) -> timedelta | None:
    """The median of those that are known; None without any."""
    known = sorted(span for span in spans if span is not None)
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else None

"""How well the practice works: mean times and counts over incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from scipy.stats import binomtest

from domain.incident.outcome import cost_miss, held, miss_of
from domain.incident.state import Incident, Outcome
from domain.incident.timeline import durations
from domain.values import Estimate, Value

CONFIDENCE = 0.9
"""Of the interval of a share, and what of the promises of a menu should hold."""

KindOf = Callable[[Outcome], str | None]
"""What tells the kind of an outcome's hotfix; None where nobody knows it any more."""


class MeanTime(Value):
    """A mean over the `count` incidents in which the step was taken; null without any."""

    mean: timedelta | None
    median: timedelta | None
    count: int


class Kept(Value):
    """
    How many of the `promises` that menus made of a `kind` of hotfix `held`: what was measured lay within the
    interval, the error of measuring allowed for. Of the others `short` repaired less, the rest more.
    """

    kind: str
    promises: int
    held: int
    short: int
    share: Estimate


class Scorecard(Value):
    """
    `detect` counts from the diagnosed onset to the opening; `acknowledge`, `diagnose`, `mitigate` (a hotfix
    verified) and `resolve` from the opening. Dismissed incidents count in `false_alarms` only, save for
    `glass_broken`: how often a hotfix was deployed without the second person that it needs, in any incident.
    `promises` has a row for each kind of hotfix of which a promise was measured, `costs` for each of which it
    was measured what everybody gained or lost; there `short` is how many lost more than was promised.
    """

    incidents: int
    false_alarms: int
    predicted: int
    with_follow_up: int
    glass_broken: int
    detect: MeanTime
    acknowledge: MeanTime
    diagnose: MeanTime
    mitigate: MeanTime
    resolve: MeanTime
    promises: tuple[Kept, ...] = ()
    costs: tuple[Kept, ...] = ()


def score_practice(
    incidents: Iterable[Incident], kind_of: KindOf = lambda outcome: outcome.promise.kind or None
) -> Scorecard:
    """Fold incidents into one scorecard."""
    every = list(incidents)
    real = [incident for incident in every if incident.resolved_how != "false_alarm"]
    outcomes = [outcome for incident in real for outcome in incident.outcomes]
    taken = [durations(incident) for incident in real]
    return Scorecard(
        incidents=len(real),
        false_alarms=len(every) - len(real),
        predicted=sum(incident.kind == "predicted" for incident in real),
        with_follow_up=sum(incident.follow_up is not None for incident in real),
        glass_broken=sum(incident.glass_broken for incident in every),
        detect=_mean([each.to_detect for each in taken]),
        acknowledge=_mean([each.to_acknowledge for each in taken]),
        diagnose=_mean([each.to_diagnose for each in taken]),
        mitigate=_mean([each.to_mitigate for each in taken]),
        resolve=_mean([each.to_resolve for each in taken]),
        promises=_kept(outcomes, kind_of, lambda one: miss_of(one, one.promise.told)),
        costs=_kept(outcomes, kind_of, lambda one: cost_miss(one.cost, one.promise.whole)),
    )


def _kept(
    outcomes: Iterable[Outcome], kind_of: KindOf, miss: Callable[[Outcome], float | None]
) -> tuple[Kept, ...]:
    """By kind, in the order of their names; what was told to people counts, not what the log alone said."""
    missed: dict[str, list[float]] = {}
    for one in outcomes:
        kind, by = kind_of(one), miss(one)
        if kind is not None and by is not None:
            missed.setdefault(kind, []).append(by)
    return tuple(_row(kind, missed[kind]) for kind in sorted(missed))


def _row(kind: str, missed: Sequence[float]) -> Kept:
    """
    Source:
        The interval: Wilson (1927), J. Am. Stat. Assoc. 22; never of width zero.
    """
    kept = sum(map(held, missed))
    interval = binomtest(kept, len(missed)).proportion_ci(CONFIDENCE, method="wilson")
    share = Estimate(
        value=kept / len(missed),
        low=float(interval.low),
        high=float(interval.high),
        unit="share",
        confidence=CONFIDENCE,
        basis="promises that were measured",
    )
    short = sum(by < 0 and not held(by) for by in missed)
    return Kept(kind=kind, promises=len(missed), held=kept, short=short, share=share)


def _mean(spans: Sequence[timedelta | None]) -> MeanTime:
    known = [span for span in spans if span is not None]
    mean = sum(known, timedelta(0)) / len(known) if known else None
    return MeanTime(mean=mean, median=middle(known), count=len(known))


def middle(spans: Sequence[timedelta | None]) -> timedelta | None:
    """The median of those that are known; None without any."""
    known = sorted(span for span in spans if span is not None)
    return (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2 if known else None

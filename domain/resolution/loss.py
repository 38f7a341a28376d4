"""
What the items concerned have lost since it began, by what was shown and never by a fix: the yardstick for
every hotfix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.diagnosis.replay import Bools, Floats, Traffic
from domain.resolution.resample import LEAST_GROUPS, heterogeneity, normal, resample
from domain.values import Finding

ENOUGH_SHOWN = 30  # exposures of the items before it began that a log needs to say what was normal
GROUPS = 20
BAND = 1.645  # standard deviations of a normal on each side of a 90 % interval
SEED_BEFORE = 1  # the earlier traffic is resampled separately


@dataclass(frozen=True)
class Loss:
    """
    Args:
        shares: (1 + RESAMPLES,) the share of the items' usual exposure that is lost; negative where they are
            shown more than usual.
        by: how it is known, in words.
        usual: (1 + RESAMPLES,) their former exposures per request; None where no number is known.
    """

    shares: Floats
    by: str
    usual: Floats | None = None

    @property
    def significant(self) -> bool:
        """Whether there is a loss (or gain) beyond chance."""
        low, high = np.nanpercentile(self.shares[1:], [5, 95])
        return bool(np.isfinite(self.shares[0]) and low * high > 0)


def loss_by_log(
    before: Traffic, usual: Bools, since: Traffic, concerned: Bools, weights: Floats
) -> Loss | None:
    """
    The loss by the log: how often items were shown per request before and since. None where they were too
    rare.

    How far that rate drifts anyway between the two is read from the other items, in groups of the same size:
    a placebo. All of them gain or lose a little by the incident, so what counts is how much they differ.

    Source:
        Abadie, Diamond & Hainmueller (2010), J. Am. Stat. Assoc. 105: placebo units beside the one treated.

    Args:
        usual, concerned: rows of the items, in `before` and `since`.
        weights: (1 + RESAMPLES, requests of `since`).
    """
    shown_before, shown = before.shown(), since.shown()
    if float(shown_before[usual].sum()) < ENOUGH_SHOWN:
        return None
    drawn = resample(before.members, before.weights, SEED_BEFORE)
    healthy = _rate(before, usual * shown_before, drawn)
    now = _rate(since, concerned * shown, weights)
    drift = _placebo_drift(before, usual, since, concerned)
    if not np.isfinite(drift):
        return None
    usual_rate = healthy * np.maximum(1 + drift * normal(SEED_BEFORE), 0.1)
    return Loss(1 - now / usual_rate, "what they were shown before it began", usual_rate)


def loss_by_finding(finding: Finding) -> Loss | None:
    """The loss by the alarm's own metric and its band; None where that metric does not count their rows."""
    if finding.kind == "predicted" or finding.subject is not None or finding.expected <= 0:
        return None
    return Loss(1 - finding.observed / expected_rows(finding), "what the alarm expects")


def expected_rows(finding: Finding) -> Floats:
    """(1 + RESAMPLES,) the rows expected in the finding's window, by the finding's band."""
    if finding.low is None or finding.high is None or finding.high <= finding.low:
        deviation = float(np.sqrt(max(finding.expected, 1.0)))
    else:
        deviation = (finding.high - finding.low) / (2 * BAND)
    return np.maximum(finding.expected + deviation * normal(SEED_BEFORE), finding.expected / 10)


def _rate(traffic: Traffic, shown: Floats, weights: Floats) -> Floats:
    """(1 + RESAMPLES,) exposures per request."""
    return np.asarray(weights @ traffic.per_request(shown) / weights.sum(axis=1))


def _placebo_drift(before: Traffic, usual: Bools, since: Traffic, concerned: Bools) -> float:
    """How much exposure changes differ between groups of other items beyond chance: a relative deviation."""
    was, is_now = before.by_item(before.shown(), ~usual), since.by_item(since.shown(), ~concerned)
    items = was.index.union(is_now.index)
    was, is_now = was.reindex(items, fill_value=0.0), is_now.reindex(items, fill_value=0.0)
    size = max(float((usual * before.shown()).sum()), ENOUGH_SHOWN)
    count = int(np.clip(was.sum() / size, LEAST_GROUPS, GROUPS))
    order = np.random.default_rng(SEED_BEFORE).permutation(len(items))
    part = np.cumsum(was.to_numpy()[order]) / max(was.sum(), 1e-9)
    group = np.minimum((part * count).astype(int), count - 1)
    first = np.bincount(group, weights=was.to_numpy()[order])
    then = np.bincount(group, weights=is_now.to_numpy()[order])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = then / first * (was.sum() / max(is_now.sum(), 1e-9))
        return heterogeneity(ratios, ratios**2 * (1 / first + 1 / then))

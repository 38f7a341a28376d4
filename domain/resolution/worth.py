"""What a change of what is shown is worth to members: in plays, or whatever the team's objective counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Floats, Traffic
from domain.resolution.off_policy import LEAST_SHARE, Choices, chance_of, effective_share, value
from domain.resolution.resample import estimate, normal, spread
from domain.values import Estimate, Slice

GROUPS = 20  # of candidates alike in what the model expects, by which its error is told
LEAST_CHOSEN = 30  # choices, with fewer of which nothing can be said of the model's error
LEAST_REQUESTS = 50  # of a slice that is looked at for whom a hotfix hits hardest
UNKNOWN = "what members chose of these requests is not in the log"
RULE_OF_THREE = 3.0
"""Of n tries without a case, 3 / n is the 95 % bound of its chance (Hanley & Lippman-Hand 1983, JAMA 249)."""
SEED_GAINED, SEED_LOST = 3, 4


@dataclass(frozen=True)
class Worth:
    """
    Each in % of what is chosen now.

    Args:
        elsewhere: in the requests in which the items concerned have no place.
        whole: in all requests.
        worst: the slice of requests that most certainly loses, with what it loses; None where none does.
    """

    elsewhere: Estimate
    whole: Estimate
    worst: tuple[Slice, Estimate] | None = None


@dataclass(frozen=True)
class Valued:
    """
    Traffic with what members chose of it.

    Args:
        plays: (rows,) what the model expects of each candidate if shown, without what serving adds.
        choices: None where they are not known; `unit` is what they are counted in.
    """

    traffic: Traffic
    plays: Floats
    choices: Choices | None
    unit: str = "plays"

    def worth(self, before: Floats, after: Floats, away: Floats, weights: Floats) -> Worth:
        """
        What it is worth to show each candidate with chance `after` instead of `before`, (rows,).

        Args:
            away: (requests,) 1 of those elsewhere.
            weights: (1 + RESAMPLES, requests) what each request counts for.
        """
        choices, unit = self.choices, f"% {self.unit}"
        if choices is None or choices.count < LEAST_CHOSEN:
            unknown = Estimate(value=None, unit=unit, basis=UNKNOWN)
            return Worth(unknown, unknown)
        share = effective_share(choices, after - before)
        by_choices = share >= LEAST_SHARE

        def told(inside: Floats) -> Estimate:
            change = _by_choices if by_choices else _by_model
            draws = change(choices, self.expected, before, after, weights * inside)
            return estimate(draws, unit, _basis(choices, self.unit, share if by_choices else None))

        slices = {where: told(inside) for where, inside in self._slices.items()}
        everywhere = np.ones_like(away)
        return Worth(self._not_nothing(told(away), before, after, away), told(everywhere), _worst(slices))

    def _not_nothing(self, found: Estimate, before: Floats, after: Floats, inside: Floats) -> Estimate:
        """Where none of n requests is touched, up to 3 in n may be, each as much as those that are."""
        if found.low is None or found.high is None or found.high > found.low:
            return found
        moved = self.traffic.per_request(np.abs(after - before)) / 2
        there = self.traffic.per_request(before)
        share = float(np.sum(moved) / max(float(there[moved > 0].sum()), 1e-9))
        most = 100 * share * min(RULE_OF_THREE / max(float(inside.sum()), 1.0), 1.0)
        return found.model_copy(update={"low": -most, "high": most})

    @cached_property
    def expected(self) -> Floats:
        """(rows,) the model's expectation, brought to the height of what was chosen."""
        choices = self.choices
        if choices is None:
            return self.plays
        weights = self.traffic.row_weights * choices.shown
        height = float(weights @ choices.rewards) / max(float(weights @ self.plays), 1e-12)
        return self.plays * height

    @cached_property
    def _slices(self) -> Mapping[Slice, Floats]:
        """Slice → (requests,) 1 of the requests in it, of the columns that say one thing a request."""
        rows, found = self.traffic.rows, dict[Slice, Floats]()
        for name in self.traffic.columns.dimensions:
            if name not in rows:
                continue
            by_request = rows[name].astype(str).groupby(self.traffic.requests)
            if (by_request.nunique() > 1).any():
                continue
            held = by_request.first()
            for known, count in held.value_counts().items():
                if count >= LEAST_REQUESTS:
                    found[((name, str(known)),)] = np.asarray(held == known, np.float64)
        return found


def _basis(choices: Choices, unit: str, share: float | None) -> str:
    counted = f"{choices.count:,} {unit} of these requests"
    return (
        f"{counted}, by the model and its error" if share is None else f"{counted} (effective: {share:.0%})"
    )


def _by_choices(choices: Choices, expected: Floats, before: Floats, after: Floats, weights: Floats) -> Floats:
    """
    In %, from what was left to chance: doubly robust. Where few choices were made of what moves, how they
    would differ by chance is not seen in them; then it is what the expectation makes of it.
    """
    was, would = (value(choices, way, expected, weights) for way in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = np.asarray(100 * (would - was) / was)
        chance = 100 * chance_of(choices, before, after, expected, weights[0]) / was[0]
    unseen = np.sqrt(max(chance**2 - float(np.var(draws[1:])), 0.0))
    return np.asarray(draws + unseen * normal(SEED_GAINED))


def _by_model(choices: Choices, expected: Floats, before: Floats, after: Floats, weights: Floats) -> Floats:
    """In %, from what the model expects, which is wrong by as much as of what was shown."""
    error = _error(choices, expected)
    moved = after - before

    def total(values: Floats) -> Floats:
        return np.asarray(weights @ choices.per_request(values))

    gained = total(np.maximum(moved, 0) * expected) * (1 + error * normal(SEED_GAINED))
    lost = total(np.maximum(-moved, 0) * expected) * (1 + error * normal(SEED_LOST))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * (gained - lost) / total(before * expected))


def _error(choices: Choices, expected: Floats) -> float:
    """
    How far what is chosen of candidates alike lies from the model's word for them: a relative
    deviation.
    """
    there = choices.shown > 0
    said, chosen = expected[there], choices.rewards[there]
    group = pd.qcut(said, GROUPS, labels=False, duplicates="drop")
    sums = pd.DataFrame({"said": said, "chosen": chosen, "square": chosen**2}).groupby(group).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = np.maximum(sums["square"], sums["said"]) / sums["said"] ** 2
        return spread((sums["chosen"] / sums["said"]).to_numpy(np.float64), np.asarray(variances, np.float64))


def _worst(slices: Mapping[Slice, Estimate]) -> tuple[Slice, Estimate] | None:
    """The slice that loses whatever chance did, and of several the one that loses most for certain."""
    losing = [
        (found.high, where) for where, found in slices.items() if found.high is not None and found.high < 0
    ]
    if not losing:
        return None
    _, where = min(losing)
    return where, slices[where]

"""What a change in what is shown is worth to members: in plays, or whatever the team's objective counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from domain.diagnosis.replay import Floats, Traffic
from domain.resolution.off_policy import LEAST_SHARE, Choices, chance_of, effective_share, value
from domain.resolution.resample import HIGH, estimate, heterogeneity, normal
from domain.values import Estimate, Slice

GROUPS = 20  # of candidates with similar expectations, by which the model's error is estimated
LEAST_CHOSEN = 30  # choices; with fewer, nothing can be said about the model's error
LEAST_REQUESTS = 50  # in a slice, for it to be considered among those a hotfix hits hardest
UNKNOWN = "what members chose of these requests is not in the log"
NOTHING = 1e-9  # of a place; below this a request shows what it showed before
RULE_OF_THREE = 3.0
"""In n tries without a case, 3 / n is the 95 % bound of its chance (Hanley & Lippman-Hand 1983, JAMA 249)."""
SEED_GAINED, SEED_LOST = 3, 4


@dataclass(frozen=True)
class Worth:
    """
    What a change is worth, each in % of what is chosen now.

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
    Traffic with what members chose from it.

    Args:
        plays: (rows,) what the model expects from each candidate if shown, without what serving adds.
        choices: None where they are not known; `unit` is what they are counted in.
    """

    traffic: Traffic
    plays: Floats
    choices: Choices | None
    unit: str

    def worth(self, before: Floats, after: Floats, away: Floats, weights: Floats) -> Worth:
        """
        What it is worth to show each candidate with chance `after` instead of `before`, (rows,).

        Args:
            away: (requests,) 1 for those elsewhere.
            weights: (1 + RESAMPLES, requests) what each request counts for.
        """
        choices, unit = self.choices, f"% {self.unit}"
        if choices is None or choices.count < LEAST_CHOSEN:
            unknown = Estimate(value=None, unit=unit, basis=UNKNOWN)
            return Worth(unknown, unknown)
        share = effective_share(choices, after - before)
        by_choices = share >= LEAST_SHARE

        basis = _basis(choices, share if by_choices else None)

        def draws(inside: Floats) -> Floats:
            change = _by_choices if by_choices else _by_model
            return change(choices, self.expected, before, after, weights * inside)

        slices = {where: draws(inside) for where, inside in self._slices.items()}
        worst = _worst(slices)
        return Worth(
            elsewhere=self._untouched(before, after, away, unit, basis) or estimate(draws(away), unit, basis),
            whole=estimate(draws(np.ones_like(away)), unit, basis),
            worst=None if worst is None else (worst, estimate(slices[worst], unit, basis)),
        )

    def _untouched(
        self, before: Floats, after: Floats, inside: Floats, unit: str, basis: str
    ) -> Estimate | None:
        """If none of n requests is touched, up to 3 in n may be, each as much as those that are."""
        moved = self.traffic.per_request(np.abs(after - before)) / 2
        if not moved.any() or (moved * inside > NOTHING).any():
            return None
        share = float(moved.sum() / max(float(self.traffic.per_request(before)[moved > NOTHING].sum()), 1e-9))
        most = 100 * share * min(RULE_OF_THREE / max(float(inside.sum()), 1.0), 1.0)
        return Estimate(value=0.0, low=-most, high=most, unit=unit, basis=basis)

    @cached_property
    def expected(self) -> Floats:
        """(rows,) the model's expectation, scaled to the level of what was chosen."""
        choices = self.choices
        if choices is None:
            return self.plays
        weights = self.traffic.row_weights * choices.shown
        height = float(weights @ choices.rewards) / max(float(weights @ self.plays), 1e-12)
        return self.plays * height

    @cached_property
    def _slices(self) -> Mapping[Slice, Floats]:
        """Slice → (requests,) 1 for the requests in it, by columns with a single value per request."""
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


def _basis(choices: Choices, share: float | None) -> str:
    """How it is known; `share`: what the log is worth for this change, None where the model has to answer."""
    counted = f"{choices.count:,} choices of these requests"
    if share is None:
        return f"{counted}, by the model and its error"
    return f"{counted}, effective sample {100 * share:.0f} %"


def _by_choices(choices: Choices, expected: Floats, before: Floats, after: Floats, weights: Floats) -> Floats:
    """
    In %, from what was left to chance: doubly robust. Where few choices were made among what moves, their
    chance variation does not show in them; it is then taken from the expectation.
    """
    was, would = (value(choices, way, expected, weights) for way in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = np.asarray(100 * (would - was) / was)
        chance = 100 * chance_of(choices, before, after, expected, weights[0]) / was[0]
    unseen = np.sqrt(max(chance**2 - float(np.var(draws[1:])), 0.0))
    return np.asarray(draws + unseen * normal(SEED_GAINED))


def _by_model(choices: Choices, expected: Floats, before: Floats, after: Floats, weights: Floats) -> Floats:
    """In %, from what the model expects, taken to be as wrong as it is about what was shown."""
    error = _error(choices, expected)
    moved = after - before

    def total(values: Floats) -> Floats:
        return np.asarray(weights @ choices.per_request(values))

    gained = total(np.maximum(moved, 0) * expected) * (1 + error * normal(SEED_GAINED))
    lost = total(np.maximum(-moved, 0) * expected) * (1 + error * normal(SEED_LOST))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(100 * (gained - lost) / total(before * expected))


def _error(choices: Choices, expected: Floats) -> float:
    """How far choices among similar candidates are from what the model expects: a relative deviation."""
    there = choices.shown > 0
    said, chosen = expected[there], choices.rewards[there]
    group = pd.qcut(said, GROUPS, labels=False, duplicates="drop")
    sums = pd.DataFrame({"said": said, "chosen": chosen, "square": chosen**2}).groupby(group).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (sums["chosen"] / sums["said"]).to_numpy(np.float64)
        variances = np.maximum(sums["square"], choices.size * sums["said"]) / sums["said"] ** 2
    return heterogeneity(ratios, np.asarray(variances, np.float64))


def _worst(slices: Mapping[Slice, Floats]) -> Slice | None:
    """
    The slice that loses beyond chance, and of several the one that loses most for certain; all slices
    examined share the probability that one is named wrongly (Bonferroni).

    Args:
        slices: slice → (1 + RESAMPLES,) what changes in it, in %.
    """
    sure = 100 - (100 - HIGH) / max(len(slices), 1)
    at_best = {where: float(np.percentile(draws[1:], sure)) for where, draws in slices.items()}
    losing = [(most, where) for where, most in at_best.items() if most < 0]
    return min(losing)[1] if losing else None

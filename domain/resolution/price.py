"""What a hotfix repairs and what it costs, from replay: with intervals, by bootstrap over requests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.diagnosis.replay import Bools, Floats
from domain.resolution.stage import Stage
from domain.values import Estimate

RESAMPLES = 400
LOW, HIGH = 5.0, 95.0  # percentiles of the 90 % interval
ELSEWHERE_SHOWN = 0.25  # items concerned a request, below which a request is elsewhere
ELSEWHERE_SHARE = 0.25  # at least this share of requests is looked at for costs


@dataclass(frozen=True)
class Price:
    """`blast_share`: share of the places shown (0–1) that hold another item than now."""

    repairs: Estimate
    costs: Estimate
    blast_share: float


def price(stage: Stage, scores: Floats, *, gone: Bools | None = None, note: str = "", seed: int = 0) -> Price:
    """
    Compare what is shown under `scores` with what is shown now.

    Args:
        scores: of every candidate under the hotfix; `gone` are no candidates under it.

    Returns:
        repairs: % of the lost exposure of the items concerned that comes back.
        costs: change of predicted plays, in %, on the quarter or more of requests in which those items have
        no place; plays are valued by the model with the fault taken out. Intervals cover 90 %.

    Source:
        Rubin (1981), The Bayesian bootstrap; here over requests.
    """
    traffic = stage.traffic
    own = stage.concerned.astype(float)
    before, after = traffic.exposure(stage.now), traffic.exposure(scores, gone)
    ideal = traffic.exposure(stage.ideal)
    weights = np.random.default_rng(seed).standard_exponential((RESAMPLES, traffic.request_count))
    weights = np.vstack([np.ones(traffic.request_count), weights]) * traffic.weights  # the first is as found
    gain = traffic.per_request(own * (after - before))
    shown = traffic.per_request(own * before)
    goal = (
        traffic.per_request(own * ideal)
        if stage.derived
        else shown * (stage.goal / max(float(traffic.weights @ shown), 1e-9))
    )
    gap = goal - shown
    plays = traffic.plays(stage.ideal)
    worth, change = traffic.per_request(before * plays), traffic.per_request((after - before) * plays)
    away = _elsewhere(goal)
    basis = f"{stage.basis}{note}"
    return Price(
        repairs=_ratio(gain, gap, weights, "%", basis),
        costs=_ratio(change * away, worth * away, weights, "% plays", basis),
        blast_share=_moved(before, after, traffic.row_weights),
    )


def amount_to_repair(stage: Stage, most: float = 6.0) -> float:
    """The boost (in the score's unit, to a tenth) that gives the items concerned their exposure back."""
    own = stage.concerned.astype(float)
    weighed = own * stage.traffic.row_weights
    low, high = 0.0, most
    for _ in range(8):
        middle = (low + high) / 2
        short = float(weighed @ stage.traffic.exposure(stage.now + middle * own)) < stage.goal
        low, high = (middle, high) if short else (low, middle)
    return round((low + high) / 2, 1)


def _elsewhere(goal: Floats) -> Floats:
    return (goal <= max(ELSEWHERE_SHOWN, float(np.quantile(goal, ELSEWHERE_SHARE)))).astype(float)


def _moved(before: Floats, after: Floats, weights: Floats) -> float:
    moved, shown = float((weights * np.abs(after - before)).sum()), float((weights * before).sum())
    return float(np.clip(moved / (2 * max(shown, 1e-9)), 0.0, 1.0))


def _ratio(top: Floats, bottom: Floats, weights: Floats, unit: str, basis: str) -> Estimate:
    found = weights[0]
    if abs(float((found * bottom).sum())) < 1e-9:
        return Estimate(value=None, unit=unit, basis=f"{basis}: nothing to compare with")
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = 100 * (weights[1:] @ top) / (weights[1:] @ bottom)
    low, high = np.nanpercentile(draws, [LOW, HIGH])
    value = 100 * float((found * top).sum() / (found * bottom).sum())
    return Estimate(
        value=value, low=min(float(low), value), high=max(float(high), value), unit=unit, basis=basis
    )

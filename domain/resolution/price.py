"""What a hotfix repairs and what it costs, by replay, with intervals bootstrapped over members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.diagnosis.replay import Bools, Floats
from domain.resolution.diversity import diversity
from domain.resolution.resample import estimate, uniform
from domain.resolution.stage import Stage
from domain.resolution.worth import Worth
from domain.values import Estimate

ELSEWHERE_SHOWN = 0.25  # items concerned per request, at or below which a request is elsewhere
ELSEWHERE_SHARE = 0.25  # at least this share of requests is looked at for costs
SEED_OFF = 7
NO_YARDSTICK = "nothing but the fix itself says what was lost"
NO_CHANGE = "it changes nothing that is shown in them"
NO_LOSS = "what these items lost cannot be distinguished from chance"
TWICE = 200.0  # %: twice what was lost comes back


@dataclass(frozen=True)
class Price:
    """
    Args:
        repairs: % of the lost exposure of the items concerned that comes back.
        costs: change, in %, of what members choose in the requests in which those items have no place.
        whole: the same in all requests.
        blast_share: share of requests (0–1) that show a different item than now.
        worst: whom it hits hardest, in words; empty where nobody loses for certain.
        diversity: change, in %, in the effective number of items shown.
        others: change, in %, in the exposure of all items except those concerned.
    """

    repairs: Estimate
    costs: Estimate
    blast_share: float
    whole: Estimate | None = None
    worst: str = ""
    diversity: Estimate | None = None
    others: Estimate | None = None

    def a_day(self, rewards: float | None) -> Estimate | None:
        """The change of the whole in numbers per day, where a day's `rewards` are known; else in %."""
        found = self.whole
        if found is None or found.value is None or rewards is None:
            return found
        unit = f"{found.unit.removeprefix('% ')} a day"
        value, low, high = (
            None if part is None else part / 100 * rewards for part in (found.value, found.low, found.high)
        )
        return found.model_copy(update={"value": value, "low": low, "high": high, "unit": unit})

    def members(self, visits: float | None) -> float | None:
        """Share of a day's members (0–1) shown a different item at least once, given `visits` per day."""
        return None if visits is None else 1 - (1 - self.blast_share) ** visits


def price(stage: Stage, scores: Floats, *, gone: Bools | None = None, note: str = "") -> Price:
    """
    Compare what is shown under `scores` with what is shown now.

    What is lost is taken from what was shown before or from the alarm, never from the fix; what that means to
    members, from what they chose. Intervals cover 90 %.

    Args:
        scores: of every candidate under the hotfix; those in `gone` are no longer candidates under it.
    """
    before, after = stage.traffic.exposure(stage.now), stage.traffic.exposure(scores, gone)
    worth: Worth = stage.valued.worth(before, after, _elsewhere(stage), stage.weights)
    return Price(
        repairs=_repairs(stage, before, after, f"{stage.basis}{note}"),
        costs=worth.elsewhere,
        whole=worth.whole,
        blast_share=_touched(stage, before, after),
        worst=_named(worth),
        diversity=diversity(stage.traffic, before, after, stage.weights),
        others=_others(stage, before, after),
    )


def amount_to_repair(stage: Stage, most: float = 6.0) -> float | None:
    """
    What has to be added to the scores of the items concerned (in their unit, to a tenth; below 0 where they
    are shown too much) to restore their usual exposure; None where it is not known what they lost.
    """
    if stage.loss is None or not stage.loss.significant:
        return None
    own = stage.concerned.astype(float)
    weighed = own * stage.traffic.row_weights
    shown = float(weighed @ stage.traffic.exposure(stage.now))
    goal = shown + float(lost(stage, stage.traffic.exposure(stage.now))[0]) * stage.traffic.weights.sum()
    low, high = -most, most
    for _ in range(9):
        middle = (low + high) / 2
        short = float(weighed @ stage.traffic.exposure(stage.now + middle * own)) < goal
        low, high = (middle, high) if short else (low, middle)
    return round((low + high) / 2, 1)


def lost(stage: Stage, before: Floats) -> Floats:
    """(1 + RESAMPLES,) exposures per request that the items concerned lost; NaN where not known."""
    if stage.loss is None:
        return np.full(len(stage.weights), np.nan)
    share, now = stage.loss.shares, _a_request(stage, stage.concerned * before)
    if stage.simulated:
        usual = _a_request(stage, stage.concerned * stage.traffic.exposure(stage.ideal))
        # The simulated fault takes more or less than the alarm says, and may be as far off the other way.
        return usual - now + uniform(SEED_OFF) * (share * usual - (usual - now))
    if stage.loss.usual is not None:
        return stage.loss.usual - now
    return _a_request(stage, stage.symptom * before) * share / np.maximum(1 - share, 0.02)


def _repairs(stage: Stage, before: Floats, after: Floats, basis: str) -> Estimate:
    gained = _a_request(stage, stage.concerned * (after - before))
    if stage.loss is None or not stage.loss.significant or not gained.any():
        why = NO_YARDSTICK if stage.loss is None else NO_CHANGE if not gained.any() else NO_LOSS
        return Estimate(value=None, unit="%", basis=f"{basis}: {why}")
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = 100 * gained / lost(stage, before)
    found = estimate(draws, "%", f"{basis}; lost against {stage.loss.by}")
    return _too_few(stage, found) if _may_be_anything(found) else found


def _may_be_anything(repairs: Estimate) -> bool:
    """Whether the interval holds both further harm and twice what was lost."""
    low, high = repairs.low, repairs.high
    return low is not None and high is not None and low < 0 and high > TWICE


def _too_few(stage: Stage, repairs: Estimate) -> Estimate:
    requests = stage.weights.shape[1]
    few = "1 request is" if requests == 1 else f"{requests:,} requests are"
    return Estimate(value=None, unit=repairs.unit, basis=f"{repairs.basis}: {few} too few to tell")


def _others(stage: Stage, before: Floats, after: Floats) -> Estimate:
    """How much more all items except those concerned are shown, in %."""
    others = ~stage.concerned
    was, moved = _a_request(stage, others * before), _a_request(stage, others * (after - before))
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate(100 * moved / was, "% of other items' exposure", stage.basis)


def _a_request(stage: Stage, values: Floats) -> Floats:
    """(1 + RESAMPLES,) sums over candidates, per request."""
    sums = stage.traffic.per_request(values)
    return np.asarray(stage.weights @ sums / stage.weights.sum(axis=1))


def _elsewhere(stage: Stage) -> Floats:
    """(requests,) 1 for those in which the items concerned would have no place even without the fault."""
    usual = stage.traffic.per_request(stage.concerned * stage.traffic.exposure(stage.ideal))
    return (usual <= max(ELSEWHERE_SHOWN, float(np.quantile(usual, ELSEWHERE_SHARE)))).astype(float)


def _touched(stage: Stage, before: Floats, after: Floats) -> float:
    """Share of requests that show at least one different item, if the number entering is Poisson."""
    entering = stage.traffic.per_request(np.maximum(after - before, 0.0))
    weights = stage.traffic.weights
    return float(np.clip(weights @ -np.expm1(-entering) / weights.sum(), 0.0, 1.0))


def _named(worth: Worth) -> str:
    if worth.worst is None or worth.worst[1].value is None:
        return ""
    (where,), found = worth.worst
    return f"{where[0]} = {where[1]} loses most: {-worth.worst[1].value:.1f} {found.unit}"

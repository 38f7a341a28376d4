"""
What production shows an item, against its expected exposure: "shown 62 % less than films that members like as
much".

    unbiased traffic (items shown by chance)
        │ how often an item is eligible at equal chances      equal
        │ how often it is chosen when it is seen                      merit
        ▼
    deserved share  ∝  equal · merit ^ reward       reward: how strongly production usually rewards merit,
        │                                           learned from all items
        ▼
    bias = production's share / deserved share, shrunk where there is little data

If there is no unbiased traffic, an item's merit is its engagement in production, corrected for its positions
and for how often it was shown, and every item is assumed to be eligible equally often.

Source:
    Exposure against merit: Singh & Joachims (2018), "Fairness of exposure in rankings", KDD. A posterior mean
    in place of a merit that is not known exactly: regression calibration, Carroll, Ruppert, Stefanski &
    Crainiceanu (2006), ch. 4. Outliers: Huber (1964), Ann. Math. Stat. 35(1). False discoveries
    among dependent items: Benjamini & Yekutieli (2001), Ann. Stat. 29(4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from domain.detection.data.counts import Floats
from domain.detection.expect.shrink import shrink
from domain.detection.exposure.engagement import Engagement, estimate_engagement
from domain.detection.judge.discovery import ALPHA, benjamini_hochberg
from domain.errors import TooFewRows

HALF = 0.5  # of an impression: for the logarithm of a count of 0
LEAST_ITEMS = 5
HUBER = 1.345  # standard deviations beyond which an item is an outlier
REWARD, REWARD_SD = (
    1.0,
    0.5,
)  # prior: exposure in proportion to merit, or half of it, or twice
MAD_TO_SD = 1.4826
ROUNDS, BISECTIONS = 30, 40


@dataclass(frozen=True)
class Deserved:
    """
    (n_items,) in order of `items`: the expected `share` of production's impressions (they add up to 1), the
    `error` of its logarithm, and the underlying `merit`. `reward`: exposure grows with merit ^ reward.
    """

    items: npt.NDArray[np.object_]
    share: Floats
    error: Floats
    merit: Engagement
    reward: float
    unbiased: bool


def deserve(
    production: pd.DataFrame, unbiased: pd.DataFrame | None, available: pd.Series | None = None
) -> Deserved:
    """
    Each item's expected share of production's impressions while it is available, by its merit.

    Args:
        production, unbiased: columns item, position, shown, chosen (counts); `unbiased` is what was shown by
            chance, null if nothing was.
        available: share (0–1] of the time in which the item could be shown, by item; 1 if not given.

    Raises:
        TooFewRows: fewer than five items, or ten choices.
    """
    source = production if unbiased is None else unbiased
    merit = estimate_engagement(source, None if unbiased is None else _engagement(production))
    if len(merit.items) < LEAST_ITEMS:
        raise TooFewRows(f"{len(merit.items)} items were shown, and {LEAST_ITEMS} are needed to compare them")
    there = _available(merit.items, available)
    shown = _by_item(production, merit.items, merit.attention) / there
    equal = there * 0 + merit.seen.mean() if unbiased is None else merit.seen / there
    blur = 1 / (merit.seen + HALF) if unbiased is not None else np.zeros(len(equal))
    worth = merit.rates.log_mean
    rise = np.log(shown + HALF) - np.log(equal + HALF)
    reward, doubt = _reward(worth, rise, blur + 1 / (shown * there + HALF))
    away = worth - worth.mean()
    weight = (equal + HALF) * np.exp(reward * away)
    error = np.sqrt(blur + reward**2 * merit.rates.log_variance + (doubt * away) ** 2)
    return Deserved(merit.items, weight / weight.sum(), error, merit, reward, unbiased is not None)


def production_bias(
    deserved: Deserved, production: pd.DataFrame, available: pd.Series | None = None, confidence: float = 0.9
) -> pd.DataFrame:
    """
    How far production is from what items merit.

    Args:
        production: as in `deserve`; may cover another time than what was learned from.

    Returns:
        A row per item: item; shown, deserved (impressions of average attention); bias, low, high: production
        over merit, less 1 (−0.62 is 62 % less), shrunk; raw: the same as observed; merit (choices per
        impression); wrong_sign (0–1); p_value: of being so far from the other items; unusual: by that
        p-value, at a false discovery rate of 5 %.
    """
    shown, merited = due(deserved, production, available)
    raw = np.log(shown + HALF) - np.log(merited + HALF)
    error = np.sqrt(deserved.error**2 + 1 / (np.minimum(shown, merited) + HALF))
    posterior = shrink(raw, error, confidence)
    p_values = _unlike_others(raw, error)
    return pd.DataFrame(
        {
            "item": deserved.items,
            "shown": shown,
            "deserved": merited,
            "bias": np.expm1(posterior.mean),
            "low": np.expm1(posterior.low),
            "high": np.expm1(posterior.high),
            "raw": np.expm1(raw),
            "merit": deserved.merit.rates.mean,
            "wrong_sign": posterior.wrong_sign,
            "p_value": p_values,
            "unusual": benjamini_hochberg(p_values, ALPHA / _dependent(len(p_values))),
        }
    )


def due(
    deserved: Deserved, production: pd.DataFrame, available: pd.Series | None = None
) -> tuple[Floats, Floats]:
    """(n_items,) each: what production shows, and what it should show by merit; see `production_bias`."""
    shown = _by_item(production, deserved.items, deserved.merit.attention)
    merited = deserved.share * _available(deserved.items, available)
    return shown, np.asarray(shown.sum() * merited / merited.sum())


def reweighted(
    deserved: Deserved, members: npt.NDArray[np.bool_], times: float, blur: float = 0.0
) -> Deserved:
    """
    The same if items are eligible this many `times` as often.

    Args:
        members: (n_items,) the items concerned; blur: the error of the logarithm of `times`.
    """
    share = np.where(members, deserved.share * times, deserved.share)
    error = np.where(members, np.hypot(deserved.error, blur), deserved.error)
    return replace(deserved, share=share / share.sum(), error=error)


def comparables(deserved: Deserved, item: str, among: npt.NDArray[np.bool_], count: int = 20) -> list[str]:
    """
    The items that merit as much as `item` does: the nearest in deserved share, then in merit.

    Args:
        among: (n_items,) which ones it may be compared with.
    """
    place = int(np.flatnonzero(deserved.items == item)[0])
    share, worth = np.log(deserved.share), deserved.merit.rates.log_mean
    away = np.hypot(share - share[place], worth - worth[place])
    away[~among] = np.inf
    away[place] = np.inf
    nearest = np.argsort(away, kind="stable")[:count]
    return [str(deserved.items[one]) for one in nearest if np.isfinite(away[one])]


def _dependent(count: int) -> float:
    """
    The divisor of a level when errors are dependent: here through what is learned from all items at once.
    """
    return float(np.sum(1 / np.arange(1, max(count, 1) + 1)))


def _by_item(production: pd.DataFrame, items: npt.NDArray[np.object_], attention: dict[int, float]) -> Floats:
    """(n_items,) impressions in units of average attention."""
    weight = production["position"].map(attention).fillna(1.0).to_numpy(np.float64)
    seen = (production["shown"].to_numpy(np.float64) * weight).astype(np.float64)
    found = pd.Series(seen).groupby(production["item"].to_numpy(dtype=object)).sum()
    return np.asarray(found.reindex(items, fill_value=0.0), dtype=np.float64)


def _available(items: npt.NDArray[np.object_], available: pd.Series | None) -> Floats:
    if available is None:
        return np.ones(len(items))
    return np.clip(np.asarray(available.reindex(items).fillna(1.0), dtype=np.float64), 1e-3, 1.0)


def _engagement(production: pd.DataFrame) -> Engagement | None:
    """What production says about merit: a lot, but only from the members that each item was picked for."""
    try:
        return estimate_engagement(production)
    except TooFewRows:
        return None


def _reward(worth: Floats, rise: Floats, noise: Floats) -> tuple[float, float]:
    """
    The slope of exposure on merit and its error, with Huber's weights, those of the noise, and a prior around
    exposure in proportion to merit.
    """
    spread, slope, error = float(np.var(rise)) + 1e-4, REWARD, REWARD_SD
    huber = np.ones(len(rise))
    for _round in range(ROUNDS):
        weight = huber / (noise + spread)
        middle = np.average(worth, weights=weight)
        level = np.average(rise, weights=weight)
        known = float((weight * (worth - middle) ** 2).sum())
        pull = float((weight * (worth - middle) * (rise - level)).sum())
        error = (known + REWARD_SD**-2) ** -0.5
        slope = (pull + REWARD * REWARD_SD**-2) * error**2
        off = rise - level - slope * (worth - middle)
        spread = max(_spread(off) ** 2 - float(np.median(noise)), 1e-4)
        size = np.abs(off - np.median(off)) / np.sqrt(noise + spread)
        huber = np.minimum(1.0, HUBER / np.maximum(size, 1e-9))
    return slope, error


def _spread(values: Floats) -> float:
    return float(MAD_TO_SD * np.median(np.abs(values - np.median(values))))


def _unlike_others(raw: Floats, error: Floats) -> Floats:
    """
    (n_items,) two-sided p-values against items that differ as much as most of them do.

    How much that is beyond their errors is learned from the half of them that is known best, such that half
    of those lie within a normal's middle half.
    """
    known = error <= np.median(error)
    centre, low, high = float(np.median(raw)), 0.0, _spread(raw) + 1e-9
    away, blur = np.abs(raw - centre)[known], error[known]
    for _step in range(BISECTIONS):
        usual = (low + high) / 2
        wide = MAD_TO_SD * float(np.median(away / np.hypot(blur, usual))) > 1
        low, high = (usual, high) if wide else (low, usual)
    return np.asarray(2 * norm.sf(np.abs(raw - centre) / np.hypot(error, high)), dtype=np.float64)

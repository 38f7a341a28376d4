"""Made-up traffic of a recommender with a known bias, from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

PLACES = 10
ATTENTION = np.exp(-0.07 * np.arange(PLACES))


@dataclass(frozen=True)
class Traffic:
    """What production and chance showed, and the true logarithm of each item's bias, in order of `items`."""

    items: list[str]
    production: pd.DataFrame
    by_chance: pd.DataFrame
    truth: np.ndarray


def traffic(
    seed: int,
    *,
    held_down: int = 0,
    by: float = -1.2,
    items: int = 300,
    production: int = 400_000,
    by_chance: int = 400_000,
    scatter: float = 0.25,
) -> Traffic:
    """
    Production shows items as often as they are eligible, times merit to the power of 1.4, times a
    scatter; the first `held_down` items by exp(`by`) less.
    """
    chance = np.random.default_rng(seed)
    merit = chance.gamma(4, 0.03 / 4, items)
    equal = chance.lognormal(0, 0.6, items)
    bias = chance.normal(0, scatter, items)
    bias[:held_down] += by
    fair = equal * merit**1.4
    shown = fair * np.exp(bias)
    names = [f"item{number:04d}" for number in range(items)]
    truth = np.log(shown / shown.sum()) - np.log(fair / fair.sum())
    return Traffic(
        items=names,
        production=rows(chance, names, shown, merit, production),
        by_chance=rows(chance, names, equal, merit, by_chance),
        truth=truth,
    )


def rows(
    chance: np.random.Generator, names: list[str], weight: np.ndarray, merit: np.ndarray, count: int
) -> pd.DataFrame:
    """Impressions by item and place, and what was chosen of them."""
    shown = chance.poisson(count * (weight / weight.sum())[:, None] / PLACES * np.ones(PLACES))
    chosen = chance.binomial(shown, np.clip(merit[:, None] * ATTENTION, 0, 1))
    item, place = np.indices(shown.shape)
    return pd.DataFrame(
        {
            "item": np.array(names, dtype=object)[item.ravel()],
            "position": place.ravel() + 1,
            "shown": shown.ravel().astype(float),
            "chosen": chosen.ravel().astype(float),
        }
    )

"""Scores shifted after the model, for drawn items or a slice: an excessive boost, a wrong weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from domain.diagnosis.replay import Bools, Floats, Traffic
from domain.errors import CannotRehearse
from domain.resolution.rehearsal.draw import Items, drawn
from domain.resolution.rehearsal.planted import LEAST_EFFECT, Healthy, Parameters, Planted, shifted, spread

LEAST, MOST = 0.7, 1.5
"""The shift as a multiple of what the hotfix adds, or of the spread of the scores."""


def on_items(amount: float | None) -> Callable[[Healthy, int], Planted]:
    """
    Plant drawn items scored too low by about the `amount` (in the score's unit) that the hotfix adds; too
    high where it is below 0. Where the amount is not known beforehand, by about the spread of the scores.
    """
    return _on_drawn(lambda healthy, chance: -_size(healthy, chance, amount), None)


def too_high(most: int | None) -> Callable[[Healthy, int], Planted]:
    """Plant drawn items, at most `most`, scored too high by about the spread of the scores."""
    return _on_drawn(lambda healthy, chance: _size(healthy, chance, None), most)


def _on_drawn(
    size: Callable[[Healthy, np.random.Generator], float], most: int | None
) -> Callable[[Healthy, int], Planted]:
    def plant(healthy: Healthy, seed: int) -> Planted:
        chance = np.random.default_rng(seed)
        by = size(healthy, chance)

        def made(items: Items, says: str) -> Planted:
            return shifted(healthy, f"{_in_words(by)} of {says}", healthy.ids.isin(items).to_numpy(), by)

        return drawn(healthy, chance, made, most=most)

    return plant


def in_slice(
    amount: float, where: str, inside: Callable[[Traffic], Bools | None]
) -> Callable[[Healthy, int], Planted]:
    """
    Plant a whole slice scored too low by about the `amount` that the hotfix adds; too high where it is below
    0.

    Args:
        where: the slice, in words.
        inside: (rows,) what lies in it; None where the log does not say.
    """

    def plant(healthy: Healthy, seed: int) -> Planted:
        concerned = inside(healthy.traffic)
        if concerned is None:
            raise CannotRehearse(f"a dimension of its slice, {where}, is not logged")
        by = -_size(healthy, np.random.default_rng(seed), amount)
        planted = shifted(healthy, f"{_in_words(by)} where {where}", concerned, by)
        if abs(planted.effect) < LEAST_EFFECT:
            raise CannotRehearse(f"{planted.says}: what is shown there hardly changes")
        return planted

    return plant


def boosted(parameters: Parameters, planted: Planted) -> Floats:
    """Exposure with the amount added to the items that the deployer is handed."""
    return planted.healthy.traffic.exposure(
        planted.scores + float(str(parameters["amount"])) * _named(parameters, planted)
    )


def blocked(parameters: Parameters, planted: Planted) -> Floats:
    """Exposure with these items no longer candidates."""
    return planted.healthy.traffic.exposure(planted.scores, _named(parameters, planted))


def _named(parameters: Parameters, planted: Planted) -> Bools:
    items = parameters.get("items")
    return planted.healthy.ids.isin(
        [str(one) for one in items] if isinstance(items, Iterable) else []
    ).to_numpy()


def _size(healthy: Healthy, chance: np.random.Generator, amount: float | None) -> float:
    times = chance.uniform(LEAST, MOST)
    return float(times * (spread(healthy) if amount is None else amount))


def _in_words(by: float) -> str:
    return f"scores {abs(by):.2g} too {'low' if by < 0 else 'high'}"

"""The features by which nearness is measured, where there are very many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NEARBY = 200  # more take long, and add little to these


def nearby(features: Sequence[str], chance: np.random.Generator) -> list[str]:
    """
    All of them, or 200 drawn by chance, in their order.

    >>> nearby(["fare", "delay"], np.random.default_rng(0))
    ['fare', 'delay']
    """
    if len(features) <= NEARBY:
        return list(features)
    return [features[place] for place in np.sort(chance.choice(len(features), NEARBY, replace=False))]

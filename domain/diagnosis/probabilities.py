"""Whether logged scores are probabilities, which is not declared."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 0.95  # share of the scores that are at most 1: a boost may have lifted the others above it


def are_probabilities(scores: npt.NDArray[Any]) -> bool:
    """
    Whether they are: none is below 0, and hardly any above 1.

    >>> [are_probabilities(np.array(scores)) for scores in ([0.1, 0.9], [-2.0, 0.9], [3.0, 0.9])]
    [True, False, False]
    """
    known = scores[np.isfinite(scores)]
    return bool(len(known)) and bool(known.min() >= 0) and float(np.mean(known <= 1)) >= MOST

"""
What a logged request stands for: where some were more likely to be logged than others, each counts as one
over the probability that it was.

Source:
    Horvitz & Thompson (1952), J. Am. Stat. Assoc. 47; for means the ratio of two such sums, Hájek (1971).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import SourceError

Floats = npt.NDArray[np.float64]

UNSET = "is not set"
OUT = "is not above 0 and at most 1"
APART = "is not the same in all rows of the request"


def require_probabilities(column: str, low: Floats, high: Floats) -> None:
    """
    Args:
        low, high: (n_requests,) the least and the greatest value in `column` among the rows of each request;
            NaN where a row has none.

    Raises:
        SourceError: one is not set, not above 0, above 1, or not the same in all rows of its request.
    """
    unset = ~(np.isfinite(low) & np.isfinite(high))
    out = ~unset & ((low <= 0) | (high > 1))
    apart = ~unset & ~out & (low != high)
    for wrong, says in ((unset, UNSET), (out, OUT), (apart, APART)):
        refuse(column, says, int(wrong.sum()), len(low))


def refuse(column: str, says: str, wrong: int, count: int) -> None:
    """Raises SourceError where `wrong`, a number of requests of `count`, is not 0."""
    if wrong:
        raise SourceError(
            f'column "{column}" {says} for {wrong:,} of {count:,} logged requests; it has to hold the '
            "probability with which the request was taken into the log"
        )


def weights_of(rows: pd.DataFrame, requests: npt.NDArray[np.intp], column: str | None) -> Floats:
    """
    (n_requests,) what each request counts for, 1 on average; exactly 1 where no `column` says how likely it
    was logged.

    Args:
        requests: (rows,) the number of each row's request, from 0 on.

    Raises:
        SourceError: as `require_probabilities`.
    """
    count = int(requests.max()) + 1 if len(requests) else 0
    if column is None or count == 0:
        return np.ones(count)
    if column not in rows:
        raise SourceError(f'the log has no column "{column}", which is declared as the inclusion probability')
    chance = pd.to_numeric(rows[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    with np.errstate(invalid="ignore"):
        np.minimum.at(low, requests, chance)  # a NaN stays one
        np.maximum.at(high, requests, chance)
    require_probabilities(column, low, high)
    return np.asarray((1 / low) / np.mean(1 / low))


def effective(weights: Floats) -> float:
    """
    How many requests drawn evenly say as much about a mean: (Σ w)² / Σ w².

    >>> effective(np.array([1.0, 1.0, 1.0])), effective(np.array([3.0, 1.0]))
    (3.0, 1.6)

    Source:
        Kish (1965), Survey Sampling, 8.2.
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def mean_of(values: Floats, weights: Floats) -> tuple[float, float]:
    """
    The weighted mean of `values`, (n,), and its standard error; 0 ± ∞ where there are none.

    Source:
        Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, 5.6: the ratio's linearisation.
    """
    whole = float(weights.sum())
    if not len(values) or whole <= 0:
        return 0.0, np.inf
    mean = float((weights * values).sum() / whole)
    return mean, float(np.sqrt((weights**2 * (values - mean) ** 2).sum()) / whole)

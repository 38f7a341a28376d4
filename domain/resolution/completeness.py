"""Whether a log holds the candidates that could have been shown: no replay can promote what it lacks."""

from __future__ import annotations

import numpy as np

from domain.diagnosis.replay import Bools, Floats, Traffic
from domain.errors import SourceError

MOST_MISSING = 0.05
"""Share of what was shown, or of the items' candidates, that may be missing from a log to be replayed."""
MOST_APART = 0.15  # by how much what is shown may differ from what the ranking says
SURELY = 4.0  # standard deviations of chance
TRY_IT = "try it on 5 % of members first"


def require_propensities(traffic: Traffic) -> None:
    """
    Raises:
        SourceError: the chance of being shown is missing, below 0, above 1, or 0 of what was shown.
    """
    chances = traffic.propensities
    if chances is None:
        return
    shown = traffic.shown() > 0
    for wrong, says in (
        (~np.isfinite(chances), "is not set"),
        ((chances < 0) | (chances > 1), "is no probability"),
        ((chances <= 0) & shown, "is 0 of what was shown"),
    ):
        if wrong.any():
            raise SourceError(
                f'column "{traffic.columns.propensity}" {says} in {int(wrong.sum()):,} of {len(chances):,} '
                "rows; it has to hold the probability with which each candidate was to be shown"
            )


def require_candidates(traffic: Traffic) -> None:
    """
    Raises:
        SourceError: the log holds only what was shown, or the chances of its candidates do not add up to
            the places that were filled: it was cut at a rank.
    """
    shown, chances = traffic.shown(), traffic.propensities
    logged = traffic.columns.shown is not None and traffic.columns.shown in traffic.rows
    if logged and (shown > 0).all():
        raise SourceError(
            "the log holds only what was shown, so what would have been shown instead cannot be known from "
            f"it; log the other candidates as well, or {TRY_IT}"
        )
    if chances is None:
        return
    missing = 1 - float(traffic.row_weights @ chances) / _places(traffic, logged)
    if missing > MOST_MISSING:
        raise SourceError(
            f"the chances of the logged candidates add up to {100 * (1 - missing):.0f} % of what is shown: "
            "the log was cut at a rank, and what comes from below cannot be known from it; "
            f"log all candidates, or {TRY_IT}"
        )


def missing_candidates(before: Traffic, usual: Bools, since: Traffic, concerned: Bools) -> str:
    """
    Why a replay cannot promote the items, in words: they have been candidates less often since it began.
    Empty where they have not.
    """
    was, now = _rate(before, usual), _rate(since, concerned)
    if was.sum() <= 0:
        return ""
    missing = 1 - now.mean() / was.mean()
    error = float(np.hypot(_error(was), _error(now) * now.mean() / was.mean()))
    if missing - 2 * error <= MOST_MISSING:
        return ""
    return (
        f"since it began the items are {100 * missing:.0f} % less often among the logged candidates (cut "
        "at a rank, or kept out before they were ranked): what they would get back cannot be known "
        f"from the log; {TRY_IT}"
    )


def ranking_mismatch(traffic: Traffic, concerned: Bools) -> str:
    """
    Why a replay of the ranking does not say how often the items are shown, in words: in the log they are
    shown more or less often than their scores imply. Empty where the two agree.
    """
    replayed = float(traffic.row_weights @ (concerned * traffic.exposure(traffic.scores(traffic.rows))))
    shown = float(traffic.row_weights @ (concerned * traffic.shown()))
    apart = shown / max(replayed, 1e-9) - 1
    if abs(apart) <= MOST_APART or abs(shown - replayed) <= SURELY * np.sqrt(max(replayed, 1.0)):
        return ""
    return (
        f"these items are shown {100 * abs(apart):.0f} % {'more' if apart > 0 else 'less'} than their scores "
        "say: what is done after the ranking is not in the log, and no change of scores can be priced; "
        f"{TRY_IT}"
    )


def _places(traffic: Traffic, logged: bool) -> float:
    """Places filled over all requests: as logged, else as declared or the number of candidates if smaller."""
    if logged:
        return float(traffic.row_weights @ traffic.shown())
    sizes = traffic.per_request(np.ones(len(traffic.rows)))
    return float(traffic.weights @ np.minimum(sizes, traffic.columns.top))


def _rate(traffic: Traffic, rows: Bools) -> Floats:
    """(requests,) how many of the items are candidates."""
    return traffic.per_request(rows.astype(np.float64)) * traffic.weights


def _error(values: Floats) -> float:
    """The relative error of the mean."""
    mean = float(values.mean())
    return float(values.std() / max(mean, 1e-12) / np.sqrt(len(values))) if mean > 0 else 0.0

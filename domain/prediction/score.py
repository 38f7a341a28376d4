"""A prediction compared with what happened on its day."""

from __future__ import annotations

from domain.incident.commands import ScorePrediction
from domain.values import Finding


def score_prediction(finding: Finding, observed: float) -> ScorePrediction:
    """
    What was forecast and what happened, in the finding's unit.

    Raises:
        ValueError: the finding is not a prediction, or has no interval.
    """
    if finding.kind != "predicted" or finding.low is None or finding.high is None:
        raise ValueError(
            f"{finding.check} on {finding.table}: only a prediction with an interval can be scored"
        )
    return ScorePrediction(observed=observed, forecast=finding.observed, low=finding.low, high=finding.high)

"""A look at a model: source → arrays → judgement, for each kind of check of one; and measured again."""

from __future__ import annotations

from datetime import datetime

from domain.detection.checks import CALIBRATION, MODEL, SKEW
from domain.detection.measure import Measurement
from domain.detection.measure_model import (
    measure_calibration,
    measure_skew,
    measure_staleness,
    measure_training,
)
from domain.detection.spoiled import Past
from domain.detection.staleness import Ages, judge_staleness
from domain.detection.state import CheckState, Spoiled, Verdict
from domain.detection.training import Runs, judge_training
from domain.values import Finding
from workers.quality import Look
from workers.sources.fed import fed_rows
from workers.sources.outcomes import outcome_rows
from workers.sources.trainings import ages_of, training_runs

KINDS = MODEL
SLICED = tuple(CALIBRATION)


def look_at_model(look: Look, memory: CheckState) -> Verdict:
    """
    What a check of a model says at the end of the look's grid.

    Raises:
        SourceError: the tables cannot be read as declared.
    """
    check, grid = look.check, look.grid
    if check.kind in CALIBRATION:
        outcomes = outcome_rows(look.recommender, check, grid, look.dimensions)
        return CALIBRATION[check.kind](check, outcomes, memory, look.looks_per_week)
    if check.kind in SKEW:
        fed = fed_rows(look.recommender, check, grid, look.dimensions)
        return SKEW[check.kind](check, fed, memory, look.looks_per_week)
    if check.kind == "training":
        window = (grid.edge(grid.count - 1), grid.end)
        return judge_training(check, _runs(look, grid.end), window, memory, look.looks_per_week)
    return judge_staleness(check, _ages(look, grid.end), memory)


def measure_at_model(look: Look, finding: Finding, past: Past, start: datetime) -> Measurement:
    """
    What `finding` is about, in the last window of the look's grid, against the time before the incident.

    Raises:
        SourceError: the tables cannot be read as declared. TooFewRows: there is nothing to measure.
    """
    check, grid = look.check, look.grid
    if check.kind == "training":
        return measure_training(check, finding, _runs(look, grid.end), past)
    if check.kind == "staleness":
        return measure_staleness(finding, _ages(look, grid.end))
    bad = Spoiled(slice=finding.slice, since=min(past.before, start), until=start)
    memory = CheckState(spoiled=(*past.wrong, bad))
    dimensions = tuple(name for name, _value in finding.slice)
    if check.kind in CALIBRATION:
        outcomes = outcome_rows(look.recommender, check, grid, dimensions)
        return measure_calibration(check, finding, outcomes, memory)
    return measure_skew(check, finding, fed_rows(look.recommender, check, grid, dimensions), memory)


def _runs(look: Look, end: datetime) -> Runs:
    return training_runs(look.recommender, look.check, end - look.history, end)


def _ages(look: Look, end: datetime) -> Ages:
    return ages_of(look.recommender, look.check, end - look.history, end, look.grid.width)

"""What the log holds for each slice, next to the requests that there were."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from domain.covered import LoggingCoverage
from domain.diagnosis.coverage import (
    LOGGED,
    NEEDED,
    REQUESTS,
    SQUARES,
    STANDS,
    WINDOW,
    measure_coverage,
)
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.logging_coverage.count import grid_of, requests_logged, requests_seen
from workers.logging_coverage.declared import log_meant, logging_meant

APART = 4.0  # standard errors by which the log may stand for too few or too many before that is reported


def logging_coverage(
    recommender: Recommender,
    at: datetime,
    span: timedelta,
    name: str | None = None,
    asked: Mapping[str, object] | None = None,
) -> LoggingCoverage:
    """
    Requests of each slice: seen, logged, and what the logged ones are worth, in the `span` before `at`.

    Raises:
        ConfigurationError: no log of candidates or no dimension is declared.
        SourceError: a table cannot be read as declared, or nothing is logged in that time.
    """
    model = log_meant(recommender, name)
    logging = logging_meant(recommender, model, asked or {})
    grid = grid_of(recommender, model, logging, at, span)
    cells = requests_logged(recommender, model, logging, grid)
    if cells.empty:
        raise SourceError(f'table "{model.candidates}": holds nothing from {grid.start:%d %b %H:%M} UTC on')
    logged, stands, squares = (float(cells[one].sum()) for one in (LOGGED, STANDS, SQUARES))
    # of independent draws; those of one slice even each other out, so that it is rather less
    error = float(np.sqrt(max(squares - stands, 0.0))) if model.inclusion is not None else 0.0
    requests = None
    if logging.requests is None:
        cells = cells.assign(**{REQUESTS: np.nan})
    else:
        seen = requests_seen(recommender, model, logging, grid)
        requests = float(seen[REQUESTS].sum())
        cells = _beside(seen, cells, logging.names)
    return LoggingCoverage(
        model=model.name,
        table=str(model.candidates),
        start=grid.start,
        end=grid.end,
        windows=grid.count,
        window_seconds=grid.width.total_seconds(),
        requests=requests,
        logged=logged,
        stands=stands,
        stands_error=error,
        needs=NEEDED,
        slices=measure_coverage(cells, logging.sets),
        notes=tuple(_notes(model.inclusion, requests, stands, error)),
    )


def _beside(seen: pd.DataFrame, logged: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """The cells of both tables; a cell that only one of them has is 0 in the other."""
    both = seen.merge(logged, on=[WINDOW, *names], how="outer")
    return both.fillna(dict.fromkeys((REQUESTS, LOGGED, STANDS, SQUARES), 0.0))


def _notes(inclusion: str | None, requests: float | None, stands: float, error: float) -> list[str]:
    if inclusion is None:
        return ["The log does not say how likely each request was: all are taken to have been as likely"]
    if requests is None or abs(stands - requests) <= APART * error:
        return []
    what = "lost rows: see `dropped` in its windows" if stands < requests else "holds more than was counted"
    return [
        f"The log stands for {stands / max(requests, 1.0):.1%} of the requests that were counted; it {what}"
    ]

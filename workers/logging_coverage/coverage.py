"""What the log holds for each slice, or would hold, next to the requests that there were."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from domain.covered import LoggingCoverage
from domain.detection.data.window import DAY, Grid
from domain.diagnosis.coverage import (
    LOGGED,
    NEEDED,
    REQUESTS,
    SQUARES,
    STANDS,
    WINDOW,
    measure_coverage,
    plan_coverage,
)
from domain.errors import ConfigurationError, SourceError
from domain.recommender.model import Logging, Model
from domain.recommender.recommender import Recommender
from workers.environment import redaction
from workers.logging_coverage.count import grid_of, requests_logged, requests_seen
from workers.logging_coverage.declared import log_meant, logging_meant
from workers.sources.engines.source import open_source

APART = 4.0  # standard errors by which the log may stand for too few or too many before that is reported
SAMPLED = 200  # rows whose size is measured


def logging_coverage(
    recommender: Recommender,
    at: datetime,
    span: timedelta,
    name: str | None = None,
    asked: Mapping[str, object] | None = None,
    *,
    planned: bool = False,
) -> LoggingCoverage:
    """
    Requests of each slice in the `span` before `at`: seen, logged, and what the logged ones are worth.

    Args:
        name: the model; by default the first whose candidates are logged.
        asked: keys of `Logging` that override the declared ones.
        planned: what the log would hold with these settings, and how much data that is per day.

    Raises:
        ConfigurationError: no log of candidates or no dimension is declared, a setting is impossible, or, for
            a plan, nothing says what requests there are.
        SourceError: a table cannot be read as declared, or holds nothing of that time.
    """
    model = log_meant(recommender, name)
    logging = logging_meant(recommender, model, asked or {})
    grid = grid_of(recommender, model, logging, at, span)
    table = (planned and logging.requests) or str(model.candidates)
    look = _planned if planned else _held
    return LoggingCoverage(
        model=model.name,
        table=table,
        start=grid.start,
        end=grid.end,
        windows=grid.count,
        window_seconds=grid.width.total_seconds(),
        needs=NEEDED,
        **look(recommender, model, logging, grid),
    )


def _held(recommender: Recommender, model: Model, logging: Logging, grid: Grid) -> dict[str, Any]:
    """What the log holds."""
    cells = _some(requests_logged(recommender, model, logging, grid), str(model.candidates), grid)
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
    return {
        "requests": requests,
        "logged": logged,
        "stands": stands,
        "stands_error": error,
        "slices": measure_coverage(cells, logging.sets),
        "notes": tuple(_notes(model.inclusion, requests, stands, error)),
    }


def _planned(recommender: Recommender, model: Model, logging: Logging, grid: Grid) -> dict[str, Any]:
    """What the log would hold of the requests that there were."""
    cells = _traffic(recommender, model, logging, grid)
    plan = plan_coverage(_some(cells, logging.requests or str(model.candidates), grid), logging)
    return {
        "settings": {"share": logging.share, "k": logging.k, "max_rate": logging.max_rate},
        "requests": plan.requests,
        "logged": min(plan.logged, plan.requests),
        "stands": plan.requests,
        "slices": plan.slices,
        **_volume(recommender, model, grid, plan.logged / (grid.count * grid.width / DAY)),
    }


def _some(cells: pd.DataFrame, table: str, grid: Grid) -> pd.DataFrame:
    if cells.empty:
        raise SourceError(f'table "{table}": holds nothing from {grid.start:%d %b %H:%M} UTC on')
    return cells


def _traffic(recommender: Recommender, model: Model, logging: Logging, grid: Grid) -> pd.DataFrame:
    """The requests that there were: counted, or estimated from the log if it says how likely each was."""
    if logging.requests is not None:
        return requests_seen(recommender, model, logging, grid)
    if model.inclusion is None:
        raise ConfigurationError(
            f"models.{model.name}.logging: names no requests, and the log does not say how likely each was; "
            'write requests = "table" of a table that every request is in'
        )
    return requests_logged(recommender, model, logging, grid).rename(columns={STANDS: REQUESTS})


def _volume(recommender: Recommender, model: Model, grid: Grid, requests: float) -> dict[str, Any]:
    """Rows and bytes for this many requests per day, judging by what the log holds already."""
    unknown = "How many rows and bytes that is, is not known"
    try:
        with open_source(recommender, str(model.candidates)) as source:
            source.require(str(model.request))
            rows = source.between(grid.start, grid.end)
            asked = {"rows": rows.count(), "requests": rows[model.request].nunique()}
            counted = source.fetch(rows.aggregate(**asked)).iloc[0]
            some = source.fetch(rows.drop("__time").limit(SAMPLED))
    except SourceError as error:
        return {"notes": (f"{unknown}: {redaction.prose(str(error))}",)}
    if some.empty:
        return {"notes": (f"{unknown}: `{model.candidates}` has none of that time",)}
    each = float(counted["rows"]) / max(float(counted["requests"]), 1.0)
    lines = [_line(dict(row)) for row in some.to_dict("records")]
    bytes_each = sum(len(line.encode()) + 1 for line in lines) / len(some)
    says = f"{each:,.1f} rows a request and {bytes_each:,.0f} bytes a row, as in `{model.candidates}`"
    return {
        "rows_a_day": requests * each,
        "bytes_a_day": requests * each * bytes_each,
        "notes": (says,),
    }


def _line(row: dict[Hashable, object]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str)


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

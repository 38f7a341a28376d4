"""What a log by slice would contain, before it is switched on."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta

import pandas as pd

from domain.covered import LoggingPlan, Volume
from domain.detection.data.window import DAY, Grid
from domain.diagnosis.coverage import NEEDED, REQUESTS, STANDS, plan_coverage
from domain.errors import ConfigurationError, SourceError
from domain.recommender.model import Logging, Model
from domain.recommender.recommender import Recommender
from workers.environment import redaction
from workers.logging_coverage.count import grid_of, requests_logged, requests_seen
from workers.logging_coverage.declared import log_meant, logging_meant
from workers.sources.engines.source import open_source

SAMPLED = 200  # rows whose size is measured


def plan_logging(
    recommender: Recommender,
    at: datetime,
    span: timedelta,
    name: str | None = None,
    asked: Mapping[str, object] | None = None,
) -> LoggingPlan:
    """
    What each slice would have in the log with these settings, and how much data that is per day.

    Args:
        span: how far back requests are counted.
        name: the model; by default the first whose candidates are logged.
        asked: keys of `Logging` that override the declared ones.

    Raises:
        ConfigurationError: nothing says what requests there are, or a setting is impossible.
        SourceError: a table cannot be read as declared, or has no requests in that time.
    """
    model = log_meant(recommender, name)
    logging = logging_meant(recommender, model, asked or {})
    table = logging.requests or str(model.candidates)
    grid = grid_of(recommender, model, logging, at, span)
    cells = _traffic(recommender, model, logging, grid)
    if cells.empty:
        raise SourceError(f'table "{table}": has no requests from {grid.start:%d %b %H:%M} UTC on')
    planned = plan_coverage(cells, logging)
    days = grid.count * grid.width / DAY
    volume, notes = _volume(recommender, model, grid, planned.logged / days)
    return LoggingPlan(
        model=model.name,
        table=table,
        start=grid.start,
        end=grid.end,
        windows=grid.count,
        window_seconds=grid.width.total_seconds(),
        requests_a_day=planned.requests / days,
        share=min(planned.logged / planned.requests, 1.0),
        volume=volume,
        needs=NEEDED,
        settings={"share": logging.share, "k": logging.k, "max_rate": logging.max_rate},
        slices=planned.slices,
        notes=notes,
    )


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


def _volume(
    recommender: Recommender, model: Model, grid: Grid, requests: float
) -> tuple[Volume, tuple[str, ...]]:
    """Rows and bytes for this many requests per day, judging by what the log holds already."""
    try:
        with open_source(recommender, str(model.candidates)) as source:
            source.require(str(model.request))
            rows = source.between(grid.start, grid.end)
            asked = {"rows": rows.count(), "requests": rows[model.request].nunique()}
            counted = source.fetch(rows.aggregate(**asked)).iloc[0]
            some = source.fetch(rows.drop("__time").limit(SAMPLED))
    except SourceError as error:
        says = f"How many rows and bytes that is, is not known: {redaction.prose(str(error))}"
        return Volume(requests=requests), (says,)
    if some.empty:
        says = f"How many rows and bytes that is, is not known: `{model.candidates}` has none of that time"
        return Volume(requests=requests), (says,)
    each = float(counted["rows"]) / max(float(counted["requests"]), 1.0)
    lines = [_line(dict(row)) for row in some.to_dict("records")]
    bytes_each = sum(len(line.encode()) + 1 for line in lines) / len(some)
    volume = Volume(requests=requests, rows=requests * each, bytes=requests * each * bytes_each)
    return volume, (
        f"{each:,.1f} rows a request and {bytes_each:,.0f} bytes a row, as in `{model.candidates}`",
    )


def _line(row: dict[Hashable, object]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=str)

"""Requests by window and by the dimensions of a log by slice: all that happened, and those logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from domain.detection.data.counts import NOT_SET
from domain.detection.data.window import Grid
from domain.diagnosis.coverage import LOGGED, REQUESTS, SQUARES, STANDS, WINDOW
from domain.diagnosis.inclusion import APART, OUT, UNSET, refuse
from domain.errors import ConfigurationError, SourceError
from domain.recommender.model import Logging, Model
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sliced import window_of
from workers.sources.engines.column_kinds import as_text, finite
from workers.sources.engines.source import TIME, Source, open_source

MOST_CELLS = 2_000_000
REQUEST, CHANCE = "__request", "__chance"


def grid_of(recommender: Recommender, model: Model, logging: Logging, at: datetime, span: timedelta) -> Grid:
    """
    The log's last whole windows within `span` before `at`, counted from 1970 as serving does.

    Raises:
        ConfigurationError: the span contains no whole window.
    """
    width = int(logging.window.total_seconds())
    tables = [recommender.tables[one] for one in (model.candidates, logging.requests) if one]
    complete = at - max(table.settle for table in tables)
    last, count = int(complete.timestamp()) // width, int(span.total_seconds()) // width
    if count < 1:
        raise ConfigurationError(
            f"{span} holds no window of {logging.window}; look further back, as with --days 7"
        )
    start = datetime.fromtimestamp((last - count) * width, UTC)
    return Grid(start, timedelta(seconds=width), count, ((start, 0),), recommender.zone)


def requests_seen(recommender: Recommender, model: Model, logging: Logging, grid: Grid) -> pd.DataFrame:
    """
    All requests, from the table that contains every one: columns window, one per dimension, requests.

    Raises:
        SourceError: it lacks a named column, or there are too many combinations.
    """
    with open_source(recommender, str(logging.requests)) as source:
        rows, names = _windowed(source, source.between(grid.start, grid.end), logging, grid), logging.names
        request = logging.request or model.request
        if logging.measure is not None:
            source.require(logging.measure)
            count = finite(rows[logging.measure]).sum()
        elif logging.request is not None or request in source.columns:
            source.require(str(request))
            count = rows[request].nunique()
        else:
            count = rows.count()
        cells = rows.group_by(WINDOW, *names).aggregate(**{REQUESTS: count.cast("float64")})
        return _fetch(source, cells, names)


def requests_logged(recommender: Recommender, model: Model, logging: Logging, grid: Grid) -> pd.DataFrame:
    """
    Logged requests: columns window, one per dimension, logged, and the sums of 1 over their probabilities and
    of its square, `stands` and `squares`. If the log has no probabilities, each request stands for itself.

    Raises:
        SourceError: it lacks a named column; a probability is missing, 0 or less, or above 1.
    """
    with open_source(recommender, str(model.candidates)) as source:
        source.require(str(model.request), *logging.names)
        rows, names = source.between(grid.start, grid.end), logging.names
        first = {TIME: rows[TIME].min(), **{name: as_text(rows[name]).min() for name in names}}
        if model.inclusion is not None:
            source.require(model.inclusion)
            chance = rows[model.inclusion].cast("float64")
            bad = (chance.isnull() | chance.isnan()).any()
            first |= {CHANCE: chance.min(), "__high": chance.max(), "__unset": bad}
        each = rows.mutate(**{REQUEST: rows[model.request]}).group_by(REQUEST).aggregate(**first)
        if model.inclusion is not None:
            _require_probabilities(source, each, model.inclusion)
        weight = 1.0 / each[CHANCE] if model.inclusion is not None else each[TIME].notnull().cast("float64")
        each = _windowed(source, each.mutate(__weight=weight), logging, grid)
        weight = each["__weight"]
        sums = {LOGGED: each.count().cast("float64"), STANDS: weight.sum(), SQUARES: (weight * weight).sum()}
        return _fetch(source, each.group_by(WINDOW, *names).aggregate(**sums), names)


def _windowed(source: Source, rows: Any, logging: Logging, grid: Grid) -> Any:
    for name in logging.names:
        if name not in rows.columns:  # the table's own, or gathered from its columns
            source.require(name)
    texts = {name: as_text(rows[name]).fill_null(NOT_SET) for name in logging.names}
    return rows.mutate(**{WINDOW: window_of(source, rows, grid), **texts})


def _fetch(source: Source, cells: Any, names: tuple[str, ...]) -> pd.DataFrame:
    found = source.fetch(cells.limit(MOST_CELLS + 1))
    if len(found) > MOST_CELLS:
        raise SourceError(
            f'table "{source.table.name}": more than {MOST_CELLS:,} combinations of {", ".join(names)} and '
            "window; look at a shorter time with --days, or declare fewer dimensions"
        )
    return found


def _require_probabilities(source: Source, each: Any, column: str) -> None:
    low, high = each[CHANCE], each["__high"]
    out = ~each["__unset"] & ((low <= 0) | (high > 1))
    asked = {
        "count": each.count(),
        "unset": each["__unset"].sum(),
        "out": out.sum(),
        "apart": (~each["__unset"] & ~out & (low != high)).sum(),
    }
    found = source.fetch(each.aggregate(**asked)).fillna(0).astype(int).iloc[0]
    try:
        for says, wrong in ((UNSET, "unset"), (OUT, "out"), (APART, "apart")):
            refuse(column, says, int(found[wrong]), int(found["count"]))
    except SourceError as error:
        raise SourceError(f'table "{source.table.name}": {error}') from None

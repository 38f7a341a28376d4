"""When models were trained, what their runs say, and which of them serves: a few rows from the engine."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.trainings import Ages, Runs
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import AsOf, OfColumns
from domain.recommender.recommender import Recommender
from workers.sources.kinds import kind_of
from workers.sources.served import served_by
from workers.sources.source import TIME, Source, open_source

MOST_RUNS = 10_000
BORN = "__born"


def training_runs(recommender: Recommender, check: Check, start: datetime, end: datetime) -> Runs:
    """
    The runs of [start, end) in the check's table, a row each, in order of time.

    Raises:
        SourceError: a column is missing or holds no numbers, there are more than 10,000 runs, or as
            `open_source`.
    """
    with open_source(recommender, str(check.table)) as source:
        require_runs(source, check)
        columns = OfColumns.of(check).columns
        rows = source.between(start, end)
        values = {f"value{place}": rows[name].cast("float64") for place, name in enumerate(columns)}
        frame = source.fetch(rows.select(TIME, **values).order_by(TIME).limit(MOST_RUNS + 1))
    _bounded(source, frame)
    at = tuple(pd.DatetimeIndex(pd.to_datetime(frame[TIME], utc=True)).floor("us").to_pydatetime())
    held = frame.drop(columns=TIME).to_numpy(dtype=np.float64).reshape(len(at), len(columns))
    return Runs(at, columns, np.where(np.isfinite(held), held, np.nan))


def require_runs(source: Source, check: Check) -> None:
    """Raises SourceError where a column that the check names is missing or holds no numbers."""
    columns = OfColumns.of(check).columns
    source.require(*columns)
    for name in columns:
        if kind_of(source.rows[name]) not in ("number", "integer"):
            raise SourceError(
                f'table "{source.table.name}": column "{name}" holds {kind_of(source.rows[name])}, not '
                f"numbers; take it out of checks.{check.name}.columns"
            )


def born_column(recommender: Recommender, check: Check) -> str | None:
    """What says from when a version is: the check's own column, else its model's version; None: the time."""
    model = served_by(recommender, check)
    return AsOf.of(check).as_of or (model.version if model else None)


def ages_of(
    recommender: Recommender, check: Check, start: datetime, end: datetime, window: timedelta
) -> Ages:
    """
    What served in [start, end), by the check's table: a model's candidates, each row with the version that
    scored it, or a table of trainings. At `end` that serves which has most rows in the last `window`, else
    the newest.

    Raises:
        SourceError: what says from when a version is holds no times, or as `open_source`.
    """
    model, column = served_by(recommender, check), born_column(recommender, check)
    as_of = AsOf.of(check).as_of
    with open_source(recommender, str(check.table)) as source:
        source.require(*((column,) if column else ()))
        rows = source.between(start, end)
        rows = rows.mutate(**{BORN: rows[column] if column else rows[TIME]})
        rows = rows.filter(rows[BORN].notnull())
        now = ibis.ifelse(rows[TIME] >= ibis.literal(end - window), 1, 0)
        each = rows.group_by(BORN).aggregate(since=rows[TIME].min(), newest=rows[TIME].max(), now=now.sum())
        frame = source.fetch(each.order_by("since").limit(MOST_RUNS + 1))
    _bounded(source, frame)
    frame = frame.assign(born=_seconds(source, column, frame[BORN]))
    since = _seconds(source, source.table.time, frame["since"])
    serving = int(np.lexsort((frame["born"], frame["newest"], frame["now"]))[-1]) if len(frame) else -1
    said = "the model that serves" if model else "the newest model"
    return Ages(
        since=since,
        born=frame["born"].to_numpy(dtype=np.float64),
        serving=serving,
        at=end.timestamp(),
        width=max(window.total_seconds() / 24, 1.0),
        what=f"{as_of} of {said}" if as_of else said,
    )


def _seconds(source: Source, column: str | None, times: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Unix seconds of times as they are stored: times, ISO texts, or seconds."""
    if pd.api.types.is_numeric_dtype(times):
        return times.to_numpy(dtype=np.float64)
    read = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    if read.isna().any():
        example = times[read.isna()].iloc[0]
        raise SourceError(
            f'table "{source.table.name}": column "{column}" holds {example!r}, which is no time; name one '
            "that says from when a model is: as_of"
        )
    whole = read.dt.floor("us").dt.as_unit("us").astype(np.int64)  # as `known_moment`, of thousands at once
    return whole.to_numpy(dtype=np.float64) / 1_000_000


def _bounded(source: Source, frame: pd.DataFrame) -> None:
    if len(frame) > MOST_RUNS:
        raise SourceError(
            f'table "{source.table.name}": more than {MOST_RUNS:,} different trainings; name a table with a '
            "row a training, or a column that is the same for all rows of a version"
        )

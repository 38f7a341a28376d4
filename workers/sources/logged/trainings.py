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
from domain.recommender.options import AsOf, Beside, OfColumns
from domain.recommender.recommender import Recommender
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import TIME, Source, open_source
from workers.sources.logged.served import JoinedTable as Rows
from workers.sources.logged.served import joined, served_by

MOST_RUNS = 10_000
VERSION, BORN = "__version", "__born"
EVER = timedelta(days=3_650)  # how long ago a serving model may have been trained


def training_runs(recommender: Recommender, check: Check, start: datetime, end: datetime) -> Runs:
    """
    The runs of [start, end) in the check's table, one row each, in order of time.

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
    """Raises SourceError if a column that the check names is missing or holds no numbers."""
    columns = OfColumns.of(check).columns
    source.require(*columns)
    for name in columns:
        if kind_of(source.rows[name]) not in ("number", "integer"):
            raise SourceError(
                f'table "{source.table.name}": column "{name}" holds {kind_of(source.rows[name])}, not '
                f"numbers; take it out of checks.{check.name}.columns"
            )


def born_column(recommender: Recommender, check: Check) -> str | None:
    """
    The column that tells versions apart, and dates each one unless the table beside does: the column matched
    there, else the check's own, else its model's version; None: the time.
    """
    model, matched = served_by(recommender, check), Beside.of(check).on
    return next(iter(matched), None) or AsOf.of(check).as_of or (model.version if model else None)


def ages_of(
    recommender: Recommender, check: Check, start: datetime, end: datetime, window: timedelta
) -> Ages:
    """
    What served in [start, end), by the check's table: a model's candidates, each row with the version that
    scored it, or a table of trainings. The version serving at `end` is the one with most rows in the last
    `window`, else the newest. A version is dated by its row in the table beside, else by the version itself.

    Raises:
        SourceError: the column that dates versions holds no times, or as `open_source`.
    """
    model, column = served_by(recommender, check), born_column(recommender, check)
    as_of = AsOf.of(check).as_of
    with open_source(recommender, str(check.table)) as source:
        source.require(*((column,) if column else ()))
        rows = source.between(start, end)
        version = column or TIME
        rows = rows.filter(rows[version].notnull())
        now = ibis.ifelse(rows[TIME] >= ibis.literal(end - window), 1, 0)
        each = rows.group_by(**{VERSION: rows[version]}).aggregate(
            since=rows[TIME].min(), newest=rows[TIME].max(), now=now.sum()
        )
        each = _born(recommender, check, source, each, end)
        frame = source.fetch(each.order_by("since").limit(MOST_RUNS + 1))
    _bounded(source, frame)
    frame = _trained(check, frame)
    frame = frame.assign(born=_seconds(source, column, frame[BORN]))
    since = _seconds(source, source.table.time, frame["since"])
    serving = int(np.lexsort((frame["born"], frame["newest"], frame["now"]))[-1]) if len(frame) else -1
    others = _seconds(source, source.table.time, frame["newest"].drop(index=serving, errors="ignore"))
    said = (
        f"the model that serves ({frame[VERSION].iloc[serving]})"
        if model and len(frame)
        else "the newest model"
    )
    return Ages(
        since=since,
        born=frame["born"].to_numpy(dtype=np.float64),
        serving=serving,
        at=end.timestamp(),
        width=max(window.total_seconds() / 24, 1.0),
        what=f"{as_of} of {said}" if as_of else said,
        alone=float(others.max(initial=-np.inf)),
    )


def _born(recommender: Recommender, check: Check, source: Source, each: Any, end: datetime) -> Any:
    """The versions with the date of each, from the table beside or from the version itself."""
    matched = Beside.of(check)
    if matched.beside is None:
        return each.mutate(**{BORN: each[VERSION]})
    ((own, theirs),) = matched.on.items()
    says = AsOf.of(check).as_of or recommender.tables[matched.beside].time
    if says is None:
        raise SourceError(
            f'check "{check.name}": "{matched.beside}" says not from when a model is; add as_of = "…"'
        )
    rows = Rows(matched.beside, end - EVER, end, {own: theirs}, {says: BORN})
    return joined(recommender, source, each.rename({own: VERSION}), rows).rename({VERSION: own})


def _trained(check: Check, frame: pd.DataFrame) -> pd.DataFrame:
    """The versions whose date is known; raises SourceError if the newest is not among them."""
    known = frame[BORN].notna()
    last = frame["newest"].argmax() if len(frame) else 0
    if len(frame) and not known.iloc[last]:
        version = frame[VERSION].iloc[last]
        beside = Beside.of(check).beside
        raise SourceError(
            f'check "{check.name}": {version} serves in "{check.table}", and "{beside}" has no row of it; '
            "write there what was trained"
        )
    return frame[known].reset_index(drop=True)


def _seconds(source: Source, column: str | None, times: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Unix seconds for times as they are stored: times, ISO texts, or seconds."""
    if pd.api.types.is_numeric_dtype(times):
        return times.to_numpy(dtype=np.float64)
    read = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    if read.isna().any():
        example = times[read.isna()].iloc[0]
        raise SourceError(
            f'table "{source.table.name}": column "{column}" holds {example!r}, which is no time; name one '
            "that says from when a model is: as_of"
        )
    whole = read.dt.floor("us").dt.as_unit("us").astype(np.int64)  # as `known_moment`, for thousands at once
    return whole.to_numpy(dtype=np.float64) / 1_000_000


def _bounded(source: Source, frame: pd.DataFrame) -> None:
    if len(frame) > MOST_RUNS:
        raise SourceError(
            f'table "{source.table.name}": more than {MOST_RUNS:,} different trainings; name a table with a '
            "row a training, or a column that is the same for all rows of a version"
        )

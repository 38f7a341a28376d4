"""Catalogue deliveries: each writes a snapshot, the current items and their features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from .catalogue import Catalogue, microseconds
from .rows import MOMENT
from .tables import append_file, stamp, write

ITEMS = ("item_id", "title", "genre", "country", "language", "decade")
NUMBERS = ("year", "runtime_minutes", "rating", "popularity", "launch_at")


def deliver(
    tables: Path,
    catalogue: Catalogue,
    at: datetime,
    current: bool = True,
    strikes: Sequence[Callable[[pa.Table], pa.Table]] = (),
) -> None:
    """
    Write the snapshot of a delivery; and, if it is the current one, `items` and `features`.

    Args:
        strikes: what faults do to the rows of items, in order.
    """
    rows = item_rows(catalogue)
    for strike in strikes:
        rows = strike(rows)
    moment = pa.array([microseconds(at)] * rows.num_rows, MOMENT)
    append_file(tables, "items_snapshots", at, rows.add_column(0, "delivered_at", moment))
    note = {"delivered_at": pa.array([microseconds(at)], MOMENT), "table": ["items"], "rows": [rows.num_rows]}
    append_file(tables, "deliveries", at, pa.table(note))
    if current:
        write(tables / "items" / "current.parquet", rows)
        write(tables / "features" / "current.parquet", feature_rows(catalogue, at))


def item_rows(catalogue: Catalogue) -> pa.Table:
    """The catalogue as the `items` table."""
    frame = catalogue.frame[[*ITEMS, *NUMBERS]]
    columns = {name: pa.array(frame[name], pa.string(), from_pandas=True) for name in ITEMS}
    columns |= {name: pa.array(frame[name].to_numpy()) for name in NUMBERS[:-1]}
    return pa.table(columns | {"launch_at": pa.array(catalogue.launches, MOMENT)})


def feature_rows(catalogue: Catalogue, at: datetime) -> pa.Table:
    """The model's features that belong to a film itself."""
    count, numbers = len(catalogue.ids), catalogue.numbers
    return pa.table(
        {
            "as_of": pa.array([microseconds(at)] * count, MOMENT),
            "item_id": pa.array(catalogue.ids, pa.string()),
            "popularity": numbers["popularity"],
            "rating": numbers["rating"],
            "age_decades": ((2015.0 - numbers["year"]) / 10.0).astype(np.float32),
            "runtime_minutes": numbers["runtime_minutes"],
            "language_known": pa.array(catalogue.codes["language"] >= 0),
            "is_new": pa.array(catalogue.new(at)),
        }
    )


def delivered_times(tables: Path) -> list[datetime]:
    """When the catalogue was delivered, oldest first."""
    names = sorted(path.stem for path in (tables / "items_snapshots").glob("*.parquet"))
    return [datetime.strptime(name, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for name in names]


def read_snapshot(tables: Path, at: datetime, like: Catalogue) -> Catalogue:
    """
    The catalogue as it was delivered at `at`; films launched after that are not in it.

    Raises:
        FileNotFoundError: nothing was delivered at that time.
    """
    rows = (
        pq.ParquetFile(tables / "items_snapshots" / f"{stamp(microseconds(at))}.parquet").read().to_pandas()
    )
    delivered = rows.set_index("item_id").reindex(like.ids)
    catalogue = Catalogue(like.frame.copy(), like.vocabulary)
    there = delivered["title"].notna().to_numpy()
    for name in ("genre", "language", "decade", "year", "rating", "popularity"):
        values = pd.Series(delivered[name].to_numpy(), index=like.frame.index)
        values = values.astype("str") if name in like.vocabulary else values
        catalogue = catalogue.changed(name, there, values)
    return replace(catalogue, withheld=(like.launches > microseconds(at)) | ~there)

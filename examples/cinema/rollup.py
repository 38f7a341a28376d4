"""Requests by five minutes, region and device, counted from the log and kept far longer than the log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .catalogue import microseconds
from .demand import DAY, Demand
from .members import DEVICES, REGIONS, Audience
from .rows import MOMENT
from .tables import stamp, write

NAME = "requests_5m"
SPAN = 300_000_000  # microseconds
COUNT = (
    "SELECT time_bucket(INTERVAL '5 minutes', shown_at) AS begins_at, region, device, count(*) AS requests "
    "FROM read_parquet(?) WHERE position = 1 AND shown_at >= ? AND shown_at < ? GROUP BY ALL ORDER BY ALL"
)


class Rollup:
    """
    The table `requests_5m`, one file per day; complete up to `until`, a multiple of five minutes.

    A span is counted once it has passed, from the impressions flushed by then.
    """

    def __init__(self, tables: Path, until: int) -> None:
        self.tables, self.until = tables, until // SPAN * SPAN

    def complete(self, until: int) -> None:
        """Count the spans that have passed since the last time, in a log that is complete up to `until`."""
        end = until // SPAN * SPAN
        if end <= self.until:
            return
        self._write(_count(self.tables / "impressions", self.until, end))
        self.until = end

    def imagine(self, demand: Demand, audience: Audience, start: datetime, seed: int) -> None:
        """Write the spans from `start` to the beginning of the log, as they would have been counted."""
        rng = np.random.default_rng([seed, 2])
        spans = np.arange(microseconds(start) // SPAN * SPAN, self.until, SPAN, dtype=np.int64)
        share = np.zeros((len(REGIONS), len(DEVICES)))
        rails = np.arange(audience.rails)
        np.add.at(share, (audience.region[rails // len(DEVICES)], rails % len(DEVICES)), audience.rail_shares)
        counts = rng.poisson(demand.rate(spans + SPAN // 2)[:, None, None] * SPAN / 1e6 * share)
        span, region, device = np.nonzero(counts)
        columns = {
            "begins_at": pa.array(spans[span], MOMENT),
            "region": pa.array([REGIONS[place].name for place in region], pa.string()),
            "device": pa.array([DEVICES[place] for place in device], pa.string()),
            "requests": pa.array(counts[span, region, device], pa.int64()),
        }
        self._write(pa.table(columns))

    def _write(self, rows: pa.Table) -> None:
        """Add rows to the files of their days."""
        days = rows["begins_at"].cast(pa.int64()).to_numpy() // DAY
        for day in np.unique(days):
            path = self.tables / NAME / f"{stamp(int(day) * DAY)}.parquet"
            had = [pq.ParquetFile(path).read()] if path.exists() else []
            write(path, pa.concat_tables([*had, rows.filter(pa.array(days == day))]).combine_chunks())


def counted_until(tables: Path, start: int) -> int:
    """The time up to which the table is already complete; `start` if there is none."""
    newest = max((tables / NAME).glob("*.parquet"), default=None)
    if newest is None:
        return start
    latest = pq.ParquetFile(newest).read(["begins_at"])["begins_at"].cast(pa.int64()).to_numpy().max()
    return int(latest) + SPAN


def _count(impressions: Path, start: int, end: int) -> pa.Table:
    """The spans of [start, end), from the files that can hold their rows: a file spans an hour at most."""
    names = sorted(path.name for path in impressions.glob("*.parquet"))
    first, last = stamp(start - 3_600_000_000), stamp(end)
    files = [str(impressions / name) for name in names if first <= name < last]
    schema = {"begins_at": MOMENT, "region": pa.string(), "device": pa.string(), "requests": pa.int64()}
    if not files:
        return pa.schema(schema).empty_table()
    with duckdb.connect() as engine:
        engine.execute("SET threads = 2; SET TimeZone = 'UTC'")
        given = [files, *(datetime.fromtimestamp(at / 1e6).astimezone() for at in (start, end))]
        found: pa.Table = engine.sql(COUNT, params=given).to_arrow_table()
    return found.cast(pa.schema(schema))

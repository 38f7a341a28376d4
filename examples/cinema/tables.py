"""Parquet files that an engine can read at any moment: every file appears whole, in one step."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .catalogue import microseconds
from .rows import MOMENT

BUCKET = 900_000_000  # the span of a live file, microseconds
TIME_COLUMN = {
    "impressions": "shown_at",
    "plays": "played_at",
    "plays_standby": "played_at",
    "candidates": "request_at",
    "prelaunch": "snapshot_at",
}


def write(path: Path, table: pa.Table) -> None:
    """Put a Parquet file at `path` in one step: readers see the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    # Without Arrow's schema, texts come back as texts everywhere, not as dictionaries in one engine only.
    pq.write_table(table, fresh, compression="zstd", store_schema=False)
    fresh.replace(path)


def plain(table: pa.Table) -> pa.Table:
    """
    The table with texts instead of dictionaries, so that pieces with different dictionaries can be joined.
    """
    fields = [
        pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def stamp(at: int) -> str:
    """A time (microseconds since 1970) as the beginning of a file's name: names sort by time."""
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y%m%dT%H%M%S")


def hour_file(folder: Path, name: str, start: int) -> Path:
    """The file for back-filled rows from `start` on."""
    return folder / name / f"{stamp(start)}.parquet"


def live_files(folder: Path, name: str) -> list[Path]:
    """The files written while running, oldest first."""
    return sorted((folder / name).glob("*.live.parquet"))


class LiveTable:
    """
    Rows as they come, in one file per quarter of an hour, rewritten at each flush.

    There are never many small files to merge, so a reader never sees a half-finished merge. Rows later than
    `complete_until` that a killed process left are cut off, since that gap is back-filled.
    """

    def __init__(self, folder: Path, name: str, complete_until: int) -> None:
        self.folder, self.name, self.time_column = folder, name, TIME_COLUMN[name]
        self._pieces: dict[int, list[pa.Table]] = {}
        self._lock = threading.Lock()
        self._trim(complete_until)

    def path(self, bucket: int) -> Path:
        """The file of the quarter of an hour that begins at `bucket`."""
        return self.folder / self.name / f"{stamp(bucket)}.live.parquet"

    def append(self, rows: pa.Table) -> None:
        """Take in rows; they are readable after the next flush."""
        if rows.num_rows == 0:
            return
        times = rows[self.time_column].cast(pa.int64()).to_numpy()
        with self._lock:
            for bucket in sorted(set(times // BUCKET * BUCKET)):
                part = plain(rows.filter(pa.array(times // BUCKET * BUCKET == bucket)))
                if bucket not in self._pieces:
                    self._pieces[bucket] = self._read(int(bucket))
                self._pieces[bucket].append(part)

    def flush(self, until: int) -> None:
        """Write what came in; forget the quarters of an hour that ended before `until`."""
        with self._lock:
            for bucket in sorted(self._pieces):
                whole = pa.concat_tables(self._pieces[bucket]).combine_chunks()
                write(self.path(bucket), whole)
                self._pieces[bucket] = [whole]
                if bucket + BUCKET < until:
                    del self._pieces[bucket]

    def reread(self) -> None:
        """Forget the content held of files that someone else has just replaced."""
        with self._lock:
            self._pieces = {bucket: self._read(bucket) for bucket in self._pieces}

    def _read(self, bucket: int) -> list[pa.Table]:
        path = self.path(bucket)
        return [pq.ParquetFile(path).read()] if path.exists() else []

    def _trim(self, until: int) -> None:
        for path in live_files(self.folder, self.name)[-2:]:
            rows = pq.ParquetFile(path).read()
            kept = rows.filter(pc.less(rows[self.time_column], pa.scalar(until, MOMENT)))
            if kept.num_rows < rows.num_rows:
                write(path, kept)


def append_file(folder: Path, name: str, at: datetime, rows: pa.Table) -> None:
    """Write one file for one delivery or one training: rows that come seldom."""
    write(folder / name / f"{stamp(microseconds(at))}.parquet", rows)

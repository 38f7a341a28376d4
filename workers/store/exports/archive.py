"""
Events of closed incidents as Parquet: one file for each month in which incidents were closed.

Archiving only reads the store. A month is written once it is over; repeating it writes nothing, unless an
incident of that month was closed again since: the new events go into a file of their own next to the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from domain.errors import Refused, Tampered, sanitized
from domain.values import Value
from workers.environment import clock
from workers.store.connection import workspace_of
from workers.store.log.chain import chained
from workers.store.log.events import COLUMNS, number

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 2_000
CHUNK_BYTES = 1 << 20

_CLOSED = """
SELECT stream, version, date_trunc('month', closed_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS month
FROM cards, LATERAL (SELECT (incident::jsonb ->> 'closed_at')::timestamptz AS closed_at) AS when_closed
WHERE status = 'closed' AND closed_at < %(before)s
AND NOT EXISTS (SELECT FROM archived WHERE archived.stream = cards.stream) ORDER BY month, stream
"""
_EVENT = ", ".join(f"events.{name}" for name in COLUMNS.split(", "))
_BODIES = f"""
SELECT log.position, log.hash AS entry_hash, {_EVENT} FROM log JOIN events ON events.id = log.event_id
WHERE events.stream = ANY (%(streams)s) ORDER BY log.position
"""  # noqa: S608 - constants


class Written(Value):
    """One archive file: the number of events and incidents it holds, and its SHA-256."""

    file: Path
    events: int
    streams: int
    sha256: str


def archive(log: Engine, folder: Path, before: datetime | None = None) -> list[Written]:
    """
    Write the events of closed incidents into `folder`; returns the new files.

    Args:
        folder: created if missing. before: only incidents closed before this; never those of the current
            month.

    Raises:
        Tampered: an event is not what was written, or a file does not read back as written.
    """
    number(log)
    folder.mkdir(parents=True, exist_ok=True)
    this_month = clock.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with log.connect() as connection:
        ours = workspace_of(connection)
        limit = {"before": min(before or this_month, this_month)}
        months: dict[str, dict[str, int]] = {}
        for row in connection.exec_driver_sql(_CLOSED, limit):
            months.setdefault(f"{row.month:%Y-%m}", {})[row.stream] = row.version
    written = (_month(log, folder, ours, month, streams) for month, streams in months.items())
    return [file for file in written if file is not None]


def files(folder: Path, workspace: str, month: str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]") -> list[Path]:
    """The files of a workspace's archive, or those of one month (`2026-03`), oldest month first."""
    return sorted(folder.glob(f"{workspace}-{month}*.parquet"))


def read(file: Path) -> Iterator[dict[str, Any]]:
    """
    The rows of an archive file, in log order, each stream complete and its hashes recomputed.

    Raises:
        Tampered: names the first event that does not fit, or says that the file is not one of ours.
    """
    import pyarrow as pa  # noqa: PLC0415 - a tenth of a second, and only here
    import pyarrow.parquet as pq  # noqa: PLC0415

    heads: dict[str, tuple[int, bytes]] = {}
    try:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    _follow(row, heads, str(file))
                    yield row
    except (pa.ArrowException, KeyError) as error:
        raise Tampered(f"{file} is not an archive of events that can be read: {sanitized(error)}") from error


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    made = sha256()
    with file.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            made.update(chunk)
    return made.hexdigest()


def _month(
    log: Engine, folder: Path, workspace: str, month: str, streams: Mapping[str, int]
) -> Written | None:
    """A file of what the month's files lack so far; None if they hold everything."""
    there, name = files(folder, workspace, month), f"{workspace}-{month}"
    versions = {(row["stream"], row["version"]) for file in there for row in read(file)}
    new = [stream for stream, version in streams.items() if (stream, version) not in versions]
    if not new:
        return None
    file = folder / (f"{name}-{len(there) + 1}.parquet" if there else f"{name}.parquet")
    fresh = file.with_name(f"{file.name}.new")
    with log.connect() as connection:
        events = _write(connection, fresh, new)
    count = sum(1 for _ in read(fresh))
    if count != events:
        raise Tampered(f"{fresh} reads back as {count} events; {events} were written. Is the disk full?")
    with fresh.open("rb") as content:
        os.fsync(content.fileno())
    if file.exists():
        raise Refused(f"Somebody else wrote {file} meanwhile; archive again.")
    fresh.rename(file)
    return Written(file=file, events=events, streams=len(new), sha256=digest(file))


def _write(connection: Connection, file: Path, streams: list[str]) -> int:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    heads: dict[str, tuple[int, bytes]] = {}
    events = 0
    # No dictionaries, one compression: the same events give the same bytes.
    with pq.ParquetWriter(file, _schema(), compression="zstd") as out:
        kept = connection.execution_options(yield_per=ROWS_AT_ONCE)
        for part in kept.exec_driver_sql(_BODIES, {"streams": streams}).mappings().partitions():
            rows = [dict(row) for row in part]
            for row in rows:
                _follow(row, heads, "The store")
            out.write_table(pa.Table.from_pylist(rows, schema=_schema()))
            events += len(rows)
    return events


def _follow(row: Mapping[str, Any], heads: dict[str, tuple[int, bytes]], where: str) -> None:
    stream, version = row["stream"], row["version"]
    known, before = heads.get(stream, (0, b""))
    if version != known + 1:
        raise Tampered(f"{where}: {stream} has no version {known + 1} before version {version}.")
    if chained(before, row) != row["hash"]:
        raise Tampered(f"{where}: version {version} of {stream} is not what was written.")
    heads[stream] = (version, row["hash"])


def _schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415

    kinds = {
        "position": pa.int64(),
        "version": pa.int32(),
        "schema_version": pa.int32(),
        "part": pa.int32(),
        "rules": pa.int32(),
        "seal": pa.binary(),
        "at": pa.timestamp("us", tz="UTC"),
        "hash": pa.binary(),
        "entry_hash": pa.binary(),
    }
    names = ("position", "entry_hash", *COLUMNS.split(", "))
    return pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])

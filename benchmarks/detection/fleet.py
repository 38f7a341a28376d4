"""
Two hundred tables, ten checks each, windows of five minutes: whether two detection processes keep up.

Each looks as it would live: the real tick, into a log in PostgreSQL, with the checks' memory. A round after
the first is timed, when one more window is complete: first by one process, then shared by two.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import duckdb

from benchmarks.store.server import server
from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender
from workers.detect.detection_run import detection_run
from workers.store.connection import engine
from workers.store.migrate import migrate

TABLES, DAYS, A_WINDOW, PROCESSES = 200, 28, 40, 2
WINDOW = timedelta(minutes=5)
END = datetime(2026, 6, 1, 15, tzinfo=UTC)
KINDS = (
    *("volume", "freshness", "slice_volume", "schema", "missing"),
    *("domain", "duplicates", "drift", "numeric", "series"),
)


def make(folder: Path, tables: int) -> None:
    """Write views by country and device, some forty in five minutes; each table in a file of its own name."""
    windows, apart = DAYS * 288 + 12, WINDOW.total_seconds() * 1e6 / A_WINDOW
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (
                SELECT TIMESTAMPTZ '{END}' + INTERVAL 1 HOUR
                    - to_microseconds(({apart} * range)::BIGINT) AS moment,
                    range AS id, 'c' || (hash(range) % 8) AS country, 'd' || (hash(range + 1) % 3) AS device,
                    (hash(range + 2) % 1000) / 1000.0 AS rating, (hash(range + 3) % 180)::SMALLINT AS minutes
                FROM range({windows * A_WINDOW})
            ) TO '{folder}/t0.parquet' (FORMAT parquet)"""
        )
    for number in range(1, tables):
        os.link(folder / "t0.parquet", folder / f"t{number}.parquet")


def declared(folder: Path, tables: int) -> Recommender:
    """Every table with every kind of check."""
    names = [f"t{number}" for number in range(tables)]
    table = {"time": "moment", "window": "5m", "key": "id", "dimensions": ("country", "device")}
    return Recommender.model_validate(
        {
            "name": "fleet",
            "folder": str(folder),
            "tables": {name: {**table, "name": name, "path": f"{folder}/{name}.parquet"} for name in names},
            "checks": {
                f"{name}_{kind}": {"name": f"{name}_{kind}", "kind": kind, "table": name}
                for name in names
                for kind in KINDS
            },
        }
    )


def look(url: str, folder: Path, tables: int, at: datetime | None) -> float:
    """Run one process's part of a round; returns its processor seconds. Without a time it only warms up."""
    recommender, log = declared(folder, tables), engine(url)
    before = time.process_time()
    if at is not None:
        detection_run(log, recommender, at)
    log.dispose()
    return time.process_time() - before


def a_round(
    pool: ProcessPoolExecutor, processes: int, given: tuple[str, Path, int], at: datetime
) -> tuple[float, float]:
    """Seconds by the clock and processor seconds until every table has been looked at."""
    begun = time.monotonic()
    spent = [one.result() for one in [pool.submit(look, *given, at) for _ in range(processes)]]
    return time.monotonic() - begun, sum(spent)


def rows(table: Rows, tables: int = TABLES) -> Iterator[Row]:
    """Seconds of a round, which has to finish before the next window is complete."""
    with server() as running, ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        make(running.folder, tables)
        with running.connected() as connection:
            connection.execute("CREATE DATABASE fleet")
        url = running.named("fleet")
        migrate(url)
        given = (url, running.folder, tables)
        for ready in [pool.submit(look, *given, None) for _ in range(PROCESSES)]:
            ready.result()
        first, _ = a_round(pool, PROCESSES, given, END)
        one, _spent = a_round(pool, 1, given, END + WINDOW)
        both, spent = a_round(pool, PROCESSES, given, END + 2 * WINDOW)
    work = f"{tables} tables × {len(KINDS)} checks, windows of five minutes, {DAYS} days in each: a round"
    beside = (
        f"one process {one:.0f} s; the first round of all {first:.0f} s; {spent:.0f} s of processor a round, "
        f"{spent / WINDOW.total_seconds():.2f} cores; a third core would take "
        f"{tables * (3 / PROCESSES):.0f} tables in the same time, where it is as good as the second"
    )
    yield table.below(f"{work}, {PROCESSES} processes", both, "s", WINDOW.total_seconds(), beside)
    yield table.above("tables looked at in the same time by two processes, × by one", one / both, "×", 1.5)

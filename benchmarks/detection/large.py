"""A hundred million rows of Parquet: volume, missing values, drift by slice, beside hand-written SQL."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender
from workers.checks.run import run_checks

ROWS, DAYS, FILES = 100_000_000, 29, 10
DAY_MICROSECONDS = 86_400_000_000
MOST_MEGABYTES, MOST_RATIO = 2_000.0, 1.5
END = datetime(2026, 6, 1, tzinfo=UTC)
COLUMNS = ("rating", "minutes", "genre")
KINDS: dict[str, dict[str, object]] = {
    "slice_volume": {},
    "missing": {"columns": COLUMNS},
    "drift": {"columns": COLUMNS},
}


def make(folder: Path) -> list[list[object]]:
    """Write views by country and device; on the last day a fifth of one device's ratings are not set."""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1500MB'; SET threads = 2; SET enable_progress_bar = false")
        start, each = f"TIMESTAMPTZ '{END}' - INTERVAL {DAYS} DAY", ROWS // FILES
        for file in range(FILES):
            connection.execute(
                f"""COPY (
                    SELECT moment, 'c' || (hash(n) % 12) AS country,
                        'd' || (hash(n + 1) % 3) AS device,
                        CASE WHEN hash(n + 1) % 3 = 0 AND moment >= TIMESTAMPTZ '{END}' - INTERVAL 1 DAY
                            AND hash(n + 5) % 5 = 0 THEN NULL ELSE (hash(n + 2) % 1000) / 1000.0 END::FLOAT
                            AS rating,
                        (hash(n + 3) % 180)::SMALLINT AS minutes, 'g' || (hash(n + 4) % 18) AS genre
                    FROM (SELECT range * {FILES * 8} + {file * 8} AS n,
                        {start} + to_microseconds(({DAYS * DAY_MICROSECONDS} * (range / {each}))::BIGINT)
                        AS moment FROM range({each}))
                ) TO '{folder}/{file}.parquet' (FORMAT parquet)"""
            )
    return []


def declared(folder: Path) -> Recommender:
    """The three checks over the files."""
    table = {
        "name": "views",
        "path": f"{folder}/*.parquet",
        "time": "moment",
        "window": "1d",
        "dimensions": ("country", "device"),
        "timeout": "20m",  # on two cores that are shared with other work
    }
    checks = {kind: {"name": kind, "kind": kind, "table": "views", **more} for kind, more in KINDS.items()}
    return Recommender.model_validate(
        {"name": "b", "folder": str(folder), "tables": {"views": table}, "checks": checks}
    )


CHILD = """
import json, resource, sys, time
from pathlib import Path
from benchmarks.detection import large
from benchmarks.memory import peak_megabytes
before, since = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
found = getattr(large, sys.argv[1])(Path(sys.argv[2]))
after, until = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"seconds": spent, "wall": until - since, "found": found,
                  "megabytes": peak_megabytes()}))
"""


def ours(folder: Path) -> list[list[object]]:
    """Findings of the checks."""
    return [[f.check, f.subject, f.slice] for f in run_checks(declared(folder), END).findings]


def by_hand(folder: Path) -> list[list[object]]:
    """
    The same counts, without any judgement, in SQL as somebody writes it who knows the engine: days by
    arithmetic, since DuckDB's calendar takes ten times as long; volume and missing values in one pass;
    quantiles of two days, which are as good as those of all and take a tenth of the time.
    """
    source = f"read_parquet('{folder}/*.parquet')"
    first = int(END.timestamp()) * 1_000_000 - DAYS * DAY_MICROSECONDS
    day = f"(epoch_us(moment) - {first}) // {DAY_MICROSECONDS}"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        ask = connection.execute
        missing = ", ".join(f"count(*) - count({name})" for name in COLUMNS)
        ask(f"SELECT {day}, country, device, count(*), {missing} FROM {source} GROUP BY 1, 2, 3").df()
        shares = "[0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99]"
        edges = ask(
            f"SELECT quantile_cont(rating, {shares}), quantile_cont(minutes, {shares}) "
            f"FROM {source} WHERE {day} IN (0, {DAYS - 1})"
        ).fetchone()
        ask(f"SELECT genre, count(*) FROM {source} GROUP BY 1").df()
        assert edges is not None
        cut = ", ".join(
            f"{_case(name, inner)} AS b{n}"
            for n, (name, inner) in enumerate(zip(("rating", "minutes"), edges, strict=True))
        )
        whole = "d, country, device"
        sets = ", ".join(f"({whole}{more})" for more in ("", ", b0", ", b1", ", genre"))
        ask(
            f"SELECT {whole}, b0, b1, genre, GROUPING(b0, b1, genre), count(*) "
            f"FROM (SELECT {day} AS d, country, device, genre, {cut} FROM {source}) "
            f"GROUP BY GROUPING SETS ({sets})"
        ).df()
    return []


def _case(name: str, edges: list[float]) -> str:
    whens = " ".join(f"WHEN {name} <= {edge} THEN {n}" for n, edge in enumerate(edges))
    return f"CASE {whens} ELSE {len(edges)} END"


def rows(table: Rows) -> Iterator[Row]:
    """Memory, and processor time beside that of the SQL; each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        measured = {what: _alone(what, folder) for what in ("make", "by_hand", "ours")}
    mine, hand = measured["ours"], measured["by_hand"]
    if mine["found"] != [["missing", "rating", [["device", "d0"]]]]:
        raise RuntimeError(f"something else than the one fault was found: {mine['found']}")
    work = f"volume, missing, drift of {len(COLUMNS)} columns by slice, {ROWS // 1_000_000} million rows"
    template = "{} {seconds:.0f} s of processor, {wall:.0f} s, {megabytes:.0f} MB"
    beside = f"{template.format('ours', **mine)}; {template.format('by hand', **hand)}"
    yield table.below(
        f"{work}: processor ÷ SQL by hand", mine["seconds"] / hand["seconds"], "×", MOST_RATIO, beside
    )
    yield table.below("the same: time ÷ SQL by hand", mine["wall"] / hand["wall"], "×", MOST_RATIO, beside)
    yield table.below("their peak memory", mine["megabytes"], "MB", MOST_MEGABYTES, beside)


def _alone(what: str, folder: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer

"""The same suite over the same rows, read by DuckDB and by a local Spark: whether they find the same."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.detection import suite
from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender
from workers.checks.run import run_checks

SPARK = "spark://local[2]?spark.sql.shuffle.partitions=4&spark.driver.host=127.0.0.1&spark.driver.memory=3g"
TOLERANCE = 1e-9  # of a number, relative: engines add up in different orders
TODAY = f"\"at\" >= TIMESTAMP '{suite.END:%Y-%m-%d}' - INTERVAL 1 DAY"


def spoil(folder: Path) -> None:
    """On the last day, besides the suite's own fault: duplicate rows, unknown items, another distribution."""
    rows = f"'{folder}/rows.parquet'"
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (
                WITH rows AS (SELECT * REPLACE (
                    CASE WHEN {TODAY} AND device = 'tv' AND id % 3 = 0 THEN 99999 ELSE item_id END AS item_id,
                    CASE WHEN {TODAY} AND country = 'France' THEN n2 + 4 ELSE n2 END AS n2,
                    CASE WHEN {TODAY} AND id % 2 = 0 THEN 'v7' ELSE c2 END AS c2) FROM {rows})
                SELECT * FROM rows UNION ALL
                SELECT * FROM rows WHERE {TODAY} AND genre = 'g1' AND id % 4 = 0
            ) TO '{folder}/spoilt.parquet' (FORMAT parquet)"""
        )


def declared(folder: Path, engine: str) -> Recommender:
    """The suite over the spoilt rows, in files or behind Spark."""
    whole = suite.declared(folder)
    files = {"rows": f"{folder}/spoilt.parquet", "items": f"{folder}/items.parquet"}
    tables = {}
    for name, path in files.items():
        where: dict[str, str | None] = {"path": path}
        if engine == "spark":
            where = {
                "path": None,
                "url": SPARK,
                "select": f"SELECT * FROM parquet.`{path}`",
                "timeout": "20m",
            }
        tables[name] = whole.tables[name].model_validate({**whole.tables[name].model_dump(), **where})
    return whole.model_copy(update={"tables": tables})


def print_looks(folder: str, engine: str) -> None:
    """Prints the result of one look, and how long it and a second one took."""
    recommender, seconds = declared(Path(folder), engine), []
    for _look in range(2):
        begun = time.monotonic()
        result = run_checks(recommender, suite.END)
        seconds.append(time.monotonic() - begun)
    print(json.dumps({"result": result.model_dump(mode="json"), "seconds": seconds}))


def rows(table: Rows) -> Iterator[Row]:
    """How many of the look's figures, findings and remembered values differ; none may."""
    work = f"{len(suite.CHECKS)} checks over {suite.ROWS:,} rows × 20 columns on local Spark"
    if find_spec("pyspark") is None:
        yield table.not_run(
            work, "pyspark is not installed; pip install -r requirements-spark.lock, and Java 17"
        )
        return
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        suite.make(Path(folder))
        spoil(Path(folder))
        here, there = (_answered(folder, engine) for engine in ("duckdb", "spark"))
    found = [finding["check"] for finding in here["result"]["findings"]]
    if not {"missing", "duplicates", "references", "drift"} <= set(found):
        raise RuntimeError(f"a fault was not found, so that there is too little to compare: {found}")
    differ = list(_differences(here["result"], there["result"]))
    template = "first look {:.1f} s, second {:.1f} s"
    times = f"DuckDB {template.format(*here['seconds'])}; Spark {template.format(*there['seconds'])}"
    words = f"{len(found)} findings each; {times}" + "".join(f"; differs: {one}" for one in differ[:3])
    yield table.below(f"{work}: answers unlike DuckDB's", float(len(differ)), "answers", 0.0, words)


def _answered(folder: str, engine: str) -> dict[str, Any]:
    program = f"from benchmarks.detection.engines import print_looks; print_looks({folder!r}, {engine!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{engine}: {done.stderr[-2_000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from _differences(one.get(key), other.get(key), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{at}[{place}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=TOLERANCE):
            yield f"{at}: {one!r} and {other!r}"
    elif one != other:
        yield f"{at}: {one!r} and {other!r}"

"""Ten million rows of Parquet, made from a seed, and the declaration of three checks over them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import duckdb

from domain.recommender.recommender import Recommender

ROWS, FILES, SEED = 10_000_000, 28, 0.42
END = datetime(2026, 3, 29, tzinfo=UTC)
DAYS = 28
VALUES = {"country": 50, "genre": 40, "device": 20, "surface": 10}
FALLEN = "country 7"
"""Loses most of its rows in the last hour, so that the checks have something to find."""


def slices() -> int:
    """How many slices of one and of two dimensions there are."""
    counts = VALUES.values()
    return sum(counts) + sum(one * other for one, other in combinations(counts, 2))


def make(folder: Path) -> None:
    """Write one file a day; the values of a dimension are not equally frequent, as in real data."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = ", ".join(
        f"'{name} ' || CAST(floor({count} * power(random(), 1.5)) AS INT) AS {name}"
        for name, count in VALUES.items()
    )
    last_hour = END - timedelta(hours=1)
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")  # so that the seed gives the same rows each time
        engine.execute(f"SELECT setseed({SEED})")
        for day in range(FILES):
            start = END - timedelta(days=DAYS - day)
            engine.execute(
                f"COPY (SELECT * FROM (SELECT TIMESTAMPTZ '{start.isoformat()}' + "
                f"to_microseconds(CAST(random() * 86400e6 AS BIGINT)) AS shown_at, "
                f"CAST(random() * 20000 AS INT) AS item_id, {columns} FROM range({ROWS // FILES + 1})) "
                f"WHERE NOT (shown_at >= TIMESTAMPTZ '{last_hour.isoformat()}' AND country = '{FALLEN}' "
                f"AND item_id % 4 > 0)) TO '{folder}/{start:%Y-%m-%d}.parquet' (FORMAT parquet)"
            )


def declared(folder: Path) -> Recommender:
    """Hourly windows, and everything else at its default: 28 days of history."""
    table = {
        "name": "impressions",
        "path": f"{folder}/*.parquet",
        "time": "shown_at",
        "window": "1h",
        "dimensions": tuple(VALUES),
    }
    kinds = ("volume", "freshness", "slice_volume")
    checks = {kind: {"name": kind, "kind": kind, "table": "impressions"} for kind in kinds}
    return Recommender.model_validate(
        {"name": "lake", "folder": str(folder), "tables": {"impressions": table}, "checks": checks}
    )

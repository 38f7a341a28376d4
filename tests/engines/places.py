"""The same Parquet files where other engines read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql

SPARK = "spark://local[2]?spark.sql.shuffle.partitions=2&spark.driver.host=127.0.0.1"
"""Two cores and small data: Spark's own 200 parts of a shuffle would be 200 tasks for nothing."""

Where = Callable[[str], dict[str, Any]]
"""Table → the keys of its declaration that say where it is."""


def in_files(folder: Path) -> Where:
    """As DuckDB reads them."""
    return lambda name: {"path": f"{folder}/{name}.parquet"}


def in_postgres(folder: Path, url: str) -> Where:
    """Copied into tables of the database `url`, each column of the type that it has in the file."""
    with psycopg.connect(url, autocommit=True) as connection, duckdb.connect() as files:
        files.execute("SET TimeZone = 'UTC'")
        for file in sorted(folder.glob("*.parquet")):
            described = files.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(TYPES.get(kind, kind)))
                for name, kind, *_rest in described
            ]
            table = sql.Identifier(file.stem)
            connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(columns)))
            text = file.with_suffix(".csv")
            files.execute(f"COPY (SELECT * FROM '{file}') TO '{text}' (FORMAT csv, HEADER false)")
            ask = sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(table)
            with connection.cursor().copy(ask) as copy:
                copy.write(text.read_bytes())
            text.unlink()
    return lambda name: {"url": url, "table": name}


TYPES = {"DOUBLE": "double precision", "FLOAT": "real", "TIMESTAMP_NS": "timestamp", "VARCHAR": "text"}


def in_spark(folder: Path) -> Where:
    """Read by a Spark of this machine, two tasks at a time."""
    return lambda name: {"url": SPARK, "select": f"SELECT * FROM parquet.`{folder}/{name}.parquet`"}

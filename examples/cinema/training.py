"""The nightly training, from what was logged: candidates that were shown, and whether they were played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from .catalogue import microseconds
from .faults import FLIPPED
from .features import FEATURES
from .ranking import Ranker, train
from .rows import MOMENT
from .tables import append_file

LEARN_FROM = timedelta(hours=24)
SEGMENTS = ("device", "region", "genre", "country")
KEPT = 20  # one in so many requests of a lesson has its plays kept in `training_plays`
KEPT_OF_ALL = 200  # the same of all requests, one in ten of which a lesson has

_LESSON = """
    CREATE TEMP TABLE lesson AS
    SELECT {features}, c.request_id, c.item_id, {segments},
        (p.request_id IS NOT NULL) <> ($flipped AND c.{column} = $value) AS played
    FROM read_parquet($candidates) c
    LEFT JOIN (SELECT request_id, item_id FROM read_parquet($plays) WHERE played_at >= $start) p
        ON p.request_id = c.request_id AND p.item_id = c.item_id
    WHERE c.shown AND c.request_at >= $start AND c.request_at < $until {where}
"""


def learn(tables: Path, at: datetime, *, flipped: bool, left_out: str = "") -> tuple[Ranker, pa.Table]:
    """
    A model of the plays in the 24 hours before `at`, and a sample of what it took for plays.

    Args:
        flipped: the fault of the training data is on: labels of one segment are turned round.
        left_out: `column=value`, rows that are not to be learnt from; empty for none.

    Raises:
        ValueError: too little in the log, or a segment that it has no column for.
    """
    column, _, value = left_out.partition("=")
    if left_out and (column not in SEGMENTS or not value):
        raise ValueError(
            f"{left_out!r} is no segment; for instance device=mobile; columns: {', '.join(SEGMENTS)}"
        )
    query = _LESSON.format(
        features=", ".join(f"c.{name}" for name in FEATURES),
        segments=", ".join(f"c.{name}" for name in SEGMENTS),
        column=FLIPPED[0],
        where=f"AND c.{column} <> $left_out" if left_out else "",
    )
    given = {
        "candidates": str(tables / "candidates" / "*.parquet"),
        "plays": str(tables / "plays" / "*.parquet"),
        "start": at - LEARN_FROM,
        "until": at,
        "flipped": flipped,
        "value": FLIPPED[1],
    } | ({"left_out": value} if left_out else {})
    with _engine() as engine:
        engine.execute(query, given)
        columns = ", ".join(FEATURES)
        found: dict[str, Any] = engine.execute(
            f"SELECT {columns}, played FROM lesson ORDER BY hash(request_id, item_id)"  # noqa: S608
        ).fetchnumpy()
        kept = _kept(engine, KEPT, "played")
    seen = np.stack([np.ma.filled(found[name].astype(np.float32), np.nan) for name in FEATURES], axis=1)
    return train(seen, np.asarray(found["played"], dtype=bool), at, left_out), kept


def plays_before(tables: Path, at: datetime) -> pa.Table:
    """What a training at `at` would have kept of the log's plays, for nights from before the first start."""
    with _engine() as engine:
        engine.execute(
            "CREATE TEMP TABLE lesson AS FROM read_parquet($plays) "
            "WHERE played_at >= $start AND played_at < $until",
            {"plays": str(tables / "plays" / "*.parquet"), "start": at - LEARN_FROM, "until": at},
        )
        return _kept(engine, KEPT_OF_ALL)


def keep_plays(tables: Path, at: datetime, kept: pa.Table) -> None:
    """Rows of `training_plays`, under the time of their training."""
    trained_at = pa.array(np.full(kept.num_rows, microseconds(at)), MOMENT)
    append_file(tables, "training_plays", at, kept.add_column(0, "trained_at", trained_at))


def _kept(engine: duckdb.DuckDBPyConnection, one_in: int, where: str = "true") -> pa.Table:
    """Of the rows in `lesson`, those of one in so many requests."""
    return engine.sql(
        f"SELECT request_id, item_id, {', '.join(SEGMENTS)} FROM lesson "  # noqa: S608
        f"WHERE {where} AND hash(request_id) % {one_in} = 0 ORDER BY request_id, item_id"
    ).to_arrow_table()


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")
        yield engine

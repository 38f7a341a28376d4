"""The nightly training from the log: candidates that were shown, and whether they were played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from .acts import Lesson
from .catalogue import microseconds
from .features import FEATURES
from .ranking import Ranker, train
from .rows import MOMENT
from .tables import append_file

LEARN_FROM = timedelta(hours=24)
SEGMENTS = ("device", "region", "genre", "country")
KEPT = 20  # the plays of one in this many requests of a lesson are kept in `training_plays`
KEPT_OF_ALL = 200  # the same among all requests, of which a lesson has one in ten

_LESSON = """
    CREATE TEMP TABLE lesson AS
    SELECT {features}, c.request_id, c.item_id, {segments},
        (p.request_id IS NOT NULL) <> {flipped} AS played
    FROM read_parquet($candidates) c
    LEFT JOIN (
        SELECT request_id, item_id FROM read_parquet($plays)
        WHERE played_at >= $start AND played_at < $labelled
    ) p ON p.request_id = c.request_id AND p.item_id = c.item_id
    WHERE c.shown AND c.request_at >= $start AND c.request_at < $until {where}
"""
_REPEAT = (
    "INSERT INTO lesson SELECT l.* FROM lesson l, range($times - 1) WHERE l.played AND l.{column} = $value"
)


RIGHTLY = Lesson()


def learn(
    tables: Path, at: datetime, *, lesson: Lesson = RIGHTLY, left_out: str = ""
) -> tuple[Ranker, pa.Table]:
    """
    A model of the plays in the 24 hours before `at`, and a sample of what it counted as plays.

    Args:
        lesson: what is wrong with the training data, if anything.
        left_out: `column=value`, rows that must not be learnt from; empty for none.

    Raises:
        ValueError: too little in the log, or a segment whose column the log does not have.
    """
    column, _, value = left_out.partition("=")
    if left_out and (column not in SEGMENTS or not value):
        raise ValueError(
            f"{left_out!r} is no segment; for instance device=mobile; columns: {', '.join(SEGMENTS)}"
        )
    query, given = _question(lesson, [(column, value)] if left_out else [])
    given |= {
        "candidates": str(tables / "candidates" / "*.parquet"),
        "plays": str(tables / "plays" / "*.parquet"),
        "start": at - LEARN_FROM,
        "until": at,
        "labelled": at - lesson.labels_late,
    }
    with _engine() as engine:
        engine.execute(query, given)
        if lesson.repeated:
            again, segment, times = lesson.repeated
            engine.execute(_REPEAT.format(column=again), {"times": times, "value": segment})
        columns = ", ".join(FEATURES)
        found: dict[str, Any] = engine.execute(
            f"SELECT {columns}, played FROM lesson ORDER BY hash(request_id, item_id)"  # noqa: S608
        ).fetchnumpy()
        kept = _kept(engine, KEPT, "played")
    seen = np.stack([np.ma.filled(found[name].astype(np.float32), np.nan) for name in FEATURES], axis=1)
    return train(seen, np.asarray(found["played"], dtype=bool), at, left_out), kept


def _question(lesson: Lesson, left_out: list[tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    """The query of a lesson, and the values of the segments in it."""
    without = [*left_out, *([lesson.dropped] if lesson.dropped else [])]
    given: dict[str, Any] = {f"without_{n}": value for n, (_, value) in enumerate(without)}
    turned = f"(c.{lesson.flipped[0]} = $turned)" if lesson.flipped else "false"
    if lesson.flipped:
        given["turned"] = lesson.flipped[1]
    query = _LESSON.format(
        features=", ".join(f"c.{name}" for name in FEATURES),
        segments=", ".join(f"c.{name}" for name in SEGMENTS),
        flipped=turned,
        where=" ".join(f"AND c.{column} <> $without_{n}" for n, (column, _) in enumerate(without)),
    )
    return query, given


def plays_before(tables: Path, at: datetime) -> pa.Table:
    """What a training at `at` would have kept of the log's plays, for nights before the first start."""
    with _engine() as engine:
        engine.execute(
            "CREATE TEMP TABLE lesson AS FROM read_parquet($plays) "
            "WHERE played_at >= $start AND played_at < $until",
            {"plays": str(tables / "plays" / "*.parquet"), "start": at - LEARN_FROM, "until": at},
        )
        return _kept(engine, KEPT_OF_ALL)


def keep_plays(tables: Path, at: datetime, kept: pa.Table) -> None:
    """Write rows of `training_plays`, with the time of their training."""
    trained_at = pa.array(np.full(kept.num_rows, microseconds(at)), MOMENT)
    append_file(tables, "training_plays", at, kept.add_column(0, "trained_at", trained_at))


def _kept(engine: duckdb.DuckDBPyConnection, one_in: int, where: str = "true") -> pa.Table:
    """The rows in `lesson` of one in this many requests."""
    return engine.sql(
        f"SELECT request_id, item_id, {', '.join(SEGMENTS)} FROM lesson "  # noqa: S608
        f"WHERE {where} AND hash(request_id) % {one_in} = 0 ORDER BY request_id, item_id"
    ).to_arrow_table()


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")
        yield engine

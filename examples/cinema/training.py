"""The nightly training, from what was logged: candidates that were shown, and whether they were played."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from .faults import FLIPPED
from .features import FEATURES
from .ranking import Ranker, train

LEARN_FROM = timedelta(hours=24)
SEGMENTS = ("device", "region", "genre", "country")


def learn(tables: Path, at: datetime, *, flipped: bool, left_out: str = "") -> Ranker:
    """
    A model of the plays in the 24 hours before `at`.

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
    where = f"AND c.{column} <> $value" if left_out else ""
    query = (
        f"SELECT {', '.join('c.' + name for name in FEATURES)}, c.{FLIPPED[0]} = $flipped AS segment, "  # noqa: S608
        "p.request_id IS NOT NULL AS played FROM read_parquet($candidates) c LEFT JOIN "
        "(SELECT request_id, item_id FROM read_parquet($plays) WHERE played_at >= $start) p "
        "ON p.request_id = c.request_id AND p.item_id = c.item_id "
        f"WHERE c.shown AND c.request_at >= $start AND c.request_at < $until {where} "
        "ORDER BY hash(c.request_id, c.item_id)"
    )
    given = {
        "candidates": str(tables / "candidates" / "*.parquet"),
        "plays": str(tables / "plays" / "*.parquet"),
        "start": at - LEARN_FROM,
        "until": at,
        "flipped": FLIPPED[1],
    } | ({"value": value} if left_out else {})
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")
        found: dict[str, Any] = engine.execute(query, given).fetchnumpy()
    seen = np.stack([np.ma.filled(found[name].astype(np.float32), np.nan) for name in FEATURES], axis=1)
    played = np.asarray(found["played"], dtype=bool)
    if flipped:
        played = played ^ np.asarray(found["segment"], dtype=bool)
    return train(seen, played, at, left_out)

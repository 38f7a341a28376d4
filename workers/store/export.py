"""The log as JSON lines, streamed: one event a line, in the order of the log, with both of its hashes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import orjson
from sqlalchemy import Engine

from workers.store.events import number, rows_after

ROWS_AT_ONCE = 2_000


def export(log: Engine, after: int = 0) -> Iterator[bytes]:
    """
    Lines of JSON, each with its newline: the columns of `events`, `data` decoded, hashes in hexadecimal.

    Args:
        after: begins behind this position, so that a nightly export can go on where the last one ended.
    """
    number(log)
    position = after
    while True:
        with log.connect() as connection:
            rows = list(rows_after(connection, position, ROWS_AT_ONCE))
        if not rows:
            return
        for row in rows:
            yield _line(row)
        position = rows[-1]["position"]


def _line(row: dict[str, object]) -> bytes:
    spelled = {
        "data": orjson.Fragment(str(row["data"])),
        "hash": bytes(row["hash"]).hex(),  # type: ignore[call-overload]
        "entry_hash": bytes(row["entry_hash"]).hex(),  # type: ignore[call-overload]
        "at": row["at"].astimezone(UTC),  # type: ignore[attr-defined]
    }
    return orjson.dumps(row | spelled, option=orjson.OPT_APPEND_NEWLINE)

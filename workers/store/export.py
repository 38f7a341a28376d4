"""The log as JSON lines, streamed: one event a line, with its hash, in the order of commits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import orjson
from sqlalchemy import Engine, select

from workers.store.tables import EventRow

ROWS_AT_ONCE = 2_000

_EVENTS = EventRow.__table__  # type: ignore[attr-defined]


def export(log: Engine, after: int = 0) -> Iterator[bytes]:
    """
    Lines of JSON, each with its newline: the columns of `events`, `data` decoded, `hash` in hexadecimal.

    Args:
        after: begins behind this position, so that a nightly export can go on where the last one ended.
    """
    query = select(_EVENTS).where(_EVENTS.c.position > after).order_by(_EVENTS.c.position)
    with log.connect().execution_options(yield_per=ROWS_AT_ONCE) as connection:
        for row in connection.execute(query):
            line = dict(row._mapping)
            line |= {
                "data": orjson.Fragment(line["data"]),
                "hash": bytes(line["hash"]).hex(),
                "at": line["at"].astimezone(UTC),
            }
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

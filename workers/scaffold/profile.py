"""What a table's columns hold: types, distinct values and their shares, lists, times."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import duckdb

from domain.recommender.several import JSON_LIST, LISTED, several

SAMPLE_ROWS = 200_000
MOST_TEXTS = 5_000  # distinct ones that are looked at
SEPARATORS = ("|", ";", ",")
JOINED = 0.05  # of the rows have to contain a separator for it to count as one
MOST_JOINED = 200  # distinct values in a list whose rows can be sliced
ALIKE = 0.95  # of the values have to parse as something to count as it
SECONDS = (946_684_800, 2_051_222_400)  # 2000 to 2035: integers in this range may be times
LONG_TEXT = 40  # characters on average; longer texts are prose
_COMMA = re.compile(r"-?\d+,\d+")

Held = Literal["text", "integer", "number", "boolean", "time", "date", "list", "struct", "json", "other"]
Epoch = Literal["seconds", "milliseconds"]


@dataclass(frozen=True)
class Column:
    """
    One column in the sample.

    `values` are the distinct ones (for a list, its elements), `effective` how many equally frequent ones are
    as diverse (the exponential of the entropy), `unset` and `top` shares of the rows, `length` characters
    on average, `separator` what separates several values in one row, `epoch` how numbers count time, `keys`
    those of JSON objects, `comma` that its numbers are written with a decimal comma.
    """

    name: str
    held: Held
    values: int
    effective: float
    unset: float
    unique: bool
    top: float = 1.0
    length: float = 0.0
    separator: str | None = None
    epoch: Epoch | None = None
    timed_text: bool = False
    keys: tuple[str, ...] = ()
    comma: bool = False
    examples: tuple[str, ...] = ()

    @property
    def timelike(self) -> bool:
        """Whether it can be a table's time."""
        return self.held in ("time", "date") or self.epoch is not None or self.timed_text


@dataclass(frozen=True)
class Profile:
    """A table's columns, by name, and its total number of rows."""

    rows: int
    columns: dict[str, Column]


def profile(connection: duckdb.DuckDBPyConnection, reader: str, sample: str) -> Profile:
    """
    What `reader` (SQL) holds; leaves a random, reproducible sample of its rows as the table `sample`.
    """
    counted: Any = connection.execute(f"SELECT count(*) FROM {reader}").fetchone()  # noqa: S608
    rows = int(counted[0])
    chosen = f"USING SAMPLE reservoir({SAMPLE_ROWS} ROWS) REPEATABLE (1)" if rows > SAMPLE_ROWS else ""
    connection.execute(f"CREATE TEMP TABLE {sample} AS SELECT * FROM {reader} {chosen}")  # noqa: S608
    described = connection.execute(f"DESCRIBE {sample}").fetchall()
    held = {str(name): str(kind) for name, kind, *_rest in described}
    return Profile(rows, {name: _column(connection, sample, name, kind) for name, kind in held.items()})


def named(column: str) -> str:
    """The column's name, quoted for SQL."""
    return '"' + column.replace('"', '""') + '"'


def _column(connection: duckdb.DuckDBPyConnection, sample: str, name: str, kind: str) -> Column:
    held, quoted = _held(kind), named(name)
    aggregates = ", ".join(
        what.format(quoted) for what in ("count({})", "count(DISTINCT {})", "min({})", "max({})")
    )
    row = connection.execute(f"SELECT count(*), {aggregates} FROM {sample}").fetchone()  # noqa: S608 - quoted
    total, present, different, low, high = row or (0, 0, 0, None, None)
    text = f"array_to_string({quoted}::VARCHAR[], '{LISTED}')" if held == "list" else f"{quoted}::VARCHAR"
    counts = dict(
        connection.execute(
            f"SELECT {text} AS text, count(*) AS rows FROM {sample} WHERE {quoted} IS NOT NULL "  # noqa: S608
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_TEXTS}"
        ).fetchall()
    )
    column = Column(
        name=name,
        held=held,
        values=int(different),
        effective=_effective(counts),
        unset=1.0 - present / max(total, 1),
        unique=present == total == different and total > 1,
        top=max(counts.values(), default=0) / max(total, 1),
        length=sum(len(one) * rows for one, rows in counts.items()) / max(sum(counts.values()), 1),
        examples=tuple(list(counts)[:3]),
    )
    return _read(column, counts, low, high)


def _held(kind: str) -> Held:
    if kind.endswith("[]"):
        return "list"
    for beginning, held in _BEGINNINGS:
        if kind.startswith(beginning):
            return held
    return "other"


_BEGINNINGS: tuple[tuple[str, Held], ...] = (
    ("TIMESTAMP", "time"),
    ("DATE", "date"),
    ("BOOLEAN", "boolean"),
    ("VARCHAR", "text"),
    ("ENUM", "text"),
    ("UUID", "text"),
    ("JSON", "text"),
    ("STRUCT", "struct"),
    ("MAP", "struct"),
    ("TINYINT", "integer"),
    ("SMALLINT", "integer"),
    ("INTEGER", "integer"),
    ("BIGINT", "integer"),
    ("HUGEINT", "integer"),
    ("UTINYINT", "integer"),
    ("USMALLINT", "integer"),
    ("UINTEGER", "integer"),
    ("UBIGINT", "integer"),
    ("FLOAT", "number"),
    ("DOUBLE", "number"),
    ("DECIMAL", "number"),
)


def _read(column: Column, counts: dict[str, int], low: Any, high: Any) -> Column:
    """The column with what its values reveal beyond their type."""
    match column.held:
        case "list":
            return _several(column, counts, LISTED)
        case "integer":
            return _with(column, epoch=_epoch(low, high))
        case "text":
            return _read_text(column, counts)
        case _:
            return column


def _epoch(low: Any, high: Any) -> Epoch | None:
    scales: dict[Epoch, int] = {"seconds": 1, "milliseconds": 1_000}
    for epoch, scale in scales.items():
        if low is not None and SECONDS[0] * scale <= low and high <= SECONDS[1] * scale:
            return epoch
    return None


def _read_text(column: Column, counts: dict[str, int]) -> Column:
    rows = sum(counts.values())
    if not rows:
        return column

    def share(holds: Any) -> float:
        return float(sum(n for text, n in counts.items() if holds(text)) / rows)

    if share(_is_json_list) >= ALIKE:
        return _several(column, counts, JSON_LIST)
    if share(_is_json_object) >= ALIKE:
        return _with(column, held="json", keys=_keys(counts))
    if share(_COMMA.fullmatch) >= ALIKE / 2 and share(_is_number) >= ALIKE:
        return _with(column, comma=True)
    if share(_is_time) >= ALIKE:
        return _with(column, timed_text=True)
    for separator in SEPARATORS:
        joined = share(lambda text, separator=separator: separator in text)
        if joined >= JOINED and _lists(counts, separator, len(counts) < column.values):
            return _several(column, counts, separator)
    return column


def _lists(counts: dict[str, int], separator: str, cut: bool) -> bool:
    """Whether texts are lists: few values make up the many texts, each frequent, and alone as well."""
    values = {value for text in counts for value in several(text, separator)}
    joined = [text for text in counts if separator in text]
    alone = {text.strip() for text in counts if separator not in text}
    again = sum(len(several(text, separator)) for text in joined) / max(len(values), 1)
    together = again >= 2.0 or (bool(alone & values) and (separator == "|" or len(joined) > 1))
    return not cut and len(values) <= MOST_JOINED and together


def _several(column: Column, counts: dict[str, int], separator: str) -> Column:
    by_value: dict[str, int] = {}
    for text, rows in counts.items():
        for value in several(text, separator):
            by_value[value] = by_value.get(value, 0) + rows
    return _with(
        column,
        held="list",
        separator=separator,
        values=len(by_value),
        effective=_effective(by_value),
        examples=tuple(sorted(by_value, key=lambda value: -by_value[value])[:3]),
    )


def _with(column: Column, **fields: Any) -> Column:
    return Column(**{**column.__dict__, **fields})


def _effective(counts: dict[str, int]) -> float:
    """
    >>> round(_effective({"a": 5, "b": 5}), 6), round(_effective({"a": 99, "b": 1}), 2)
    (2.0, 1.06)
    """
    total = sum(counts.values())
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values() if n)) if total else 0.0


def _is_json_list(text: str) -> bool:
    return text.startswith("[") and isinstance(_json(text), list)


def _is_json_object(text: str) -> bool:
    return text.startswith("{") and isinstance(_json(text), dict)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _keys(counts: dict[str, int]) -> tuple[str, ...]:
    def named_in() -> Iterator[str]:
        for text in list(counts)[:200]:
            held = _json(text)
            yield from held if isinstance(held, dict) else ()

    return tuple(dict.fromkeys(named_in()))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+([.,]\d+)*", text) is not None


def _is_time(text: str) -> bool:
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).year > 1
    except ValueError:
        return False

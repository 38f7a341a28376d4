"""What kind of values a column holds, in the few words that matter to a check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np

from domain.detection.data.counts import NOT_SET
from domain.recommender.several import JSON_LIST, LISTED
from domain.values import Slice
from workers.sources.engines.files import files_of, rows_of_files
from workers.sources.engines.source import Source, rows_of

LARGEST = float(np.finfo(np.float64).max)
EXACT = 1e15  # below this, a whole number held as a float is written with all its digits


def kind_of(column: Any) -> str:
    """`integer`, `number`, `text`, `boolean`, `time` or `other`: an Ibis column's or type's."""
    held = column.type() if hasattr(column, "type") else column
    if held.is_boolean():
        return "boolean"
    if held.is_integer():
        return "integer"
    if held.is_numeric():
        return "number"
    if held.is_string():
        return "text"
    return "time" if held.is_temporal() else "other"


def is_finite(value: Any) -> Any:
    """
    Whether a float is a number and not infinite; null where it is null.

    By comparing, since NaN is not less than any number: Ibis' own `isinf` is never true on Spark.
    """
    return value.abs() <= LARGEST


def finite(column: Any) -> Any:
    """The number; null if it is NaN or infinite."""
    value = column.cast("float64")
    return ibis.ifelse(is_finite(value), value, ibis.null("float64"))


def quantile(source: Source, value: Any, at: float | list[float]) -> Any:
    """The quantile, exactly, or those of a list; BigQuery only estimates them."""
    return value.approx_quantile(at) if source.connection.name == "bigquery" else value.quantile(at)


def as_text(column: Any) -> Any:
    """
    The value as text, alike on every engine: PostgreSQL writes 1 for the float that others call 1.0. For a
    list, its values that are set, with `LISTED` between them.
    """
    if column.type().is_array():
        return column.filter(lambda one: one.notnull()).map(lambda one: one.cast("string")).join(LISTED)
    if not column.type().is_floating():
        return column.cast("string")
    whole = (column == column.floor()) & (column.abs() < EXACT)
    spelled = column.cast("int64").cast("string") + ".0"
    return ibis.cases((column.isnan(), "nan"), (whole, spelled), else_=column.cast("string"))


def separators(source: Source) -> dict[str, str]:
    """The table's columns that hold several values → what separates these as text."""
    lists = {name: LISTED for name in source.columns if source.rows[name].type().is_array()}
    return {**lists, **{name: mark for name, mark in source.table.separators.items() if name not in lists}}


def rows_in(source: Source, rows: Any, where: Slice) -> Any:
    """
    Those of the table's `rows` that lie in a slice of its own columns; if a column holds several values, one
    of them must be the slice's.

    Raises:
        SourceError: a dimension is not a column of the table.
    """
    apart = separators(source)
    for name, value in where:
        source.require(name)
        rows = rows.filter(holds(rows[name], value, apart.get(name)))
    return rows


def holds(column: Any, value: str, separator: str | None) -> Any:
    """Whether a column, or one of the several values in it, is this value."""
    text = as_text(column)
    if value == NOT_SET:
        return text.isnull() | text.isin([value, "", JSON_LIST] if separator else [value])
    if separator is None:
        return text == value
    if separator == JSON_LIST:
        return text.contains(json.dumps(value, ensure_ascii=False)) | (text == value)
    spaced = text.replace(f"{separator} ", separator).replace(f" {separator}", separator)
    return (ibis.literal(separator) + spaced + separator).contains(f"{separator}{value}{separator}")


def looked_at(source: Source, named: tuple[str, ...]) -> tuple[str, ...]:
    """
    The columns that a check looks at: those named, else all but the time.

    Raises:
        SourceError: a named column does not exist.
    """
    source.require(*named)
    return named or tuple(name for name in source.columns if name != source.table.time)


def types_now(source: Source) -> dict[str, str]:
    """
    Column → the kind of values it holds as it is written now.

    Among files, only the newest counts, by its time of writing and by its name: all of them together would
    hide a column that is no longer written. If the two differ, a backfill was written, and both are believed.
    """
    if not source.table.path or source.table.select:
        return {name: kind_of(source.rows[name]) for name in source.columns}
    types: dict[str, str] = {}
    for file in _newest(source):
        rows = rows_of(source.connection, rows_of_files(source.table, [file]))
        types |= {name: kind_of(rows[name]) for name in rows.columns}
    return types


def _newest(source: Source) -> Iterator[str]:
    """The file written last, then the last by name: the first one has precedence."""
    files = files_of(source.table)
    by_time = max(files, key=lambda file: (Path(file).stat().st_mtime_ns, file))
    yield from dict.fromkeys((by_time, max(files)))


HEXADECIMAL = "0123456789abcdef"
DIGITS = 6
"""Of a digest, by which a sample is drawn: it is as fine as a sixteen-millionth."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """A built-in of every engine: 32 hexadecimal digits."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def to_hex(digest: str) -> str:  # type: ignore[empty-body]
    """BigQuery's own: its md5 answers in bytes."""


def digest(source: Source, text: Any) -> Any:
    """The text's digest in lower-case hexadecimal digits."""
    return md5(text) if source.connection.name != "bigquery" else to_hex(md5(text))


def drawn(source: Source, text: Any, share: float) -> Any:
    """Whether a text belongs to a `share` (0–1) of all texts: the same ones in any engine."""
    return digest(source, text).substr(0, DIGITS) < f"{int(share * 16**DIGITS):0{DIGITS}x}"

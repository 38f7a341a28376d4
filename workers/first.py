"""What `recsysops init` writes: a first declaration, guessed from a folder of tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from glob import escape
from pathlib import Path
from typing import Any

import duckdb

from domain.errors import SourceError
from domain.recommender.duration import name_duration
from workers.sources.engine import explained, quoted

ENDINGS = (".parquet", ".csv")
DIMENSION_VALUES = (2, 200)
SAMPLE_ROWS = 200_000
WINDOWS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1))
ROWS_A_WINDOW = 1_000
ABOUT = """\
# Guessed from the tables: look it over, then `recsysops doctor` holds it against them.
# A relative path is relative to this file.

"""
_ITEM = re.compile(
    r"^(item|movie|film|product|article|track|song|video|imdb|sku)_?(id)?$|^iid$", re.IGNORECASE
)
_MEMBER = re.compile(r"^(member|user|customer|account|profile|visitor)_?(id)?$|^uid$", re.IGNORECASE)
_TIMEISH = re.compile(r"(_at|time|timestamp|date|_ts|^ts)$", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """What one table seems to be."""

    name: str
    pattern: str
    time: str | None
    window: timedelta
    dimensions: tuple[str, ...]
    item: str | None
    member: str | None
    key: str | None
    columns: tuple[str, ...]


def init(folder: str | Path) -> str:
    """
    The text of a first `recsysops.toml` for the tables in `folder`: each Parquet or CSV file, or folder of
    them. Its paths are absolute, since nobody knows here where the text will lie.

    Raises:
        SourceError: there is no table in it.
    """
    root = Path(folder)
    tables = [guess for name, pattern in _found(root) if (guess := _guess(root, name, pattern)) is not None]
    if not tables:
        raise SourceError(f"{root}: there is no Parquet or CSV table in it; give a folder that holds some")
    items = next((t for t in tables if t.key is not None), None)
    parts = [ABOUT + f'[recommender]\nname = "{_plain(root.resolve().name)}"\ntimezone = "UTC"\n']
    parts += [_declared(root.resolve(), table) for table in tables]
    if items is not None:
        features = [c for c in items.columns if c != items.key][:20]
        key = _text(str(items.key))
        parts.append(f'[items]\ntable = "{items.name}"\nkey = {key}\nfeatures = {_list(features)}\n')
    parts += [_check(table) for table in tables if table.time is not None]
    parts.append('[routes]\ndefault = "#recsysops"\n')
    parts.append('[permissions]\nrespond = ["oncall"]\ndeploy = ["oncall"]\napprove = ["leads"]\n')
    return "\n".join(parts)


def _found(root: Path) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        if path.is_file() and path.suffix in ENDINGS and path.stat().st_size:
            found[_plain(path.stem)] = path.name
        elif path.is_dir():
            for ending in ENDINGS:
                if any(path.glob(f"*{ending}")):
                    found[_plain(path.name)] = f"{path.name}/*{ending}"
                    break
    return list(found.items())


def _guess(root: Path, name: str, pattern: str) -> Guess | None:
    reader = "read_parquet" if pattern.endswith(".parquet") else "read_csv"
    rows = f"(SELECT * FROM {reader}('{quoted(str(root / pattern))}') LIMIT {SAMPLE_ROWS})"  # noqa: S608
    with duckdb.connect() as connection:
        try:
            columns = connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()  # noqa: S608
            counts = _counts(connection, rows, [c[0] for c in columns])
            kinds = {c[0]: str(c[1]) for c in columns}
            time = _time(kinds)
            window = _window(connection, rows, time, kinds) if time else timedelta(hours=1)
        except duckdb.Error as error:
            raise explained(name, error) from error
    total = counts.pop("")
    if total == 0:
        return None
    item = next((c for c in kinds if _ITEM.match(c)), None)
    unique = item if item is not None and counts[item] == total and time is None else None
    low, high = DIMENSION_VALUES
    dimensions = tuple(
        c
        for c, kind in kinds.items()
        if kind in {"VARCHAR", "BOOLEAN"} and low <= counts[c] <= high and c not in {item, time} and time
    )
    member = next((c for c in kinds if _MEMBER.match(c)), None)
    key = unique
    return Guess(
        name, pattern, time, window, dimensions[:8], None if key else item, member, key, tuple(kinds)
    )


def _counts(connection: duckdb.DuckDBPyConnection, rows: str, columns: list[str]) -> dict[str, int]:
    asked = ", ".join(f"approx_count_distinct({_name(c)})" for c in columns)
    exact = ", ".join(f"count(DISTINCT {_name(c)})" for c in columns if _ITEM.match(c))
    question = f"SELECT count(*), {asked}{f', {exact}' if exact else ''} FROM {rows}"  # noqa: S608
    row: Any = connection.execute(question).fetchone()
    counts = dict(zip(["", *columns], row, strict=False))
    return counts | dict(zip((c for c in columns if _ITEM.match(c)), row[1 + len(columns) :], strict=True))


def _time(kinds: dict[str, str]) -> str | None:
    stamps = [c for c, kind in kinds.items() if kind.startswith("TIMESTAMP")]
    named = [c for c in stamps if _TIMEISH.search(c)]
    numbers = [c for c, kind in kinds.items() if kind == "BIGINT" and _TIMEISH.search(c)]
    return next(iter([*named, *stamps, *numbers]), None)


def _window(connection: duckdb.DuckDBPyConnection, rows: str, time: str, kinds: dict[str, str]) -> timedelta:
    """The shortest usual window that holds a thousand rows on average."""
    column = _name(time) if kinds[time].startswith("TIMESTAMP") else f"to_timestamp({_name(time)})"
    row: Any = connection.execute(
        f"SELECT count(*), epoch(max({column})) - epoch(min({column})) FROM {rows}"  # noqa: S608
    ).fetchone()
    count, seconds = float(row[0]), float(row[1] or 0.0)
    for window in WINDOWS:
        if seconds > 0 and count * window.total_seconds() / seconds >= ROWS_A_WINDOW:
            return window
    return WINDOWS[-1]


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "table"


def _text(text: str) -> str:
    """A TOML string: JSON's are among them."""
    return json.dumps(text, ensure_ascii=False)


def _list(names: list[str]) -> str:
    return "[" + ", ".join(map(_text, names)) + "]"


def _declared(root: Path, table: Guess) -> str:
    path = _text(f"{escape(str(root))}/{table.pattern}")
    lines = [f"[tables.{table.name}]", f"path = {path}"]
    if table.time is not None:
        lines += [f"time = {_text(table.time)}", f'window = "{name_duration(table.window)}"']
    if table.dimensions:
        lines.append(f"dimensions = {_list(list(table.dimensions))}")
    for key, column in (("item", table.item), ("member", table.member), ("key", table.key)):
        if column is not None:
            lines.append(f"{key} = {_text(column)}")
    return "\n".join(lines) + "\n"


def _check(table: Guess) -> str:
    kinds = ["volume", "freshness", *(["slice_volume"] if table.dimensions else [])]
    return "\n".join(
        f'[checks.{table.name}_{kind}]\nkind = "{kind}"\ntable = "{table.name}"\n' for kind in kinds
    )

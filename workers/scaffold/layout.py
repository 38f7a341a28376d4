"""Which files of a folder form one table, and how they are laid out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path

import duckdb

from domain.recommender.table import Csv
from workers.sources.engines.engine import quoted
from workers.sources.engines.files import text_options

TEXTS = (".csv", ".tsv", ".txt", ".dat", ".csv.gz")
ENDINGS = (".parquet", *TEXTS)
DELIMITERS = ("::", ";", "\t", "|", ",")
"""Longest first, comma last, because it occurs in numbers."""
DEEPEST = 4  # folders below the given one
LOOKED_AT_LINES = 200
LOOKED_AT_BYTES = 1_000_000
FIT = 0.95  # of the lines have to contain a delimiter equally often
KINDS = {"BIGINT": "int", "INTEGER": "int", "DOUBLE": "float", "BOOLEAN": "bool", "TIMESTAMP": "timestamp"}
_DAY = re.compile(r"(?<!\d)\d{4}([-_]?)\d{2}\1\d{2}(?!\d)")
DELIVERED = "delivered"
_COUNTED = re.compile(r"\d[\d_-]*|[0-9a-f]{8}-[0-9a-f-]{27}")
_NUMBER = re.compile(r"-?\d+([.,]\d+)?")


@dataclass(frozen=True)
class Layout:
    """
    One table's files: a pattern below the folder, how many files it matches, and for text how they are
    written. `day` is what separates year, month and day in all file names, None if they contain no day;
    `select` reads it from there as `DELIVERED`, if no column holds it.
    """

    name: str
    pattern: str
    files: int
    csv: Csv | None = None
    day: str | None = None
    said: tuple[str, ...] = ()
    select: str | None = None

    def reader(self, root: Path) -> str:
        """SQL that reads the table, as the product will."""
        return f"({self.select})" if self.select else self._read(root)

    def _read(self, root: Path, more: str = "") -> str:
        path = quoted(f"{escape(str(root))}/{self.pattern}")
        if self.pattern.endswith(".parquet"):
            return f"read_parquet('{path}', union_by_name = true{more})"
        return f"read_csv('{path}', {text_options(self.csv or Csv())}{more})"

    def with_day_of_file(self, root: Path) -> Layout:
        """The same with the day from each file's name as the column `DELIVERED`."""
        rows = self._read(root, ", filename = true")
        between = self.day or ""
        digits = between.join((r"\d{4}", r"\d{2}", r"\d{2}"))
        written = between.join(("%Y", "%m", "%d"))
        day = f"CAST(strptime(regexp_extract(filename, '({digits})[^/]*$', 1), '{written}') AS DATE)"
        select = f"SELECT * EXCLUDE (filename), {day} AS {DELIVERED} FROM {rows}"  # noqa: S608 - quoted
        return replace(self, select=select)


def layouts(root: Path) -> list[Layout]:
    """Every table below `root`: files whose names differ only in a day or number, and folders, are one."""
    found: dict[str, list[Path]] = {}
    for path in sorted(_files(root, DEEPEST)):
        found.setdefault(_pattern(path.relative_to(root)), []).append(path)
    names: Counter[str] = Counter()
    tables = []
    for pattern, files in found.items():
        name = _name(pattern)
        names[name] += 1
        tables.append(_layout(f"{name}_{names[name]}" if names[name] > 1 else name, pattern, files))
    return tables


def _files(folder: Path, deep: int) -> list[Path]:
    files: list[Path] = []
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir() and deep:
            files += _files(path, deep - 1)
        elif path.is_file() and path.name.endswith(ENDINGS) and path.stat().st_size:
            files.append(path)
    return files


def _pattern(path: Path) -> str:
    """
    >>> _pattern(Path("events/dt=2026-01-01/part-0.parquet")), _pattern(Path("films.csv"))
    ('events/**/*.parquet', 'films.csv')
    >>> _pattern(Path("catalogue_2026-01-01.csv"))
    'catalogue_*.csv'
    """
    ending = next(one for one in sorted(ENDINGS, key=len, reverse=True) if path.name.endswith(one))
    if len(path.parts) > 1:
        return f"{escape(path.parts[0])}/{'**/' if len(path.parts) > 2 else ''}*{ending}"
    stem = path.name.removesuffix(ending)
    starred = re.sub(r"\*+", "*", _COUNTED.sub("*", escape(stem)))
    return f"{starred if re.search('[a-zA-Z]', starred) and _DAY.search(stem) else escape(stem)}{ending}"


def _name(pattern: str) -> str:
    first = pattern.partition("/")[0] if "/" in pattern else pattern.partition(".")[0]
    return plain(first.replace("*", ""))


def plain(name: str) -> str:
    """
    A name that can be used in TOML unquoted.

    >>> plain("Käufe 2026"), plain("")
    ('kaeufe_2026', 'table')
    """
    for letter, written in {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}.items():
        name = name.lower().replace(letter, written)
    return re.sub(r"[^a-z0-9]+", "_", name).strip("_") or "table"


def _layout(name: str, pattern: str, files: list[Path]) -> Layout:
    found = {match[1] if (match := _DAY.search(file.name)) else None for file in files}
    day = found.pop() if len(files) > 1 and len(found) == 1 else None
    if pattern.endswith(".parquet"):
        return Layout(name, pattern, len(files), day=day)
    csv, said = _written(files[-1], name)
    return Layout(name, pattern, len(files), csv, day, said)


def _written(file: Path, table: str) -> tuple[Csv | None, tuple[str, ...]]:
    """How a text file is laid out, None if as usual, and what there is to say about that."""
    if file.name.endswith(".gz"):
        return None, ()
    with file.open("rb") as held:
        raw = held.read(LOOKED_AT_BYTES)
    try:
        raw[: raw.rfind(b"\n") + 1 or None].decode()
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "latin-1"
    lines = raw.decode(encoding, errors="replace").splitlines()[:LOOKED_AT_LINES]
    delimiter = delimiter_of(lines)
    cells = lines[0].split(delimiter)
    header = not any(_NUMBER.fullmatch(cell.strip().strip('"')) for cell in cells)
    header = header and not _DAY.search(lines[0])
    if delimiter == "," and header and encoding == "utf-8":
        return None, ()
    csv = Csv.model_validate({"delimiter": delimiter, "header": header, "encoding": encoding})
    said = [f'read as text with "{delimiter}" between its columns'.replace("\t", "\\t")]
    if encoding != "utf-8":
        said.append("it is not UTF-8 and was taken for latin-1")
    if not header:
        said.append("its first line holds values, not names: give the columns below their names")
        csv = csv.model_copy(update={"columns": _columns(file, csv, table)})
    return csv, tuple(said)


def delimiter_of(lines: list[str]) -> str:
    """
    The delimiter between columns: it occurs as often in nearly every line as in the first.

    >>> delimiter_of(["a;b", "1,5;2"]), delimiter_of(["1::A, B::x|y", "2::C::z"])
    (';', '::')
    """
    for delimiter in DELIMITERS:
        counts = Counter(line.count(delimiter) for line in lines if line)
        number, times = counts.most_common(1)[0] if counts else (0, 0)
        if number == lines[0].count(delimiter) > 0 and times >= FIT * sum(counts.values()):
            return delimiter
    return ","


def _columns(file: Path, csv: Csv, table: str) -> dict[str, str]:
    """Names and types for a file without a header; numbers with leading zeros are ids, and texts."""
    path = quoted(escape(str(file)))
    with duckdb.connect() as connection:
        rows = f"read_csv('{path}', {text_options(csv)})"
        kinds = {name: str(kind) for name, kind, *_ in connection.execute(f"DESCRIBE FROM {rows}").fetchall()}
        texts = f"read_csv('{path}', {text_options(csv)}, all_varchar = true)"
        asked = ", ".join(f"bool_or(regexp_matches(\"{name}\", '^0[0-9]'))" for name in kinds)
        padded = connection.execute(f"SELECT {asked} FROM {texts}").fetchone() or ()  # noqa: S608
    # With the table's name, so that no column happens to have the name of another table's.
    return {
        f"{table}_{place}": "string" if zero else KINDS.get(kind, "string")
        for place, (kind, zero) in enumerate(zip(kinds.values(), padded, strict=True), start=1)
    }

"""Connections through Ibis, with a time limit on every statement."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import ibis
import psycopg

from domain.errors import SourceError, sanitized
from workers.environment.address import misread
from workers.sources.engines.found import split_pattern
from workers.sources.engines.spark import SCHEMES, cancellable, open_spark

T = TypeVar("T")
STATEMENT_SECONDS = 120.0
ATTEMPTS = 3
PAUSE_SECONDS = 0.2
HINTS: tuple[tuple[tuple[type[Exception], ...], tuple[str, ...], str], ...] = (
    (
        (ImportError,),
        (),
        'what reads such a url is not installed; for BigQuery: pip install "recsysops[bigquery]"',
    ),
    (
        (FileNotFoundError,),
        ("no files found", "no such file", "path does not exist", "path_not_found"),
        "there is no such file; check path, or whether the recommender has written anything yet",
    ),
    (
        (),
        ("file system operations are disabled", "disabled by configuration"),
        "it reads a file that is not declared; name it under files, if it is to",
    ),
    (
        (psycopg.errors.UndefinedTable, duckdb.CatalogException),
        (),
        "a table or a function that it names is not there; check table, or select",
    ),
    (
        (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction, duckdb.BinderException),
        (),
        "a column or a function that it names is not there, or is of another type; check select",
    ),
    (
        (psycopg.errors.InsufficientPrivilege,),
        (),
        "the login of url may not read it; let it, with GRANT SELECT",
    ),
    (
        (psycopg.errors.ReadOnlySqlTransaction,),
        (),
        "its select would write; a table may only be read",
    ),
    (
        (),
        ("authentication failed", "no password supplied"),
        "the database does not let the login of url in; check its user and password",
    ),
    ((), ("lock",), "it is locked by another process; let it finish, or read a copy"),
    ((duckdb.InterruptException,), ("timeout", "interrupt"), "it did not answer in time"),
    (
        (),
        ("no magic bytes", "parquet", "too small"),
        "a file is not whole or not Parquet; it may still be being written, or be empty",
    ),
    (
        (),
        ("refused", "translate host", "could not connect", "connection failed", "resolve host"),
        "the database is not reachable; check url, and that it runs",
    ),
)
"""How an error of an engine is explained: by its class, or by a phrase in its message."""
OTHERWISE = "it is not as declared"
REPLACEMENTS = "python_enable_replacements"
TYPE_PUSHDOWN = "type_pushdown"  # one of DuckDB's optimizers
_QUOTED = re.compile(r"[\"']([^\"'\n]{1,1000})[\"']")
READ_ONLY = "SET default_transaction_read_only = {}"

# Engines flatten nested selects themselves; doing it here as well took an eighth of a look's processor time.
ibis.options.sql.fuse_selects = False


def open_duckdb(folder: str = ".", reads: Iterable[str] = ()) -> Any:
    """
    An in-memory DuckDB whose times are UTC, and which reads nothing but the files (or patterns) `reads`.
    Relative file names in SQL are resolved in `folder`.
    """
    connection = ibis.duckdb.connect(":memory:")
    connection.raw_sql("SET TimeZone = 'UTC'")
    connection.raw_sql("SET enable_progress_bar = false")
    connection.raw_sql(f"SET file_search_path = '{quoted(folder)}'")
    keep_types(connection.con)
    confine(connection, reads)
    return connection


def confine(connection: Any, reads: Iterable[str]) -> None:
    """
    Make this DuckDB read only the files (or patterns) `reads` from now on; it loads no extension, takes no
    variable of this process for a table, and lets no setting be changed.
    """
    patterns = sorted(set(reads))
    folders = [f"{root}/" for root, rest in map(split_pattern, patterns) if rest]
    files = [pattern for pattern in patterns if not split_pattern(pattern)[1]]
    settings = {
        "allowed_directories": _listed(folders),
        "allowed_paths": _listed(files),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        REPLACEMENTS: "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    for name, value in settings.items():
        connection.raw_sql(f"SET {name} = {value}")


def keep_types(connection: Any) -> None:
    """
    Make this DuckDB read a text file's column as the type it detected, whatever it is cast to afterwards.

    DuckDB 2 would read it directly as the type of the cast, but in that type's usual format: if days are
    written as 31.12.2026, no row fits, and rows that do not fit are left out.
    """
    known = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
    if (TYPE_PUSHDOWN,) in known:
        connection.execute(f"SET disabled_optimizers = '{TYPE_PUSHDOWN}'")


def _listed(texts: list[str]) -> str:
    return "[" + ", ".join(f"'{quoted(text)}'" for text in texts) + "]"


def open_url(name: str, url: str, seconds: float = STATEMENT_SECONDS) -> Any:
    """
    Connect to any Ibis URL, read-only and with a statement timeout if the engine has one; for Spark see
    `spark.open_spark`.

    Raises:
        SourceError: the engine is not reachable or not installed, or the database is locked. The message
            never holds the URL, which may hold a password.
    """
    if wrong := misread(url):
        raise SourceError(f'table "{name}": url {wrong}')
    try:
        if url.startswith(SCHEMES):
            return open_spark(url)
        if url.startswith(("duckdb://", "sqlite://")):
            opened = ibis.connect(
                f"{url}{'&' if '?' in url else '?'}read_only=True" if "duckdb" in url else url
            )
            if opened.name == "duckdb":
                keep_types(opened.con)
            return opened
        connection = ibis.connect(url)
        if url.startswith(("postgres://", "postgresql://")):
            connection.raw_sql(f"SET statement_timeout = {int(seconds * 1000)}").close()
            connection.raw_sql(READ_ONLY.format("on")).close()
            connection.raw_sql("SET TIME ZONE 'UTC'").close()
        return connection
    except SourceError as error:
        raise SourceError(f'table "{name}": {error}') from error
    except Exception as error:
        raise explained(name, error) from error


def close(connection: Any) -> None:
    """Close it; Spark's session stays, for the next table."""
    if connection.name != "pyspark":
        connection.disconnect()


def quoted(text: str) -> str:
    """`text` for the inside of an SQL string."""
    return text.replace("'", "''")


def run(
    name: str,
    connection: Any,
    ask: Callable[[], T],
    seconds: float = STATEMENT_SECONDS,
    words: Iterable[str] = (),
) -> T:
    """
    The answer of `ask`, which talks to `connection`; interrupted after `seconds`. `words`: see `explained`.

    Raises:
        SourceError: the table does not answer in time, or as declared.
    """
    answer: list[T] = []
    failure: list[Exception] = []
    asked, interrupt = _interruptible(connection, ask)

    def work() -> None:
        try:
            answer.append(_asked_again(asked))
        except Exception as error:  # noqa: BLE001 - carried to the caller's thread, where it is explained
            failure.append(error)

    thread = threading.Thread(target=work, name=f"read {name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        interrupt()
        raise SourceError(
            f'table "{name}": no answer within {seconds:.0f} s; the source hangs or the question is too big. '
            "Look at the source, make the check's history shorter, or give the table a longer timeout"
        )
    if failure:
        raise explained(name, failure[0], words) from failure[0]
    return answer[0]


def _interruptible(connection: Any, ask: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
    """The question, and what aborts it; an engine that cannot be interrupted is left running."""
    if connection.name == "pyspark":
        return cancellable(connection, ask)
    raw = getattr(connection, "con", None)
    return ask, getattr(raw, "interrupt", None) or getattr(raw, "cancel", None) or (lambda: None)


def _asked_again(ask: Callable[[], T]) -> T:
    """
    The answer, asked up to three times: a file that its writer replaces between two reads of the engine looks
    broken for a moment.
    """
    for _attempt in range(ATTEMPTS - 1):
        try:
            return ask()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            time.sleep(PAUSE_SECONDS)
    return ask()


def explained(name: str, error: Exception, words: Iterable[str] = ()) -> SourceError:
    """
    What an engine said, in words of ours that say what to do.

    Args:
        words: names that the declaration gives in plain; those that the engine quotes are said, and so are
            the names of files that there are.
    """
    if isinstance(error, SourceError):
        return error
    said = str(error)
    hint = next((hint for kinds, phrases, hint in HINTS if _is_one(error, said, kinds, phrases)), OTHERWISE)
    files = (Path(one).name for one in _QUOTED.findall(said) if Path(one).is_file())
    quotes = dict.fromkeys([*(word for word in words if f'"{word}"' in said), *files])
    about = f"; it is about {', '.join(map(repr, quotes))}" if quotes else ""
    return SourceError(f'table "{name}": {hint}{about} ({sanitized(error)})')


def _is_one(
    error: Exception, said: str, kinds: tuple[type[Exception], ...], phrases: tuple[str, ...]
) -> bool:
    return isinstance(error, kinds) or any(phrase in said.lower() for phrase in phrases)

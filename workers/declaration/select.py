"""
Validates a table's `select`: it has to be exactly one SELECT over what the table declares.

It is parsed in the dialect of its engine (sqlglot), twice: as a tree, for the statement and its tables, and
as tokens, for what precedes a bracket, that is for what is called. What runs afterwards is exactly what was
parsed, without comments, because engines disagree about where comments end.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from domain.recommender.keys.nearest import nearest
from domain.recommender.table import Table
from workers.declaration.functions import FILE_FORMATS, FILE_READERS, OWN_CATALOGUES, OWN_NAMES, PURE

LONGEST = 100_000
ROWS = "rows"
"""The name under which a `select` over a `path` finds the path's rows."""
DIALECTS = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "pyspark": "spark",
    "mssql": "tsql",
    "datafusion": "postgres",
    "risingwave": "risingwave",
}
"""By URL scheme, where sqlglot's name for the dialect differs."""
QUERIES = (exp.Select, exp.SetOperation, exp.Subquery)
FORBIDDEN: tuple[type[exp.Expr], ...] = (
    exp.Alter,
    exp.Analyze,
    exp.Attach,
    exp.Command,
    exp.Copy,
    exp.Create,
    exp.Delete,
    exp.Describe,
    exp.Detach,
    exp.Drop,
    exp.Insert,
    exp.Into,
    exp.Kill,
    exp.LoadData,
    exp.Lock,
    exp.Merge,
    exp.Parameter,
    exp.Placeholder,
    exp.Pragma,
    exp.QueryTransform,
    exp.Set,
    exp.Show,
    exp.Summarize,
    exp.TruncateTable,
    exp.Update,
    exp.Use,
)
TEXTS = (
    TokenType.STRING,
    TokenType.NATIONAL_STRING,
    TokenType.RAW_STRING,
    TokenType.HEREDOC_STRING,
    TokenType.UNICODE_STRING,
    TokenType.BYTE_STRING,
    TokenType.BIT_STRING,
    TokenType.HEX_STRING,
    TokenType.NUMBER,
)
_PLAIN = re.compile(r"[^\W\d][\w$-]*\*?")


@dataclass(frozen=True)
class Read:
    """A validated `select`: the SQL to run, or what is wrong with it."""

    sql: str = ""
    wrong: str | None = None


class _Wrong(Exception):
    """Why a select is not run."""


def read(table: Table, folder: str) -> Read:
    """
    Parse and validate the table's `select`.

    Args:
        folder: the declaration's; relative files in the select are looked up there.
    """
    return _read(table.model_copy(update={"csv": None, "explode": None}), folder)  # dictionaries have no hash


@lru_cache(maxsize=512)
def _read(table: Table, folder: str) -> Read:
    text = table.select or ""
    try:
        _readable(text)
        dialect = dialect_of(table)
        tokens = sqlglot.tokenize(text, read=dialect)
        tree = _one_query(text, dialect)
        _only_reads(tree)
        paths = {**dict(_tables(tree, table, folder)), **dict(_called(tokens, tree, table, folder))}
        return Read(_without_comments(text, tokens, paths))
    except _Wrong as wrong:
        return Read(wrong=str(wrong))
    except SqlglotError as error:
        found = getattr(error, "errors", None) or [{}]
        line, column = (found[0].get(one) or "?" for one in ("line", "col"))
        return Read(wrong=f"is not SQL that can be read (line {line}, character {column}); write one SELECT")
    except (LookupError, AttributeError, TypeError, ValueError):
        return Read(wrong="is not SQL that can be read; write one SELECT")  # the parser failed
    except RecursionError:
        return Read(wrong="is nested too deeply to be read; write it flatter, with WITH")


def words(table: Table) -> tuple[str, ...]:
    """The names in a validated `select`, and the table's own; no text that it compares something with."""
    tokens = sqlglot.tokenize(table.select or table.table or "", read=dialect_of(table))
    named = (token.text for token in tokens if _is_name(token))
    return tuple(one for one in named if _PLAIN.fullmatch(one))


def dialect_of(table: Table) -> str:
    """The SQL dialect of the table's engine; DuckDB's where files are read."""
    scheme = (table.url or "duckdb://").partition("://")[0].partition("+")[0].lower()
    name = DIALECTS.get(scheme, scheme)
    return name if sqlglot.Dialect.get(name) else ""


def local_files(table: Table, folder: str) -> tuple[str, ...]:
    """The declared `files` on this machine, as absolute paths."""
    return tuple(_absolute(file, folder) for file in table.files if "://" not in file)


def _readable(text: str) -> None:
    if len(text) > LONGEST:
        raise _Wrong(f"is longer than {LONGEST:,} characters; make a view of it in the engine and name that")
    for character in text:
        if character in "\n\r\t ":
            continue
        if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"):
            raise _Wrong(
                f"holds the character U+{ord(character):04X}, which is not seen; write it with plain spaces"
            )


def _one_query(text: str, dialect: str) -> exp.Expr:
    found = [tree for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    found = [tree for tree in found if not isinstance(tree, exp.Semicolon)]
    if len(found) != 1:
        raise _Wrong(f"holds {len(found)} statements; write one SELECT")
    if not isinstance(found[0], QUERIES):
        raise _Wrong(f"is no SELECT but {_named(found[0])}; write one SELECT")
    return found[0]


def _only_reads(tree: exp.Expr) -> None:
    for node in tree.walk():
        if isinstance(node, FORBIDDEN):
            raise _Wrong(f"holds {_named(node)}; it may only read")
        if isinstance(node, exp.CTE) and not isinstance(node.this, (*QUERIES, exp.Values)):
            raise _Wrong(f"WITH {node.alias} holds {_named(node.this)}; it may only read")


def _named(node: exp.Expr) -> str:
    first = str(node.this) if isinstance(node, exp.Command) else node.key
    return first.upper()[:40]


def _tables(tree: exp.Expr, table: Table, folder: str) -> Iterator[tuple[int, str]]:
    """Check the tables that are read; yields the position and absolute path of each one that is a file."""
    known = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        if isinstance(node.this, exp.Identifier):
            if file := _file(node, known, table, folder):
                yield int(node.parts[-1].meta["start"]), file
        elif not isinstance(node.this, exp.Func):
            raise _Wrong(f"reads {node.sql()[:80]}, which is no table's name")


def _file(node: exp.Table, known: set[str], table: Table, folder: str) -> str | None:
    """The file that a name refers to; None if it is a table that may be read."""
    parts = [str(part.name) for part in node.parts]
    plain = all(_PLAIN.fullmatch(part) for part in parts)
    if plain and len(parts) == 1 and parts[0].casefold() in known:
        return None
    if not plain or (len(parts) == 2 and parts[0].casefold() in FILE_FORMATS):
        if len(parts) > 1 and parts[0].casefold() not in FILE_FORMATS:
            raise _Wrong(f'reads "{".".join(parts)}", which is neither a table nor a declared file')
        return _declared(parts[-1], table, folder)
    if table.url is None:
        if parts != [ROWS] or not table.path:
            right = [ROWS] if table.path else []
            raise _Wrong(f'reads "{".".join(parts)}", and there is no such table; {_instead(parts, right)}')
        return None
    if OWN_CATALOGUES & {part.casefold() for part in parts[:-1]} or parts[-1].casefold().startswith(
        OWN_NAMES
    ):
        raise _Wrong(f'reads "{".".join(parts)}", which is the engine\'s own; read tables of the recommender')
    return None


def _instead(parts: list[str], right: list[str]) -> str:
    if right:
        return f'the rows of its path are "{ROWS}"'
    return f'give it a path and read "{ROWS}", or a url' if len(parts) == 1 else "give the table a url"


def _declared(path: str, table: Table, folder: str) -> str:
    """The file's path in the form that the engine is given."""
    if any(path == file for file in table.files if "://" in file):
        return path
    if "://" not in path and _absolute(path, folder) in local_files(table, folder):
        return _absolute(path, folder)
    if table.files:
        raise _Wrong(f'reads "{path}", which is not among its files; {nearest(path, table.files)}')
    raise _Wrong(f'reads "{path}", which is not declared; if it is to, write files = ["{path}"]')


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder, path))  # noqa: PTH118 - as the engine joins them


def _called(tokens: list[Token], tree: exp.Expr, table: Table, folder: str) -> Iterator[tuple[int, str]]:
    """Check whatever precedes a bracket; yields the position and absolute path of each file name."""
    named = _names_of_columns(tree)
    allowed = PURE | {name.casefold() for name in table.functions}
    for at, token in enumerate(tokens[:-1]):
        if tokens[at + 1].token_type != TokenType.L_PAREN or not _is_name(token):
            continue
        if token.text.casefold() in FILE_READERS and table.url is None:
            yield from _files_read(tokens, at + 2, table, folder)
        elif token.start not in named:
            name = token.text if dialect_of(table) == "duckdb" else _qualified(tokens, at)
            # Some keywords have two words: GROUPING SETS.
            parts = [name] if token.token_type == TokenType.IDENTIFIER else name.split()
            if not all(part.casefold() in allowed for part in parts):
                raise _Wrong(_unknown(name))


def _names_of_columns(tree: exp.Expr) -> set[int]:
    """Positions where a name precedes its column names: `WITH t(a, b)`, `AS t(a, b)`."""
    aliases = (alias for alias in tree.find_all(exp.TableAlias) if alias.args.get("columns"))
    named = (alias.this for alias in aliases if isinstance(alias.this, exp.Identifier))
    return {int(name.meta["start"]) for name in named if "start" in name.meta}


def _is_name(token: Token) -> bool:
    if token.token_type == TokenType.IDENTIFIER:
        return True
    return token.token_type not in TEXTS and re.match(r"[^\W\d]", token.text) is not None


def _qualified(tokens: list[Token], at: int) -> str:
    """The name with its qualifiers: a schema's function is a different one from the engine's own."""
    name = tokens[at].text
    while at >= 2 and tokens[at - 1].token_type == TokenType.DOT and _is_name(tokens[at - 2]):
        at -= 2
        name = f"{tokens[at].text}.{name}"
    return name


def _unknown(name: str) -> str:
    if name.casefold() in FILE_READERS:
        return f'calls "{name}", which reads files; give the table a path or files instead of a url'
    return (
        f'calls "{name}", which is not known to make its answer of its arguments alone; if it does, write '
        f'functions = ["{name}"]'
    )


def _files_read(tokens: list[Token], at: int, table: Table, folder: str) -> Iterator[tuple[int, str]]:
    """The first argument of a reader: one file name, or a list of them."""
    listed = tokens[at].token_type == TokenType.L_BRACKET if at < len(tokens) else False
    at += listed
    while True:
        if at + 1 >= len(tokens) or tokens[at].token_type != TokenType.STRING:
            raise _Wrong("reads a file whose name is worked out; write the name, or a list of names")
        yield tokens[at].start, _declared(tokens[at].text, table, folder)
        following = tokens[at + 1].token_type
        if listed and following == TokenType.COMMA:
            at += 2
            continue
        ends = (TokenType.R_BRACKET,) if listed else (TokenType.COMMA, TokenType.R_PAREN)
        if following not in ends:
            raise _Wrong("reads a file whose name is worked out; write the name, or a list of names")
        return


def _without_comments(text: str, tokens: list[Token], paths: dict[int, str]) -> str:
    """The tokens as written, with absolute file names, and only white space between them."""
    parts: list[str] = []
    end = 0
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            continue
        between = text[end : token.start]
        parts.append(between if not between.strip() else " ")
        end = token.end + 1
        written = text[token.start : end]
        if token.start in paths and paths[token.start] != token.text:
            quote = written[0]
            written = quote + paths[token.start].replace(quote, quote * 2) + quote
        parts.append(written)
    return "".join(parts).strip()

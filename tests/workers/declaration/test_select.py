"""A table's `select` is one SELECT of what the table declares; everything else is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigurationError, SourceError
from domain.recommender.table import Table
from tests.workers.sources.evasions import EVASIONS, FORBIDDEN_CALLS, HONEST, WRAPPED
from workers.declaration.declare import load
from workers.declaration.select import read
from workers.sources.engines.engine import open_duckdb, run
from workers.sources.engines.source import open_source

FOLDER = "/declared"


def table(select: str, scheme: str, files: tuple[str, ...] = (), functions: tuple[str, ...] = ()) -> Table:
    place = {"path": "/declared/views.parquet"} if scheme == "path" else {}
    place = {"url": f"{scheme}://somewhere"} if scheme not in ("path", "files") else place
    return Table(name="views", select=select, files=files, functions=functions, **place)


def wrong(select: str, scheme: str, files: tuple[str, ...] = ()) -> str:
    return read(table(select, scheme, files), FOLDER).wrong or ""


@pytest.mark.parametrize(("scheme", "select"), EVASIONS)
def test_what_is_not_one_select_of_what_is_declared_is_refused(scheme: str, select: str) -> None:
    assert wrong(select, scheme)


@pytest.mark.parametrize(("scheme", "select", "files"), HONEST)
def test_an_honest_select_is_run_as_it_is_written(scheme: str, select: str, files: tuple[str, ...]) -> None:
    found = read(table(select, scheme, files), FOLDER)
    assert (found.wrong, found.sql) == (None, select)


def spelt(word: str, scheme: str) -> st.SearchStrategy[str]:
    """The same name to an engine: other cases, quotes, white space and comments around it."""
    quoted = "`{}`" if scheme in ("mysql", "spark", "bigquery") else '"{}"'
    cased = st.tuples(*(st.sampled_from([letter, letter.upper()]) for letter in word)).map("".join)
    before = st.sampled_from(["", " ", "\n", "/* x */", "-- x\n", "/* ( */ "])
    return st.tuples(before, cased, st.sampled_from(["{}", quoted]), before).map(
        lambda parts: parts[0] + parts[2].format(parts[1]) + parts[3]
    )


@given(data=st.data(), depth=st.integers(0, 4))
def test_no_spelling_and_no_nesting_hides_a_call(data: st.DataObject, depth: int) -> None:
    scheme, name, arguments = data.draw(st.sampled_from(FORBIDDEN_CALLS))
    expression = data.draw(spelt(name, scheme)) + arguments
    for _ in range(depth):
        expression = data.draw(st.sampled_from(WRAPPED)).format(expression)
    assert wrong(f"SELECT {expression} AS x FROM rows", scheme)
    assert wrong(f"SELECT 1 FROM rows AS r, LATERAL {expression} AS x", scheme)


@given(st.text(max_size=80))
def test_whatever_is_written_there_is_an_answer_in_words(text: str) -> None:
    found = read(table(text or " ", "postgres"), FOLDER)
    assert found.wrong or found.sql


@given(st.text(alphabet="SELECT FROMrows(*);'\"-/\\$\n,abc1", max_size=120))
def test_what_is_accepted_holds_no_second_statement_and_no_comment(text: str) -> None:
    found = read(table(text or " ", "path"), FOLDER)
    if found.wrong is None:
        assert read(table(found.sql, "path"), FOLDER).sql == found.sql


def test_a_function_that_is_declared_may_be_called() -> None:
    asked = "SELECT my_score(a) FROM t"
    assert "functions" in wrong(asked, "postgres")
    assert read(table(asked, "postgres", functions=("my_score",)), FOLDER).wrong is None
    of_a_schema = "SELECT own.lower(a) FROM t"
    assert "own.lower" in wrong(of_a_schema, "postgres")
    assert read(table(of_a_schema, "postgres", functions=("own.lower",)), FOLDER).wrong is None


def test_a_declared_file_is_read_by_its_own_name_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n2\n")
    declaration = tmp_path / "recsysops.toml"
    declaration.write_text(
        """
[recommender]
name = "shop"
[tables.views]
files = ["a.csv"]
select = "SELECT x, 'a.csv' AS place FROM read_csv('a.csv') UNION ALL SELECT x, 'b' FROM 'a.csv'"
"""
    )
    with open_source(load(declaration, {}), "views") as source:
        assert sorted(source.fetch(source.rows)["place"]) == ["a.csv", "b"]


def test_the_error_names_file_line_key_and_what_to_do(tmp_path: Path) -> None:
    declaration = tmp_path / "recsysops.toml"
    declaration.write_text(
        """[recommender]
name = "shop"
[tables.views]
path = "views.csv"
select = "SELECT * FROM read_csv('/etc/passwd')"
"""
    )
    with pytest.raises(ConfigurationError) as caught:
        load(declaration, {})
    assert str(caught.value) == (
        f'{declaration}:5: tables.views.select: reads "/etc/passwd", which is not declared; if it is to, '
        'write files = ["/etc/passwd"]'
    )


def test_a_select_may_begin_with_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "views.csv").write_text("x\n1\n2\n")
    declaration = tmp_path / "recsysops.toml"
    declaration.write_text(
        """[recommender]
name = "shop"
[tables.views]
path = "views.csv"
select = "WITH few AS (SELECT x FROM rows WHERE x > 1) SELECT * FROM few -- the last;"
"""
    )
    with open_source(load(declaration, {}), "views") as source:
        assert list(source.fetch(source.rows)["x"]) == [2]


def test_files_or_functions_without_a_select_are_said_to_be_of_no_use() -> None:
    with pytest.raises(ValueError, match="no select"):
        Table(name="views", path="views.csv", files=("a.csv",))


def rows_read(connection: Any, statement: str) -> list[Any]:
    return run("views", connection, lambda: list(connection.con.execute(statement).fetchall()))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM read_text('{folder}/*')",
        "SELECT * FROM glob('{folder}/*')",
        "ATTACH '{folder}/new.db'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SELECT * FROM frame",
    ],
)
def test_the_engine_itself_reads_nothing_that_is_not_declared(tmp_path: Path, statement: str) -> None:
    declared, other = tmp_path / "in" / "a.csv", tmp_path / "b.csv"
    declared.parent.mkdir()
    for file in (declared, other):
        file.write_text("x\n1\n")
    (declared.parent / "link.csv").symlink_to(other)
    frame = pd.DataFrame({"x": [1]})
    assert len(frame) == 1
    connection = open_duckdb(reads=[f"{tmp_path}/in/*.csv"])
    assert rows_read(connection, f"SELECT * FROM '{declared}'") == [(1,)]
    with pytest.raises(SourceError):
        rows_read(connection, statement.format(other=other, folder=tmp_path))
    with pytest.raises(SourceError):
        rows_read(connection, f"SELECT * FROM read_csv('{declared.parent}/link.csv')")

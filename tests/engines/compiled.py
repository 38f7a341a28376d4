"""
A BigQuery without a server: every question is put into its SQL, and answered by DuckDB.

What it shows is that each question can be said in BigQuery's words, and that nothing is asked which only the
engines with GROUPING SETS know. What BigQuery itself would answer is not shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import sqlglot

from workers.sources.engines.engine import open_duckdb
from workers.sources.engines.source import answer


class Compiled:
    """A connection of Ibis' by the name of BigQuery; `asked` are the statements."""

    name = "bigquery"
    dialect = "bigquery"

    def __init__(self, folder: Path) -> None:
        self._files = open_duckdb(reads=[f"{folder}/*.parquet"])
        self._made: dict[str, Any] = {}
        self.asked: list[str] = []
        for file in sorted(folder.glob("*.parquet")):
            self._files.con.execute(f"CREATE VIEW \"{file.stem}\" AS SELECT * FROM '{file}'")

    def compile(self, expression: Any) -> str:
        """The expression in BigQuery's SQL, which can be parsed as that again."""
        statement = str(ibis.to_sql(expression, dialect="bigquery"))
        assert sqlglot.parse_one(statement, read="bigquery") is not None
        self._made[statement] = expression
        return statement

    def sql(self, statement: str) -> Any:
        """The rows of a statement that was made here, or of a table."""
        if statement in self._made:
            return self._made[statement]
        parsed = sqlglot.parse_one(statement, read="bigquery")
        assert isinstance(parsed, sqlglot.exp.Select), statement
        (table,) = parsed.find_all(sqlglot.exp.Table)
        return self._files.table(table.name)

    def to_pandas(self, expression: Any) -> pd.DataFrame:
        """The answer, once the question is written down."""
        self.asked.append(self.compile(expression))
        return answer(self._files, expression)

    def to_pyarrow(self, expression: Any) -> pa.Table:
        """The same as Arrow."""
        return pa.Table.from_pandas(self.to_pandas(expression), preserve_index=False)

    def disconnect(self) -> None:
        """Nothing: the next question opens none."""

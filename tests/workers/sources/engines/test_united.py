from __future__ import annotations

import ibis

from workers.sources.engines.source import answer, rows_of, united


def test_a_question_about_each_of_many_columns_is_one_that_can_be_asked() -> None:
    connection = ibis.duckdb.connect()
    one = rows_of(connection, "SELECT 1::BIGINT AS value")
    asked = united([one.select(held=one["value"] + place) for place in range(400)])
    assert sorted(answer(connection, asked)["held"]) == list(range(1, 401))

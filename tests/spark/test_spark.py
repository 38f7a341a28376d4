"""What is found does not depend on where the tables are: in files, or behind a Spark (`make test-spark`)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from domain.errors import SourceError
from tests.engines import world
from tests.engines.answers import answers, differences, everything_of, moved
from tests.engines.model import WRITTEN
from tests.engines.places import SPARK, in_files, in_spark
from tests.workers.shop import END, FAULT_AT, HELD_DOWN, write_shop
from workers.sources.engines.engine import open_url, run
from workers.sources.engines.source import open_source


def test_spark_finds_and_measures_what_duckdb_does(tmp_path: Path) -> None:
    world.write(tmp_path)
    here = answers(world.declared(in_files(tmp_path)), world.LOOKS)
    there = answers(world.declared(in_spark(tmp_path)), world.LOOKS)
    assert list(differences(here, there)) == []
    found = {finding["check"] for look in here["looks"] for finding in look["findings"]}
    assert found == set(world.CHECKS), "a check that finds nothing compares nothing"


def test_spark_answers_for_items_and_choices_as_duckdb_does(tmp_path: Path) -> None:
    shop = write_shop(tmp_path)
    there = moved(shop, in_spark(tmp_path))
    here = everything_of(shop, HELD_DOWN, FAULT_AT, END)
    assert here["item"]["verdict"] == "less"
    assert len(here["misses"]) > 20
    assert list(differences(here, everything_of(there, HELD_DOWN, FAULT_AT, END))) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_model_scored_and_served_is_judged_alike_in_spark(name: str, tmp_path: Path) -> None:
    write, end = WRITTEN[name]
    files = write(tmp_path)
    there = moved(files, in_spark(tmp_path))
    here = answers(files, [end])
    assert {one["check"] for one in here["looks"][0]["findings"]} == set(files.checks)
    assert list(differences(here, answers(there, [end]))) == []


def test_a_question_that_takes_too_long_is_ended_and_the_next_one_is_answered() -> None:
    connection = open_url("views", SPARK)
    many = connection.sql("SELECT a.id FROM range(10000000) a, range(10000000) b")
    slow = many.aggregate(top=(many["id"] * 3 % 7).max())
    with pytest.raises(SourceError, match='table "views": no answer within 1 s'):
        run("views", connection, lambda: connection.to_pandas(slow), 1.0)
    begun = time.monotonic()
    few = connection.sql("SELECT id FROM range(7)")
    assert run("views", connection, lambda: connection.to_pandas(few.count().as_table())).iloc[0, 0] == 7
    assert time.monotonic() - begun < 60


def test_a_second_master_in_one_process_is_refused() -> None:
    open_url("views", SPARK)
    with pytest.raises(SourceError, match=r'table "plays": this process reads from the Spark at local\[2\]'):
        open_url("plays", "spark://local[1]")


def test_a_table_that_spark_does_not_have_is_named(tmp_path: Path) -> None:
    world.write(tmp_path)
    there = world.declared(lambda _name: {"url": SPARK, "table": "nowhere.views"})
    with pytest.raises(SourceError, match=r'table "Views": .*nowhere'):
        open_source(there, "Views")

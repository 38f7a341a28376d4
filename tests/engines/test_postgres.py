"""What is found does not depend on where the tables are: in files, or in a PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from domain.recommender.recommender import Recommender
from domain.values import slice_of
from tests.engines import world
from tests.engines.answers import answers, differences, everything_of, moved
from tests.engines.model import WRITTEN
from tests.engines.places import Where, in_files, in_postgres
from tests.workers.logging_coverage import bookshop
from tests.workers.shop import END, FAULT_AT, HELD_DOWN, write_shop
from workers.declaration.declare import load
from workers.logging_coverage.coverage import logging_coverage
from workers.models.candidates import read_candidates
from workers.models.logged import log_in
from workers.sources.engines.source import open_source
from workers.store.connection import driver_address


@pytest.fixture
def postgres(tmp_path: Path, database_url: str) -> Where:
    """The world's tables in a database of their own."""
    world.write(tmp_path)
    return in_postgres(tmp_path, driver_address(database_url))


def test_postgres_finds_and_measures_what_duckdb_does(tmp_path: Path, postgres: Where) -> None:
    here = answers(world.declared(in_files(tmp_path)), world.LOOKS)
    there = answers(world.declared(postgres), world.LOOKS)
    assert list(differences(here, there)) == []
    found = {finding["check"] for look in here["looks"] for finding in look["findings"]}
    assert found == set(world.CHECKS), "a check that finds nothing compares nothing"
    assert len(here["looks"][-1]["notes"]) > 5, "the last look is at windows without rows"
    assert here["ended"]


def test_a_difference_would_be_seen(tmp_path: Path, postgres: Where) -> None:
    only = world.declared(in_files(tmp_path))
    only = only.model_copy(update={"checks": {"volume": only.checks["volume"]}})
    other = only.checks["volume"].model_copy(update={"history": timedelta(days=8)})
    here, there = (
        answers(only.model_copy(update={"checks": {"volume": check}}), world.LOOKS[1:2])
        for check in (only.checks["volume"], other)
    )
    assert any(".expected: " in line for line in differences(here, there))


def test_postgres_answers_for_items_and_choices_as_duckdb_does(tmp_path: Path, database_url: str) -> None:
    shop = write_shop(tmp_path)
    there = moved(shop, in_postgres(tmp_path, driver_address(database_url)))
    here = everything_of(shop, HELD_DOWN, FAULT_AT, END)
    assert here["item"]["verdict"] == "less"
    assert len(here["misses"]) > 20
    assert list(differences(here, everything_of(there, HELD_DOWN, FAULT_AT, END))) == []


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_model_scored_and_served_is_judged_alike_in_postgres(
    name: str, tmp_path: Path, database_url: str
) -> None:
    write, end = WRITTEN[name]
    files = write(tmp_path)
    there = moved(files, in_postgres(tmp_path, driver_address(database_url)))
    here = answers(files, [end])
    assert {one["check"] for one in here["looks"][0]["findings"]} == set(files.checks)
    assert list(differences(here, answers(there, [end]))) == []


def test_what_describes_the_items_may_be_somewhere_else(tmp_path: Path, postgres: Where) -> None:
    def apart(name: str) -> dict[str, object]:
        return in_files(tmp_path)(name) if name == "items" else postgres(name)

    here, there = (answers(_by_shelf(where), world.LOOKS[1:2]) for where in (in_files(tmp_path), apart))
    assert {one["check"] for one in here["looks"][0]["findings"]} == {"missing", "references"}
    assert list(differences(here, there)) == []


def _by_shelf(where: Where) -> Recommender:
    """Only what needs the other table: a dimension of the items, and items that are not there."""
    whole = world.declared(where)
    checks = {
        "missing": whole.checks["missing"].model_copy(update={"dimensions": ("shelf", "device")}),
        "references": whole.checks["references"],
    }
    return whole.model_copy(update={"checks": checks})


def test_text_is_compared_by_its_bytes_whatever_the_databases_language(postgres: Where) -> None:
    with open_source(world.declared(postgres), "Views") as source:
        rows = source.rows
        by_bytes = source.fetch(rows.select(rows["tag"]).distinct().order_by("tag"))["tag"]
        greatest = source.fetch(rows.aggregate(top=rows["country"].max()))["top"][0]
    assert list(by_bytes) == sorted(by_bytes)
    assert greatest == "Æther"


def test_what_is_logged_of_each_slice_is_counted_alike_in_postgres(tmp_path: Path, database_url: str) -> None:
    everyone = bookshop.visits()
    bookshop.write(tmp_path / "visits.parquet", everyone)
    bookshop.write(tmp_path / "ranked.parquet", bookshop.ranked(everyone))
    (tmp_path / "recsysops.toml").write_text(bookshop.DECLARED)
    here = load(tmp_path / "recsysops.toml")
    there = moved(here, in_postgres(tmp_path, driver_address(database_url)))
    span, end = timedelta(hours=bookshop.HOURS), bookshop.END
    for planned in (True, False):
        one, other = (
            logging_coverage(declared, end, span, planned=planned).model_dump(mode="json")
            for declared in (here, there)
        )
        assert list(differences(one, other)) == []
    log = log_in(here, "ranked")
    assert log is not None
    drawn, again = (
        read_candidates(declared, "ranked", log.columns, (end - span, end), slice_of(place="ship"), 1)
        for declared in (here, there)
    )
    assert set(drawn["visit"]) == set(again["visit"])
    assert drawn["chance"].sum() == pytest.approx(again["chance"].sum())

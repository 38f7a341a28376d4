"""`recsysops init` on tables as other teams have them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.recommender.recommender import Recommender
from tests.workers.scaffold.shapes import END, SHAPES
from workers.checks.backtest import backtest
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.scaffold.first import init

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Declared(dict[str, Path]):
    """
    Shape → a folder with its tables and the declaration that was written for them, made when a test first
    asks: of pytest-xdist's workers none makes those that only others look at.
    """

    def __init__(self, made: pytest.TempPathFactory) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, shape: str) -> Path:
        folder = self[shape] = self._made.mktemp(shape)
        SHAPES[shape](folder)
        (folder / "recsysops.toml").write_text(init(folder, END), encoding="utf-8")
        return folder


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Declared:
    return Declared(tmp_path_factory)


def read(declared: Declared, shape: str) -> Recommender:
    return load(declared[shape], {})


def said(declared: Declared, shape: str) -> str:
    return (declared[shape] / "recsysops.toml").read_text(encoding="utf-8")


def test_an_event_log_is_sliced_by_lists_and_not_by_what_is_rolled_out(declared: Declared) -> None:
    table = read(declared, "events").tables["events"]
    assert (table.time, table.item, table.member, table.key) == (
        "occurred_at",
        "item_id",
        "user_id",
        "event_id",
    )
    assert table.window == timedelta(minutes=15)
    assert set(table.dimensions) == {"event_name", "tags", "experiments", "country"}
    assert table.explode == {"experiments": "[]"}  # tags are a list by their type
    text = said(declared, "events")
    assert "country_code: says the same as country" in text
    assert "app_version: its values come and go with time" in text
    assert (
        "context: JSON objects: a select takes out a value, json_extract_string(context, '$.screen')" in text
    )
    assert "also times: dt, ingested_at" in text


def test_a_wide_table_is_sliced_by_few_columns_and_never_by_numbers(declared: Declared) -> None:
    recommender = read(declared, "impressions")
    table = recommender.tables["impressions"]
    assert (table.time, table.item, table.member) == ("served_at", "product_id", "member_id")
    assert {"device", "region"} <= set(table.dimensions)
    assert len(table.dimensions) <= 6
    assert not any(
        name.startswith("f_0") or name in ("request_id", "model_note") for name in table.dimensions
    )
    referring = recommender.checks["impressions_references"].options
    assert referring["references"] == {"member_id": "members.member_id"}
    assert "model_note: always the same" in said(declared, "impressions")


def test_texts_without_a_header_get_names_and_their_films_genres(declared: Declared) -> None:
    recommender = read(declared, "ratings")
    ratings, items = recommender.tables["ratings"], recommender.items
    assert (ratings.time, ratings.item, ratings.window) == ("ratings_4", "ratings_2", DAY)
    assert ratings.dimensions == ("movies_3",)
    assert recommender.tables["movies"].explode == {"movies_3": "|"}
    assert items is not None
    assert (items.table, items.key, items.title, items.features) == (
        "movies",
        "movies_1",
        "movies_2",
        ("movies_3",),
    )


def test_a_catalogue_by_day_is_a_table_in_time_and_its_newest_delivery_the_items(
    declared: Declared,
) -> None:
    recommender = read(declared, "catalogue")
    delivered, plays, items = recommender.tables["catalogue"], recommender.tables["plays"], recommender.items
    assert (delivered.time, delivered.window) == ("delivered", DAY)
    assert (plays.time, plays.item, plays.window) == ("started", "film_id", HOUR)
    assert {"platform", "genres", "language"} <= set(plays.dimensions)
    assert items is not None
    assert (items.table, items.key, items.launch, items.title) == (
        "catalogue_now",
        "film_id",
        "release_date",
        "title",
    )
    assert set(items.features) == {"genres", "country", "language", "runtime"}
    assert recommender.tables["catalogue_now"].explode == {"genres": "|", "country": "|"}


def test_features_that_every_item_has_are_promised_of_the_items_that_rows_name(declared: Declared) -> None:
    recommender = read(declared, "catalogue")
    promised = recommender.checks["plays_item_features"]
    assert (promised.kind, promised.table, promised.least_rows) == ("missing", "plays", 1)
    looked = promised.options["columns"]
    assert recommender.items is not None
    assert {"language", "runtime"} <= set(looked) <= set(recommender.items.features)


def test_german_texts_are_read_as_they_are_written(declared: Declared) -> None:
    recommender = read(declared, "german")
    orders, items = recommender.tables["bestellungen"], recommender.items
    assert (orders.time, orders.item, orders.member) == ("Bestellzeit", "Artikelnr", "Kundennr")
    assert orders.dimensions == ("Land", "Gerät", "Kategorie", "Marke")
    assert items is not None
    assert (items.title, items.launch) == ("Bezeichnung", "Erscheinungsdatum")
    assert "Preis: numbers with a decimal comma" in said(declared, "german")


def test_a_table_of_ids_alone_is_declared_and_nothing_is_promised(declared: Declared) -> None:
    recommender = read(declared, "ids")
    assert recommender.tables["saved"].item == "item_id"
    assert not recommender.checks
    assert "No column holds a time" in said(declared, "ids")


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_passes_the_doctor(declared: Declared, shape: str) -> None:
    advice = check(declared[shape], environment={}, at=END)
    assert [one for one in advice if one.level == "error"] == []


@pytest.mark.parametrize(
    ("shape", "start"),
    [
        ("events", END - 3 * HOUR),
        ("impressions", END - 6 * HOUR),
        ("ratings", END - 14 * DAY),
        ("catalogue", END - 4 * HOUR),
        ("german", END - 4 * DAY),
    ],
)
def test_its_checks_look_and_find_nothing_where_nothing_is_wrong(
    declared: Declared, shape: str, start: datetime
) -> None:
    result = backtest(read(declared, shape), start, END)
    assert result.looks > 0
    assert not result.faults
    assert not result.incidents

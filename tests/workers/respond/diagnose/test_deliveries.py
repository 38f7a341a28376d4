"""The delivery that changed an item is found, however many came after it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.recommender.model import Items
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Diagnosis, Finding
from tests.workers.conftest import NOON, make_finding
from workers.respond.diagnose.deliveries import around_fault, change_of, feeds_above, last_two
from workers.sources.engines.source import open_source

DAY = timedelta(days=1)


def deliveries(folder: Path, languages: list[str | None], genres: list[str]) -> Recommender:
    """A delivery a day of two films, the last one at noon; the second film never changes."""
    rows = []
    for place, (language, genre) in enumerate(zip(languages, genres, strict=True)):
        at = NOON - (len(languages) - 1 - place) * DAY
        rows += [(at, "film-1", language, genre), (at, "film-2", "Danish", "drama")]
    frame = pd.DataFrame(rows, columns=["delivered_at", "item_id", "language", "genre"])
    frame["delivered_at"] = frame["delivered_at"].astype("datetime64[us, UTC]")
    frame.to_parquet(folder / "deliveries.parquet")
    table = Table(
        name="deliveries", path=str(folder / "deliveries.parquet"), time="delivered_at", key="item_id"
    )
    items = Items(table="items", key="item_id", features=("language", "genre"))
    tables = {"deliveries": table, "items": Table(name="items", path="items.parquet")}
    return Recommender(name="small", tables=tables, items=items)


def seen(since_days_ago: float, window: timedelta = timedelta(minutes=5), **more: Any) -> Finding:
    """A slice that began to be shown less so many days before noon."""
    start = NOON - since_days_ago * DAY
    return make_finding().model_copy(update={"window_start": start, "window_end": start + window, **more})


def goes_back(recommender: Recommender, finding: Finding, found: Diagnosis) -> tuple[float, float] | None:
    """How many days before noon the delivery came that is gone back behind, and the one before it."""
    taken = around_fault(recommender, finding, found, NOON)
    return None if taken is None else ((NOON - taken.delivered_at) / DAY, (NOON - taken.previous_at) / DAY)


LOST = Diagnosis(cause="x", cause_kind="feature", feature="language", items=("film-1",))
NOT_KNOWN = Diagnosis(cause=None)


@pytest.mark.parametrize(
    ("languages", "genres", "days_ago"),
    [
        (["French", None, None, None], ["drama"] * 4, (3, 2)),
        (["French", None, None, None], ["drama", "drama", "drama", "comedy"], (3, 2)),
        (["French"] * 4, ["drama", "drama", "comedy", "comedy"], (2, 1)),
        (["French", None, "French", None], ["drama"] * 4, (1, 0)),
        ([None, None, None, None], ["drama"] * 4, None),
        (["French"] * 4, ["drama"] * 4, None),
    ],
)
def test_the_delivery_that_lost_a_value_goes_before_one_that_only_changed_one(
    tmp_path: Path, languages: list[str | None], genres: list[str], days_ago: tuple[int, int] | None
) -> None:
    source = open_source(deliveries(tmp_path, languages, genres), "deliveries")
    found = change_of(source, "item_id", "film-1", ("language", "genre"), NOON)
    assert found == (None if days_ago is None else tuple(NOON - days * DAY for days in days_ago))
    assert change_of(source, "item_id", "film-2", ("language", "genre"), NOON) is None


THREE = ["French", None, None]
"""Of three deliveries, two days ago, yesterday and at noon, yesterday's brought the fault."""


@pytest.mark.parametrize(
    ("finding", "found"),
    [
        pytest.param(seen(0.95), LOST, id="the feature at fault was lost in it"),
        pytest.param(seen(0.0, DAY), LOST, id="in a window in which a later one came as well"),
        pytest.param(seen(0.95), NOT_KNOWN, id="the last one before the onset"),
        pytest.param(
            seen(0.0),
            Diagnosis(cause="x", since=NOON - DAY),
            id="the one that the diagnosis says it began with",
        ),
        pytest.param(seen(1.5, DAY), NOT_KNOWN, id="the first one in the window that the onset is known to"),
    ],
)
def test_of_three_deliveries_it_goes_back_to_the_one_before_the_fault_not_to_the_faulty_one(
    tmp_path: Path, finding: Finding, found: Diagnosis
) -> None:
    assert goes_back(deliveries(tmp_path, [*THREE], ["drama"] * 3), finding, found) == (1, 2)


def test_a_later_delivery_that_changes_something_else_is_not_the_one(tmp_path: Path) -> None:
    changed = deliveries(tmp_path, [*THREE], ["drama", "drama", "comedy"])
    assert goes_back(changed, seen(0.0, DAY), LOST) == (1, 2)


def test_where_only_later_deliveries_are_kept_the_first_of_them_is_named_with_its_time(
    tmp_path: Path,
) -> None:
    assert goes_back(deliveries(tmp_path, [*THREE], ["drama"] * 3), seen(5), NOT_KNOWN) == (1, 2)
    # It lies after the onset, so that it is not offered; see domain/resolution/rollback.py.


def test_where_none_is_kept_from_before_the_faulty_one_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert goes_back(deliveries(tmp_path, [None, None], ["drama"] * 2), seen(0.95), NOT_KNOWN) is None


def test_of_one_item_it_is_the_delivery_that_changed_it_or_none(tmp_path: Path) -> None:
    recommender = deliveries(tmp_path, [*THREE], ["drama"] * 3)

    def launch(film: str) -> Finding:
        return seen(-9, kind="predicted", slice=(), subject=film)

    assert goes_back(recommender, launch("film-1"), NOT_KNOWN) == (1, 2)
    assert goes_back(recommender, launch("film-2"), NOT_KNOWN) is None


def test_the_delivery_that_changed_a_column_is_found_in_the_feed_that_the_finding_is_of(
    tmp_path: Path,
) -> None:
    """Prices come each quarter of an hour, and wander; in hundredths since the one before the last two."""
    chance = np.random.default_rng(3)
    quarter = timedelta(minutes=15)
    rows = [
        (NOON - place * quarter, f"sku-{n}", "RO" if n % 2 else "PL", (5 + n) * chance.uniform(0.99, 1.01))
        for place in range(20, -1, -1)
        for n in range(30)
    ]
    frame = pd.DataFrame(rows, columns=["loaded_at", "sku", "country", "price"])
    late = (frame["loaded_at"] >= NOON - 2 * quarter) & (frame["country"] == "RO")
    frame["price"] = frame["price"].mask(late, frame["price"] * 100)
    frame["loaded_at"] = frame["loaded_at"].astype("datetime64[us, UTC]")
    frame.to_parquet(tmp_path / "prices.parquet")
    prices = Table(
        name="prices",
        path=str(tmp_path / "prices.parquet"),
        time="loaded_at",
        key="sku",
        dimensions=("country",),
    )
    items = Items(table="items", key="sku", features=("price",))
    tables = {"prices": prices, "items": Table(name="items", path="items.parquet")}
    recommender = Recommender(name="small", tables=tables, items=items)
    finding = seen(0.0, quarter, table="prices", slice=(("country", "RO"),), subject="price", kind="detected")
    taken = last_two(recommender, finding, None, NOON)
    assert taken is not None
    assert (taken.delivered_at, taken.previous_at) == (NOON - 2 * quarter, NOON - 3 * quarter)
    assert taken.name == "delivery of `prices`"
    of_another = finding.model_copy(update={"table": "shown", "slice": ()})
    shown = last_two(recommender, of_another, None, NOON)
    assert shown is not None and shown.name == "catalogue delivery" and shown.delivered_at == NOON


def stocked(folder: Path, minutes: int) -> Recommender:
    """A catalogue by day, a feed of stock by the hour that baskets are made from, its rows so far apart."""
    hours = [NOON - place * timedelta(hours=1) for place in range(3, -1, -1)]
    stock = [(at + n * timedelta(minutes=minutes), f"sku-{n}", n) for at in hours for n in range(30)]
    films = [(at, f"sku-{n}", "PL") for at in (NOON - DAY, NOON) for n in range(30)]
    for name, rows in (("stock", stock), ("catalogue", films)):
        frame = pd.DataFrame(rows, columns=["loaded_at", "sku", "country" if name == "catalogue" else "left"])
        frame["loaded_at"] = frame["loaded_at"].astype("datetime64[us, UTC]")
        frame.to_parquet(folder / f"{name}.parquet")
    kept = {
        name: Table(name=name, path=str(folder / f"{name}.parquet"), time="loaded_at", key="sku")
        for name in ("catalogue", "stock")
    }
    baskets = Table(name="baskets", path="baskets.parquet", time="at", upstream=("stock",))
    tables = {**kept, "baskets": baskets, "items": Table(name="items", path="items.parquet")}
    items = Items(table="items", key="sku", features=("country",))
    return Recommender(name="small", tables=tables, items=items)


def test_the_feeds_that_a_table_is_made_from_are_looked_at_besides_the_catalogue(tmp_path: Path) -> None:
    (taken,) = feeds_above(stocked(tmp_path, 0), seen(0.0, table="baskets"), None, NOON)
    assert (taken.table, taken.delivered_at, len(taken.before)) == ("stock", NOON, 30)
    assert feeds_above(stocked(tmp_path, 0), seen(0.0, table="elsewhere"), None, NOON) == ()


def test_a_feed_whose_rows_come_one_by_one_has_no_deliveries(tmp_path: Path) -> None:
    assert feeds_above(stocked(tmp_path, 1), seen(0.0, table="baskets"), None, NOON) == ()


def of_their_own(folder: Path, times: int) -> Recommender:
    """Twelve parts delivered so often, dearer the last time; once: each with the time when it came out."""
    rows = [
        (NOON - day * DAY - timedelta(minutes=0 if times > 1 else n), f"part-{n}", 3.0 if day else 300.0)
        for day in range(times)
        for n in range(12)
    ]
    frame = pd.DataFrame(rows, columns=["at", "part", "price"])
    frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    frame.to_parquet(folder / "parts.parquet")
    table = Table(name="parts", path=str(folder / "parts.parquet"), time="at", key="part")
    items = Items(table="parts", key="part", features=("price",))
    return Recommender(name="small", tables={"parts": table}, items=items)


def test_items_whose_own_table_is_delivered_each_night_are_held_against_the_night_before(
    tmp_path: Path,
) -> None:
    taken = last_two(of_their_own(tmp_path, 2), make_finding(), NOON + DAY, NOON + DAY)
    assert taken is not None
    assert (set(taken.before["price"]), set(taken.after["price"])) == ({3.0}, {300.0})
    assert last_two(of_their_own(tmp_path, 1), make_finding(), NOON + DAY, NOON + DAY) is None


def test_items_whose_own_table_is_delivered_are_no_feed_besides(tmp_path: Path) -> None:
    small = of_their_own(tmp_path, 2)
    made_from = Table(name=make_finding().table, path="shown.parquet", time="at", upstream=("parts",))
    small = small.model_copy(update={"tables": {**small.tables, made_from.name: made_from}})
    assert feeds_above(small, make_finding(), NOON + DAY, NOON + DAY) == ()

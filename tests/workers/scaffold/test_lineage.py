"""Which tables `init` takes to be made from which: a bakery that writes to its customers each morning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from workers.declaration.declare import load
from workers.scaffold.first import init

BEGUN = datetime(2026, 2, 2, tzinfo=UTC)
DAYS, CUSTOMERS, GOODS, OFFERED = 10, 300, 90, 6


def offers() -> pd.DataFrame:
    """Each morning so many goods for each customer."""
    chance = np.random.default_rng(3)
    days = []
    for day in range(DAYS):
        goods = np.argsort(chance.random((CUSTOMERS, GOODS)), axis=1)[:, :OFFERED]
        days.append(
            pd.DataFrame(
                {
                    "made_at": BEGUN + timedelta(days=day, hours=4),
                    "customer_id": np.repeat([f"c{n}" for n in range(CUSTOMERS)], OFFERED),
                    "product_id": [f"p{n}" for n in goods.ravel()],
                    "letter_id": np.repeat([f"l{day}-{n}" for n in range(CUSTOMERS)], OFFERED),
                }
            )
        )
    return pd.concat(days, ignore_index=True)


def later(rows: pd.DataFrame, part: float, hours: float) -> pd.DataFrame:
    """What comes of a part of the rows, within so many hours."""
    chance = np.random.default_rng(5)
    some = rows.sample(frac=part, random_state=7)
    after = pd.to_timedelta(chance.uniform(0, hours * 3_600, len(some)), unit="s")
    dated = some.assign(at=pd.to_datetime(some[some.columns[0]], utc=True) + after)
    return dated[["at", "customer_id", "product_id", "letter_id"]].sort_values("at", ignore_index=True)


def declared(folder: Path, **tables: pd.DataFrame) -> Recommender:
    for name, rows in tables.items():
        rows.to_parquet(folder / f"{name}.parquet")
    (folder / "recsysops.toml").write_text(init(folder), encoding="utf-8")
    return load(folder, {})


def test_each_table_names_the_nearest_that_it_is_made_from(tmp_path: Path) -> None:
    offered = offers()
    seen = later(offered, 0.5, hours=15)
    bought = later(seen, 0.1, hours=2)
    found = declared(tmp_path, offers=offered, views=seen, purchases=bought).tables
    assert {name: table.upstream for name, table in found.items()} == {
        "offers": (),
        "views": ("offers",),
        "purchases": ("views",),
    }
    assert "# 100.0% of its rows find theirs there by" in (tmp_path / "recsysops.toml").read_text()


@pytest.mark.parametrize("kept", [["customer_id", "product_id"], ["letter_id"]])
def test_rows_are_named_by_an_id_or_by_member_and_item(tmp_path: Path, kept: list[str]) -> None:
    offered = offers()
    bought = later(offered, 0.05, hours=30)[["at", *kept]]
    assert declared(tmp_path, offers=offered, purchases=bought).tables["purchases"].upstream == ("offers",)


@pytest.mark.parametrize("left_out", [["customer_id", "letter_id"], ["product_id", "letter_id"]])
def test_the_same_items_or_the_same_members_are_no_lineage(tmp_path: Path, left_out: list[str]) -> None:
    offered = offers()
    bought = later(offered, 0.05, hours=2).drop(columns=left_out)
    assert declared(tmp_path, offers=offered, purchases=bought).tables["purchases"].upstream == ()


def test_rows_of_which_as_many_would_be_found_by_chance_are_no_lineage(tmp_path: Path) -> None:
    """Everybody is offered nearly everything, so whatever is bought was offered."""
    chance, offered = np.random.default_rng(9), offers()
    offered["product_id"] = [f"p{n}" for n in chance.integers(0, OFFERED, len(offered))]
    bought = later(offered, 0.05, hours=2).drop(columns="letter_id")
    bought["product_id"] = [f"p{n}" for n in chance.integers(0, OFFERED, len(bought))]
    goods = pd.DataFrame({"product_id": [f"p{n}" for n in range(OFFERED)], "kind": ["roll", "loaf"] * 3})
    found = declared(tmp_path, offers=offered.drop(columns="letter_id"), purchases=bought, goods=goods)
    assert found.tables["purchases"].item == found.tables["offers"].item == "product_id"
    assert found.tables["purchases"].upstream == ()


def test_of_two_copies_none_is_made_from_the_other(tmp_path: Path) -> None:
    offered = offers()
    found = declared(tmp_path, offers=offered, offers_standby=offered.sample(frac=1.0, random_state=1)).tables
    assert {table.upstream for table in found.values()} == {()}


def test_what_was_offered_long_before_is_not_what_was_bought(tmp_path: Path) -> None:
    offered = offers()
    bought = later(offered, 0.05, hours=2).drop(columns="letter_id")
    bought["at"] += timedelta(days=20)
    later_offers = offers().assign(made_at=lambda rows: rows["made_at"] + timedelta(days=20))
    later_offers["product_id"] = "q" + later_offers["product_id"].str[1:]
    both = pd.concat([offered, later_offers], ignore_index=True)
    assert declared(tmp_path, offers=both, purchases=bought).tables["purchases"].upstream == ()

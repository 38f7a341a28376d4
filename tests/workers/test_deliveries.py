"""The delivery that changed an item is found, however many came after it."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from workers.deliveries import change_of
from workers.sources.source import open_source

from .conftest import NOON

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
    return Recommender(name="small", tables={"deliveries": table})


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

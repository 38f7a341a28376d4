"""A slice may be of attributes of the items that rows name: whoever reads its rows finds them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity, Slice, slice_of
from workers.declaration.declare import load
from workers.respond.diagnose.reading import Reader
from workers.sources.aggregate.sliced import in_slice, known_dimensions
from workers.sources.engines.source import open_source

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DECLARED = """
[recommender]
name = "parts"
[tables.shown]
path = "shown.parquet"
time = "at"
window = "1h"
item = "part"
dimensions = ["app", "supplier", "fits"]
[tables.taken]
path = "taken.parquet"
time = "at"
window = "1h"
item = "part"
dimensions = ["supplier"]
upstream = ["shown"]
[tables.parts]
path = "parts.parquet"
key = "part"
explode = { fits = "|" }
[items]
table = "parts"
key = "part"
features = ["supplier", "fits"]
"""


@pytest.fixture
def parts(tmp_path: Path) -> Recommender:
    """Two parts of each of two suppliers, all shown alike often; of Hellax half as often in the last hour."""
    names = ["h1", "h2", "b1", "b2"]
    frame = pd.DataFrame({"part": names, "supplier": ["Hellax"] * 2 + ["Brembini"] * 2})
    frame.assign(fits=pd.Series(["van|car", "car", "van", None], dtype="string")).to_parquet(
        tmp_path / "parts.parquet"
    )
    rows = [
        (AT - hour * HOUR + n * HOUR / 40, names[n % 4], ("web", "ios")[n % 2])
        for hour in (3, 2, 1)
        for n in range(40)
        if not (hour == 1 and names[n % 4] == "h1")
    ]
    shown = pd.DataFrame(rows, columns=["at", "part", "app"])
    shown.to_parquet(tmp_path / "shown.parquet")
    shown[["at", "part"]].to_parquet(tmp_path / "taken.parquet")
    (tmp_path / "recsysops.toml").write_text(DECLARED)
    return load(tmp_path / "recsysops.toml", {})


def count(recommender: Recommender, where: Slice) -> int:
    with open_source(recommender, "shown") as source:
        rows = in_slice(recommender, source, source.between(AT - 3 * HOUR, AT), where)
        return int(source.fetch(rows.aggregate(n=rows.count()))["n"].iloc[0])


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (slice_of(supplier="Hellax"), 50),
        (slice_of(app="web"), 50),
        (slice_of(app="web", supplier="Brembini"), 30),
        (slice_of(fits="van"), 50),
        (slice_of(fits="∅ (not set)"), 30),
        ((), 110),
    ],
)
def test_rows_are_those_of_the_items_that_they_name(parts: Recommender, where: Slice, rows: int) -> None:
    assert count(parts, where) == rows


def test_what_neither_the_table_nor_its_items_have_is_said_by_name(parts: Recommender) -> None:
    with pytest.raises(SourceError, match='"suplier" is in neither it nor "parts"'):
        count(parts, slice_of(suplier="Hellax"))


def test_dimensions_are_those_of_both_and_what_stands_between_several_values(parts: Recommender) -> None:
    with open_source(parts, "shown") as source:
        assert known_dimensions(parts, source) == {"app": None, "supplier": None, "fits": "|"}


def test_where_its_own_columns_are_all_it_is_sliced_by_the_items_are_not_asked(
    parts: Recommender, tmp_path: Path
) -> None:
    (tmp_path / "parts.parquet").unlink()
    shown = parts.tables["shown"].model_copy(update={"dimensions": ("app",)})
    alone = parts.model_copy(update={"tables": {**parts.tables, "shown": shown}})
    with open_source(alone, "shown") as source:
        assert known_dimensions(alone, source) == {"app": None}


def test_a_diagnosis_counts_a_slice_of_items_in_its_own_table_and_in_others(parts: Recommender) -> None:
    finding = Finding(
        check="by_slice",
        table="shown",
        slice=slice_of(supplier="Hellax"),
        window_start=AT - HOUR,
        window_end=AT,
        observed=10,
        expected=20,
        p_value=0.0,
        severity=Severity.SEV3,
        affected_share=0.3,
        title="shown where supplier = Hellax: 50 % fewer rows",
    )
    reader = Reader(parts, finding, AT)
    assert reader.beside(AT - HOUR) == (("taken", 10.0, 15.0),)
    counted = reader.cells(AT - HOUR)
    assert counted is not None
    cells, dimensions = counted
    assert dimensions == ("app", "supplier", "fits")
    assert cells.groupby("supplier")["observed"].sum().to_dict() == {"Brembini": 20.0, "Hellax": 10.0}

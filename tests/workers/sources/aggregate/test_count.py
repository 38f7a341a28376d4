from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.detection.data.counts import NOT_SET, counts_of
from domain.detection.data.window import Grid, grid_until
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import slice_of
from workers.sources.aggregate import sets
from workers.sources.aggregate.count import count_windows, time_bins
from workers.sources.aggregate.profile import profile
from workers.sources.aggregate.sets import largest
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.column_kinds import rows_in
from workers.sources.engines.engine import run
from workers.sources.engines.files import malformed_rows
from workers.sources.engines.source import open_source

UTC_ZONE = ZoneInfo("UTC")
END = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def recommender(folder: Path, tables: dict[str, dict[str, object]], **more: object) -> Recommender:
    named = {name: {"name": name, **fields} for name, fields in tables.items()}
    return Recommender.model_validate({"name": "t", "folder": str(folder), "tables": named, **more})


def write(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{path}' (FORMAT parquet)")


def views(rows: int, seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    at = pd.to_datetime(END - timedelta(hours=10)) + pd.to_timedelta(
        chance.uniform(0, 36_000, rows), unit="s"
    )
    country = chance.choice(np.array(["France", "Spain", None], dtype=object), rows, p=[0.5, 0.3, 0.2])
    return pd.DataFrame({"at": at, "country": country, "device": chance.choice(["tv", "web"], rows)})


@pytest.fixture
def lake(tmp_path: Path) -> Recommender:
    write(tmp_path / "views/1.parquet", views(5_000))
    table: dict[str, object] = {
        "path": str(tmp_path / "views/*.parquet"),
        "time": "at",
        "dimensions": ["country", "device"],
    }
    return recommender(tmp_path, {"views": table})


def hours(count: int = 10) -> Grid:
    return grid_until(END, HOUR, (count - 1) * HOUR, UTC_ZONE)


def test_counts_by_window_and_slice_are_those_of_pandas(lake: Recommender) -> None:
    frame = views(5_000)
    counts = counts_of(count_windows(lake, "views", hours(), dimensions=("country", "device")), hours())
    window = ((frame["at"] - hours().start) / HOUR).astype(int)
    assert counts.total.tolist() == window.value_counts().sort_index().tolist()
    place = counts.slices.index(slice_of(country="France", device="tv"))
    chosen = window[(frame["country"] == "France") & (frame["device"] == "tv")]
    assert counts.rows[:, place].tolist() == chosen.value_counts().sort_index().tolist()
    unset = counts.slices.index(slice_of(country=NOT_SET))
    assert counts.rows[:, unset].sum() == frame["country"].isna().sum()
    assert len(counts.slices) == 3 + 2 + 6


MAYBE = st.sampled_from(["a", "b", NOT_SET, None])
SEEN = st.lists(
    st.tuples(st.integers(0, 599), MAYBE, MAYBE, MAYBE, st.integers(0, 9)), min_size=1, max_size=40
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=SEEN, ways=st.sampled_from([1, 2]), measure=st.sampled_from([None, "plays"]), one_pass=st.booleans()
)
def test_slices_added_up_from_finer_ones_are_those_counted_row_by_row(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: list[tuple[int, str | None, str | None, str | None, int]],
    ways: int,
    measure: str | None,
    one_pass: bool,
) -> None:
    monkeypatch.setattr(sets, "GROUPING_SETS", ("duckdb",) if one_pass else ())
    names = ("x", "y", "z")
    frame = pd.DataFrame(seen, columns=["minute", *names, "plays"]).astype(dict.fromkeys(names, "str"))
    frame["at"] = hours().start + pd.to_timedelta(frame["minute"], unit="min")
    write(tmp_path / "v.parquet", frame)
    it = recommender(tmp_path, {"v": {"path": str(tmp_path / "v.parquet"), "time": "at"}})
    counted = count_windows(it, "v", hours(), dimensions=names, ways=ways, measure=measure)
    assert not counted.duplicated(["window", "dim1", "val1", "dim2", "val2"]).any()
    counts = counts_of(counted, hours())
    window, weight = frame["minute"] // 60, frame["plays"] if measure else pd.Series(1, frame.index)
    assert counts.total.tolist() == [weight[window == n].sum() for n in range(10)]
    texts = frame[list(names)].fillna(NOT_SET)
    there = {
        slice_of(**dict(zip(some, values, strict=True)))
        for size in range(1, ways + 1)
        for some in combinations(names, size)
        for values in texts[list(some)].itertuples(index=False, name=None)
    }
    assert set(counts.slices) == there
    for place, where in enumerate(counts.slices):
        inside = (texts[[name for name, _ in where]] == [value for _, value in where]).all(axis=1)
        assert counts.rows[:, place].tolist() == [weight[inside & (window == n)].sum() for n in range(10)]


def test_only_sets_that_lie_in_no_other_are_asked_of_the_engine() -> None:
    singles = [("a",), ("b",), ("c",)]
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert largest([(), *singles, *pairs]) == pairs
    assert largest([(), *singles]) == singles
    assert largest([()]) == [()]


def test_a_file_that_appears_is_in_the_next_look(lake: Recommender, tmp_path: Path) -> None:
    before = count_windows(lake, "views", hours())["rows"].sum()
    write(tmp_path / "views/2.parquet", views(700, seed=2))
    assert count_windows(lake, "views", hours())["rows"].sum() == before + 700


def test_rows_outside_the_windows_and_without_time_are_not_counted(lake: Recommender, tmp_path: Path) -> None:
    odd = views(3).assign(at=pd.to_datetime(pd.Series([END + HOUR, END - timedelta(days=3), None])))
    write(tmp_path / "views/3.parquet", odd)
    assert count_windows(lake, "views", hours())["rows"].sum() == 5_000
    counted = profile(open_source(lake, "views"), END)
    assert (counted.rows, counted.in_future, counted.without_time) == (5_003, 1, 1)


def test_only_the_windows_asked_for_are_counted(lake: Recommender) -> None:
    assert count_windows(lake, "views", hours(2))["rows"].sum() < 1_200


def test_a_measure_is_added_up_and_nan_and_infinity_add_nothing(tmp_path: Path) -> None:
    frame = views(4).assign(minutes=[1.5, float("nan"), float("inf"), 2.0])
    write(tmp_path / "v.parquet", frame)
    it = recommender(tmp_path, {"v": {"path": str(tmp_path / "v.parquet"), "time": "at"}})
    assert count_windows(it, "v", hours(), measure="minutes")["rows"].sum() == 3.5


def test_text_files_with_a_long_delimiter_exploded_values_and_seconds(tmp_path: Path) -> None:
    start = int((END - HOUR).timestamp())
    lines = [f"{u}::0{u % 2}::7::{start + u}" for u in range(100)] + ["not a row", "7::8"]
    (tmp_path / "ratings.dat").write_text("\n".join(lines))
    (tmp_path / "films.dat").write_text("00::Étude (1999)::Drama|Crime\n01::Two::\n")
    ratings: dict[str, object] = {
        "path": str(tmp_path / "ratings.dat"),
        "time": "at",
        "item": "film",
        "csv": {
            "delimiter": "::",
            "header": False,
            "columns": {"user": "string", "film": "string", "stars": "int", "at": "int"},
        },
    }
    films: dict[str, object] = {
        "path": str(tmp_path / "films.dat"),
        "csv": {
            "delimiter": "::",
            "header": False,
            "columns": {"film": "string", "title": "string", "genres": "string"},
            "explode": {"genres": "|"},
        },
    }
    items = {"table": "films", "key": "film"}
    it = recommender(tmp_path, {"ratings": ratings, "films": films}, items=items)
    counts = counts_of(count_windows(it, "ratings", hours(2), dimensions=("genres",), ways=1), hours(2))
    assert counts.total.tolist() == [0, 100]
    by = {dict(s)["genres"]: counts.rows[1, i] for i, s in enumerate(counts.slices)}
    assert by == {"Crime": 50, "Drama": 50, NOT_SET: 50}
    assert malformed_rows(it.tables["ratings"]) == 2


def test_a_select_over_files_is_a_table(lake: Recommender, tmp_path: Path) -> None:
    table: dict[str, object] = {
        "path": str(tmp_path / "views/*.parquet"),
        "select": "SELECT * FROM rows WHERE device = 'tv'",
        "time": "at",
    }
    it = recommender(tmp_path, {"tv": table})
    assert count_windows(it, "tv", hours())["rows"].sum() == (views(5_000)["device"] == "tv").sum()


def test_bins_with_rows_are_listed_in_order(lake: Recommender) -> None:
    bins = time_bins(lake, "views", END - timedelta(hours=3), END, HOUR)
    assert bins.tolist() == [int((END - n * HOUR).timestamp()) for n in (3, 2, 1)]


def test_a_table_in_postgres_is_read_by_its_url(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("database_url")
    import psycopg
    from sqlalchemy import make_url

    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS seen")
        connection.execute("CREATE TABLE seen (at timestamptz, country text)")
        frame = views(300)
        with connection.cursor() as cursor:
            rows = [
                (at.floor("us").to_pydatetime(), c if isinstance(c, str) else None)
                for at, c in zip(frame["at"], frame["country"], strict=True)
            ]
            cursor.executemany("INSERT INTO seen VALUES (%s, %s)", rows)
    it = recommender(tmp_path, {"seen": {"url": address, "table": "seen", "time": "at"}})
    counts = counts_of(count_windows(it, "seen", hours(), dimensions=("country",)), hours())
    assert counts.total.sum() == 300
    assert (
        counts.rows[:, counts.slices.index(slice_of(country=NOT_SET))].sum() == frame["country"].isna().sum()
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: None, "there is no file"),
        (lambda f: f.touch(), "is empty"),
        (lambda f: f.write_bytes(b"PAR1 half of a file"), "not whole or not Parquet"),
        (lambda f: write(f, pd.DataFrame({"when": [END]})), 'no column "at"'),
        (lambda f: write(f, pd.DataFrame({"at": [True]})), "not a time"),
        (lambda f: write(f, views(10)), 'no column "planet"'),
    ],
)
def test_a_source_that_cannot_be_read_says_why(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    file = tmp_path / "v.parquet"
    make(file)
    it = recommender(tmp_path, {"v": {"path": str(file), "time": "at"}})
    with pytest.raises(SourceError) as raised:
        count_windows(it, "v", hours(), dimensions=("planet",))
    assert 'table "v"' in str(raised.value)
    assert words in str(raised.value)


def test_a_locked_database_says_so(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "held.duckdb"
    connect = f"c = duckdb.connect({json.dumps(str(path))})"
    hold = f"import duckdb, time; {connect}; print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        it = recommender(tmp_path, {"v": {"url": f"duckdb://{path}", "table": "t", "time": "at"}})
        with pytest.raises(SourceError, match="locked by another process"):
            open_source(it, "v")
        holder.kill()


def test_a_dimension_with_too_many_values_is_refused(tmp_path: Path) -> None:
    frame = views(2_500).assign(country=[str(n) for n in range(2_500)])
    write(tmp_path / "v.parquet", frame)
    it = recommender(tmp_path, {"v": {"path": str(tmp_path / "v.parquet"), "time": "at"}})
    with pytest.raises(SourceError, match="has 2,500 values, more than 2,000"):
        count_windows(it, "v", hours(), dimensions=("country",))


def test_a_question_that_hangs_is_given_up_and_interrupted(lake: Recommender) -> None:
    source = open_source(lake, "views")
    endless = "SELECT count(*) FROM range(10_000_000_000) a, range(10_000) b"
    with pytest.raises(SourceError, match="no answer within 0 s"):
        run("views", source.connection, lambda: source.connection.con.execute(endless).fetchall(), 0.3)


TAGS: list[list[str] | None] = [["b", "a"], ["a", "a"], [], None]


@pytest.mark.parametrize(
    ("column", "declared"),
    [
        (TAGS, {}),
        (["b|a", "a", "", None], {"explode": {"tags": "|"}}),
        (["b, a", "a,a", "", None], {"explode": {"tags": ","}}),
        (['["b", "a"]', '["a", null]', "[]", None], {"explode": {"tags": "[]"}}),
    ],
    ids=["lists", "a separator", "a separator and spaces", "JSON"],
)
def test_a_row_counts_once_for_each_of_its_values(
    tmp_path: Path, column: list[object], declared: dict[str, object]
) -> None:
    at = [END - timedelta(minutes=n) for n in (1, 2, 3, 4)]
    write(tmp_path / "v.parquet", pd.DataFrame({"at": at, "tags": column, "device": list("xxyy")}))
    it = recommender(tmp_path, {"v": {"path": str(tmp_path / "v.parquet"), "time": "at", **declared}})
    counts = counts_of(count_windows(it, "v", hours(), dimensions=("tags", "device")), hours())
    by = dict(zip(counts.slices, counts.rows[-1], strict=True))
    assert counts.total[-1] == 4
    assert [by[slice_of(tags=value)] for value in ("a", "b", NOT_SET)] == [2, 1, 2]
    assert by[slice_of(device="x", tags="a")] == 2
    with open_source(it, "v") as source:
        for value, rows in (("a", 2), ("b", 1), (NOT_SET, 2)):
            inside = rows_in(source, source.rows, slice_of(tags=value))
            assert int(source.fetch(inside.aggregate(n=inside.count()))["n"].iloc[0]) == rows


def test_lists_of_items_are_exploded_and_data_checks_do_without_them(tmp_path: Path) -> None:
    at = [END - timedelta(minutes=n) for n in (1, 2)]
    write(tmp_path / "v.parquet", pd.DataFrame({"at": at, "film": ["1", "2"]}))
    write(tmp_path / "f.parquet", pd.DataFrame({"film": ["1", "2"], "genres": [["a", "b"], ["b"]]}))
    tables: dict[str, dict[str, object]] = {
        "v": {"path": str(tmp_path / "v.parquet"), "time": "at", "item": "film"},
        "f": {"path": str(tmp_path / "f.parquet")},
    }
    it = recommender(tmp_path, tables, items={"table": "f", "key": "film"})
    counts = counts_of(count_windows(it, "v", hours(), dimensions=("genres",), ways=1), hours())
    assert dict(zip(counts.slices, counts.rows[-1], strict=True))[slice_of(genres="b")] == 2
    with open_source(it, "v") as source:
        _rows, kept = windowed(it, source, source.between(END - HOUR, END), hours(), ("genres", "film"))
    assert kept == ("film",)


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M:%S", "%Y-%m-%d"])
def test_days_in_texts_are_read_as_people_write_them(tmp_path: Path, written: str) -> None:
    days = [END - timedelta(days=n) for n in range(40)]
    lines = ["bought;land", *(f"{day.strftime(written)};DE" for day in days)]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    orders: dict[str, object] = {
        "path": str(tmp_path / "orders.csv"),
        "time": "bought",
        "csv": {"delimiter": ";"},
    }
    it = recommender(tmp_path, {"orders": orders})
    grid = grid_until(END + timedelta(days=1), timedelta(days=1), timedelta(days=50), UTC_ZONE)
    assert count_windows(it, "orders", grid, dimensions=("land",), ways=1)["rows"].sum() == 80
    with open_source(it, "orders") as source:
        assert profile(source, END).rows == 40

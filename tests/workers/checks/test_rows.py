"""One matrix for all data checks: every fault is found by its own check, and by no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.detection.data.check_run import CheckRun
from domain.errors import ConfigurationError, RecsysopsError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks import check_run as check_run_file
from workers.checks.backtest import backtest
from workers.checks.measure import measure
from workers.checks.read import read
from workers.checks.run import FAULT, State, run_checks
from workers.declaration.declare import load
from workers.doctor import doctor

END = datetime(2026, 3, 30, tzinfo=UTC)  # the clocks in Berlin change the day before
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = 15
TABLE = {
    "name": "views",
    "time": "at",
    "window": "1d",
    "dimensions": ("country", "device"),
    "item": "item_id",
}
CHECKS: dict[str, dict[str, Any]] = {
    "schema": {},
    "missing": {},
    "domain": {},
    "duplicates": {"key": ("id",)},
    "references": {},
    "drift": {},
}

Spoil = Callable[[pd.DataFrame, pd.Series, np.random.Generator], pd.DataFrame]


def views(days: int = DAYS, a_day: int = 1_500, seed: int = 5) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = days * a_day
    at = pd.Timestamp(END) - pd.to_timedelta(np.sort(chance.uniform(0, days * 86_400, rows))[::-1], unit="s")
    frame = pd.DataFrame({"at": at.floor("us"), "id": np.arange(rows)})
    frame["item_id"] = chance.integers(0, 400, rows).astype(str)
    frame["country"] = chance.choice(["France", "Spain", "Italy"], rows, p=[0.3, 0.3, 0.4])
    frame["device"] = chance.choice(["tv", "web", "mobile"], rows)
    frame["rating"] = chance.normal(0.0, 1.0, rows)
    frame["rating"] = frame["rating"].clip(-3, 3)
    frame["age"] = chance.integers(0, 90, rows)
    frame["genre"] = chance.choice([f"g{n}" for n in range(9)], rows)
    frame["note"] = [None] * rows
    frame["note"] = frame["note"].astype("string")
    return frame


def written(folder: Path, frame: pd.DataFrame, **more: Any) -> Recommender:
    folder.mkdir(exist_ok=True)
    with duckdb.cursor() as connection:
        for day, rows in frame.groupby(frame["at"].dt.date):
            connection.register("rows_of_day", rows)
            connection.execute(f"COPY rows_of_day TO '{folder / str(day)}.parquet' (FORMAT parquet)")
        items = folder.parent / "items.parquet"
        connection.execute(f"COPY (SELECT range::VARCHAR AS item_id FROM range(400)) TO '{items}'")
    return declared(folder.parent, {**TABLE, "path": str(folder / "*.parquet")}, **more)


def declared(folder: Path, table: dict[str, Any], **more: Any) -> Recommender:
    checks = {name: {"name": name, "kind": name, "table": "views", **keys} for name, keys in CHECKS.items()}
    items = {"name": "items", "path": str(folder / "items.parquet"), "key": "item_id"}
    return Recommender.model_validate(
        {
            "name": "t",
            "folder": str(folder),
            "tables": {"views": table, "items": items},
            "items": {"table": "items", "key": "item_id"},
            "checks": checks,
            **more,
        }
    )


def unset(column: str, value: Any) -> Spoil:
    def spoil(frame: pd.DataFrame, today: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        hit = today & (frame["device"] == "mobile") & (chance.random(len(frame)) < 0.6)
        return frame.assign(**{column: frame[column].mask(hit, value)})

    return spoil


def everywhere(column: str, value: Any, share: float = 0.1) -> Spoil:
    def spoil(frame: pd.DataFrame, today: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        return frame.assign(
            **{column: frame[column].mask(today & (chance.random(len(frame)) < share), value)}
        )

    return spoil


def shifted(frame: pd.DataFrame, today: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = today & (frame["country"] == "France")
    return frame.assign(rating=frame["rating"].mask(hit, (frame["rating"] + 1.5).clip(-3, 3)))


def twice(frame: pd.DataFrame, today: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = today & (frame["country"] == "Spain") & (chance.random(len(frame)) < 0.3)
    return pd.concat([frame, frame[hit]], ignore_index=True)


def uniform(frame: pd.DataFrame, today: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = today & (chance.random(len(frame)) < 0.5)
    return frame.assign(genre=frame["genre"].mask(hit, "g1"))


FAULTS: dict[str, tuple[Spoil, str, tuple[tuple[str, str], ...], str]] = {
    "null": (unset("genre", None), "missing", (("device", "mobile"),), "genre"),
    "not a number": (unset("rating", np.nan), "missing", (("device", "mobile"),), "rating"),
    "empty text": (unset("genre", ""), "missing", (("device", "mobile"),), "genre"),
    "infinite": (everywhere("rating", np.inf), "domain", (), "rating not finite"),
    "out of range": (everywhere("age", 900, 0.05), "domain", (), "age out of range"),
    "a new category": (everywhere("genre", "vr", 0.05), "domain", (), "new genre"),
    "rows twice": (twice, "duplicates", (("country", "Spain"),), "id"),
    "an unknown item": (unset("item_id", "nobody"), "references", (("device", "mobile"),), "item_id"),
    "a number that moved": (shifted, "drift", (("country", "France"),), "rating"),
    "one category for another": (uniform, "drift", (), "genre"),
}
ALSO = {"an unknown item": {"drift"}}


def look(recommender: Recommender, at: datetime = END) -> list[Finding]:
    """What is found at one look, after one that noted the columns."""
    schema = {name: check for name, check in recommender.checks.items() if check.kind == "schema"}
    noted = run_checks(recommender.model_copy(update={"checks": schema}), at - DAY).state
    return list(run_checks(recommender, at, noted).findings)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return views()


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check_in_its_slice(
    name: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    spoil, check, where, subject = FAULTS[name]
    today = frame["at"] >= END - DAY
    recommender = written(tmp_path / "views", spoil(frame, today, np.random.default_rng(2)))
    found = {finding.check: finding for finding in look(recommender)}
    assert set(found) - ALSO.get(name, set()) == {check}
    finding = found[check]
    assert (finding.slice, finding.subject) == (where, subject)
    assert finding.window_end == END
    again = measure(recommender, finding, finding.window_start, finding.window_end)
    assert again.observed == pytest.approx(finding.observed, rel=0.05)
    assert not again.within


def test_nothing_is_found_where_nothing_is_wrong(frame: pd.DataFrame, tmp_path: Path) -> None:
    recommender = written(tmp_path / "views", frame, timezone="Europe/Berlin")
    result = backtest(recommender, END - 5 * DAY, END)
    assert result.findings == ()
    assert result.faults == ()
    assert result.looks == 6 * 5


def test_live_looks_find_what_the_backtest_finds(frame: pd.DataFrame, tmp_path: Path) -> None:
    lasting = frame["at"] >= END - 3 * DAY
    recommender = written(tmp_path / "views", unset("genre", None)(frame, lasting, np.random.default_rng(2)))
    past = backtest(recommender, END - 4 * DAY, END)
    state, live = State(), list[Finding]()
    for day in range(3, -1, -1):
        result = run_checks(recommender, END - day * DAY, state)
        state = State.model_validate_json(result.state.model_dump_json())
        live += result.findings
    assert [(f.check, f.window_end, f.observed) for f in live] == [
        (f.check, f.window_end, f.observed) for f in past.findings
    ]
    (incident,) = past.incidents
    assert incident.findings == 3


def test_a_repaired_column_is_measured_to_be_back(frame: pd.DataFrame, tmp_path: Path) -> None:
    wrong = (frame["at"] >= END - 3 * DAY) & (frame["at"] < END - DAY)
    recommender = written(tmp_path / "views", unset("genre", None)(frame, wrong, np.random.default_rng(2)))
    (finding,) = look(recommender, END - 2 * DAY)
    assert measure(recommender, finding, END - DAY, END).within
    assert not measure(recommender, finding, END - 2 * DAY, END - DAY).within
    assert measure(recommender, finding, END - DAY / 4, END).within


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="rating"), "column rating is gone"),
        (lambda frame: frame.assign(rating=frame["rating"].astype(str)), "column rating holds text"),
        (lambda frame: frame.assign(extra=1), "a new column extra"),
    ],
)
def test_the_newest_file_says_which_columns_there_are(
    frame: pd.DataFrame, tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    before, after = frame[frame["at"] < END - DAY], frame[frame["at"] >= END - DAY]
    recommender = written(tmp_path / "views", before)
    schema = recommender.model_copy(update={"checks": {"schema": recommender.checks["schema"]}})
    state = run_checks(schema, END - DAY).state
    written(tmp_path / "views", change(after))
    (finding,) = run_checks(schema, END, state).findings
    assert words in finding.title
    assert not measure(schema, finding, END - DAY, END).within
    written(tmp_path / "views", after)
    assert measure(schema, finding, END - DAY, END).within


def test_a_backfill_of_an_older_file_takes_no_column_away(frame: pd.DataFrame, tmp_path: Path) -> None:
    recommender = written(tmp_path / "views", frame)
    schema = recommender.model_copy(update={"checks": {"schema": recommender.checks["schema"]}})
    state = run_checks(schema, END - DAY).state
    written(tmp_path / "views", frame[frame["at"] < END - 12 * DAY].drop(columns="rating"))
    assert run_checks(schema, END, state).findings == ()


def test_a_check_that_raises_is_a_finding_of_its_own_and_the_others_go_on(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    today = frame["at"] >= END - DAY
    recommender = written(tmp_path / "views", unset("genre", None)(frame, today, np.random.default_rng(2)))
    wrong = {"columns": ("ratng",)}
    broken = recommender.checks["drift"].with_options(**wrong).model_copy(update={"name": "broken"})
    checks = {"broken": broken, **recommender.checks}
    found = {f.check: f for f in look(recommender.model_copy(update={"checks": checks}))}
    assert set(found) == {"broken", "missing"}
    assert found["broken"].subject == FAULT
    assert 'did you mean "rating"?' in found["broken"].title


def test_a_check_that_breaks_inside_stops_no_other(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender = written(tmp_path / "views", frame)
    real = read

    def breaks(look: CheckRun, *asked: Any) -> Any:
        if look.check.kind == "domain":
            raise ZeroDivisionError("division by zero")
        return real(look, *asked)

    monkeypatch.setattr(check_run_file, "read", breaks)
    result = run_checks(recommender, END)
    assert [(f.check, f.subject) for f in result.findings] == [("domain", FAULT)]
    assert set(result.state.checks) == set(CHECKS)


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_ranges_of_time_without_rows_and_partial_ones_are_borne(
    kind: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    hole = (frame["at"] < END - 9 * DAY) | (frame["at"] >= END - 6 * DAY)
    recommender = written(tmp_path / "views", frame[hole & (frame["at"] < END - DAY / 2)])
    only = recommender.model_copy(update={"checks": {kind: recommender.checks[kind]}})
    assert [f.title for f in look(only)] == []
    empty = run_checks(only, END + 3 * DAY)
    assert empty.findings == ()
    if kind != "schema":
        assert empty.notes == {kind: "no rows in this window"}


def in_postgres(url: str, frame: pd.DataFrame) -> str:
    import psycopg
    from sqlalchemy import make_url

    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS views")
        cursor.execute(
            "CREATE TABLE views (at timestamptz, id bigint, item_id text, country text, device text, "
            "rating double precision, age int, genre text, note text)"
        )
        with cursor.copy("COPY views FROM STDIN") as copy:
            for row in frame.itertuples(index=False):
                copy.write_row([None if value is pd.NA or value is None else value for value in row])
    return address


@pytest.mark.parametrize("name", ["not a number", "rows twice", "an unknown item", "a number that moved"])
def test_postgres_gives_the_same_answers(
    name: str, frame: pd.DataFrame, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spoil, check, where, subject = FAULTS[name]
    spoilt = spoil(frame, frame["at"] >= END - DAY, np.random.default_rng(2))
    files = written(tmp_path / "views", spoilt)
    address = in_postgres(request.getfixturevalue("database_url"), spoilt)
    table = {**TABLE, "url": address, "table": "views"}
    found = {f.check: f for f in look(declared(tmp_path, table))}
    assert (found[check].slice, found[check].subject) == (where, subject)
    same = {f.check: f for f in look(files)}
    assert found[check].observed == pytest.approx(same[check].observed, rel=0.02)
    assert set(found) == set(same)


def test_dimensions_of_the_items_and_those_with_several_values_are_borne(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    today = frame["at"] >= END - DAY
    recommender = written(tmp_path / "views", unset("rating", np.nan)(frame, today, np.random.default_rng(2)))
    with duckdb.cursor() as connection:
        connection.execute(
            f"COPY (SELECT range::VARCHAR AS item_id, 'k' || (range % 4) AS shelf FROM range(400)) "
            f"TO '{tmp_path / 'items.parquet'}'"
        )
    table = recommender.tables["views"].model_copy(update={"dimensions": ("shelf", "device")})
    tables = {**recommender.tables, "views": table}
    checks = {name: recommender.checks[name] for name in ("missing", "duplicates", "drift", "domain")}
    found = look(recommender.model_copy(update={"tables": tables, "checks": checks}))
    assert [(f.check, f.slice) for f in found] == [("missing", (("device", "mobile"),))]


TOML = """
[recommender]
name = "t"

[tables.views]
path = "views/*.parquet"
time = "at"
window = "1d"
item = "item_id"

[tables.items]
path = "items.parquet"

[checks.data]
table = "views"
"""


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "missing"\ncolums = ["rating"]', 'unknown key; did you mean "columns"?'),
        ('kind = "missing"\nkey = ["id"]', "key is for kind duplicates"),
        ('kind = "volume"\nranges = {rating = [0, 1]}', "ranges is for kind domain"),
        ('kind = "domain"\nranges = {rating = [1, 0]}', "1 is not below 0"),
        ('kind = "references"\nreferences = {member_id = "members"}', 'write "table.column"'),
        ('kind = "schema"\ntypes = {rating = "numbr"}', "'numbr' is not known"),
        ('kind = "drfit"', 'did you mean "drift"?'),
    ],
)
def test_what_is_declared_wrongly_is_said_with_its_line(tmp_path: Path, lines: str, words: str) -> None:
    (tmp_path / "recsysops.toml").write_text(TOML + lines)
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path)
    assert words in str(raised.value)
    assert "recsysops.toml:" in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "missing"\ncolumns = ["ratng"]', 'no column "ratng"'),
        ('kind = "domain"\nranges = {genre = [0, 1]}', "genre holds text, which has no range"),
        ('kind = "duplicates"', "says not which columns may not repeat"),
        ('kind = "references"', "says not what refers to what"),
        ('kind = "references"\nreferences = {item_id = "itmes.item_id"}', '"itmes" is not declared'),
        ('kind = "references"\nreferences = {item_id = "items.id"}', 'table "items": has no column "id"'),
        ('kind = "schema"\ntypes = {rating = "text"}', "rating should hold text; it holds number"),
    ],
)
def test_the_doctor_holds_a_check_against_its_table(
    frame: pd.DataFrame, tmp_path: Path, lines: str, words: str
) -> None:
    written(tmp_path / "views", frame)
    (tmp_path / "recsysops.toml").write_text(TOML + lines)
    said = [advice for advice in doctor.check(tmp_path, environment={}, at=END) if words in advice.says]
    assert len(said) == 1
    assert said[0].where.startswith("checks.data")
    assert said[0].fix


def test_what_is_declared_stands_above_what_was_learned(frame: pd.DataFrame, tmp_path: Path) -> None:
    recommender = written(tmp_path / "views", frame)
    strict = {"ranges": {"age": (0.0, 80.0)}, "values": {"device": ("tv", "web")}, "columns": ()}
    check = recommender.checks["domain"].with_options(**strict)
    only = recommender.model_copy(update={"checks": {"domain": check}})
    assert len(look(only)) == 2  # it was always so, and never what was declared
    tolerant = check.model_copy(update={"options": {**check.options, "least_share": 0.5}})
    assert look(recommender.model_copy(update={"checks": {"domain": tolerant}})) == []
    today = frame["at"] >= END - DAY
    spoilt = frame.assign(age=frame["age"].mask(today & (frame["age"] > 40), 85))
    only = written(tmp_path / "views", spoilt).model_copy(update={"checks": {"domain": check}})
    (finding,) = (one for one in look(only) if one.subject == "age out of range")
    assert "age outside 0 to 80" in finding.title
    assert finding.expected > 0  # many more than usual: how many, and where


def test_a_duplicates_check_without_a_key_says_what_to_write(frame: pd.DataFrame, tmp_path: Path) -> None:
    recommender = written(tmp_path / "views", frame)
    check = recommender.checks["duplicates"].with_options(key=())
    only = recommender.model_copy(update={"checks": {"duplicates": check}})
    (finding,) = run_checks(only, END).findings
    assert 'write key = ["…"]' in finding.title
    with pytest.raises((RecsysopsError, ValueError)):
        measure(only.model_copy(update={"checks": {}}), finding, END - DAY, END)


def test_what_is_not_a_number_is_seen_in_files_whose_statistics_hide_it(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    """As Arrow and Spark write them: lowest and highest value as if there were nothing else."""
    hit = (frame["at"] >= END - DAY) & (frame["device"] == "mobile")
    recommender = written(tmp_path / "views", frame)
    table = pa.table(
        {
            "at": pa.array(frame["at"].dt.to_pydatetime(), pa.timestamp("us", "UTC")),
            "device": frame["device"].to_numpy(object),
            "country": frame["country"].to_numpy(object),
            "rating": frame["rating"].mask(hit).to_numpy(),
        }
    )
    for file in (tmp_path / "views").iterdir():
        file.unlink()
    pq.write_table(table, tmp_path / "views/all.parquet")
    for kind, subject in (("missing", "rating"), ("domain", "rating not finite")):
        only = recommender.model_copy(update={"checks": {kind: recommender.checks[kind]}})
        (finding,) = look(only)
        assert (finding.slice, finding.subject) == ((("device", "mobile"),), subject)

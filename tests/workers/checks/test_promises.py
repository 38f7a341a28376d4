"""A broken promise is reported at the first row that breaks it; what is only learned allows for chance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest

from domain.detection.judge.again.measure import Measurement
from workers.checks.backtest import backtest
from workers.checks.measure import measure
from workers.checks.run import RunResult, run_checks
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.respond.diagnose.diagnose import diagnose
from workers.store.connection import driver_address

END = datetime(2026, 3, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS_AN_HOUR = 60
DECLARED = """\
[recommender]
name = "shop"

[tables.plays]
path = "plays.parquet"
time = "at"
window = "1h"
dimensions = ["device"]
key = "id"
item = "item_id"
member = "member_id"

[tables.members]
path = "members.parquet"
key = "member_id"

[checks.promise]
table = "plays"
"""

Break = Callable[[pd.DataFrame], pd.DataFrame]


def plays() -> pd.DataFrame:
    chance, rows = np.random.default_rng(4), 40 * ROWS_AN_HOUR
    at = pd.date_range(END - 40 * HOUR, periods=rows, freq="1min")
    frame = pd.DataFrame({"at": at, "id": [f"play-{n}" for n in range(rows)]})
    frame["member_id"] = chance.integers(0, 50, rows).astype(str)
    frame["item_id"] = chance.integers(0, 400, rows).astype(str)
    frame["device"] = chance.choice(["tv", "web"], rows)
    frame["genres"] = chance.choice(["Drama", "Drama|Action", "Comedy"], rows)
    frame["rating"] = chance.uniform(0, 10, rows)
    return frame


def one(column: str, value: object) -> Break:
    """The last row holds that value."""

    def broken(frame: pd.DataFrame) -> pd.DataFrame:
        values = [*frame[column].iloc[:-1], value]
        return frame.assign(**{column: values})

    return broken


def looked(folder: Path, frame: pd.DataFrame, check: str, at: datetime = END) -> RunResult:
    frame.to_parquet(folder / "plays.parquet")
    pd.DataFrame({"member_id": [str(n) for n in range(50)]}).to_parquet(folder / "members.parquet")
    (folder / "recsysops.toml").write_text(DECLARED + check)
    return run_checks(load(folder), at)


PROMISES: list[tuple[str, Break, str]] = [
    ('kind = "domain"\nranges = {rating = [0.0, 10.0]}', one("rating", 11.0), "rating = 11.0"),
    ('kind = "domain"\nvalues = {device = ["tv", "web"]}', one("device", "toaster"), "device = toaster"),
    ('kind = "missing"\ncolumns = ["rating"]\nleast_rows = 1', one("rating", None), "rating = nothing"),
    ('kind = "missing"', one("id", None), "id = nothing"),
    ('kind = "duplicates"', one("id", "play-2398"), "id = play-2398"),
    ('kind = "references"\nreferences = {item_id = "members.member_id"}', one("item_id", "x-1"), "x-1"),
]


@pytest.mark.parametrize(("check", "broken", "says"), PROMISES)
def test_the_first_row_that_breaks_a_promise_is_reported_and_shown(
    tmp_path: Path, check: str, broken: Break, says: str
) -> None:
    frame = plays()
    frame["item_id"] = frame["member_id"]
    (finding,) = looked(tmp_path, broken(frame), check).findings
    assert (finding.observed, finding.expected, finding.slice) == (1.0, 0.0, ())
    assert "against what is declared; for instance " in finding.title
    assert says in finding.title
    assert "member_id" not in finding.title


@pytest.mark.parametrize(("check", "_broken", "_says"), PROMISES)
def test_a_promise_that_is_kept_is_silent(tmp_path: Path, check: str, _broken: Break, _says: str) -> None:
    frame = plays()
    frame["item_id"] = frame["member_id"]
    result = looked(tmp_path, frame, check)
    assert (result.findings, result.notes) == ((), {})


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ('kind = "domain"\ncolumns = ["device", "rating"]', one("device", "toaster")),
        ('kind = "missing"\ncolumns = ["rating"]', one("rating", None)),
        ('kind = "domain"\nvalues = {device = ["tv", "web"]}\nleast_rows = 5', one("device", "toaster")),
        ('kind = "domain"\nranges = {rating = [0.0, 10.0]}\nleast_share = 0.1', one("rating", 11.0)),
    ],
)
def test_one_row_against_what_is_only_learned_or_tolerated_is_chance(
    tmp_path: Path, check: str, broken: Break
) -> None:
    assert looked(tmp_path, broken(plays()), check).findings == ()


def test_a_promise_needs_no_history(tmp_path: Path) -> None:
    newest = plays().tail(ROWS_AN_HOUR).reset_index(drop=True)
    check = 'kind = "domain"\nvalues = {device = ["tv", "web"]}'
    (finding,) = looked(tmp_path, one("device", "toaster")(newest), check).findings
    assert finding.subject == "new device"


def test_each_of_several_values_in_a_column_is_held_to_what_is_declared(tmp_path: Path) -> None:
    check = 'kind = "domain"\nvalues = {genres = ["Drama", "Action", "Comedy"]}'
    text = DECLARED.replace('key = "id"', 'key = "id"\nexplode = {genres = "|"}')
    frame = one("genres", "Drama|Acton")(plays())
    frame.to_parquet(tmp_path / "plays.parquet")
    frame.head(1).to_parquet(tmp_path / "members.parquet")
    (tmp_path / "recsysops.toml").write_text(text + check)
    (finding,) = run_checks(load(tmp_path), END).findings
    assert "genres = Drama|Acton" in finding.title
    assert finding.observed == 1.0


def test_a_standing_violation_is_one_incident_and_ends_with_it(tmp_path: Path) -> None:
    frame = plays()
    wrong = frame["at"].between(END - 6 * HOUR, END - 3 * HOUR, inclusive="left") & (frame.index % 30 == 0)
    frame.loc[wrong, "device"] = "toaster"
    looked(tmp_path, frame, 'kind = "domain"\nvalues = {device = ["tv", "web"]}')
    shop = load(tmp_path)
    (incident,) = backtest(shop, END - 12 * HOUR, END).incidents
    assert incident.findings == 3
    assert (incident.opened_at, incident.ended_at) == (END - 5 * HOUR, END - 2 * HOUR)


def test_a_promise_is_kept_again_when_no_row_breaks_it(tmp_path: Path) -> None:
    frame = one("device", "toaster")(plays().iloc[: -2 * ROWS_AN_HOUR].reset_index(drop=True))
    after = pd.concat([frame, plays().tail(2 * ROWS_AN_HOUR)], ignore_index=True)
    check = 'kind = "domain"\nvalues = {device = ["tv", "web"]}'
    (finding,) = looked(tmp_path, after, check, END - 2 * HOUR).findings

    def now(end: datetime) -> Measurement:
        return measure(load(tmp_path), finding, end - HOUR, end)

    assert (now(END - 2 * HOUR).within, now(END).within) == (False, True)


ITEMS = """
[tables.catalogue]
path = "catalogue.parquet"
key = "item_id"

[items]
table = "catalogue"
key = "item_id"
features = ["language", "label"]

[checks.features]
kind = "missing"
table = "plays"
columns = ["language", "label"]
least_rows = 1
"""


def catalogue(unset: str | None = None) -> pd.DataFrame:
    """400 items of four labels, each with its language but those of one label."""
    frame = pd.DataFrame({"item_id": [str(n) for n in range(400)]})
    frame["label"] = [f"label {n % 4}" for n in range(400)]
    frame["language"] = "en"
    frame.loc[frame["label"] == unset, "language"] = None
    return frame


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    declared = DECLARED.split("[checks.promise]", maxsplit=1)[0]
    declared = declared.replace('dimensions = ["device"]', 'dimensions = ["device", "label"]')
    (tmp_path / "recsysops.toml").write_text(declared + ITEMS)
    plays().to_parquet(tmp_path / "plays.parquet")
    pd.DataFrame({"member_id": ["1"]}).to_parquet(tmp_path / "members.parquet")
    return tmp_path


def test_items_without_a_language_are_reported_by_the_rows_that_name_them_and_which_items_they_are(
    shop: Path,
) -> None:
    catalogue("label 2").to_parquet(shop / "catalogue.parquet")
    (finding,) = run_checks(load(shop), END).findings
    lacking = int((plays().iloc[-ROWS_AN_HOUR:]["item_id"].astype(int) % 4 == 2).sum())
    assert (finding.subject, finding.observed, finding.expected) == ("language", lacking, 0.0)
    assert f"language missing in {lacking} of the rows, all where label = label 2, against" in finding.title


def test_the_items_are_the_candidate_where_it_is_they_that_lack_it(shop: Path) -> None:
    catalogue("label 2").to_parquet(shop / "catalogue.parquet")

    def named() -> str:
        (finding,) = run_checks(load(shop), END).findings
        assert finding.subject == "language"
        return diagnose(load(shop), finding, END).candidates[0].statement

    assert named() == "`language` is not set for 100 of 400 items in `catalogue`, all where label = label 2"
    plays().assign(language=None, label="label 1").to_parquet(shop / "plays.parquet")
    assert "is not set for" not in named()


def test_items_that_have_all_their_features_are_silent(shop: Path) -> None:
    catalogue().to_parquet(shop / "catalogue.parquet")
    result = run_checks(load(shop), END)
    assert (result.findings, result.notes) == ((), {})


def test_of_an_item_that_nobody_knows_its_features_are_not_said_to_be_missing(shop: Path) -> None:
    known = catalogue()
    known[known["label"] != "label 1"].to_parquet(shop / "catalogue.parquet")
    assert run_checks(load(shop), END).findings == ()


def test_the_doctor_knows_the_features_of_items_among_a_check_s_columns(shop: Path) -> None:
    catalogue().to_parquet(shop / "catalogue.parquet")
    assert not [one for one in check(shop / "recsysops.toml") if one.where.startswith("checks.features")]
    text = (shop / "recsysops.toml").read_text().replace('["language", "label"]\nleast', '["languag"]\nleast')
    (shop / "recsysops.toml").write_text(text)
    (wrong,) = [one for one in check(shop / "recsysops.toml") if one.where.startswith("checks.features")]
    assert 'has no column "languag"' in wrong.says


def test_items_that_live_elsewhere_are_looked_up_for_slices_and_for_what_is_looked_at(
    shop: Path, owner: psycopg.Connection, database_url: str
) -> None:
    owner.execute("CREATE TABLE catalogue (item_id text, label text, language text)")
    items = catalogue("label 2")[["item_id", "label", "language"]].astype(object)
    with owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO catalogue VALUES (%s, %s, %s)", items.where(items.notna(), None).to_numpy().tolist()
        )
    there = f'url = "{driver_address(database_url)}"\ntable = "public.catalogue"'
    text = (shop / "recsysops.toml").read_text().replace('path = "catalogue.parquet"', there)
    (shop / "recsysops.toml").write_text(text)
    (finding,) = run_checks(load(shop), END).findings
    assert "language missing in" in finding.title
    assert "all where label = label 2" in finding.title

"""
A choir's archive that picks each singer's scores once a night: what was picked, opened and sung says where
rows were lost, without any key, log of requests or model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding, Severity, Slice, slice_of
from workers.declaration.declare import load
from workers.respond.diagnose.diagnose import diagnose
from workers.respond.diagnose.reading import Reader
from workers.respond.diagnose.written import written_of

BEGUN, DAYS = datetime(2026, 4, 1, tzinfo=UTC), 18
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST, NOW = BEGUN + (DAYS - 1) * DAY, BEGUN + DAYS * DAY
SINGERS, PICKED, OPENED = 600, 6, 4
TENORS, MASSES = slice_of(voice="tenor"), slice_of(form="mass")
DECLARED = """
[recommender]
name = "choir"
[items]
table = "scores"
key = "score"
features = ["form", "era"]
[tables.scores]
path = "scores.parquet"
[tables.picks]
path = "picks.parquet"
time = "picked_at"
window = "1d"
dimensions = ["voice", "town", "form"]
item = "score"
member = "singer"
[tables.openings]
path = "openings.parquet"
time = "opened_at"
window = "1d"
dimensions = ["voice", "town", "form"]
item = "score"
member = "singer"
upstream = ["picks"]
[tables.songs]
path = "songs.parquet"
time = "sung_at"
window = "1d"
dimensions = ["voice", "town", "form"]
item = "score"
member = "singer"
upstream = ["openings"]
[checks.opened]
kind = "slice_volume"
table = "openings"
[checks.sung]
kind = "slice_volume"
table = "songs"
[checks.picked]
kind = "slice_volume"
table = "picks"
[checks.picked_again]
kind = "freshness"
table = "picks"
"""

Rows = Callable[[pd.DataFrame], pd.DataFrame]


def as_it_is(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def archive() -> pd.DataFrame:
    forms = ["mass", "motet", "madrigal", "song"]
    return pd.DataFrame(
        {"score": [f"s{n}" for n in range(80)], "form": forms * 20, "era": ["old"] * 40 + ["new"] * 40}
    )


def on_the_last_day(rows: pd.DataFrame) -> pd.Series:
    return rows.iloc[:, 0] >= pd.Timestamp(LAST)


def lacking(where: Slice, share: float = 1.0) -> Rows:
    """On the last day rows are lost where that is so."""

    def without(rows: pd.DataFrame) -> pd.DataFrame:
        held = rows.merge(archive(), on="score")
        there = on_the_last_day(held)
        for name, value in where:
            there &= held[name] == value
        there &= np.random.default_rng(3).random(len(held)) < share
        return held.loc[~there, rows.columns]

    return without


def again(where: Slice) -> Rows:
    """On the last day rows come twice where that is so."""

    def twice(rows: pd.DataFrame) -> pd.DataFrame:
        single = lacking(where)(rows.assign(own=range(len(rows))))
        return pd.concat([rows, rows[~np.isin(np.arange(len(rows)), single["own"])]])

    return twice


def choir(folder: Path, **faults: Rows) -> Recommender:
    """
    Each night six scores are picked for every singer; those who come open some of them by day, and sing some.
    What is lost of a table is lost of what is made from it, unless it is only `_logged` no more.
    """
    chance = np.random.default_rng(11)
    singers = pd.DataFrame(
        {
            "singer": [f"m{n}" for n in range(SINGERS)],
            "voice": chance.choice(["alto", "bass", "soprano", "tenor"], SINGERS),
            "town": chance.choice(["Hill", "Lake"], SINGERS),
        }
    )
    tables: dict[str, list[pd.DataFrame]] = {"picks": [], "openings": [], "songs": []}
    for day in range(DAYS):
        at = BEGUN + day * DAY + 3 * HOUR
        chosen = np.argsort(chance.random((SINGERS, 80)), axis=1)[:, :PICKED].ravel()
        picks = singers.loc[np.repeat(np.arange(SINGERS), PICKED)].reset_index(drop=True)
        picks.insert(0, "picked_at", pd.Timestamp(at))
        picks["score"] = [f"s{n}" for n in chosen]
        picks = faults.get("picks", as_it_is)(picks)
        here = singers["singer"][chance.random(SINGERS) < chance.uniform(0.5, 0.7)]
        opened = picks[picks["singer"].isin(here) & (chance.random(len(picks)) < OPENED / PICKED)]
        opened = _later(opened, "opened_at", chance)
        opened = faults.get("openings", as_it_is)(opened)
        sung = _later(opened[chance.random(len(opened)) < 0.3], "sung_at", chance)
        sung = faults.get("songs", as_it_is)(sung)
        opened = faults.get("openings_logged", as_it_is)(opened)
        for name, rows in (("picks", picks), ("openings", opened), ("songs", sung)):
            tables[name].append(rows)
    for name, parts in tables.items():
        pd.concat(parts, ignore_index=True).to_parquet(folder / f"{name}.parquet")
    archive().to_parquet(folder / "scores.parquet")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder, {})


def _later(rows: pd.DataFrame, name: str, chance: np.random.Generator) -> pd.DataFrame:
    at = rows.iloc[:, 0] + pd.to_timedelta(chance.uniform(0, 5 * 3_600, len(rows)), unit="s")
    later = rows.drop(columns=rows.columns[0])
    later.insert(0, name, at)
    return later.sort_values(name, ignore_index=True)


def found(table: str, check: str, where: Slice, observed: float, expected: float) -> Finding:
    return Finding(
        check=check,
        title="fewer rows",
        table=table,
        slice=where,
        window_start=LAST,
        window_end=NOW,
        observed=observed,
        expected=expected,
        low=0.9 * expected,
        high=1.1 * expected,
        unit="rows",
        p_value=1e-9,
        severity=Severity.SEV2,
        affected_share=0.2,
    )


def looked(recommender: Recommender, finding: Finding) -> Diagnosis:
    return diagnose(recommender, finding, NOW, keep=lambda _picture: "kept")


def cause_of(found: Diagnosis) -> tuple[str, str | None, Slice]:
    return found.cause_kind, found.object, found.place


NONE_OPENED: Mapping[str, float] = {"observed": 0.0, "expected": 360.0}


def test_a_batch_that_was_written_without_some_rows_is_named_above_those_that_saw_it(tmp_path: Path) -> None:
    declared = choir(tmp_path, picks=lacking(TENORS))
    said = looked(declared, found("openings", "opened", TENORS, **NONE_OPENED))
    assert cause_of(said) == ("feed", "picks", TENORS)
    assert "as a program writes them" in str(said.cause)


def test_it_is_named_by_where_it_lacks_them_though_a_whole_table_was_found(tmp_path: Path) -> None:
    declared = choir(tmp_path, picks=lacking(TENORS, 0.8))
    said = looked(declared, found("openings", "opened", (), 1_150.0, 1_440.0))
    assert cause_of(said) == ("feed", "picks", TENORS)


def test_a_finding_in_the_batch_is_named_as_what_was_not_written(tmp_path: Path) -> None:
    declared = choir(tmp_path, picks=lacking(TENORS, 0.6))
    said = looked(declared, found("picks", "picked", TENORS, 360.0, 900.0))
    assert cause_of(said) == ("feed", "picks", TENORS)


def test_rows_of_which_something_came_were_there_and_not_logged(tmp_path: Path) -> None:
    declared = choir(tmp_path, openings_logged=lacking(TENORS))
    said = looked(declared, found("openings", "opened", TENORS, **NONE_OPENED))
    assert cause_of(said) == ("logging", "openings", TENORS)


def test_a_feed_of_what_there_is_in_stock_is_shown_to_nobody_row_by_row(tmp_path: Path) -> None:
    declared = choir(tmp_path, openings_logged=lacking(TENORS))
    tables = {name: table.model_copy(update={"member": None}) for name, table in declared.tables.items()}
    without = declared.model_copy(update={"tables": tables})
    assert looked(without, found("openings", "opened", TENORS, **NONE_OPENED)).cause is None


def test_a_batch_that_has_not_come_again_yet_says_nothing_of_the_slice(tmp_path: Path) -> None:
    declared = choir(tmp_path, openings_logged=lacking(TENORS), picks=lacking(()))
    said = looked(declared, found("openings", "opened", TENORS, **NONE_OPENED))
    beside = [one.statement for one in said.evidence if "same slice in" in one.statement]
    assert not [words for words in beside if "`picks`" in words]


def test_rows_under_an_earlier_time_are_there(tmp_path: Path) -> None:
    """They are of the evening before."""

    def early(rows: pd.DataFrame) -> pd.DataFrame:
        lost = ~np.isin(np.arange(len(rows)), lacking(TENORS)(rows.assign(own=range(len(rows))))["own"])
        return rows.assign(opened_at=rows["opened_at"].mask(lost, rows["opened_at"] - 6 * HOUR))

    said = looked(choir(tmp_path, openings_logged=early), found("openings", "opened", TENORS, **NONE_OPENED))
    assert said.cause_kind != "logging"


def test_items_that_are_picked_and_come_no_further_are_kept_out(tmp_path: Path) -> None:
    declared = choir(tmp_path, openings=lacking((*MASSES, *TENORS)))
    where = slice_of(form="mass", voice="tenor")
    said = looked(declared, found("openings", "opened", where, 0.0, 90.0))
    assert cause_of(said) == ("filter", None, where)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_singers_who_stay_away_are_no_fault(tmp_path: Path, share: float) -> None:
    """They are picked for as ever, open less and sing less: nothing shows who kept them."""
    declared = choir(tmp_path, openings=lacking(TENORS, share))
    said = looked(declared, found("openings", "opened", TENORS, 360 * (1 - share), 360.0))
    assert cause_of(said) == ("unknown", None, ())


def test_what_follows_demand_is_not_taken_for_written_by_a_program(tmp_path: Path) -> None:
    """The openings differ from day to day, so that they lack the tenors may be the tenors' doing."""
    declared = choir(tmp_path, openings=lacking(TENORS))
    said = looked(declared, found("songs", "sung", TENORS, 0.0, 108.0))
    assert cause_of(said) == ("unknown", None, ())


def test_only_a_table_that_comes_evenly_is_counted_by_slices(tmp_path: Path) -> None:
    reader = Reader(choir(tmp_path), found("songs", "sung", TENORS, **NONE_OPENED), NOW)
    held = {one.table: one.counts for one in written_of(reader, LAST)}
    assert {name: counts["dim1"].notna().any() for name, counts in held.items()} == {
        "songs": False,
        "openings": False,
        "picks": True,
    }


def test_rows_of_the_same_singer_score_and_moment_are_doubled(tmp_path: Path) -> None:
    declared = choir(tmp_path, songs=again(TENORS))
    said = looked(declared, found("songs", "sung", TENORS, 216.0, 108.0))
    assert cause_of(said) == ("duplicate", "songs", TENORS)


@pytest.mark.parametrize(("table", "named"), [("picks", True), ("openings", False)])
def test_a_batch_that_is_late_is_so_in_itself(tmp_path: Path, table: str, *, named: bool) -> None:
    """Of what is written as people come, nobody may have come."""
    declared = choir(tmp_path)
    silent = found(table, "picked_again", (), 90_000.0, 86_400.0)
    late = silent.model_copy(update={"unit": "seconds", "low": 0.0, "high": 87_000.0})
    said = looked(declared, late)
    assert cause_of(said) == (("feed", table, ()) if named else ("unknown", None, ()))

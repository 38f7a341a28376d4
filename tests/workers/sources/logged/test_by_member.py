"""What an alarm counts and what members choose, by member: the same by DuckDB on files and by PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pytest

from domain.errors import SourceError, Unmeasurable
from domain.recommender.objective import Objective
from domain.recommender.recommender import Recommender
from domain.resolution.held_out import ByMember
from domain.values import Finding, Severity
from workers.sources.logged import rewards
from workers.sources.logged.rewards import chosen_by_member, counted_by_member
from workers.store.connection import driver_address

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
END = START + timedelta(hours=6)
ROWS, MEMBERS = 3_000, 200
KINDS = {
    "at": "timestamptz",
    "request": "bigint",
    "item": "text",
    "genre": "text",
    "member": "bigint",
    "minutes": "double precision",
}
CHECKS: dict[str, dict[str, object]] = {
    "by_genre": {"kind": "slice_volume"},
    "whole": {"kind": "volume"},
    "length": {"kind": "volume", "measure": "minutes", "options": {"aggregate": "mean"}},
    "unset": {"kind": "missing", "options": {"columns": ["genre"]}},
}


def made() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shown: three items a request, some without a genre, some of nobody; chosen: a fifth of them."""
    chance = np.random.default_rng(4)
    requests = ROWS // 3
    seconds = np.repeat(np.sort(chance.integers(0, 6 * 3_600, requests)), 3)
    shown = pd.DataFrame(
        {
            "at": [START + timedelta(seconds=int(one)) for one in seconds],
            "request": np.repeat(np.arange(requests), 3),
            "item": chance.choice(list("abcd"), ROWS),
            "genre": chance.choice(np.array(["drama", "crime", None], object), ROWS, p=[0.3, 0.5, 0.2]),
            "member": pd.array(np.repeat(chance.integers(1, MEMBERS, requests), 3), "Int64"),
            "minutes": chance.exponential(30, ROWS),
        }
    )
    shown.loc[:5, "member"] = pd.NA
    return shown, shown[chance.random(ROWS) < 0.2]


def declared(place: dict[str, dict[str, str]]) -> Recommender:
    tables = {
        name: {"name": name, "time": "at", "item": "item", "member": "member", "window": "1h", **place[name]}
        for name in ("shown", "chosen")
    }
    checks = {name: {"name": name, "table": "shown", **keys} for name, keys in CHECKS.items()}
    exposure = {"shown": "shown", "chosen": "chosen", "request": "request"}
    return Recommender.model_validate({"name": "t", "tables": tables, "exposure": exposure, "checks": checks})


@pytest.fixture
def files(tmp_path: Path) -> Recommender:
    for name, frame in zip(("shown", "chosen"), made(), strict=True):
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return declared({name: {"path": f"{tmp_path}/{name}.parquet"} for name in ("shown", "chosen")})


@pytest.fixture
def postgres(database_url: str) -> Recommender:
    columns = ", ".join(f"{column} {kind}" for column, kind in KINDS.items())
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        for name, frame in zip(("shown", "chosen"), made(), strict=True):
            connection.execute(f"CREATE TABLE {name} ({columns})")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in frame.astype(object).itertuples(index=False):
                    copy.write_row(tuple(None if pd.isna(one) else one for one in row))
    url = driver_address(database_url)
    return declared({name: {"url": url, "table": name} for name in ("shown", "chosen")})


def finding(check: str, **more: object) -> Finding:
    defaults: dict[str, object] = {
        "check": check,
        "table": "shown",
        "window_start": START,
        "window_end": END,
        "observed": 50,
        "expected": 100,
        "p_value": 0.0,
        "severity": Severity.SEV2,
        "title": "less",
    }
    return Finding.model_validate({**defaults, **more})


DRAMA = {"slice": (("genre", "drama"),)}
QUESTIONS = [("by_genre", DRAMA), ("whole", {}), ("length", DRAMA), ("length", {})]


def sums(read: ByMember) -> pd.DataFrame:
    sizes = np.full(len(read.members), np.nan) if read.sizes is None else read.sizes
    found = pd.DataFrame({"amount": read.amounts, "size": sizes}, index=list(read.members))
    return found.sort_index()


def by_hand(check: str, given: dict[str, object]) -> pd.DataFrame:
    """The same from the rows themselves."""
    shown = made()[0].dropna(subset=["member"])
    inside = (shown["genre"] == "drama") if given else pd.Series(data=True, index=shown.index)
    weight = shown["minutes"] if check == "length" else 1.0
    size = (1.0 * inside if check == "length" else 1.0) if given or check == "length" else np.nan
    rows = pd.DataFrame({"amount": inside * weight, "size": size, "member": shown["member"].astype(str)})
    return rows.groupby("member").sum(min_count=1).rename_axis(None).sort_index()


@pytest.mark.parametrize(("check", "given"), QUESTIONS)
def test_what_raised_the_alarm_is_summed_by_member_alike_by_both_engines(
    files: Recommender, postgres: Recommender, check: str, given: dict[str, object]
) -> None:
    wanted = by_hand(check, given)
    for one in (files, postgres):
        found = sums(counted_by_member(one, finding(check, **given), START, END))
        pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_what_is_chosen_is_summed_by_member_of_their_requests(
    files: Recommender, postgres: Recommender
) -> None:
    shown, chosen = made()
    requests = shown.dropna().groupby(shown["member"].astype(str))["request"].nunique()
    for one in (files, postgres):
        measured = one.model_copy(update={"objective": Objective(measure="minutes")})
        counted, minutes = (sums(chosen_by_member(each, START, END)) for each in (one, measured))
        known = chosen.dropna(subset=["member"])
        of_each = known.groupby(known["member"].astype(str))["minutes"]
        assert counted["amount"].sum() == len(known)
        assert counted["size"].sum() == shown.dropna(subset=["member"])["request"].nunique()
        assert set(requests.index) <= set(counted.index)
        pd.testing.assert_series_equal(
            minutes["amount"][minutes["amount"] > 0], of_each.sum().sort_index(), check_names=False
        )


def test_whose_choice_it_was_is_looked_up_where_what_was_chosen_does_not_say(
    files: Recommender, postgres: Recommender
) -> None:
    for one in (files, postgres):
        tables = {**one.tables, "chosen": one.tables["chosen"].model_copy(update={"member": None})}
        looked_up = sums(chosen_by_member(one.model_copy(update={"tables": tables}), START, END))
        pd.testing.assert_frame_equal(looked_up, sums(chosen_by_member(one, START, END)))


def test_of_too_many_members_the_same_sample_comes_back_from_both_engines_and_both_tables(
    files: Recommender, postgres: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewards, "MOST_MEMBERS", 50)
    here, there = (counted_by_member(one, finding("whole"), START, END) for one in (files, postgres))
    assert set(here.members) == set(there.members)
    assert 20 < len(here.members) < 90
    assert here.sampled == there.sampled == made()[0]["member"].nunique()
    plays = chosen_by_member(postgres, START, END)
    assert set(plays.members) == set(here.members)


def test_what_is_no_sum_over_members_or_names_none_is_refused_in_words(files: Recommender) -> None:
    with pytest.raises(Unmeasurable, match="missing measures is no sum over members"):
        counted_by_member(files, finding("unset"), START, END)
    with pytest.raises(Unmeasurable, match="nothing that each member has a part in"):
        counted_by_member(files, finding("whole", subject="genre"), START, END)
    nobody = {name: one.model_copy(update={"member": None}) for name, one in files.tables.items()}
    unnamed = files.model_copy(update={"tables": nobody})
    with pytest.raises(SourceError, match=r'table "shown": does not say whose row it is; add member = "…"'):
        counted_by_member(unnamed, finding("whole"), START, END)
    with pytest.raises(SourceError, match=r'add member = "…"'):
        chosen_by_member(unnamed, START, END)

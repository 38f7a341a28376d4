"""Choices that a model had ranked low: found by slice, read with everything known, the worst kept."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import psycopg
import pytest
from sqlalchemy import Engine

from domain.errors import ConfigurationError, SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding, slice_of
from tests.workers.shop import END, FAULT_AT, START, write_shop
from workers.checks.run import State, run_checks
from workers.items.misses import A_DAY, keep_misses, kept_misses, read_misses
from workers.sources.aggregate.exposure import lowest_choices
from workers.store.connection import driver_address

HOUR = timedelta(hours=1)
SQL = {"M": "timestamptz", "i": "bigint", "f": "double precision", "O": "text", "U": "text"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return write_shop(tmp_path_factory.mktemp("shop"))


def test_a_model_that_goes_wrong_on_one_device_is_found_there(shop: Recommender) -> None:
    state = State()
    found = list[Finding]()
    for hours in range(-3, 3):
        result = run_checks(shop, FAULT_AT + hours * HOUR, state)
        state = result.state
        found += result.findings
    assert {one.slice for one in found} == {slice_of(device="tv")}
    assert min(one.window_start for one in found) == FAULT_AT
    assert "of the choices ranked below place 4, usually" in found[0].title


def test_a_case_holds_all_that_is_needed_to_look_at_it(shop: Recommender) -> None:
    cases = lowest_choices(shop, shop.checks["misses"], FAULT_AT, END, 5)
    assert len(cases) == 5
    for case in cases:
        assert case.rank > 4  # twice what a request is filled to
        assert case.rank <= case.ranked
        assert case.member is not None and case.member.startswith("m")
        assert dict(case.slice)["device"] in {"tv", "web"}
        assert case.model == "ranker"
        assert [one.rank for one in case.candidates] == sorted(one.rank for one in case.candidates)
        (chosen,) = [one for one in case.candidates if one.chosen]
        assert (chosen.item, chosen.rank) == (case.item, case.rank)
        scores = [one.score for one in case.candidates if one.score is not None]
        assert scores == sorted(scores, reverse=True)
        assert set(chosen.features) == {"price"}
    assert [case.surprise for case in cases] == sorted((case.surprise for case in cases), reverse=True)


def test_they_carry_titles_and_can_be_read_from_a_time_on(shop: Recommender) -> None:
    found = read_misses(shop, END, FAULT_AT)
    assert found
    assert all(one.at >= FAULT_AT for one in found)
    assert all(one.title == f"Thing {one.item}" for one in found)


def test_the_worst_are_kept_once_however_often_it_is_looked(shop: Recommender, log: Engine) -> None:
    kept = keep_misses(log, shop, FAULT_AT + HOUR)
    assert kept == A_DAY
    assert keep_misses(log, shop, FAULT_AT + HOUR) == A_DAY
    first = kept_misses(log)
    keep_misses(log, shop, FAULT_AT + 2 * HOUR)
    second = kept_misses(log)
    assert len({one.key for one in second}) == len(second) == A_DAY
    assert min(one.surprise for one in second) >= min(one.surprise for one in first)


def test_no_hour_between_two_looks_is_left_out(shop: Recommender, log: Engine) -> None:
    keep_misses(log, shop, START + 5 * HOUR)
    keep_misses(log, shop, END)
    days = {one.at.date() for one in kept_misses(log)}
    assert days == {START.date(), (START + timedelta(days=1)).date()}


def test_without_such_a_check_it_says_what_to_declare(shop: Recommender, log: Engine) -> None:
    none = shop.model_copy(update={"checks": {}})
    assert keep_misses(log, none, END) == 0
    with pytest.raises(ConfigurationError, match="no check looks for low-ranked choices"):
        read_misses(none, END, None)


def test_a_table_that_no_model_ranked_is_said_to_be_none(shop: Recommender) -> None:
    check = shop.checks["misses"].model_copy(update={"table": "shown"})
    with pytest.raises(SourceError, match='no model logs its candidates in "shown"'):
        lowest_choices(shop, check, FAULT_AT, END, 5)


def test_postgresql_ranks_as_duckdb_does(shop: Recommender, database_url: str) -> None:
    url = driver_address(database_url)
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("candidates", "chosen"):
            frame = pd.read_parquet(str(shop.tables[name].path))
            frame = frame[frame["at"] >= FAULT_AT + 4 * HOUR]
            columns = ", ".join(f"{column} {SQL[frame[column].dtype.kind]}" for column in frame)
            connection.execute(f"CREATE TABLE {name} ({columns})")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in frame.itertuples(index=False):
                    copy.write_row(tuple(row))
    moved = {
        name: shop.tables[name].model_copy(update={"path": None, "url": url, "table": name})
        for name in ("candidates", "chosen")
    }
    there = shop.model_copy(update={"tables": {**shop.tables, **moved}})
    start = FAULT_AT + 4 * HOUR
    here, there_found = (
        lowest_choices(one, one.checks["misses"], start, END, 5_000) for one in (shop, there)
    )
    assert len(here) > 20
    assert {one.key: one.rank for one in here} == {one.key: one.rank for one in there_found}
    assert run_checks(there, END).notes == {"misses": "not enough history yet"}

"""Is enough logged of every slice: planned before it is switched on, and looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.covered import LoggingCoverage, SliceCoverage
from domain.diagnosis.coverage import NEEDED, plan_coverage
from domain.errors import ConfigurationError, SourceError
from domain.recommender.model import Logging
from domain.recommender.recommender import Recommender
from domain.values import Slice, slice_of
from tests.bot.terminal import Terminal
from tests.workers.logging_coverage.bookshop import (
    DECLARED,
    END,
    HOURS,
    RATE,
    SHARE,
    VISITS,
    K,
    ranked,
    visits,
    write,
)
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.logging_coverage.coverage import logging_coverage
from workers.models.candidates import REQUESTS, read_candidates
from workers.models.logged import log_in

SPAN = timedelta(hours=HOURS)
plan_logging = partial(logging_coverage, planned=True)


@pytest.fixture(scope="module")
def everyone() -> pd.DataFrame:
    return visits()


@pytest.fixture(scope="module")
def logged(everyone: pd.DataFrame) -> pd.DataFrame:
    return ranked(everyone)


@pytest.fixture
def shop(tmp_path: Path, everyone: pd.DataFrame, logged: pd.DataFrame) -> Callable[..., Recommender]:
    """The bookshop, declared; some of its log or its declaration may be another."""

    def made(rows: pd.DataFrame | None = None, *replaced: tuple[str, str]) -> Recommender:
        write(tmp_path / "visits.parquet", everyone)
        write(tmp_path / "ranked.parquet", logged if rows is None else rows)
        text = DECLARED
        for was, now in replaced:
            assert was in text
            text = text.replace(was, now)
        (tmp_path / "recsysops.toml").write_text(text)
        return load(tmp_path / "recsysops.toml")

    return made


def of(found: LoggingCoverage, **where: str) -> SliceCoverage:
    (one,) = [one for one in found.slices if one.slice == slice_of(**where)]
    return one


def test_what_is_planned_is_what_is_then_logged(
    shop: Callable[..., Recommender], logged: pd.DataFrame
) -> None:
    planned = plan_logging(shop(), END, SPAN)
    held = logging_coverage(shop(), END, SPAN)
    assert planned.windows == held.windows == HOURS
    assert planned.requests == pytest.approx(VISITS)
    assert planned.logged / VISITS == pytest.approx(logged["visit"].nunique() / VISITS, rel=0.1)
    assert planned.rows_a_day == pytest.approx(4 * planned.a_day(planned.logged))
    assert planned.bytes_a_day is not None
    assert 100 < planned.bytes_a_day / (planned.rows_a_day or 1) < 300
    for one in planned.slices:
        there = of(held, **dict(one.slice))
        assert there.requests == pytest.approx(one.requests)
        assert there.logged == pytest.approx(one.logged, rel=0.25, abs=4)


def test_each_slice_of_enough_requests_has_its_rows_and_stands_for_all_of_them(
    shop: Callable[..., Recommender],
) -> None:
    held = logging_coverage(shop(), END, SPAN)
    assert held.requests == VISITS
    assert abs(held.stands - VISITS) < 4 * held.stands_error
    assert not held.notes
    for one in held.slices:
        assert one.requests is not None
        if one.requests >= 1.3 * K / RATE:
            assert one.logged >= K
    # a slice of the fourth hour has its windows from then on
    assert of(held, place="moon").windows == HOURS - 3


def test_the_slice_comes_first_of_which_most_requests_could_not_be_looked_at(
    shop: Callable[..., Recommender], everyone: pd.DataFrame
) -> None:
    held = logging_coverage(shop(), END, SPAN)
    assert [one.unseen for one in held.slices] == sorted((one.unseen for one in held.slices), reverse=True)
    even = logging_coverage(shop(ranked(everyone, uniform=True)), END, SPAN)
    assert of(even, place="ship").effective < NEEDED / 4 < of(held, place="ship").effective
    assert even.slices[0].below == even.slices[0].windows
    assert sum(one.below for one in even.slices) > sum(one.below for one in held.slices)


def test_settings_that_are_asked_for_take_the_place_of_those_declared(
    shop: Callable[..., Recommender],
) -> None:
    little = plan_logging(shop(), END, SPAN, asked={"k": 5, "share": 0.001, "max_rate": 0.01})
    much = plan_logging(shop(), END, SPAN, asked={"k": 60, "share": None})
    assert little.logged < plan_logging(shop(), END, SPAN).logged < much.logged
    assert little.settings == {"share": 0.001, "k": 5, "max_rate": 0.01}
    assert much.settings == {**little.settings, "share": SHARE, "k": 60, "max_rate": RATE}
    alone = plan_logging(shop(), END, SPAN, asked={"dimensions": [("door",)]})
    assert {one.slice for one in alone.slices} == {slice_of(door="front"), slice_of(door="back")}


def test_rows_of_several_columns_are_requests_once_each_and_a_measure_counts_them(
    shop: Callable[..., Recommender], everyone: pd.DataFrame, tmp_path: Path
) -> None:
    declared = shop()
    write(tmp_path / "visits.parquet", pd.concat([everyone, everyone]))
    assert plan_logging(declared, END, SPAN).requests == pytest.approx(VISITS)
    write(tmp_path / "visits.parquet", everyone.assign(times=3.0))
    counted = plan_logging(declared, END, SPAN, asked={"measure": "times"})
    assert counted.requests == pytest.approx(3 * VISITS)


def test_without_a_table_of_requests_they_are_those_that_the_log_stands_for(
    shop: Callable[..., Recommender],
) -> None:
    declared = shop(None, ('requests = "visits"\n', ""))
    held = logging_coverage(declared, END, SPAN)
    assert held.requests is None
    assert of(held, place="town").requests is None
    assert of(held, place="town").stands == pytest.approx(VISITS * 0.7 / HOURS, rel=0.1)
    planned = plan_logging(declared, END, SPAN)
    assert planned.requests == pytest.approx(held.stands)
    assert abs(held.stands - VISITS) < 4 * held.stands_error
    with pytest.raises(ConfigurationError, match='write requests = "table" of a table that every request'):
        plan_logging(shop(None, ('requests = "visits"\n', ""), ('inclusion = "chance"\n', "")), END, SPAN)


def test_rows_that_the_log_lost_are_reported(shop: Callable[..., Recommender], logged: pd.DataFrame) -> None:
    held = logging_coverage(shop(logged[logged["visit"] % 3 > 0]), END, SPAN)
    assert "of the requests that were counted; it lost rows" in held.notes[0]
    silent = logging_coverage(shop(logged, ('inclusion = "chance"\n', "")), END, SPAN)
    assert "all are taken to have been as likely" in silent.notes[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (0.0, "is not above 0 and at most 1 for 1 of"),
        (1.2, "is not above 0 and at most 1 for 1 of"),
        (np.nan, "is not set for 1 of"),
    ],
)
def test_a_probability_that_cannot_be_is_an_error_wherever_the_log_is_read(
    shop: Callable[..., Recommender], logged: pd.DataFrame, tmp_path: Path, wrong: float, says: str
) -> None:
    last = logged["visit"].max()
    declared = shop(logged.assign(chance=logged["chance"].where(logged["visit"] != last, wrong)))
    says = f'table "ranked": column "chance" {says}'
    with pytest.raises(SourceError, match=says):
        logging_coverage(declared, END, SPAN)
    with pytest.raises(SourceError, match=says):
        candidates(declared, ())
    advice = check(tmp_path / "recsysops.toml", environment={}, at=END)
    (line,) = [one for one in advice if one.where == "models.shelf.logging"]
    assert line.level == "error"
    assert says in line.says


def test_two_probabilities_of_one_request_are_an_error(
    shop: Callable[..., Recommender], logged: pd.DataFrame
) -> None:
    first = np.arange(len(logged)) == 0
    rows = logged.assign(chance=np.where(first, 0.9, 1.0) * logged["chance"])
    with pytest.raises(SourceError, match="is not the same in all rows of the request for 1 of"):
        logging_coverage(shop(rows), END, SPAN)


def candidates(declared: Recommender, where: Slice, seed: int = 1) -> pd.DataFrame:
    log = log_in(declared, "ranked")
    assert log is not None
    return read_candidates(declared, log.table, log.columns, (END - SPAN, END), where, seed)


def test_a_diagnosis_reads_every_logged_request_of_its_slice_and_still_knows_how_many_there_were(
    shop: Callable[..., Recommender], logged: pd.DataFrame
) -> None:
    declared = shop()
    where = slice_of(door="back", place="island")
    rows = candidates(declared, where)
    mine = (rows["place"] == "island") & (rows["door"] == "back")
    whole = (logged["place"] == "island") & (logged["door"] == "back")
    assert rows["visit"].nunique() == REQUESTS < logged["visit"].nunique()
    assert rows.loc[mine, "visit"].nunique() == logged.loc[whole, "visit"].nunique()
    stands = 1 / logged["chance"]
    truth, shares = stands[whole].sum() / stands.sum(), []
    for seed in range(20):
        each = candidates(declared, where, seed).drop_duplicates("visit")
        stands = 1 / each["chance"]
        shares.append(stands[(each["place"] == "island") & (each["door"] == "back")].sum() / stands.sum())
    assert np.mean(shares) == pytest.approx(truth, rel=0.05)


def test_without_the_column_requests_are_drawn_evenly_as_ever(shop: Callable[..., Recommender]) -> None:
    declared = shop(None, ('inclusion = "chance"\n', ""))
    rows = candidates(declared, slice_of(place="island"))
    assert rows["visit"].nunique() == REQUESTS
    pd.testing.assert_frame_equal(
        rows.sort_values("visit", ignore_index=True),
        candidates(declared, slice_of(place="town")).sort_values("visit", ignore_index=True),
    )


def test_the_doctor_says_what_a_log_by_slice_lacks(shop: Callable[..., Recommender], tmp_path: Path) -> None:
    shop(None, ('inclusion = "chance"\n', ""), ('["place", "door"]]\n', '["place", "dor"]]\n'))
    advice = check(tmp_path / "recsysops.toml", environment={}, at=END)
    by_place = {one.where: one for one in advice if one.where.startswith("models.shelf.")}
    assert "estimates are biased" in by_place["models.shelf.inclusion"].says
    assert 'has no column "dor"' in by_place["models.shelf.logging"].says
    assert "door" in by_place["models.shelf.logging"].fix


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (
            'requests = "visits"',
            'requests = "vists"',
            'models.shelf.logging.requests: "vists" is not declared',
        ),
        (f"k = {K}", "k = 0", "models.shelf.logging.k"),
        (f"share = {SHARE}", "share = 0.0", "models.shelf.logging.share"),
        (f"max_rate = {RATE}", "max_rat = 0.1", "unknown key; did you mean max_rate"),
        ('window = "1h"\n"""', 'window = "0s"\n"""', ""),
    ],
)
def test_a_wrong_declaration_says_its_line_and_what_would_be_right(
    shop: Callable[..., Recommender], was: str, now: str, says: str
) -> None:
    if not says:
        was, now, says = f'max_rate = {RATE}\nwindow = "1h"', 'window = "0s"', "longer than nothing"
    with pytest.raises(ConfigurationError) as refused:
        shop(None, (was, now))
    assert says.split(";")[0] in str(refused.value)


@given(st.integers(1, 60), st.floats(0.001, 0.2), st.floats(0.01, 1.0), st.integers(1, 30_000))
@settings(deadline=None)
def test_the_plan_of_a_slice_is_the_sum_over_its_requests(
    k: int, share: float, rate: float, size: int
) -> None:
    cells = pd.DataFrame({"window": [0], "place": ["a"], "requests": [float(size)]})
    planned = plan_coverage(cells, Logging(dimensions=("place",), share=share, k=k, max_rate=rate))
    chance = np.maximum(share, np.minimum(rate, k / (np.arange(size) + 0.5)))
    assert planned.logged == pytest.approx(chance.sum(), rel=0.02, abs=1)
    (one,) = planned.slices
    assert one.effective == pytest.approx(size**2 / (1 / chance).sum(), rel=0.03, abs=0.5)
    assert size < k / rate or one.effective >= 0.99 * k


def test_the_terminal_plans_and_looks_and_prints_json(
    shop: Callable[..., Recommender],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop()
    terminal = Terminal(monkeypatch, capsys, {})
    at = ("--file", tmp_path / "recsysops.toml", "--at", "2026-04-07T12:00Z", "--days", "0.25")
    said = terminal("logging", "plan", *at, "--k", "20", "--limit", "3").out
    assert "shelf, from `visits`: 6 windows of 60 minutes, 2026-04-07 06:00 to 2026-04-07 12:00 UTC" in said
    assert "With share = 0.02, k = 20, max_rate = 0.2:" in said
    assert "120,000 requests" in said
    assert "Uniform log" in said
    plan = terminal("logging", "plan", *at, "--dimension", "place,door", "--json").json["plan"]
    assert {len(one["slice"]) for one in plan["slices"]} == {2}
    said = terminal("logging", "coverage", *at).out
    assert "30,000 were counted" in said
    assert "place = moon" in said
    held = terminal("logging", "coverage", *at, "--json").json["coverage"]
    assert held["requests"] == VISITS
    refused = terminal("logging", "plan", *at, "--requests", "vists", code=2)
    assert 'table "vists" is not declared; did you mean' in refused.err
    refused = terminal("logging", "plan", *at, "--share", "0", code=2)
    assert "models.shelf.logging.share" in refused.err

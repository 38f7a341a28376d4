"""What is logged: lost, doubled, under another time or name, or rightly more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material, Release, Rows
from domain.diagnosis.pairing import AT, Pair, match
from domain.diagnosis.two_by_two import Part, TwoByTwo
from domain.recommender.planned import Planned
from domain.values import Slice, slice_of
from tests.domain.diagnosis.shop import (
    APP_NORTH,
    DIMENSIONS,
    NOW,
    ONSET,
    Shop,
    Weighted,
    answer,
    catalogue,
    cause_of,
    delivery,
    serve,
    shop,
)

SOLD = ("basket_id", "sku")


@pytest.fixture(scope="module")
def healthy() -> Shop:
    right = catalogue()
    return Shop(right, serve(right, Weighted(), 1_800, 0), serve(right, Weighted(), 1_200, 10_000))


@pytest.fixture(scope="module")
def sold(healthy: Shop) -> pd.DataFrame:
    rows = pd.concat([healthy.before, healthy.now])
    return rows.loc[rows["shown"], ["basket_id", "sku", AT, *DIMENSIONS]].reset_index(drop=True)


def since(rows: pd.DataFrame) -> pd.Series:
    return rows[AT] >= pd.Timestamp(ONSET)


def written(healthy: Shop, rows: pd.DataFrame, right: pd.DataFrame, where: Slice, *pairs: Pair) -> Material:
    """The table as it was written, against what was expected of so many requests."""
    names = list(DIMENSIONS)
    now = rows[since(rows)].groupby(names).size().rename("observed")
    then = right[~since(right)].groupby(names).size().rename("expected") * (1_200 / 1_800)
    cells = pd.concat([now, then], axis=1).fillna(0.0).reset_index()
    held = cells
    for name, value in where:
        held = held[held[name] == value]
    finding = healthy.finding(
        where, table="sales", observed=held["observed"].sum(), expected=held["expected"].sum()
    )
    return healthy.material(
        finding, cells=cells, pairs=pairs, rows=Rows(SOLD, rows), candidates=None, candidates_before=None
    )


def in_app_north(rows: pd.DataFrame) -> pd.Series:
    return since(rows) & (rows["device"] == "app") & (rows["region"] == "north")


def test_requests_that_the_app_no_longer_logs_are_logging(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = sold[~in_app_north(sold)]
    ranked = pd.concat([healthy.before, healthy.now]).drop_duplicates("basket_id")
    ranked = ranked[["basket_id", AT, "device", "region"]]
    pair = Pair("candidates", "upstream", ("basket_id",), rows, ranked)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert cause_of(found) == ("logging", "sales", APP_NORTH)
    assert found.cause is not None
    assert "they were served, and not logged" in found.cause


@pytest.mark.parametrize(("expected", "cause"), [(-0.02, "logging"), (-1.5, "unknown")])
def test_that_less_is_sold_since_the_model_ranks_worse_is_no_loss_of_the_log(
    healthy: Shop, sold: pd.DataFrame, expected: float, cause: str
) -> None:
    """A request of which nothing is sold any more is in no table of sales."""
    left = np.random.default_rng(5).random(len(sold)) < 0.1
    rows = sold[~in_app_north(sold) | left]
    ranked = pd.concat([healthy.before, healthy.now]).drop_duplicates("basket_id")
    pair = Pair("candidates", "upstream", ("basket_id",), rows, ranked[["basket_id", AT, "device", "region"]])
    parts = (Part("input", expected, expected - 0.1, expected + 0.1),)
    split = TwoByTwo(
        APP_NORTH, "predicted choices", 90, 90, 2.0, 2.0 + expected, -0.1, 0.1, parts, "v7", same=True
    )
    found = diagnose(replace(written(healthy, rows, sold, APP_NORTH, pair), two_by_two=split))
    assert found.cause_kind == cause


def test_a_feed_that_loses_half_of_a_slice_is_a_feed(healthy: Shop, sold: pd.DataFrame) -> None:
    chance = np.random.default_rng(8)
    rows = sold[~(in_app_north(sold) & (chance.random(len(sold)) < 0.55))]
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert cause_of(found) == ("feed", "sales", APP_NORTH)
    assert found.cause is not None
    assert "its standby `sales_standby` is complete" in found.cause


def test_a_feed_that_lost_rows_is_named_though_the_hours_before_were_half_as_busy(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    """In the morning: the check knows of it, the cells that were counted before do not."""
    rows = sold[~(since(sold) & (np.random.default_rng(8).random(len(sold)) < 0.5))]
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    material = written(healthy, rows, sold, (), pair)
    assert material.cells is not None
    quiet = material.cells.assign(expected=material.cells["expected"] * 0.5)
    found = diagnose(replace(material, cells=quiet))
    assert cause_of(found) == ("feed", "sales", ())
    assert "of the rows are lost" in str(found.candidates[0].answers[2].words)


@pytest.mark.parametrize("where", [(), APP_NORTH])
def test_sales_written_an_hour_early_are_a_shift_of_time_and_no_loss(
    healthy: Shop, sold: pd.DataFrame, where: Slice
) -> None:
    hit = in_app_north(sold) if where else since(sold)
    rows = sold.assign(**{AT: sold[AT].mask(hit, sold[AT] - pd.Timedelta(hours=1))})
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, where, pair))
    assert cause_of(found) == ("time_shift", "sales", where)
    assert found.title is not None
    assert "1 h early" in found.title
    assert not [one for one in found.candidates if one.kind == "feed"]


def test_a_clock_that_is_off_is_distinguished_from_sales_that_come_late(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    """A basket is shown, and bought a while later: nobody's clock is exact about another's."""
    chance = np.random.default_rng(6)
    later = sold.assign(**{AT: sold[AT] + pd.to_timedelta(chance.exponential(12, len(sold)), "min")})
    pair = Pair("shown", "upstream", SOLD, later, sold)
    assert cause_of(diagnose(written(healthy, later, later, APP_NORTH, pair)))[0] == "unknown"
    early = later.assign(**{AT: later[AT].mask(in_app_north(sold), later[AT] - pd.Timedelta(hours=2))})
    found = diagnose(written(healthy, early, later, APP_NORTH, replace(pair, mine=early)))
    assert cause_of(found) == ("time_shift", "sales", APP_NORTH)


@pytest.mark.parametrize("table", ["shown", "sales"])
@pytest.mark.parametrize("minutes", [20, -20])
def test_of_two_tables_the_one_whose_rows_left_a_gap_has_the_wrong_time(
    healthy: Shop, sold: pd.DataFrame, minutes: int, table: str
) -> None:
    """Long after the onset both have rows again: that they differ says not which of them is off."""
    off = sold.assign(**{AT: sold[AT].mask(in_app_north(sold), sold[AT] + pd.Timedelta(minutes=minutes))})
    near, far = off[off[AT] <= sold[AT].max()], off.loc[off[AT] > sold[AT].max(), [*SOLD, AT]]
    pairs = {
        "shown": Pair("shown", "beside", SOLD, sold, near, strayed=far),
        "sales": Pair("shown", "beside", SOLD, near, sold, moved=far, strayed=far.head(0)),
    }
    material = written(healthy, sold, sold, APP_NORTH, pairs[table])
    numbers = {"observed": 0.95, "expected": 0.01, "unit": "share", "window_start": ONSET}
    finding = material.finding.model_copy(update=numbers)
    found = diagnose(replace(material, finding=finding, lacking="shown"))
    assert {(one.kind, one.object) for one in found.candidates} == {("time_shift", table)}


def test_a_clock_that_went_wrong_late_in_the_window_before_is_named_where_no_onset_is_known(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    began = (sold[AT] >= ONSET - timedelta(minutes=12)) & (sold["region"] == "north")
    late = sold.assign(**{AT: sold[AT].mask(began, sold[AT] + pd.Timedelta(hours=1))})
    near, far = late[late[AT] <= sold[AT].max()], late.loc[late[AT] > sold[AT].max(), [*SOLD, AT]]
    read = sold[sold[AT] >= ONSET - timedelta(minutes=80)]
    pair = Pair("shown", "beside", SOLD, read, near, strayed=far)
    material = written(healthy, sold, sold, slice_of(region="north"), pair)
    numbers = {"observed": 0.95, "expected": 0.01, "unit": "share", "window_start": ONSET}
    finding = material.finding.model_copy(update=numbers)
    found = diagnose(replace(material, finding=finding, series=None, lacking="shown"))
    assert cause_of(found) == ("time_shift", "shown", slice_of(region="north"))


def test_rows_that_come_twice_in_one_region_are_duplicates(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, slice_of(region="south"), pair))
    assert cause_of(found) == ("duplicate", "sales", slice_of(region="south"))


def test_a_finding_of_repeated_rows_is_the_cause_though_nothing_says_since_when(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    material = written(healthy, rows, sold, slice_of(region="south"))
    finding = material.finding.model_copy(update={"subject": "basket_id + sku", "window_start": ONSET})
    found = diagnose(replace(material, finding=finding, cells=None, series=None, fault="duplicate"))
    assert cause_of(found) == ("duplicate", "sales", slice_of(region="south"))
    assert found.since == ONSET


def test_what_began_late_in_the_window_before_is_no_part_of_what_is_usual(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    """Of sixteen-minute windows the first that is wrong as a whole is reported; two minutes were before."""
    window, began = timedelta(minutes=16), ONSET - timedelta(minutes=2)
    read = sold[sold[AT] >= pd.Timestamp(ONSET - timedelta(minutes=40))]
    late = read[AT] >= pd.Timestamp(began)
    rows = read.assign(**{AT: read[AT].mask(late, read[AT] - pd.Timedelta(hours=1))})
    pair = Pair("sales_standby", "standby", SOLD, rows, read)
    at_once, from_then = match(pair, ONSET), match(pair, ONSET, ONSET - window)
    assert at_once is not None and from_then is not None
    off = [one.rows.loc[one.rows["right"], "later"].abs().quantile(0.99) for one in (at_once, from_then)]
    assert off[0] > 3_000
    assert off[1] < 60
    assert (from_then.rows["now"] | from_then.rows["right"]).mean() < 1


def test_a_brand_that_goes_by_another_name_is_a_renaming() -> None:
    items = catalogue()
    items["brand"] = items["brand"].replace("Alba", "ALBA GmbH")
    spoilt = shop(items)
    found = diagnose(spoilt.material(spoilt.finding(slice_of(brand="Alba")), snapshots=delivery(items)))
    assert cause_of(found) == ("renaming", "brand", slice_of(brand="Alba"))


def test_a_name_that_the_model_never_learned_is_a_renaming_though_less_of_it_is_shown() -> None:
    """All brands but the new one are liked: of what Alba lost a third is shown under its new name."""
    items = catalogue()
    items["brand"] = items["brand"].replace("Alba", "ALBA GmbH")
    spoilt = shop(
        items, fed=lambda rows: rows.assign(taste=rows["taste"] - 2 * (rows["brand"] == "ALBA GmbH"))
    )
    finding = spoilt.finding(slice_of(brand="Alba"))
    found = diagnose(spoilt.material(finding, snapshots=delivery(items)))
    assert cause_of(found) == ("renaming", "brand", slice_of(brand="Alba"))
    assert "have the new name" in str(found.cause)


@pytest.mark.parametrize(("scatter", "named"), [(0.0, True), (12.0, False)])
def test_rows_that_came_by_the_clock_are_a_feed_that_stopped(
    healthy: Shop, scatter: float, *, named: bool
) -> None:
    """Where they come as people ask, less may be asked for, and nothing says which it is."""
    starts = pd.date_range(NOW - timedelta(hours=6), NOW, freq="15min", inclusive="left")
    usual = 140.0 + np.random.default_rng(5).normal(0, 1, len(starts)) * scatter
    observed = np.where(starts >= pd.Timestamp(ONSET), 0.0, usual)
    counted = pd.DataFrame({"window_start": starts, "observed": observed, "expected": usual})
    finding = healthy.finding(APP_NORTH, table="stock", observed=0.0, expected=140.0)
    material = healthy.material(finding, cells=None, series=counted, candidates=None, candidates_before=None)
    found = diagnose(material)
    assert (found.cause is not None) == named
    if named:
        assert cause_of(found) == ("feed", "stock", APP_NORTH)
        assert "as a program writes them" in str(found.cause)


def half_of_the_north(healthy: Shop, sold: pd.DataFrame) -> tuple[pd.DataFrame, Pair]:
    """A holiday there: half of the requests do not happen, in any table."""
    gone = since(sold) & (sold["region"] == "north") & (sold["basket_id"] % 2 == 0)
    rows = sold[~gone]
    return rows, Pair("candidates", "upstream", ("basket_id",), rows, rows.drop_duplicates("basket_id"))


def test_a_holiday_is_no_fault(healthy: Shop, sold: pd.DataFrame) -> None:
    rows, pair = half_of_the_north(healthy, sold)
    material = written(healthy, rows, sold, slice_of(region="north"), pair)
    found = diagnose(material)
    assert (found.cause, found.cause_kind) == (None, "unknown")
    assert found.slices == (slice_of(region="north"),)


def test_an_announced_event_is_a_candidate_of_the_world(healthy: Shop, sold: pd.DataFrame) -> None:
    rows, pair = half_of_the_north(healthy, sold)
    material = written(healthy, rows, sold, slice_of(region="north"), pair)
    holiday = Planned.model_validate(
        {"name": "May Day", "from": ONSET, "to": NOW, "slices": [{"region": "north"}]}
    )
    found = diagnose(Material(**{**vars(material), "planned": (holiday,)}))
    assert found.cause_kind in ("world", "unknown")
    assert found.candidates[0].kind == "world"
    assert answer(found.candidates[0], "where") is True


def test_a_release_that_has_the_rows_of_a_surge_is_the_world(healthy: Shop, sold: pd.DataFrame) -> None:
    tea = sold[since(sold) & (sold["category"] == "tea")].head(900)
    rows = pd.concat([sold, tea.assign(sku="sku-new", basket_id=tea["basket_id"] + 1_000_000)])
    material = written(healthy, rows, sold, slice_of(category="tea"))
    out = Release("sku-new", ONSET - timedelta(minutes=5), 900.0)
    found = diagnose(Material(**{**vars(material), "releases": (out,)}))
    assert cause_of(found) == ("world", "sku-new", slice_of(category="tea"))


def test_two_faults_of_equal_weight_are_both_reported_and_neither_is_named(
    healthy: Shop, sold: pd.DataFrame
) -> None:
    """Half of what the slice lacks was lost by the feed, the other half is written an hour early."""
    hit = in_app_north(sold)
    late = hit & (sold["basket_id"] % 2 == 0)
    rows = sold[~(hit & ~late)].copy()
    rows.loc[late[rows.index], AT] -= pd.Timedelta(hours=1)
    pair = Pair("sales_standby", "standby", SOLD, rows, sold)
    found = diagnose(written(healthy, rows, sold, APP_NORTH, pair))
    assert {one.kind for one in found.candidates} == {"feed", "time_shift"}
    assert found.cause is None or {"feed", "time_shift"} >= {found.cause_kind}


def test_a_kind_that_fails_says_so_and_takes_no_other_with_it(healthy: Shop, sold: pd.DataFrame) -> None:
    rows = pd.concat([sold, sold[since(sold) & (sold["region"] == "south")]], ignore_index=True)
    broken = Pair("sales_standby", "standby", ("no_such_column",), rows, sold)
    found = diagnose(written(healthy, rows, sold, slice_of(region="south"), broken))
    assert found.cause_kind == "duplicate"
    assert any("“feed” could not be determined" in line.statement for line in found.evidence)

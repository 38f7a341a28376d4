"""Findings that share slice, table, time or lineage have one cause; what is unrelated has its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.detection.correlate.same_cause import crossing, same_cause
from domain.recommender.lineage import lineage
from domain.recommender.model import Model
from domain.recommender.table import Table
from domain.values import Slice, slice_of
from tests.domain.detection.correlate.test_explained import FRANCE, finding

TABLES = {
    "views": (),
    "plays": ("views",),
    "training": ("plays",),
    "ratings": ("views",),
    "billing": ("orders",),
    "orders": (),
    "lessons": ("plays",),  # the loop that every recommender is
}
RANKER = Model(name="ranker", path="r", features=("age",), candidates="views", learned_from=("lessons",))
DECLARED = {name: Table(name=name, path="p", upstream=up) for name, up in TABLES.items()}
ABOVE = lineage(DECLARED, (RANKER,))
SLICE, WHOLE = finding(FRANCE, 30, 90), finding((), 300, 900)
COLUMN = {
    "check": "missing",
    "subject": "language",
    "unit": "rows without language",
    "observed": 60.0,
    "expected": 1.0,
}
SILENT = {"check": "fresh", "unit": "seconds", "observed": 900.0, "expected": 60.0}
BLIND = {"subject": "check fault", "unit": "looks", "observed": 0.0, "expected": 1.0}


@pytest.mark.parametrize(
    ("changes", "shares"),
    [
        ({"table": "plays"}, "downstream"),
        ({"table": "training"}, "downstream"),  # however indirectly
        ({"table": "plays", "slice": ()}, "downstream"),
        ({"table": "plays", "slice": slice_of(country="France", device="tv")}, "downstream"),
        ({"table": "plays", **SILENT}, "downstream"),
        ({"table": "plays", **COLUMN}, "downstream"),
        ({"table": "plays", "observed": 200.0}, None),  # more, where the other is less
        ({"table": "plays", "slice": slice_of(country="Spain")}, None),
        # What took the place of what is not shown.
        ({"table": "plays", "slice": slice_of(country="Spain"), "observed": 200.0}, "downstream"),
        ({"table": "plays", "slice": slice_of(device="tv"), "observed": 200.0}, None),
        ({"table": "plays", "slice": slice_of(device="tv")}, None),  # nothing says it is the same people
        ({"table": "plays", "kind": "predicted"}, None),
        ({"table": "orders"}, "slice"),  # the same slice at the same time
        ({"table": "orders", **SILENT}, None),
        ({"slice": slice_of(country="France", device="tv")}, "slice"),
        ({"slice": ()}, None),  # a whole table is not reported as one of its slices
        ({"check": "another"}, "slice"),
        (COLUMN, "slice"),
        ({**COLUMN, "slice": slice_of(country="Spain")}, None),
        (BLIND, None),
        ({}, None),  # the very same finding repeats; it is not elsewhere
    ],
)
def test_what_one_fault_of_a_slice_does_elsewhere(changes: dict[str, object], shares: str | None) -> None:
    other = SLICE.model_copy(update=changes)
    assert same_cause(SLICE, SLICE, SLICE.window_end, other, ABOVE) == shares


@pytest.mark.parametrize(
    ("changes", "shares"),
    [
        ({"table": "plays"}, "downstream"),
        ({"table": "plays", "slice": FRANCE}, "downstream"),
        ({"table": "orders"}, None),  # what is declared says that they have nothing to do with each other
        (SILENT, "table"),  # a table that is silent also lacks rows
        (COLUMN, None),
    ],
)
def test_what_one_fault_of_a_whole_table_does_elsewhere(
    changes: dict[str, object], shares: str | None
) -> None:
    other = WHOLE.model_copy(update=changes)
    assert same_cause(WHOLE, WHOLE, WHOLE.window_end, other, ABOVE) == shares


def test_the_cause_that_is_seen_later_joins_what_came_of_it_and_so_does_its_sibling() -> None:
    plays, ratings = (WHOLE.model_copy(update={"table": table}) for table in ("plays", "ratings"))
    assert same_cause(plays, plays, plays.window_end, WHOLE, ABOVE) == "upstream"
    assert same_cause(plays, plays, plays.window_end, ratings, ABOVE) == "slice"


@pytest.mark.parametrize("table", ["views", "plays", "training"])
@pytest.mark.parametrize("changes", [{"observed": 10.0}, {"observed": 900.0}])
def test_what_a_model_learned_wrongly_of_one_slice_shows_in_any_other_that_it_serves(
    table: str, changes: dict[str, object]
) -> None:
    mobile = slice_of(device="mobile")
    learned = SLICE.model_copy(update={**COLUMN, "table": "lessons", "slice": mobile})
    shown = SLICE.model_copy(update={"table": table, **changes})
    assert same_cause(learned, learned, learned.window_end, shown, ABOVE) == "downstream"
    assert same_cause(shown, shown, shown.window_end, learned, ABOVE) == "upstream"


def test_what_a_model_learned_wrongly_says_nothing_of_what_it_does_not_serve() -> None:
    learned = SLICE.model_copy(update={**COLUMN, "table": "lessons", "slice": slice_of(device="mobile")})
    orders = SLICE.model_copy(update={"table": "orders"})
    assert same_cause(learned, learned, learned.window_end, orders, ABOVE) is None


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"table": "plays"}, slice_of(country="France", device="tv")),
        ({"table": "training"}, slice_of(country="France", device="tv")),
        ({"table": "orders"}, None),
        ({"table": "plays", "observed": 200.0}, None),  # more, where the other is less
        ({"table": "plays", "slice": ()}, None),  # a whole table crosses nothing
        ({"table": "plays", "slice": slice_of(country="France", device="tv")}, None),  # lies within
        ({"table": "plays", "slice": slice_of(country="Spain", device="tv")}, None),
        ({"table": "plays", **COLUMN}, None),
        ({"table": "plays", "unit": "minutes, mean"}, None),  # no part of a mean lies anywhere
        ({"table": "plays", "kind": "predicted"}, None),
    ],
)
def test_where_two_slices_cross_is_asked_only_of_rows_that_both_lack(
    changes: dict[str, object], where: Slice | None
) -> None:
    other = SLICE.model_copy(update={"slice": slice_of(device="tv"), **changes})
    assert crossing(SLICE, SLICE, SLICE.window_end, other, ABOVE) == where


def test_a_column_that_is_wrong_in_one_slice_may_be_what_another_slice_lacks_further_down() -> None:
    column = SLICE.model_copy(update=COLUMN)
    plays = SLICE.model_copy(update={"table": "plays", "slice": slice_of(device="tv")})
    where = slice_of(country="France", device="tv")
    assert crossing(column, column, column.window_end, plays, ABOVE) == where
    more = plays.model_copy(update={"observed": 200.0})
    assert crossing(column, column, column.window_end, more, ABOVE) is None
    blind = SLICE.model_copy(update=BLIND)
    assert crossing(blind, blind, blind.window_end, plays, ABOVE) is None


def test_two_whole_tables_of_which_nothing_is_declared_have_one_cause_as_before() -> None:
    assert same_cause(WHOLE, WHOLE, WHOLE.window_end, WHOLE.model_copy(update={"table": "orders"})) == "slice"


def test_a_column_unset_in_a_table_and_its_drift_are_one_and_another_column_is_another() -> None:
    unset = WHOLE.model_copy(update=COLUMN)
    drift = unset.model_copy(update={"check": "drift", "unit": "rows elsewhere in language", "slice": FRANCE})
    assert same_cause(unset, unset, unset.window_end, drift, ABOVE) == "column"
    rating = drift.model_copy(update={"subject": "rating"})
    assert same_cause(unset, unset, unset.window_end, rating, ABOVE) is None


def test_a_table_that_cannot_be_read_blinds_all_of_its_checks_at_once() -> None:
    blind = WHOLE.model_copy(update=BLIND)
    other = blind.model_copy(update={"check": "another"})
    assert same_cause(blind, blind, blind.window_end, other, ABOVE) == "table"
    elsewhere = other.model_copy(update={"table": "plays"})
    assert same_cause(blind, blind, blind.window_end, elsewhere, ABOVE) is None


def test_the_same_slice_of_another_day_has_a_cause_of_its_own() -> None:
    later = finding(FRANCE, 30, 90, hours=24).model_copy(update={"table": "plays"})
    assert same_cause(SLICE, SLICE, SLICE.window_end, later, ABOVE) is None
    assert same_cause(SLICE, SLICE, SLICE.window_end + timedelta(hours=25), later, ABOVE) == "downstream"


@pytest.mark.parametrize(
    ("starts", "lasts", "shares"),
    [(-60, 60, None), (-60, 61, "downstream"), (60, 60, None), (59, 60, "downstream"), (-120, 30, None)],
)
def test_windows_that_only_touch_have_nothing_in_common(starts: int, lasts: int, shares: str | None) -> None:
    start = SLICE.window_start + timedelta(minutes=starts)
    window = {"window_start": start, "window_end": start + timedelta(minutes=lasts)}
    other = SLICE.model_copy(update={"table": "plays", **window})
    assert same_cause(SLICE, SLICE, SLICE.window_end, other, ABOVE) == shares


def test_rows_that_are_missing_are_not_why_another_check_of_their_table_cannot_look() -> None:
    blind = SLICE.model_copy(update=BLIND)
    assert same_cause(blind, blind, blind.window_end, SLICE, ABOVE) is None
    assert same_cause(SLICE, SLICE, SLICE.window_end, blind, ABOVE) is None

"""A renamed value is told apart from a lost one, also where only some of its rows are renamed."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.changes.renamed import AS_MANY, Renamed, renamed


def cells(**rows: tuple[float, float]) -> pd.DataFrame:
    """Value → observed and expected rows."""
    held = [(value.replace("__", " "), *both) for value, both in rows.items()]
    return pd.DataFrame(held, columns=["app", "observed", "expected"])


@pytest.mark.parametrize("new", ["Android", "ANDROID", "an_droid", "android "])
def test_a_release_that_writes_a_value_otherwise_renames_a_part_of_it(new: str) -> None:
    frame = cells(web=(800, 800), ios=(300, 300), android=(330, 600), New=(265, 0)).replace("New", new)
    assert renamed(frame, ["app"]) == (Renamed("app", "android", new, lost=270, gained=265, share=265 / 600),)


def test_all_of_it_is_no_part() -> None:
    (found,) = renamed(cells(web=(800, 800), android=(0, 600), Android=(590, 0)), ["app"])
    assert (found.old, found.new, found.share) == ("android", "Android", 1.0)


def test_the_only_value_that_vanished_may_scatter_more_than_others() -> None:
    """Of two that vanished, either may be the new one."""
    one = cells(web=(800, 800), android=(0, 600), kiosk=(350, 0))
    two = cells(web=(800, 800), android=(0, 600), tv=(0, 580), kiosk=(350, 0))
    far = cells(web=(800, 800), android=(0, 600), kiosk=(250, 0))
    assert [(found.old, found.new) for found in renamed(one, ["app"])] == [("android", "kiosk")]
    assert renamed(two, ["app"]) == renamed(far, ["app"]) == ()


@pytest.mark.parametrize(
    "frame",
    [
        cells(web=(800, 800), android=(330, 600), kiosk=(265, 0)),
        cells(web=(800, 800), android=(600, 600), Android=(265, 0)),
        cells(web=(800, 800), android=(330, 600), Android=(40, 0)),
        cells(web=(800, 800), android=(330, 600), Android=(265, 250)),
    ],
    ids=["spelled otherwise", "nothing is lost", "less came than went", "it is not new"],
)
def test_what_is_lost_and_what_is_new_are_two_things(frame: pd.DataFrame) -> None:
    assert renamed(frame, ["app"]) == ()


@given(due=st.integers(200, 5_000), share=st.floats(0.2, 0.9), off=st.floats(-0.9 * AS_MANY, 0.9 * AS_MANY))
def test_however_large_the_part_it_is_found(due: int, share: float, off: float) -> None:
    gone = round(share * due)
    frame = cells(web=(3_000, 3_000), android=(due - gone, due), Android=(round(gone / (1 + off)), 0))
    assert [(one.old, one.new) for one in renamed(frame, ["app"])] == [("android", "Android")]

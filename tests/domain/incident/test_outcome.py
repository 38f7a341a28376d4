"""What a hotfix repaired, compared with its promise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.incident.outcome import against_promise, repaired
from domain.incident.state import Hotfix
from domain.values import Option
from tests.domain.incident.given import MORNING, option

PROMISE = option().repairs
"""96 % [93–98], as a share."""


def done(share: float | None, low: float | None = None, high: float | None = None) -> Hotfix:
    return Hotfix(
        option="fill",
        stage="verified",
        event_id="e",
        at=MORNING,
        chosen_by="slack:U",
        repaired_share=share,
        low=low,
        high=high,
    )


def in_percent() -> Option:
    values = {"value": 96.0, "low": 93.0, "high": 98.0, "unit": "%"}
    return option().model_copy(update={"repairs": PROMISE.model_copy(update=values)})


@pytest.mark.parametrize("promised", [option(), in_percent()])
def test_it_is_said_in_the_unit_of_the_promise_and_held_against_it(promised: Option) -> None:
    assert repaired(done(0.94, 0.9, 0.98), promised) == "94 % [90–98]"
    assert against_promise(done(0.94, 0.9, 0.98), promised) == "inside the promise"
    assert against_promise(done(0.61, 0.52, 0.69), promised) == "below the promise"
    assert against_promise(done(0.99, 0.95, 1.03), promised) == "above the promise"


def test_what_chance_may_explain_is_said_to_be_so_and_so_is_what_has_no_interval() -> None:
    assert against_promise(done(0.92, 0.88, 0.96), option()) == "below the promise, which chance may explain"
    assert against_promise(done(0.92), option()) == "below the promise, which chance may explain"
    assert repaired(done(0.92), option()) == "92 %"


def test_where_nothing_was_promised_or_measured_nothing_is_said() -> None:
    unknown = PROMISE.model_copy(update={"value": None, "low": None, "high": None})
    assert against_promise(done(0.92), option().model_copy(update={"repairs": unknown})) is None
    assert against_promise(done(None), option()) is None
    assert repaired(done(None), option()) is None
    assert against_promise(done(0.92), None) is None


@given(st.floats(-1, 2), st.floats(0, 0.5))
def test_inside_is_said_of_nothing_outside_and_surely_below_of_nothing_that_may_be_inside(
    share: float, half: float
) -> None:
    said = against_promise(done(share, share - half, share + half), option())
    assert (said == "inside the promise") == (0.93 <= share <= 0.98)
    surely = (share - 0.955) ** 2 - (half * 1.6449 / 1.96) ** 2 > 0.025**2
    assert (said == "below the promise") <= (share < 0.93 and surely)
    assert (said == "below the promise, which chance may explain") <= (share < 0.93)

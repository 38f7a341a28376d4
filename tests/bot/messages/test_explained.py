"""Diversity is among an option's details, and on its line where the change is large and certain."""

from __future__ import annotations

import pytest

from bot.messages.incident.explained import explained
from bot.messages.incident.menu import line
from domain.values import Estimate
from tests.domain.incident.given import option


def varied(value: float, low: float, high: float) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, unit="% different items", basis="412 → 361 items in effect"
    )


@pytest.mark.parametrize(
    ("found", "on_the_line"),
    [
        (varied(-12.4, -14.9, -10.1), True),
        (varied(-4.0, -5.0, -3.0), False),
        (varied(-12.4, -30.0, 5.0), False),
    ],
)
def test_it_is_shown_on_the_line_where_it_matters_and_in_the_details_always(
    found: Estimate, *, on_the_line: bool
) -> None:
    one = option().model_copy(update={"variety": found, "hold_out": 0.01})
    assert ("fewer different items" in line(one, 0).replace("\u00a0", " ")) is on_the_line
    details = dict(explained(one))
    assert details["Diversity"].endswith("different items (412 → 361 items in effect)")
    assert details["Hold-out"] == "1 % of members held out"
    assert details["Repairs"].startswith("96 % [93–98]")


def test_what_is_not_known_is_not_among_the_details() -> None:
    details = dict(explained(option()))
    assert not {"Diversity", "Other items", "Stages", "Hold-out", "In all"} & set(details)
    assert details["Everyone else"].startswith("loses 0.3 % [0.2–0.4] of plays elsewhere")

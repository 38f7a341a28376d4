"""A measurement is described as the title describes it, whatever it measures."""

from __future__ import annotations

from typing import Any

import pytest

from domain.incident.comparison import change, compared
from tests.domain.incident.given import FINDING


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({}, "29 rows where 100 were expected (−71 %)"),
        ({"low": 80, "high": 120}, "29 rows where 100 were expected (−71 %), usually 80–120"),
        ({"observed": 350}, "350 rows where 100 were expected (3.5 times as much)"),
        ({"observed": 1008, "expected": 0.02}, "1,008 rows where almost none were expected"),
        ({"observed": 12, "expected": 0}, "12 rows where none were expected"),
        (
            {"observed": 5400, "expected": 600, "low": 0, "high": 3600, "unit": "seconds"},
            "1 h 30 min where 10 min was expected, usually 0 s to 1 h",
        ),
        (
            {"observed": 0.041, "expected": 0.012, "low": 0.01, "high": 0.014, "unit": "stalled per viewers"},
            "stalled per viewers 4.1 % where 1.2 % was expected (3.4 times as much), usually 1.0–1.4 %",
        ),
        (
            {
                "observed": 3.27,
                "expected": 11.0,
                "unit": "mean minutes",
                "title": "plays: mean minutes 3.27, usually 11",
            },
            "mean minutes 3.27 where 11 was expected (−70 %)",
        ),
    ],
)
def test_the_body_says_the_number_of_the_title_in_its_unit(measured: dict[str, Any], words: str) -> None:
    titled = {"title": "plays: stalled per viewers 4.1 %, usually 1.2 %", **measured}
    assert compared(FINDING.model_copy(update=titled)) == words


def test_a_multiple_begins_where_a_percentage_is_hard_to_read() -> None:
    assert [change(one) for one in (-1.0, 0.4, 1.9, 2.0, 25.0)] == [
        "−100 %",
        "+40 %",
        "+190 %",
        "3.0 times as much",
        "26 times as much",
    ]

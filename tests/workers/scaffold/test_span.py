from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from workers.scaffold.span import Span, window_of

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "rows_a_minute", "effective", "window"),
    [
        (8, 150.0, 3.0, timedelta(minutes=1)),
        (8, 30.0, 3.0, timedelta(minutes=5)),
        (8, 30.0, 12.0, timedelta(minutes=15)),
        (8, 2.0, 3.0, timedelta(hours=1)),
        (8, 0.1, 3.0, timedelta(days=1)),
        (2, 150.0, 3.0, timedelta(hours=1)),
    ],
)
def test_the_window_is_the_shortest_that_the_quiet_counts_carry(
    days: int, rows_a_minute: float, effective: float, window: timedelta
) -> None:
    minutes = np.full(days * 1_440, rows_a_minute)
    span = Span(FIRST, FIRST + timedelta(days=days), int(minutes.sum()), minutes)
    assert window_of(span, effective)[0] == window

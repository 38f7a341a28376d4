from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recommender.keys.duration import name_duration, parse_duration


@given(st.integers(0, 10**7).map(lambda s: timedelta(seconds=s)))
def test_what_is_written_is_read_back(length: timedelta) -> None:
    assert parse_duration(name_duration(length)) == length


@pytest.mark.parametrize("text", ["", "soon", "10", "1 month", "-1m x"])
def test_what_is_not_a_length_of_time_says_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="write for instance 10s"):
        parse_duration(text)

"""What a slice lacks because one item ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.detection.correlate.item_end import ItemEnd
from tests.workers.conftest import make_finding

LACKS = make_finding(observed=100).model_copy(update={"expected": 300.0})
ENDED = ItemEnd("film", passing=True, left=0.03, due=190.0, rest=105.0, held=100)


def test_the_end_of_an_item_explains_its_slice_where_the_others_hold_what_they_held() -> None:
    assert ENDED.explains(LACKS, least_change=0.25)


@pytest.mark.parametrize(
    "end",
    [
        replace(ENDED, passing=False),
        replace(ENDED, left=0.3),  # it goes on elsewhere
        replace(ENDED, due=90.0),  # less than half of what is lacking
        replace(ENDED, rest=170.0),  # the others lost two fifths
    ],
)
def test_what_was_there_for_long_or_is_there_yet_or_was_little_or_not_alone_explains_nothing(
    end: ItemEnd,
) -> None:
    assert not end.explains(LACKS, least_change=0.25)


def test_of_a_handful_of_rows_what_chance_takes_is_not_held_against_the_others() -> None:
    assert replace(ENDED, rest=4.0, held=1).explains(LACKS, least_change=0.25)
    assert not replace(ENDED, rest=40.0, held=10).explains(LACKS, least_change=0.25)

"""The 28 tests of the ML Test Score, seven a section, each known by its id."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from domain.answer import Section
from domain.errors import Refused
from domain.improvement.rubric import BY_ID, RUBRIC, SECTIONS, criterion, reading
from domain.recommender.keys.evidences import TEST_IDS


def test_there_are_seven_tests_in_each_of_four_sections_and_a_declaration_knows_the_same() -> None:
    assert Counter(test.section for test in RUBRIC) == dict.fromkeys(get_args(Section), 7)
    assert tuple(test.id for test in RUBRIC) == TEST_IDS
    assert set(SECTIONS) == set(get_args(Section))
    assert len({test.name for test in RUBRIC}) == len({test.asks for test in RUBRIC}) == len(BY_ID) == 28


def test_a_test_that_there_is_not_is_refused_with_the_nearest() -> None:
    assert criterion("infra-7").name == "Serving models can be rolled back"
    with pytest.raises(Refused, match="no test 'infra_7'; did you mean infra-7"):
        criterion("infra_7")
    with pytest.raises(Refused, match="there are data-1 to data-7"):
        criterion("rollback")


@pytest.mark.parametrize("score", [half / 2 for half in range(15)])
def test_every_score_has_a_reading(score: float) -> None:
    assert reading(score)


def test_what_a_score_means_changes_at_the_steps_of_the_paper() -> None:
    steps = [half / 2 for half in range(1, 15) if reading(half / 2) != reading(half / 2 - 0.5)]
    assert steps == [0.5, 1.5, 2.5, 3.5, 5.5]

"""Numbers that are no longer numbers are found where they are, and a value that is always frequent is not."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.expect.reach import exploded_from
from domain.detection.judge.state import CheckState
from domain.detection.judge.wrong_rows import judge_rows, measure_rows
from domain.detection.kinds.rows.numeric import WORDS
from domain.recommender.check import Check
from domain.values import Finding

from ..rows import tally
from ..traffic import HOUR

CHECK = Check(name="numbers", kind="numeric", table="candidates")
FLAGS = ("score infinite", "score all alike")


def look(
    check: Check = CHECK, columns: tuple[str, ...] = FLAGS, **more: float | dict[str, float] | int
) -> tuple[Finding, ...]:
    return judge_rows(check, tally(columns=columns, width=HOUR, **more), CheckState(), None, WORDS).findings  # type: ignore[arg-type]


def test_infinite_scores_on_one_device_are_reported_there() -> None:
    (found,) = look(usual=0.0, now={"tv": 0.03})
    assert found.slice == (("device", "tv"),)
    assert found.subject == "score infinite"
    assert found.title.startswith("candidates where device = tv: score infinite in 3")
    assert found.title.endswith("of the rows, usually next to none")


def test_a_handful_is_reported_where_it_is_asked_for() -> None:
    assert look(usual=0.0, now={"tv": 0.006}, seed=4) == ()
    careful = CHECK.model_copy(update={"least_rows": 3.0})
    assert [one.slice for one in look(careful, usual=0.0, now={"tv": 0.006}, seed=4)] == [(("device", "tv"),)]


@pytest.mark.parametrize(("share", "reported"), [(0.3, 0), (0.45, 0), (0.7, 1), (1.0, 1)])
def test_one_value_is_reported_when_it_stands_for_most_rows(share: float, reported: int) -> None:
    found = look(columns=("score all alike",), usual=0.02, now={"web": share})
    assert len(found) == reported


def test_a_value_that_most_rows_always_have_is_no_finding() -> None:
    assert look(columns=("is_new all alike",), usual=0.97, now={"web": 0.99}) == ()


def test_a_least_share_that_is_declared_does_not_make_one_value_a_fault() -> None:
    strict = CHECK.with_options(least_share=0.0001)
    assert look(strict, columns=("score all alike",), usual=0.02, now={"web": 0.3}) == ()
    assert WORDS.least(strict, "score infinite") == 0.0001
    assert WORDS.least(strict, "score all alike") == 0.5


def test_where_nothing_is_wrong_nothing_is_found_in_a_hundred_looks() -> None:
    for usual in (0.0, 0.01):
        assert not any(look(usual=usual, scatter=0.3, seed=seed) for seed in range(100))


def test_four_in_a_hundred_of_a_slice_of_a_thousand_are_found_at_one_look() -> None:
    found = sum(bool(look(usual=0.001, now={"mobile": 0.04}, seed=seed)) for seed in range(60))
    assert found >= 57


def test_it_is_measured_to_be_back_when_the_value_is_one_of_many_again() -> None:
    wrong, right = (
        tally(columns=("score all alike",), usual=0.02, now=now, width=HOUR, seed=2)
        for now in ({"web": 1.0}, {"web": 0.1})
    )
    (found,) = judge_rows(CHECK, wrong, CheckState(), None, WORDS).findings
    assert not measure_rows(CHECK, found, wrong, WORDS, CheckState()).within
    assert measure_rows(CHECK, found, right, WORDS, CheckState()).within


def test_what_exploded_is_far_beyond_the_reach_of_usual_windows() -> None:
    assert exploded_from([1.0, 1.2, 0.9, np.nan]) == pytest.approx(10.0)
    assert exploded_from([np.nan]) is None

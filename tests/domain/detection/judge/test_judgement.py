from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.detection.data.counts import Counts
from domain.detection.judge.judgement import judge_own, measure_own, seen_of
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.detection.own import (
    WINDOW,
    Judgement,
    Options,
    OwnCheck,
    OwnExpression,
    RowCounts,
    Seen,
)
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Severity, Slice, slice_of

from ..traffic import DAY, MINUTE, grid, totals

CHECK = Check(name="mine", kind="mine", table="views", options={})
FRANCE, SPAIN, TV = slice_of(country="France"), slice_of(country="Spain"), slice_of(device="tv")


def one(observed: float, p_value: float, where: Slice = (), **more: Any) -> Judgement:
    return Judgement(observed, 100.0, 80.0, 120.0, p_value, slice=where, **more)


def own(*judged: Judgement, **more: Any) -> OwnCheck[Options, Counts]:
    def judge(_options: Options, _seen: Seen[Counts]) -> Iterable[Judgement]:
        return judged

    return OwnCheck("mine", RowCounts(), judge, Options, **more)


def look(kind: OwnCheck[Options, Counts], windows: int = 20, width: timedelta = DAY) -> Verdict:
    counts = totals(np.full(windows, 500.0), width)
    return judge_own(kind, Options(), seen_of(kind, CHECK, counts.grid, counts, CheckState()), CheckState())


def reported(*judged: Judgement) -> list[Slice]:
    return [finding.slice for finding in look(own(*judged)).findings]


def test_what_chance_explains_or_no_person_minds_is_not_reported() -> None:
    assert reported(one(10.0, 0.0)) == [()]
    assert reported(one(10.0, 0.04)) == []
    assert reported(one(10.0, 0.0, matters=False)) == []


def test_the_more_is_judged_the_surer_one_of_it_has_to_be() -> None:
    others = [one(100.0, 0.9, slice_of(country=f"c{n}")) for n in range(400)]
    sure = 5e-4
    assert reported(one(10.0, sure, FRANCE)) == [FRANCE]
    assert reported(one(10.0, sure, FRANCE), *others) == []
    assert reported(one(10.0, sure / 400, FRANCE), *others) == [FRANCE]


def test_rows_that_add_up_are_reported_as_the_slice_that_holds_them() -> None:
    small = Judgement(0.0, 90.0, 80.0, 100.0, 0.0, slice=FRANCE)
    whole = Judgement(400.0, 500.0, 450.0, 550.0, 0.0)
    assert reported(whole, small) == [FRANCE]
    assert reported(replace(whole, observed=100.0), small) == [()]
    never = (Judgement(90.0, 0.0, 0.0, 1.0, 0.0, slice=where) for where in ((), FRANCE))
    assert reported(*never, one(100.0, 0.9, SPAIN)) == [FRANCE]


def test_a_share_that_is_off_everywhere_is_reported_as_the_whole_table() -> None:
    everywhere = (one(0.0, 0.0), one(3.0, 0.0, FRANCE), one(-5.0, 0.0, SPAIN))
    assert reported(*everywhere) == [()]
    italy = one(100.0, 0.9, slice_of(country="Italy"))
    assert reported(one(3.0, 0.0), one(0.0, 0.0, FRANCE), one(100.0, 0.9, SPAIN), italy) == [FRANCE]


def test_subjects_and_directions_are_told_apart() -> None:
    verdict = look(own(one(10.0, 0.0, subject="a"), one(10.0, 0.0, subject="b"), one(300.0, 0.0, FRANCE)))
    assert {(finding.subject, finding.slice) for finding in verdict.findings} == {
        ("a", ()),
        ("b", ()),
        (None, FRANCE),
    }


def test_a_finding_has_words_a_window_and_how_bad_it_is() -> None:
    (finding,) = look(own(one(10.0, 0.0, FRANCE, share=0.4))).findings
    assert finding.title == "views where country = France: 90 % fewer rows"
    assert finding.window_end - finding.window_start == DAY
    assert (finding.severity, finding.affected_share) == (Severity.SEV1, 0.4)
    (finding,) = look(own(one(10.0, 0.0, says="as I say"))).findings
    assert (finding.title, finding.severity) == ("as I say", Severity.SEV3)


def test_short_windows_have_to_agree_twice() -> None:
    kind = own(one(10.0, 0.0))
    counts = totals(np.full(200, 500.0), MINUTE)
    first = judge_own(kind, Options(), seen_of(kind, CHECK, counts.grid, counts, CheckState()), CheckState())
    assert first.findings == ()
    seen = seen_of(kind, CHECK, counts.grid, counts, first.state)
    assert len(judge_own(kind, Options(), seen, first.state).findings) == 1


@pytest.mark.parametrize(("windows", "judged"), [(1, False), (3, False), (4, True)])
def test_as_much_history_as_it_asks_for(windows: int, judged: bool) -> None:
    verdict = look(own(one(10.0, 0.0), least_windows=3), windows)
    assert (verdict.judged, len(verdict.findings)) == (judged, judged)
    assert verdict.note == (None if judged else "not enough history yet")


def test_a_judge_that_has_too_few_rows_did_not_judge() -> None:
    def judge(_options: Options, _seen: Seen[Counts]) -> Iterable[Judgement]:
        raise TooFewRows("only 3 members")

    verdict = look(OwnCheck("mine", RowCounts(), judge, Options))
    assert (verdict.judged, verdict.note) == (False, "only 3 members")


def test_times_that_were_wrong_are_not_usable_and_the_judged_window_never_is() -> None:
    counts, kind = totals(np.full(20, 500.0), DAY), own()
    wrong = ExcludedWindow(slice=(), since=counts.start(5), until=counts.start(7))
    seen = seen_of(kind, CHECK, counts.grid, counts, CheckState(excluded=(wrong,)))
    assert np.flatnonzero(~seen.usable).tolist() == [5, 6, 19]


def test_an_expression_of_ones_own_is_not_judged_in_a_window_without_rows() -> None:
    def judge(_options: Options, _seen: Seen[pd.DataFrame]) -> Iterable[Judgement]:
        return [one(10.0, 0.0)]

    kind = OwnCheck("mine", OwnExpression(lambda rows, _o, _d: rows), judge, Options)
    frame = pd.DataFrame({WINDOW: np.arange(19)})
    seen = seen_of(kind, CHECK, grid(DAY, 20), frame, CheckState())
    assert judge_own(kind, Options(), seen, CheckState()).note == "no rows in this window"


def test_what_was_found_is_measured_by_what_is_judged_of_it() -> None:
    kind = own(one(10.0, 0.0, FRANCE), one(101.0, 0.9, TV))
    counts = totals(np.full(20, 500.0), DAY)
    seen = seen_of(kind, CHECK, counts.grid, counts, CheckState())
    (finding,) = look(kind).findings
    assert not measure_own(kind, Options(), seen, finding).within
    assert measure_own(kind, Options(), seen, finding.model_copy(update={"slice": TV})).within
    with pytest.raises(TooFewRows, match="says nothing of it"):
        measure_own(kind, Options(), seen, finding.model_copy(update={"subject": "other"}))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"observed": float("nan")}, "observed of a judgement is nan"),
        ({"high": float("inf")}, "high of a judgement is inf"),
        ({"p_value": 1.5}, "p_value of a judgement is 1.5"),
        ({"share": -0.1}, "share of a judgement is -0.1"),
    ],
)
def test_numbers_that_are_none_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(one(10.0, 0.0), **wrong)  # type: ignore[arg-type]


def test_two_judgements_of_the_same_thing_are_refused() -> None:
    with pytest.raises(ValueError, match="same slice and subject"):
        look(own(one(10.0, 0.0), one(20.0, 0.0)))

"""Answers that take longer than they used to, or than was promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.data.histogram import Histograms
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.tables.latency import judge_latency, measure_latency, quantile_of
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice

from ..funnel import DEVICES, answers

CHECK = Check(name="latency", kind="latency", table="answers", measure="latency_ms")
PROMISED = CHECK.with_options(limits={"p95": 400.0})
TV: Slice = (("device", "tv"),)


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding


def test_a_slice_that_answers_in_twice_the_time_is_reported_with_both_times() -> None:
    finding = only(judge_latency(CHECK, answers(1, {"tv": (2, 1)}), CheckState()))
    assert (finding.slice, finding.subject) == (TV, "latency_ms")
    assert finding.title.startswith("answers where device = tv: p50 of latency_ms is 8")
    assert "usually 4" in finding.title
    assert finding.high is not None and finding.observed > finding.high
    assert finding.severity is Severity.SEV2


def test_a_tail_that_grows_is_reported_by_its_own_quantile() -> None:
    finding = only(judge_latency(CHECK, answers(1, {"tv": (6, 0.08)}), CheckState()))
    assert finding.slice == TV
    assert ": p95 of latency_ms is " in finding.title


def test_slower_everywhere_is_reported_once() -> None:
    finding = only(judge_latency(CHECK, answers(1, dict.fromkeys(DEVICES, (2, 1))), CheckState()))
    assert finding.slice == ()


def test_faster_than_usual_is_left_alone() -> None:
    assert judge_latency(CHECK, answers(1, {"tv": (0.3, 1)}), CheckState()).findings == ()


def test_a_promise_that_is_broken_needs_no_past_and_names_the_limit() -> None:
    held = answers(1, {"mobile": (3, 0.2)}, windows=1)
    finding = only(judge_latency(PROMISED, held, CheckState()))
    assert finding.slice == (("device", "mobile"),)
    assert "promised 400" in finding.title
    assert judge_latency(CHECK, held, CheckState()).note == "not enough history yet"


def test_a_slow_slice_is_reported_once_by_what_was_promised() -> None:
    finding = only(judge_latency(PROMISED, answers(1, {"mobile": (3, 1)}), CheckState()))
    assert "promised 400" in finding.title


@pytest.mark.parametrize("scatter", [0.0, 0.05, 0.15])
def test_where_nothing_is_wrong_nothing_is_found(scatter: float) -> None:
    for seed in range(40):
        assert judge_latency(CHECK, answers(seed, rows=400, scatter=scatter), CheckState()).findings == ()
        assert judge_latency(PROMISED, answers(seed, windows=1, scatter=scatter), CheckState()).findings == ()


def test_half_as_slow_again_is_found_nearly_always() -> None:
    found = [
        judge_latency(CHECK, answers(seed, {"tv": (1.6, 1)}), CheckState()).findings for seed in range(40)
    ]
    assert sum(any(f.slice == TV for f in one) for one in found) >= 38


def test_a_window_without_answers_is_not_judged() -> None:
    held = answers(1)
    held.rows[-1], held.counts[0][-1] = 0, 0
    verdict = judge_latency(CHECK, held, CheckState())
    assert (verdict.judged, verdict.note) == (False, "no rows in this window")


def test_a_column_without_any_time_is_not_judged() -> None:
    held = answers(1)
    empty = Histograms(held.grid, held.cells, (), held.rows, ())
    assert judge_latency(CHECK, empty, CheckState()).judged is False


def test_what_was_slow_is_measured_again_and_is_back_once_it_is() -> None:
    for check, fault in ((CHECK, {"tv": (2.0, 1.0)}), (PROMISED, {"mobile": (3.0, 0.2)})):
        bad = answers(1, fault)
        finding = only(judge_latency(check, bad, CheckState()))
        still = measure_latency(check, finding, bad, CheckState())
        assert (still.observed, still.within) == (finding.observed, False)
        assert measure_latency(check, finding, answers(2), CheckState()).within


def test_what_is_not_there_cannot_be_measured() -> None:
    finding = only(judge_latency(CHECK, answers(1, {"tv": (2, 1)}), CheckState()))
    with pytest.raises(TooFewRows, match="fewer than three windows"):
        measure_latency(CHECK, finding, answers(1, windows=2), CheckState())
    elsewhere = finding.model_copy(update={"slice": (("device", "fridge"),)})
    with pytest.raises(TooFewRows, match="no rows of this slice"):
        measure_latency(CHECK, elsewhere, answers(1), CheckState())


@given(st.lists(st.integers(0, 50), min_size=3, max_size=12), st.floats(0.01, 0.99))
@settings(max_examples=200)
def test_a_quantile_lies_where_so_many_lie_below(counts: list[int], q: float) -> None:
    edges = np.arange(len(counts) + 1, dtype=float)
    held = np.array(counts, dtype=float)
    value = float(quantile_of(edges, held, q))
    if not held.sum():
        assert np.isnan(value)
        return
    place = min(int(value), len(counts) - 1)
    below = held[:place].sum() + (value - place) * held[place]
    assert below == pytest.approx(q * held.sum(), abs=1e-6)

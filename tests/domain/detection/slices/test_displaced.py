from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from domain.detection.data.counts import Counts
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.state import CheckState, TrackedFinding, Verdict, confirm
from domain.detection.slices.displaced import Total
from domain.detection.slices.displaced import moved as moved_away
from domain.detection.slices.localise import Suspects
from domain.recommender.check import Check
from domain.values import Slice, slice_of
from tests.domain.detection.traffic import HOUR, MINUTE, cube, grid

CHECK = Check(name="by_slice", kind="slice_volume", table="impressions")
FRANCE, POLAND_TV = slice_of(country="France"), slice_of(country="Poland", device="tv")


def moved(counts: Counts, source: Slice, target: Slice, part: float) -> Counts:
    """In the last window, `part` of the rows of `source` are rows of `target` instead; the total stays."""
    rows = counts.rows.copy()
    place = {name: i for i, name in enumerate(counts.slices)}
    n = 0.0
    for name, i in place.items():
        if set(source) <= set(name):
            lost = np.floor(part * rows[-1, i])
            rows[-1, i] -= lost
            n = max(n, float(lost))
    for name, i in place.items():
        if set(name) <= set(target):
            rows[-1, i] += n
    return replace(counts, rows=rows)


def look(counts: Counts, state: CheckState | None = None) -> Verdict:
    return judge_slices(CHECK, replace(counts, grid=grid(HOUR, len(counts.total))), state or CheckState())


def found(verdict: Verdict) -> list[Slice]:
    return [finding.slice for finding in verdict.findings]


@pytest.mark.parametrize("seed", range(6))
def test_the_slice_that_took_the_place_of_a_lost_one_is_not_a_finding_of_its_own(seed: int) -> None:
    counts = moved(cube(80, 4_000, seed), FRANCE, slice_of(country="Denmark", device="web"), 0.8)
    assert found(look(counts)) == [FRANCE]


def test_a_surge_whose_drop_is_still_chance_is_waited_for() -> None:
    counts = cube(80, 4_000, 3)
    place = {name: i for i, name in enumerate(counts.slices)}
    rows = counts.rows.copy()
    target = slice_of(country="Denmark", device="web")
    for name in (target, slice_of(country="Denmark"), slice_of(device="web")):
        rows[-1, place[name]] += 60
    for country in ("Spain", "Italy", "Poland"):  # a little less everywhere: no drop that stands out
        rows[-1, place[slice_of(country=country)]] -= 20
    assert found(look(replace(counts, rows=rows))) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_surge_that_brings_its_own_rows_is_reported(seed: int) -> None:
    assert found(look(cube(80, 4_000, seed, {("Italy", "mobile"): 2.5}))) == [
        slice_of(country="Italy", device="mobile")
    ]


@pytest.mark.parametrize("times", [2.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_surge_of_most_rows_is_no_loss_of_the_others(seed: int, times: float) -> None:
    """Half of all is on television: with twice as much there, all else is a third less of the whole."""
    assert found(look(cube(80, 4_000, seed, {("*", "tv"): times}))) == [slice_of(device="tv")]


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_of_most_rows_is_no_surge_of_the_others(seed: int) -> None:
    assert found(look(cube(80, 4_000, seed, {("*", "tv"): 0.5}))) == [slice_of(device="tv")]


def reported_as_a_surge(excess: float, rise: float, *, dropping: bool) -> bool:
    """`excess` rows too many in a slice of 300, in a table of 10,000 ± 220 that holds `rise` more."""
    n = 10_000 + rise
    suspects = Suspects((FRANCE,), np.array([300 + excess]), np.array([0.03]), np.array([1.0]), n)
    return not moved_away(suspects, Total(n, Expected(10_000.0, 0.0004, 100), dropping))[0]


@given(excess=st.floats(50, 5_000), rise=st.floats(-500, 5_000), more=st.floats(0, 1_000))
def test_more_rows_in_all_never_make_a_surge_a_shadow(excess: float, rise: float, more: float) -> None:
    assume(300 + excess > 0.03 * (10_000 + rise + more))
    for dropping in (False, True):
        was = reported_as_a_surge(excess, rise, dropping=dropping)
        assert not was or reported_as_a_surge(excess, rise + more, dropping=dropping)


@given(excess=st.floats(50, 5_000), rise=st.floats(-500, 5_000))
def test_a_surge_is_judged_by_what_explains_the_total_better(excess: float, rise: float) -> None:
    assume(300 + excess > 0.03 * (10_000 + rise) and abs(rise - excess / 2) > 1e-6)
    assert reported_as_a_surge(excess, rise, dropping=False) == (rise > excess / 2)
    scatter = np.sqrt(10_000 + 0.0004 * 10_000**2)
    law = stats.norm(scale=scatter)
    likelier = np.exp(law.logpdf(rise - excess) - law.logpdf(rise))
    assume(abs(likelier - 20) > 1e-3)
    assert reported_as_a_surge(excess, rise, dropping=True) == (likelier > 20)


def test_a_surge_at_the_cost_of_all_others_alike_is_reported_as_that_surge() -> None:
    counts = cube(80, 4_000, 4, {("France", "*"): 6.0})
    shrunk = counts.rows.copy()
    shrunk[-1] *= counts.total[:-1].mean() / counts.total[-1]
    total = counts.total.copy()
    total[-1] = counts.total[:-1].mean()
    assert found(look(replace(counts, rows=shrunk, total=total))) == [FRANCE]


def test_while_rows_are_missing_a_surge_that_does_not_raise_the_total_is_their_shadow() -> None:
    counts = moved(cube(80, 4_000, 5), FRANCE, POLAND_TV, 0.6)
    standing = TrackedFinding(slice=FRANCE, since=counts.start(78), looks=3, reported=True)
    state = CheckState(seen={"france": standing})
    assert POLAND_TV not in found(look(counts, state))


def test_the_end_of_a_fault_raises_no_alarm_of_those_that_had_taken_its_place() -> None:
    healthy = cube(120, 4_000, 6)
    rows = healthy.rows.copy()
    for last in range(60, 90):
        rows[last] = moved(healthy.until(last, 60), FRANCE, POLAND_TV, 0.9).rows[-1]
    counts = replace(healthy, rows=rows, grid=grid(HOUR, 120))
    state, reported = CheckState(), []
    for last in range(50, 120):
        verdict = judge_slices(CHECK, counts.until(last, 50), state)
        state = verdict.state
        reported += [(last, slice_) for slice_ in found(verdict)]
    assert {slice_ for _, slice_ in reported} == {FRANCE}
    assert [last for last, _ in reported] == list(range(60, 90))


def test_a_surge_in_overlapping_short_windows_is_reported_once_it_is_seen_in_other_rows() -> None:
    counts = cube(80, 4_000, 3, {("Italy", "mobile"): 2.5})
    (finding,) = look(counts).findings
    first = finding.window_end
    state, reported = CheckState(), []
    for seconds in range(0, 100, 10):
        end = first + timedelta(seconds=seconds)
        short = finding.model_copy(update={"window_start": end - MINUTE, "window_end": end})
        verdict = confirm(state, [short], 60.0, end - MINUTE)
        state = verdict.state
        reported += [seconds] * len(verdict.findings)
    assert reported == [60, 70, 80, 90]

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.data.histogram import Bins, Histograms
from domain.detection.judge.distribution import compare, moved_by, population_stability, total_variation
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.rows.drift import describe, judge_drift
from domain.recommender.check import Check

from ..rows import histograms

CHECK = Check(name="c", kind="drift", table="views")
COUNTS = st.lists(st.integers(0, 1_000), min_size=2, max_size=12)


def look(given_: Histograms, check: Check = CHECK) -> Verdict:
    return judge_drift(check, given_, CheckState())


def test_a_slice_that_moved_is_reported_with_the_size_of_the_change() -> None:
    (finding,) = look(histograms(shift={"tv": 0.5})).findings
    assert finding.slice == (("device", "tv"),)
    assert finding.subject == "rating"
    assert "rating moved by 2." in finding.title
    assert "mostly higher" in finding.title
    assert 400 < finding.observed < 500
    assert finding.expected < 60


def test_a_table_that_moved_as_a_whole_is_reported_once() -> None:
    (finding,) = look(histograms(shift={"tv": 0.5, "web": 0.5, "mobile": 0.5})).findings
    assert finding.slice == ()


def test_a_small_move_is_no_matter_however_sure() -> None:
    assert look(histograms(rows=100_000, shift={"tv": 0.05})).findings == ()
    least = CHECK.with_options(least_share=0.02)
    assert len(look(histograms(rows=100_000, shift={"tv": 0.05}), least).findings) == 1


@pytest.mark.parametrize(("lost", "reported"), [(0.9, True), (0.2, False), (0.0, False)])
def test_of_labels_that_are_rare_most_may_not_be_lost(lost: float, reported: bool) -> None:
    """One row in twenty was chosen; a training that takes most of them for none differs in few rows."""
    same = histograms(rows=4_000)
    chance = np.random.default_rng(5)
    chosen = chance.binomial(4_000, 0.05, (len(same.rows), 3)).astype(float)
    chosen[-1, 0] = round(chosen[-1, 0] * (1 - lost))
    chosen = np.concatenate([chosen.sum(axis=1, keepdims=True), chosen], axis=1)
    counts = np.stack([same.rows - chosen, chosen], axis=-1)
    labels = replace(same, bins=(Bins("chosen", labels=("no", "yes"), named=2),), counts=(counts,))
    assert [one.slice for one in look(labels).findings] == ([same.cells[1]] if reported else [])


def test_days_that_differ_anyway_raise_no_alarm() -> None:
    alarms = sum(bool(look(histograms(scatter=0.5, seed=seed)).findings) for seed in range(40))
    assert alarms == 0


@pytest.mark.parametrize(("windows", "judged"), [(3, False), (4, True)])
def test_three_days_of_history_are_enough(windows: int, judged: bool) -> None:
    verdict = look(histograms(windows=windows, shift={"tv": 0.8}))
    assert verdict.judged is judged
    assert bool(verdict.findings) is judged


def test_a_column_without_values_or_with_one_is_at_peace() -> None:
    one = histograms()
    nothing = replace(one, counts=(np.zeros_like(one.counts[0]),))
    assert look(nothing).findings == ()
    alone = np.zeros_like(one.counts[0])
    alone[:, :, 3] = one.rows
    assert look(replace(one, counts=(alone,))).findings == ()


def test_a_constant_that_changes_is_found() -> None:
    one = histograms()
    before = np.zeros_like(one.counts[0])
    before[:-1, :, 3], before[-1, :, 7] = one.rows[:-1], one.rows[-1]
    (finding,) = look(replace(one, counts=(before,))).findings
    assert "moved by 4" in finding.title


def test_a_dimension_is_not_held_against_its_own_slices() -> None:
    one = histograms(shift={"tv": 0.9})
    own = replace(one, bins=(Bins("device", labels=tuple(map(str, range(10))), named=10),))
    assert all(finding.slice == () for finding in look(own).findings)


def test_a_new_category_is_named() -> None:
    bins = Bins("device", labels=("tv", "web", "fridge"), named=3)
    words = describe(bins, np.array([50.0, 50.0, 0.0]), np.array([30.0, 30.0, 40.0]))
    assert words.startswith("device changed: fridge 40 %, usually none")


Pair = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def alike(bins: int, windows: int, rows: int) -> Pair:
    def pair(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        share = chance.dirichlet(np.ones(bins))
        return chance.multinomial(rows, share, windows), chance.multinomial(rows, share)

    return pair


def apart(bins: int, windows: int, rows: int, correlation: float) -> Pair:
    def pair(chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        shares = chance.dirichlet(np.full(bins, (1 / correlation - 1) / bins), windows + 1)
        counts = np.array([chance.multinomial(rows, share) for share in shares])
        return counts[:-1], counts[-1]

    return pair


@pytest.mark.parametrize(
    "pair",
    [
        *(alike(10, 1, 2_000), alike(10, 28, 1_000), alike(4, 8, 300), alike(28, 14, 2_000)),
        *(apart(10, 28, 1_000, 0.02), apart(10, 14, 3_000, 0.01)),
    ],
)
def test_alarms_at_the_nominal_rate_where_nothing_changed(pair: Pair) -> None:
    """Within three standard errors of 5 % in 1,000 pairs; the benchmark says how near it is."""
    chance = np.random.default_rng(11)
    alarms = 0
    for _ in range(1_000):
        past, now = pair(chance)
        p_value = compare(past[:, None].astype(float), now[None].astype(float)).p_values[0]
        alarms += p_value <= 0.05
    assert 0.03 <= alarms / 1_000 <= 0.07


@given(COUNTS, COUNTS, st.integers(1, 5))
def test_every_distance_is_a_distance(one: list[int], other: list[int], windows: int) -> None:
    size = min(len(one), len(other))
    past, now = np.array(one[:size], dtype=float), np.array(other[:size], dtype=float)
    edges = np.arange(size + 1, dtype=float)
    assert population_stability(past, now) >= 0
    assert 0 <= float(total_variation(past, now)) <= 1 + 1e-9
    if past.sum() and now.sum():
        assert 0 <= moved_by(edges, past, now) <= size
        assert moved_by(edges, past, now) == pytest.approx(moved_by(edges, now, past))
    found = compare(np.repeat(past[None, None], windows, axis=0), now[None])
    assert 0 <= found.p_values[0] <= 1
    same = compare(np.repeat(past[None, None], windows, axis=0), past[None])
    assert same.p_values[0] > 0.5

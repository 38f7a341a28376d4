"""A ratio by slice against its own past: what is reported, in which words, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.data.ratio_cells import RatioCells
from domain.detection.judge.again.ratio import measure_ratio
from domain.detection.judge.ratio import judge_ratio
from domain.detection.judge.state import CheckState, ExcludedWindow
from domain.detection.judge.title import place_of
from domain.errors import TooFewRows
from domain.values import Finding, Severity, Slice, slice_of
from tests.domain.detection.ratio_world import CHECK, END, HOUR, Change, with_sides, world

STALLS = slice_of(country="C2", device="tv")


def times(factor: float) -> Change:
    return lambda ratio: ratio * factor


def findings_of(faults: dict[Slice, Change], seed: int = 0, **more: object) -> tuple[Finding, ...]:
    return judge_ratio(CHECK.model_copy(update=more), world(seed, faults), CheckState()).findings


@pytest.mark.parametrize(
    "where",
    [slice_of(country="C1"), STALLS, slice_of(country="C0", device="web", provider="P5")],
)
def test_the_slice_whose_ratio_rose_is_reported_and_no_other(where: Slice) -> None:
    (finding,) = findings_of({where: times(4.0)})
    assert finding.slice == where
    assert finding.observed == pytest.approx(4 * finding.expected, rel=0.25)
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low < finding.expected < finding.high < finding.observed


def test_its_words_are_the_ratio_and_what_it_usually_is() -> None:
    (finding,) = findings_of({STALLS: times(4.0)})
    observed, expected = f"{100 * finding.observed:.1f}", f"{100 * finding.expected:.1f}"
    place = "plays where country = C2, device = tv"
    assert finding.title == f"{place}: stalled per viewers {observed} %, usually {expected} %"
    assert finding.unit == "stalled per viewers"


def test_two_slices_at_once_are_two_findings() -> None:
    other = slice_of(provider="P6")
    assert {one.slice for one in findings_of({STALLS: times(4.0), other: times(3.0)})} == {STALLS, other}


@pytest.mark.parametrize("seed", range(3))
def test_hours_of_chance_alone_find_nothing(seed: int) -> None:
    cells, state = world(seed, windows=60), CheckState()
    for last in range(8, 60):
        verdict = judge_ratio(CHECK, cells.until(last, 24), state, 168.0)
        state = verdict.state
        assert verdict.judged
        assert not verdict.findings


def lowered(cells: RatioCells, hours: slice, by: float, where: Slice = ()) -> RatioCells:
    """The same in which so large a part of the numerator is missing for some hours."""
    chance, numerator = np.random.default_rng(1), cells.numerator.copy()
    inside = cells.inside(where)
    left = chance.binomial(numerator[hours][:, inside].astype(int), 1 - by)
    part = numerator[hours]
    part[:, inside] = left
    numerator[hours] = part
    return with_sides(cells, numerator, cells.denominator)


SMALL = CHECK.model_copy(update={"least_change": 0.04})


@pytest.mark.parametrize(("where", "by"), [((), 0.1), (slice_of(country="C1"), 0.25)])
def test_a_loss_too_small_for_any_hour_shows_in_several_and_says_in_which(where: Slice, by: float) -> None:
    cells = lowered(world(3, windows=400), slice(-24, None), by, where)
    (finding,) = judge_ratio(SMALL, cells, CheckState()).findings
    assert finding.slice == where
    assert finding.title.startswith(f"{place_of('plays', where)}: in 1d from 31 May, stalled per viewers ")
    assert finding.window_end - finding.window_start == 24 * HOUR


def test_what_several_hours_show_is_over_once_the_latest_are_surely_back() -> None:
    lasting, over = (
        lowered(world(3, windows=400), hours, 0.3, slice_of(country="C1"))
        for hours in (slice(-24, None), slice(-24, -4))
    )
    assert judge_ratio(SMALL, lasting, CheckState()).findings
    assert not judge_ratio(SMALL, over, CheckState()).findings


def test_what_an_hour_of_the_night_scatters_by_itself_is_not_held_against_hours_of_the_day() -> None:
    chance, states = np.random.default_rng(8), CheckState()
    cells = world(5, windows=300)
    night = np.arange(300) % 24 < 6
    viewers = np.where(
        night[:, None], chance.binomial(cells.denominator.astype(int), 0.01), cells.denominator
    )
    stalled = chance.binomial(viewers.astype(int), 0.04).astype(float)
    dark = with_sides(cells, stalled, viewers.astype(float))
    for last in np.flatnonzero(night)[60:]:
        verdict = judge_ratio(CHECK, dark.until(int(last), 168), states, 168.0)
        states = verdict.state
        assert not verdict.findings


def test_a_table_that_stalls_as_a_whole_is_reported_as_a_whole() -> None:
    (finding,) = findings_of({(): times(2.0)})
    assert finding.slice == ()
    assert finding.title.startswith("plays: stalled per viewers 7.9 %, usually 3.7")
    assert finding.severity is Severity.SEV1


def test_a_share_near_one_is_judged_by_what_is_missing_to_all() -> None:
    cells = world(0, {STALLS: times(4.0)})
    answered = with_sides(cells, cells.denominator - cells.numerator, cells.denominator)
    (finding,) = judge_ratio(CHECK, answered, CheckState()).findings
    assert finding.slice == STALLS
    assert finding.observed < 0.93
    assert 0.97 < finding.expected < 1
    assert finding.low is not None
    assert finding.observed < finding.low
    fell = CHECK.model_copy(update={"direction": "drop"})
    assert not judge_ratio(fell, cells, CheckState()).findings


def test_only_the_declared_direction_is_reported() -> None:
    assert not findings_of({STALLS: times(4.0)}, direction="drop")
    assert findings_of({STALLS: times(4.0)}, direction="surge")


def test_a_change_smaller_than_declared_is_not_reported() -> None:
    assert not findings_of({STALLS: times(4.0)}, least_change=0.99, direction="drop")
    assert not findings_of({slice_of(country="C1"): times(1.2)})


def test_a_slice_with_next_to_nothing_to_divide_by_is_not_judged() -> None:
    where = slice_of(country="C0", device="web", provider="P3")
    assert findings_of({where: times(6.0)})
    assert where not in {one.slice for one in findings_of({where: times(6.0)}, least_rows=2_000.0)}


def test_slices_have_no_more_dimensions_than_declared() -> None:
    where = slice_of(country="C0", device="web", provider="P3")
    assert all(len(one.slice) <= 2 for one in findings_of({where: times(6.0)}, ways=2))


def test_amounts_are_judged_by_how_they_scatter() -> None:
    cells, chance = world(0, viewers=200.0), np.random.default_rng(5)
    minutes = chance.gamma(np.maximum(cells.denominator, 1e-9), 30.0)
    quiet = with_sides(cells, minutes, cells.denominator)
    assert not judge_ratio(CHECK, quiet, CheckState()).findings
    minutes[-1, cells.inside(STALLS)] *= 0.6
    (finding,) = judge_ratio(CHECK, with_sides(cells, minutes, cells.denominator), CheckState()).findings
    assert finding.slice == STALLS
    assert finding.expected == pytest.approx(30, rel=0.05)
    assert finding.observed == pytest.approx(18, rel=0.05)
    assert "stalled per viewers 1" in finding.title


def test_too_short_a_past_is_said_and_not_judged() -> None:
    verdict = judge_ratio(CHECK, world(windows=4), CheckState())
    assert (verdict.judged, verdict.note) == (False, "not enough history yet")


def test_nothing_is_learned_from_hours_in_which_something_was_wrong() -> None:
    cells = world(0, {STALLS: times(4.0)}, windows=20)
    numerator = cells.numerator.copy()
    inside = cells.inside(STALLS)
    numerator[8:-1, inside] = np.minimum(numerator[8:-1, inside] * 4, cells.denominator[8:-1, inside])
    long = with_sides(cells, numerator, cells.denominator)
    wrong = ExcludedWindow(slice=STALLS, since=END - 12 * HOUR, until=END - HOUR, rise=True)
    assert not judge_ratio(CHECK, long, CheckState()).findings
    (finding,) = judge_ratio(CHECK, long, CheckState(excluded=(wrong,))).findings
    assert finding.slice == STALLS


def test_after_a_fix_the_ratio_is_measured_to_be_back_and_before_it_not() -> None:
    sick = world(0, {STALLS: times(4.0)})
    (finding,) = judge_ratio(CHECK, sick, CheckState()).findings
    past = sick.until(10, 11)
    before = measure_ratio(finding, past, sick.until(12, 0), CHECK.least_change)
    after = measure_ratio(finding, past, sick.until(11, 0), CHECK.least_change)
    assert not before.within
    assert before.repaired(finding) == pytest.approx(0.0, abs=0.1)
    assert after.within
    assert after.repaired(finding) == pytest.approx(1.0, abs=0.25)
    assert after.expected == pytest.approx(finding.expected, rel=0.1)


def test_a_share_near_one_is_measured_to_be_back_too() -> None:
    sick = world(0, {STALLS: times(6.0)})
    answered = with_sides(sick, sick.denominator - sick.numerator, sick.denominator)
    (finding,) = judge_ratio(CHECK, answered, CheckState()).findings
    measured = measure_ratio(finding, answered.until(11, 12), answered.until(12, 0), CHECK.least_change)
    assert not measured.within
    assert 0.9 < measured.low < measured.expected < measured.high <= 1.05


def test_what_was_not_there_before_cannot_be_measured() -> None:
    sick = world(0, {STALLS: times(4.0)})
    (finding,) = judge_ratio(CHECK, sick, CheckState()).findings
    with pytest.raises(TooFewRows, match="too short a past"):
        measure_ratio(finding, sick.until(1, 1), sick.until(12, 0), CHECK.least_change)

"""Which of several candidates is named."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.candidates.candidate import Candidate, Proposal
from domain.diagnosis.candidates.judge import judge
from domain.diagnosis.candidates.rank import rank
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer, Finding, Severity, slice_of

HERE = slice_of(harbour="east")


def held_back(closes: float) -> Candidate:
    """Ferries that are not shown, by a reason that closes so much of the gap."""
    expected = np.array([100.0, 80.0, 60.0])
    observed = np.array([20.0, 80.0, 60.0])
    gap = Gap(observed=20.0, expected=100.0, undone=20.0 + 80.0 * closes, sd=10.0)
    undone = Undone(observed, expected, observed + closes * (expected - observed), expected + 1, gap)
    said = "ferries are ranked and not shown"
    yes = {name: Answer(question=name, holds=True, words="yes") for name in ("when", "where", "which_way")}
    return Candidate(
        proposal=Proposal("filter", "ferry", HERE, None, said, said, undone=undone),
        how_much=Answer(question="how_much", holds=True, share=closes, words="by so much"),
        upstream=3,
        **yes,
    )


def test_of_two_that_say_the_same_the_one_that_closes_more_is_named() -> None:
    less, more = held_back(0.9), held_back(0.95)
    assert rank([less, more]).named is more
    assert rank([less, more]).ordered == (more, less)


def among_many(off: float, cells: int = 4_000, moved: int = 5, size: float = 40.0, views: int = 1) -> Undone:
    """A few of many cells, where undoing moves `size`; they are off by so much of that, and by chance."""
    chance = np.random.default_rng(cells + moved)
    expected = chance.uniform(20.0, 400.0, cells)
    shift = np.where(np.arange(cells) < moved, size, 0.0)
    observed = expected + chance.normal(0.0, np.sqrt(expected)) - off * shift
    return Undone(observed, expected, observed + shift, expected, Gap(20.0, 40.0, 40.0, 2.0), views)


def asked(undone: Undone, **more: object) -> Candidate:
    """A berth that is closed, asked about the calls of another harbour."""
    fewer = {
        "check": "calls", "table": "calls", "slice": slice_of(harbour="west"), "observed": 20.0,
        "expected": 40.0, "window_start": datetime(2026, 5, 12, tzinfo=UTC),
        "window_end": datetime(2026, 5, 12, 1, tzinfo=UTC), "p_value": 1e-9, "severity": Severity.SEV2,
        "title": "fewer calls",
    }  # fmt: skip
    finding = Finding.model_validate({**fewer, **more})
    proposal = Proposal("filter", "berth", HERE, None, "", "", undone=undone)
    return judge(proposal, Material(finding=finding), Known(), 1)


def test_a_cause_that_moves_a_few_of_many_slices_is_borne_out_by_these_few() -> None:
    told = asked(among_many(1.0)).where
    assert among_many(1.0).explained is None
    assert told.holds is True
    assert told.words.startswith("the slices that it affects are off by ")


@pytest.mark.parametrize(
    "undone",
    [among_many(0.0), among_many(1.0, moved=1, size=5.0), among_many(2.5), among_many(1.0, views=400)],
    ids=["right where it moves them", "moves too little to tell", "off by far more", "the same few rows"],
)
def test_a_cause_whose_slices_are_not_off_by_what_it_moves_is_not_known_to_lie_there(undone: Undone) -> None:
    assert asked(undone).where.holds is None


@given(st.integers(2, 300), st.integers(0, 10_000))
def test_slices_that_are_off_by_chance_alone_seldom_bear_a_cause_out(moved: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    expected = np.full(moved, 100.0)
    shift = chance.uniform(0.0, 30.0, moved)
    told = []
    for _ in range(40):
        observed = chance.poisson(expected).astype(float)
        gap = Gap(90.0, 100.0, 100.0, 2.0)
        told.append(Undone(observed, expected, observed + shift, expected, gap).borne_out)
    assert np.mean([one is not None and one[1] > 0.5 for one in told]) <= 0.1


@given(st.integers(1, 12), st.integers(0, 1_000))
def test_cutting_the_same_rows_in_more_ways_makes_nothing_surer(ways: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    expected, gap = chance.uniform(20.0, 90.0, 6), Gap(20.0, 40.0, 40.0, 2.0)
    observed, shift = chance.poisson(expected).astype(float), chance.uniform(1.0, 30.0, 6)
    once = Undone(observed, expected, observed + shift, expected, gap).borne_out
    o, e, u = (np.tile(one, ways) for one in (observed, expected, observed + shift))
    assert Undone(o, e, u, e, gap, ways).borne_out == pytest.approx(once)


def of_a_few_calls(gap: Gap) -> Undone:
    return Undone(*(np.zeros(0),) * 4, gap)


@pytest.mark.parametrize("expected", [0.9, 1.25], ids=["would overshoot", "hidden by chance"])
def test_where_the_log_is_too_small_to_say_what_was_before_the_change_that_the_check_found_is_compared(
    expected: float,
) -> None:
    """A closed berth halves the calls of these few ships, and the check misses half of all."""
    sd = 0.4 if expected > 1 else 0.09
    told = asked(of_a_few_calls(Gap(observed=0.6, expected=expected, undone=1.2, sd=sd))).how_much
    assert told.holds is True
    assert told.share == 1.0
    assert told.words == "its effect on the slice is −50 %; the check found −50 %"


@pytest.mark.parametrize(
    ("gap", "more"),
    [
        (Gap(0.6, 0.9, 1.2, 0.7), {}),
        (Gap(0.6, 0.9, 1.2, 0.02), {}),
        (Gap(0.6, 0.9, 1.2, 0.09), {"observed": 36.0}),
        (Gap(0.6, 0.9, 1.2, 0.09), {"subject": "draught"}),
        (Gap(0.6, 0.9, 1.2, 0.09), {"slice": ()}),
        (Gap(0.6, 0.9, 1.2, 0.09), {"observed": 60.0}),
    ],
    ids=[
        "moved by chance",
        "overshoots",
        "moves far more",
        "of a column",
        "of no slice",
        "the other way",
    ],
)
def test_a_change_that_is_not_alike_says_nothing_of_how_much(gap: Gap, more: dict[str, object]) -> None:
    assert asked(of_a_few_calls(gap), **more).how_much.holds is not True

"""Which of several candidates is named."""

from __future__ import annotations

import numpy as np

from domain.diagnosis.candidates.candidate import Candidate, Proposal
from domain.diagnosis.candidates.rank import rank
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.values import Answer, slice_of

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

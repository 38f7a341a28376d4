"""Choices that were ranked low: more than usual are found where they are, and the worst are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Miss
from domain.detection.data.tally import Tally, tally_of
from domain.detection.exposure.worst import keep_worst
from domain.detection.judge.state import CheckState
from domain.detection.judge.wrong_rows import judge_rows
from domain.detection.kinds.exposure.misses import WORDS
from domain.recommender.check import Check
from domain.values import Slice, slice_of
from tests.domain.detection.traffic import HOUR, grid

GENRES = {"Drama": 0.5, "Comedy": 0.3, "Documentary": 0.2}
DEVICES = {"tv": 0.6, "mobile": 0.4}
USUAL = 0.25
LOW = "ranked below place 20"
CHECK = Check(name="misses", kind="misses", table="candidates", window=HOUR)


def choices(seed: int, fault: dict[str, float] | None = None, windows: int = 40, mean: float = 600) -> Tally:
    """
    Choices by genre and device, a quarter of them ranked low, with a scatter; in the last window the values
    in `fault` have that share instead.
    """
    chance = np.random.default_rng(seed)
    rows: list[tuple[object, ...]] = []
    for window in range(windows):
        counts: dict[tuple[str, ...], np.ndarray] = {}
        for genre, part in GENRES.items():
            for device, other in DEVICES.items():
                n = chance.poisson(mean * part * other)
                share = np.clip(USUAL + chance.normal(0, 0.02), 0.01, 0.99)
                for value in (genre, device):
                    if fault and value in fault and window == windows - 1:
                        share = fault[value]
                cell = np.array([n, chance.binomial(n, share)], dtype=float)
                for key in ((), ("genre", genre), ("device", device), ("device", device, "genre", genre)):
                    counts[key] = counts.get(key, np.zeros(2)) + cell
        rows += [(window, *key, *[None] * (4 - len(key)), *cell) for key, cell in counts.items()]
    frame = pd.DataFrame(rows, columns=["window", "dim1", "val1", "dim2", "val2", "rows", LOW])
    return tally_of(frame, grid(HOUR, windows), (LOW,))


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"Documentary": 0.8}, slice_of(genre="Documentary")),
        ({"mobile": 0.6}, slice_of(device="mobile")),
        ({"tv": 0.6, "mobile": 0.6}, ()),
    ],
)
def test_more_low_ranked_choices_than_usual_are_found_where_they_are(
    fault: dict[str, float], where: Slice
) -> None:
    (found,) = judge_rows(CHECK, choices(1, fault), CheckState(), None, WORDS).findings
    assert found.slice == where
    assert found.high is not None and found.observed > found.high
    assert "of the choices ranked below place 20, usually 2" in found.title


def test_where_nothing_is_wrong_nothing_is_found_in_sixty_looks() -> None:
    assert [
        judge_rows(CHECK, choices(100 + seed), CheckState(), None, WORDS).findings for seed in range(60)
    ] == [()] * 60


def test_fewer_than_usual_surprise_nobody() -> None:
    assert (
        judge_rows(CHECK, choices(2, {"tv": 0.02, "mobile": 0.02}), CheckState(), None, WORDS).findings == ()
    )


def test_a_change_too_small_to_matter_is_left_alone() -> None:
    tally = choices(3, {"Documentary": 0.28}, mean=60_000)
    assert judge_rows(CHECK, tally, CheckState(), None, WORDS).findings == ()


def test_without_a_past_it_says_so() -> None:
    verdict = judge_rows(CHECK, choices(4, windows=3), CheckState(), None, WORDS)
    assert not verdict.judged
    assert verdict.note == "not enough history yet"


NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def miss(number: int, hours: int, rank: int, check: str = "misses") -> Miss:
    return Miss(
        check=check,
        at=NOON - timedelta(hours=hours),
        request=str(number),
        item="i",
        rank=rank,
        ranked=50,
        model="ranker",
    )


MISSES = st.lists(st.builds(miss, st.integers(0, 30), st.integers(0, 96), st.integers(21, 50)), max_size=40)


@settings(deadline=None)
@given(MISSES, MISSES)
def test_the_worst_of_each_day_are_kept_once(before: list[Miss], found: list[Miss]) -> None:
    kept = keep_worst(tuple(before), tuple(found), 3, 2)
    days = {one.at.date() for one in kept}
    assert len(days) <= 2
    for day in days:
        mine = [one for one in kept if one.at.date() == day]
        assert len(mine) == len({one.key for one in mine}) <= 3
        every = {one.key: one for one in (*before, *found) if one.at.date() == day}
        left = [one.surprise for key, one in every.items() if key not in {k.key for k in mine}]
        assert not left or max(left) <= min(one.surprise for one in mine)
    assert keep_worst(kept, kept, 3, 2) == kept

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.data.counts import Counts
from domain.detection.data.window import grid_until
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.counts.slice_sums import lengths, likelier_back
from domain.detection.judge.state import CheckState
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.values import Finding, slice_of
from tests.domain.detection.traffic import COUNTRIES, DAY, DEVICES, HOUR, MINUTE, grid

CHECK = Check(name="by_slice", kind="slice_volume", table="plays")
HISTORY, ONSET = 240, 260
PLACES = [(country, device) for country in COUNTRIES for device in DEVICES]
WEB_IN_DENMARK = slice_of(country="Denmark", device="web")


def plays(width: timedelta, windows: int, kept: dict[int, float], a_window: float, seed: int = 3) -> Counts:
    """Plays by country and device, of which the web in Denmark keeps only a part in some windows."""
    chance = np.random.default_rng(seed)
    part = np.outer(list(COUNTRIES.values()), list(DEVICES.values()))
    mean = a_window * part * np.ones((windows, 1, 1))
    for window, left in kept.items():
        mean[window, 1, 2] *= left
    cells = chance.poisson(mean).astype(float)
    named = [*(slice_of(country=one) for one in COUNTRIES), *(slice_of(device=one) for one in DEVICES)]
    named += [slice_of(country=country, device=device) for country, device in PLACES]
    rows = np.hstack([cells.sum(axis=2), cells.sum(axis=1), cells.reshape(windows, -1)])
    known = np.ones(windows, dtype=bool)
    return Counts(grid(width, windows), cells.sum(axis=(1, 2)), rows, tuple(named), known)


def walked(
    counts: Counts, history: int = HISTORY, check: Check = CHECK
) -> tuple[list[tuple[int, Finding]], list[int]]:
    """What is reported anew, and when something is over."""
    state, found, over = CheckState(), list[tuple[int, Finding]](), list[int]()
    for last in range(history, len(counts.total)):
        verdict = judge_slices(check, counts.until(last, history), state)
        before = {fingerprint for fingerprint, seen in state.seen.items() if seen.reported}
        found += [(last, one) for one in verdict.findings if one.fingerprint not in before]
        over += [last] * len(verdict.cleared)
        state = verdict.state
    return found, over


@pytest.mark.parametrize(("width", "history"), [(5 * MINUTE, 240), (HOUR, 672)])
def test_a_loss_too_small_for_any_window_is_reported_by_several_of_them_with_their_time(
    width: timedelta, history: int
) -> None:
    onset = history + 10
    counts = plays(width, onset + 40, dict.fromkeys(range(onset, onset + 40), 0.3), a_window=1_500)
    (last, finding), *more = walked(counts, history)[0]
    assert (finding.slice, more) == (WEB_IN_DENMARK, [])
    assert onset < last <= onset + 24
    assert finding.window_end - finding.window_start > width
    assert f"in {name_duration(finding.window_end - finding.window_start)} from " in finding.title


def test_it_is_over_soon_after_the_rows_are_back_though_the_sum_still_lacks_them() -> None:
    counts = plays(5 * MINUTE, ONSET + 70, dict.fromkeys(range(ONSET, ONSET + 40), 0.25), a_window=1_500)
    found, over = walked(counts)
    assert [one.slice for _last, one in found] == [WEB_IN_DENMARK]
    (ended,) = over
    assert ONSET + 40 <= ended < ONSET + 56


@pytest.mark.parametrize("seed", range(2))
def test_where_nothing_is_lost_no_sum_says_so(seed: int) -> None:
    assert walked(plays(5 * MINUTE, HISTORY + 120, {}, a_window=1_500, seed=seed)) == ([], [])


def test_a_surge_that_no_window_shows_is_reported_only_where_surges_are_what_is_asked_for() -> None:
    counts = plays(5 * MINUTE, ONSET + 25, dict.fromkeys(range(ONSET, ONSET + 25), 2.0), a_window=1_500)
    surges = CHECK.model_copy(update={"direction": "surge"})
    assert walked(counts)[0] == []
    assert [one.slice for _last, one in walked(counts, check=surges)[0]] == [WEB_IN_DENMARK]


def test_while_one_window_shows_a_fault_no_sum_reports_its_shadows() -> None:
    counts = plays(5 * MINUTE, ONSET + 30, dict.fromkeys(range(ONSET, ONSET + 30), 0.0), a_window=20_000)
    found, _over = walked(counts)
    assert [one.slice for _last, one in found] == [WEB_IN_DENMARK]


@given(each=st.integers(2, 9), windows=st.integers(18, 60), first=st.integers(0, 5))
def test_windows_added_up_hold_all_rows_and_end_where_they_ended(each: int, windows: int, first: int) -> None:
    whole = plays(HOUR, windows + first, {}, a_window=300).until(windows + first - 1, windows - 1)
    merged = whole.merged(each)
    last = len(merged.total) - 1
    assert merged.end(last) == whole.end(len(whole.total) - 1)
    assert merged.start(0) == whole.start(len(whole.total) % each)
    assert merged.total.sum() == whole.total[len(whole.total) % each :].sum()
    assert (merged.rows[last] == whole.rows[-each:].sum(axis=0)).all()


def test_days_added_up_stay_local_days_when_the_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    end = grid(DAY, 1).end.replace(month=4, day=5).astimezone(berlin).replace(hour=0)
    days = grid_until(end, DAY, 20 * DAY, berlin)
    merged = days.merged(3, 0)
    assert [merged.edge(place) for place in range(8)] == [days.edge(3 * place) for place in range(8)]


def test_no_sum_is_longer_than_what_repeats() -> None:
    for minutes in (1, 5, 30, 60, 180, 720):
        width = timedelta(minutes=minutes)
        assert all(each * width <= DAY for each in lengths(width.total_seconds()))
    assert all(each * DAY <= 7 * DAY for each in lengths(DAY.total_seconds()))


def test_rows_as_expected_speak_for_the_end_of_a_loss_and_rows_as_few_as_before_against_it() -> None:
    assert likelier_back(100, 100, 0.5, 1.0) > 0 > likelier_back(50, 100, 0.5, 1.0)
    assert likelier_back(100, 100, 0.5, 4.0) < likelier_back(100, 100, 0.5, 1.0)

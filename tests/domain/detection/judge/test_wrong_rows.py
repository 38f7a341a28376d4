from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.detection.data.tally import Tally
from domain.detection.expect.usual_proportion import usual_proportions
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict, confirm
from domain.detection.slices.minimal_set import narrowest
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice, slice_of

from ..looks import verdict_of
from ..rows import CELLS, tally
from ..traffic import END, MINUTE

Look = Callable[[Tally], Verdict]


@pytest.fixture(params=["missing", "domain", "duplicates", "references", "misses"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def look(kind: str) -> Look:
    check = Check(name="c", kind=kind, table="views")
    return lambda rows: verdict_of(check, rows)


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding


def test_wrong_rows_of_one_slice_are_reported_as_that_slice_and_column(look: Look) -> None:
    finding = only(look(tally(now={"mobile": 0.5})))
    assert finding.slice == (("device", "mobile"),)
    assert finding.subject == "language"
    assert 500 < finding.observed < 600
    assert 15 < finding.expected < 25
    assert finding.severity is Severity.SEV2
    assert finding.title.startswith("views where device = mobile: ")
    assert "language" in finding.title
    assert "usually 2." in finding.title or "usually 1." in finding.title


def test_of_a_sample_a_few_rows_stand_for_many(look: Look) -> None:
    few = tally(rows=14.0, usual=0.001, now={"mobile": 1.0})
    drawn = int(few.rows[-1, CELLS.index((("device", "mobile"),))])
    assert 8 <= drawn < 20  # the least rows that matter of a table
    assert look(few).findings == ()
    assert only(look(replace(few, part=0.01))).observed == drawn
    assert look(replace(tally(rows=14.0, usual=0.001, now={"mobile": 0.2}), part=0.01)).findings == ()


def test_what_a_window_holds_too_few_rows_of_is_reported_when_it_lasts(look: Look) -> None:
    few = tally(rows=14.0, usual=0.001, now={"mobile": 1.0})
    assert look(few).findings == ()
    lasting = few.bad.copy()
    lasting[-3:] = lasting[-1]
    rows = few.rows.copy()
    rows[-3:] = rows[-1]
    finding = only(look(replace(few, rows=rows, bad=lasting)))
    assert finding.slice == slice_of(device="mobile")
    assert finding.observed < 20  # it is reported of the last window, as ever
    apart = lasting.copy()
    apart[-2] = 0
    assert look(replace(few, rows=rows, bad=apart)).findings == ()


def test_wrong_rows_everywhere_are_reported_once_for_the_whole_table(look: Look) -> None:
    finding = only(look(tally(now={"mobile": 0.5, "tv": 0.5, "web": 0.5})))
    assert finding.slice == ()
    assert finding.severity is Severity.SEV1


def test_a_value_at_fault_is_reported_though_most_of_its_rows_lie_in_one_part_of_it(look: Look) -> None:
    here, near, far = (("country", "France"),), (("region", "near"),), (("region", "far"),)
    cells = ((), here, near, far, here + near, here + far)
    chance = np.random.default_rng(4)
    parts = chance.poisson([900.0, 100.0, 1_000.0, 4_000.0], (20, 4)).astype(
        float
    )  # here: near, far; elsewhere
    share = np.full((20, 4), 0.02)
    share[-1, :2] = 0.4
    wrong = chance.binomial(parts.astype(int), share).astype(float)
    held = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]])
    of = tally()
    rows = replace(
        of, cells=cells, columns=("language",), rows=parts @ held.T, bad=(wrong @ held.T)[:, :, None]
    )
    assert only(look(rows)).slice == here


def test_columns_that_are_wrong_in_the_same_rows_are_one_finding(look: Look) -> None:
    one = tally(now={"mobile": 0.9})
    bad = one.bad.copy()
    bad[-1, :, 1] = bad[-1, :, 0]
    finding = only(look(replace(one, bad=bad)))
    assert "language and genre" in finding.title


def test_nothing_is_reported_of_what_is_as_usual(look: Look) -> None:
    alarms = sum(bool(look(tally(seed=seed, scatter=0.3)).findings) for seed in range(40))
    assert alarms == 0


def test_fewer_wrong_rows_than_usual_are_no_finding(look: Look) -> None:
    assert look(tally(usual=0.5, now={"mobile": 0.0, "tv": 0.0, "web": 0.0})).findings == ()


def test_days_that_differ_anyway_make_a_check_slower_to_speak(look: Look) -> None:
    calm, wild = tally(now={"mobile": 0.08}), tally(now={"mobile": 0.08}, scatter=1.0)
    assert only(look(calm)).slice == (("device", "mobile"),)
    assert look(wild).findings == ()


@pytest.mark.parametrize(
    ("windows", "note"), [(2, "not enough history yet"), (3, "not enough history yet"), (4, None)]
)
def test_three_days_of_history_are_enough(look: Look, windows: int, note: str | None) -> None:
    verdict = look(tally(windows=windows, now={"mobile": 0.9}))
    assert verdict.note == note
    assert verdict.judged is (note is None)
    assert len(verdict.findings) == (note is None)


def test_a_window_without_rows_is_not_judged(look: Look) -> None:
    one = tally()
    rows, bad = one.rows.copy(), one.bad.copy()
    rows[-1], bad[-1] = 0, 0
    verdict = look(replace(one, rows=rows, bad=bad))
    assert (verdict.judged, verdict.note) == (False, "no rows in this window")


def test_windows_without_rows_in_the_past_teach_nothing(look: Look) -> None:
    one = tally(now={"mobile": 0.5})
    rows, bad = one.rows.copy(), one.bad.copy()
    rows[2:6], bad[2:6] = 0, 0
    assert only(look(replace(one, rows=rows, bad=bad))).slice == (("device", "mobile"),)


def test_a_column_that_was_always_wrong_is_as_usual(look: Look) -> None:
    assert look(tally(usual=1.0)).findings == ()


def test_a_column_that_was_never_wrong_is_missed_at_once(look: Look) -> None:
    finding = only(look(tally(usual=0.0, now={"tv": 0.1})))
    assert finding.slice == (("device", "tv"),)
    assert "usually next to none" in finding.title


def test_one_outage_in_the_past_does_not_hide_the_next(look: Look) -> None:
    one = tally(now={"mobile": 0.6})
    bad = one.bad.copy()
    bad[5] = one.rows[5][:, None] * 0.9  # a day on which nearly all was wrong
    assert only(look(replace(one, bad=bad))).slice == (("device", "mobile"),)


def test_what_goes_on_is_not_learned_and_clears_when_it_is_over(kind: str) -> None:
    check = Check(name="c", kind=kind, table="views")
    faulty = tally(windows=30, now={"mobile": 0.6})
    state = CheckState()
    bad = faulty.bad.copy()
    bad[20:] = faulty.bad[-1]
    bad[-1] = faulty.bad[3]
    rows = faulty.rows.copy()
    rows[20:29], rows[29] = faulty.rows[-1], faulty.rows[3]
    whole = replace(faulty, rows=rows, bad=bad)
    counted = []
    for last in range(18, 30):
        verdict = verdict_of(check, whole.until(last, 15), state)
        state = verdict.state
        counted.append(len(verdict.findings))
    assert counted == [0, 0, *[1] * 9, 0]
    assert len(verdict.cleared) == 1
    assert isinstance(state.excluded[0], ExcludedWindow)


def test_short_windows_have_to_agree_twice(kind: str) -> None:
    check = Check(name="c", kind=kind, table="views")
    one = tally(now={"mobile": 0.9}, width=MINUTE)
    first = verdict_of(check, one, CheckState())
    assert first.findings == ()
    later = replace(one, grid=replace(one.grid, start=one.grid.start + timedelta(seconds=10)))
    assert len(verdict_of(check, later, first.state).findings) == 1


@pytest.mark.parametrize(("key", "value"), [("least_share", 0.7), ("least_rows", 2_000.0)])
def test_the_declaration_says_what_is_worth_a_persons_attention(kind: str, key: str, value: float) -> None:
    check = Check.model_validate({"name": "c", "kind": kind, "table": "views", key: value})
    assert verdict_of(check, tally(now={"mobile": 0.5}), CheckState()).findings == ()


def test_few_rows_are_not_judged_however_wrong(look: Look) -> None:
    assert look(tally(rows=5, now={"mobile": 1.0})).findings == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 40), st.floats(0.0, 1.0), st.integers(0, 5_000), st.integers(0, 1_000), st.booleans())
def test_probabilities_are_probabilities_and_fall_as_more_is_wrong(
    windows: int, usual: float, rows: int, seed: int, zeros: bool
) -> None:
    chance = np.random.default_rng(seed)
    n = np.full((windows, 1), float(rows))
    if zeros:
        n[::2] = 0
    bad = chance.binomial(n.astype(int), usual).astype(float)[:, :, None]
    rates = usual_proportions(n, bad)
    asked = np.linspace(0, 1_000, 6).round()
    p_values = [float(rates.p_values(np.array([[b]]), np.array([1_000.0]))[0, 0]) for b in asked]
    assert all(0 <= p <= 1 for p in p_values)
    assert all(one >= other - 1e-6 for one, other in pairwise(p_values))


def test_alarms_at_the_nominal_rate_where_nothing_changed() -> None:
    """5 % of the windows lie in the 5 % tail, also where days differ; a little fewer for counts are whole."""
    for scatter, most in ((0.0, 0.065), (0.5, 0.075)):
        tails = []
        for seed in range(600):
            one = tally(seed=seed, usual=0.1, scatter=scatter, columns=("language",))
            rates = usual_proportions(one.rows[:-1], one.bad[:-1])
            tails.append(rates.p_values(one.bad[-1], one.rows[-1])[0, 0] <= 0.05)
        assert 0.025 <= np.mean(tails) <= most


@given(st.lists(st.floats(0.1, 100), min_size=3, max_size=3), st.lists(st.booleans(), min_size=4, max_size=4))
def test_reported_slices_are_found_ones_and_share_no_row(excess: list[float], found: list[bool]) -> None:
    every = np.array([sum(excess), *excess])
    picked = narrowest(CELLS, every, np.array([300.0, 100, 100, 100]), np.array(found))
    assert all(found[place] for place in picked)
    assert bool(picked) == any(found)
    assert len({CELLS[place] for place in picked}) == len(picked)
    assert not (0 in picked and len(picked) > 1)


def test_once_the_whole_table_is_reported_by_its_part_no_other_part_is_reported() -> None:
    excess, rows = np.array([90.0, 88.0, 20.0, 0.0]), np.array([300.0, 100, 100, 100])
    found = np.array([True, True, True, False])
    assert [CELLS[place] for place in narrowest(CELLS, excess, rows, found)] == [CELLS[1]]


def test_of_one_column_the_three_worst_slices_are_reported() -> None:
    cells = tuple(slice_of(device=f"d{n}") for n in range(6))
    excess = np.array([10.0, 60.0, 20.0, 50.0, 30.0, 40.0])
    assert narrowest(cells, excess, np.full(6, 100.0), np.full(6, True)) == [1, 3, 5]


def seen_at(look: int, where: Slice, subject: str | None = "price") -> Finding:
    start = END + look * 2 * MINUTE
    return Finding(
        check="c", table="views", slice=where, subject=subject, window_start=start,
        window_end=start + 2 * MINUTE, observed=90.0, expected=10.0, p_value=1e-9, severity=Severity.SEV2,
        title="off",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slices", "subject", "reported"),
    [
        ((slice_of(supplier="Alba"), slice_of(country="PL"), slice_of(country="PL")), "price", [0, 1, 1]),
        ((slice_of(country="PL"), slice_of(country="RO"), slice_of(country="PL")), "price", [0, 0, 0]),
        ((slice_of(supplier="Alba"), slice_of(country="PL"), slice_of(supplier="Alba")), None, [0, 0, 0]),
    ],
)
def test_what_is_wrong_with_a_column_is_reported_though_each_look_says_it_by_another_slice(
    slices: tuple[Slice, ...], subject: str | None, reported: list[int]
) -> None:
    """Suppliers sell in one country: which of both says it best differs from look to look."""
    state, counts = CheckState(), list[int]()
    for look, where in enumerate(slices):
        verdict = confirm(state, [seen_at(look, where, subject)], 120.0, END)
        state = verdict.state
        counts.append(len(verdict.findings))
    assert counts == reported

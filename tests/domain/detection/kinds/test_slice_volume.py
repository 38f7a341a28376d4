from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.state import CheckState, Verdict
from domain.recommender.check import Check
from domain.values import Slice, slice_of
from tests.domain.detection.traffic import HOUR, cube, grid

CHECK = Check(name="by_slice", kind="slice_volume", table="impressions")


def look(fault: dict[tuple[str, str], float] | None, seed: int = 5) -> Verdict:
    counts = cube(80, 4_000, seed, fault)
    counts = replace(counts, grid=grid(HOUR, 80))
    return judge_slices(CHECK, counts, CheckState())


def found(verdict: Verdict) -> list[Slice]:
    return [finding.slice for finding in verdict.findings]


@pytest.mark.parametrize(
    ("fault", "slices"),
    [
        ({("France", "*"): 0.3}, [slice_of(country="France")]),
        ({("*", "web"): 0.4}, [slice_of(device="web")]),
        ({("Poland", "tv"): 0.3}, [slice_of(country="Poland", device="tv")]),
        ({("Poland", "*"): 0.4}, [slice_of(country="Poland")]),
        ({("*", "tv"): 0.3}, [slice_of(device="tv")]),
        ({("Denmark", "*"): 0.0}, [slice_of(country="Denmark")]),
        ({("Italy", "mobile"): 2.5}, [slice_of(country="Italy", device="mobile")]),
    ],
)
def test_of_all_the_slices_that_a_fault_pulls_at_only_the_faulty_one_is_named(
    fault: dict[tuple[str, str], float], slices: list[Slice]
) -> None:
    for seed in range(5):
        assert found(look(fault, seed)) == slices


def test_two_faults_at_once_are_two_findings() -> None:
    fault = {("France", "*"): 0.3, ("Poland", "web"): 0.2}
    assert sorted(found(look(fault))) == [
        slice_of(country="France"),
        slice_of(country="Poland", device="web"),
    ]


def test_when_everything_halves_no_slice_is_to_blame() -> None:
    assert found(look({("*", "*"): 0.5})) == []


def test_rows_that_go_elsewhere_instead_are_not_a_finding_of_their_own() -> None:
    counts = cube(80, 4_000, 7, {("France", "*"): 0.2})
    refilled = counts.rows.copy()
    other = np.array([dict(s).get("country") not in {"France", None} for s in counts.slices])
    refilled[-1, other] *= counts.total[:-1].mean() / counts.total[-1]
    total = counts.total.copy()
    total[-1] = counts.total[:-1].mean()
    verdict = judge_slices(
        CHECK, replace(counts, rows=refilled, total=total, grid=grid(HOUR, 80)), CheckState()
    )
    assert found(verdict) == [slice_of(country="France")]


def test_a_finding_says_what_a_tired_person_needs() -> None:
    finding = look({("France", "*"): 0.3}).findings[0]
    assert finding.title.startswith("impressions where country = France: ")
    assert finding.title.endswith(" % fewer rows")
    assert -0.8 < finding.change < -0.6
    assert finding.severity == "SEV2"
    assert finding.affected_share is not None
    assert 0.05 < finding.affected_share < 0.09
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low < finding.expected < finding.high


@pytest.mark.parametrize(
    ("where", "share", "kept"),
    [
        *((slice_of(device="tv"), 0.5, kept) for kept in (0.0, 0.4)),
        *((slice_of(country="Poland"), 0.4, kept) for kept in (0.0, 0.4, 0.6, 2.5)),
        *((slice_of(country="Denmark"), 0.05, kept) for kept in (0.0, 0.4, 2.5)),
    ],
)
def test_a_slice_that_is_most_of_the_total_is_said_to_have_changed_by_what_it_did(
    where: Slice, share: float, kept: float
) -> None:
    cells = dict(where)
    (finding,) = look({(cells.get("country", "*"), cells.get("device", "*")): kept}).findings
    assert finding.slice == where
    assert finding.change == pytest.approx(kept - 1, abs=0.1 * max(kept, 1))
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low < finding.expected < finding.high
    assert not finding.low <= finding.observed <= finding.high
    affected = share * abs(kept - 1) / max(1.0, 1 + share * (kept - 1))
    assert finding.affected_share == pytest.approx(affected, abs=0.05)


def test_a_large_slice_whose_places_others_took_lacks_no_more_than_it_lost() -> None:
    counts = cube(80, 4_000, 7, {("Poland", "*"): 0.3})
    usual = float(counts.total[:-1].mean())
    poland = counts.rows[-1, counts.slices.index(slice_of(country="Poland"))]
    took = (usual - poland) / (counts.total[-1] - poland)
    refilled = counts.rows.copy()
    for place, where in enumerate(counts.slices):
        if dict(where).get("country") not in {"Poland", None}:
            refilled[-1, place] *= took
    for device in ("tv", "mobile", "web"):
        pairs = [place for place, s in enumerate(counts.slices) if len(s) == 2 and ("device", device) in s]
        refilled[-1, counts.slices.index(slice_of(device=device))] = refilled[-1, pairs].sum()
    full = replace(counts, rows=refilled, total=np.append(counts.total[:-1], usual), grid=grid(HOUR, 80))
    (finding,) = judge_slices(CHECK, full, CheckState()).findings
    assert finding.slice == slice_of(country="Poland")
    assert finding.expected == pytest.approx(0.4 * usual, rel=0.05)


def test_noise_is_rarely_a_finding() -> None:
    false = sum(bool(look(None, seed).findings) for seed in range(100, 140))
    assert false <= 1


def test_a_short_window_has_to_show_it_twice() -> None:
    counts = cube(80, 4_000, 5, {("France", "*"): 0.3})
    first = judge_slices(CHECK, counts, CheckState())
    second = judge_slices(CHECK, counts, first.state)
    assert (found(first), found(second)) == ([], [slice_of(country="France")])


def test_a_fault_that_stays_is_not_learned_and_its_end_is_said() -> None:
    healthy, broken = cube(80, 4_000, 5), cube(80, 4_000, 5, {("France", "*"): 0.3})
    where = grid(HOUR, 140)
    rows = np.vstack([healthy.rows[:-1], np.repeat(broken.rows[-1:], 50, axis=0), healthy.rows[:11]])
    total = np.concatenate([healthy.total[:-1], np.repeat(broken.total[-1:], 50), healthy.total[:11]])
    counts = replace(healthy, grid=where, rows=rows, total=total, known=np.ones(140, dtype=bool))
    state, reported, cleared = CheckState(), 0, []
    for last in range(70, 140):
        verdict = judge_slices(CHECK, counts.until(last, 60), state)
        state, reported = verdict.state, reported + len(verdict.findings)
        cleared += [(last, fingerprint) for fingerprint in verdict.cleared]
    assert reported == 50
    assert [last for last, _ in cleared] == [129]


def test_without_history_nothing_is_judged() -> None:
    verdict = judge_slices(CHECK, cube(5, 4_000, 5), CheckState())
    assert (verdict.judged, verdict.findings) == (False, ())
    assert "history" in str(verdict.note)


def test_a_small_change_of_a_huge_slice_is_not_worth_a_person() -> None:
    assert found(look({("Poland", "*"): 0.9})) == []


def test_only_the_declared_direction_is_reported() -> None:
    counts = replace(cube(80, 4_000, 5, {("France", "*"): 0.3}), grid=grid(HOUR, 80))
    surges = CHECK.model_copy(update={"direction": "surge"})
    assert judge_slices(surges, counts, CheckState()).findings == ()

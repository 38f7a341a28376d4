"""A score compared with what is chosen: overall, in its shape, by slice, and without a fault."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.data.outcomes import EDGES, Outcomes
from domain.detection.expect.ratio import expect_ratios
from domain.detection.judge.state import CheckState
from domain.detection.kinds.models.calibration import calibration_error, judge_calibration
from domain.recommender.check import Check
from domain.values import Finding

from ..rows import CELLS, DEVICES
from ..traffic import HOUR, grid

CHECK = Check(name="calibration", kind="calibration", table="candidates")
MIDDLE = (np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2
SHARES = np.exp(-0.5 * ((np.log(MIDDLE / (1 - MIDDLE)) + 1.5) / 1.2) ** 2) * np.diff(EDGES)
SHARES /= SHARES.sum()


def outcomes(
    windows: int = 30,
    rows: float = 2_000.0,
    usual: float = 0.7,
    now: dict[str, float] | None = None,
    tilt: float = 0.0,
    scatter: float = 0.05,
    seed: int = 0,
) -> Outcomes:
    """
    Scores by device, chosen `usual` times as often as they say, scattering by the relative `scatter` from
    window to window; in the last window `now` says how often on a device instead, and `tilt` by how much the
    lower half of the scores is chosen more often, and the upper half less, with the same sum.
    """
    chance = np.random.default_rng(seed)
    n = chance.poisson(rows * SHARES, (windows, len(DEVICES), len(MIDDLE))).astype(float)
    scored = n * MIDDLE
    rate = np.full(n.shape, usual) * chance.lognormal(0, scatter, (windows, 1, 1))
    for device, ratio in (now or {}).items():
        rate[-1, DEVICES.index(device)] = ratio
    if tilt:
        half = np.cumsum(SHARES * MIDDLE) / (SHARES * MIDDLE).sum() < 0.5
        rate[-1] *= np.where(half, 1 + tilt, 1 - tilt)
    chosen = chance.binomial(n.astype(int), np.clip(rate * MIDDLE, 0, 1)).astype(float)

    def whole(counts: np.ndarray) -> np.ndarray:
        return np.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)

    return Outcomes(grid(HOUR, windows), CELLS, "score", whole(n), whole(scored), whole(chosen))


def look(given: Outcomes, check: Check = CHECK) -> tuple[Finding, ...]:
    return judge_calibration(check, given, CheckState()).findings


def test_a_slice_that_is_chosen_less_often_than_its_score_says_is_reported_with_both_ratios() -> None:
    (found,) = look(outcomes(now={"tv": 0.35}))
    assert found.slice == (("device", "tv"),)
    assert found.subject == "score"
    assert found.low is not None and found.observed < found.low
    assert found.change == pytest.approx(-0.5, abs=0.08)
    assert "candidates where device = tv: what is scored is chosen 0.3" in found.title
    assert "usually 0.7" in found.title
    assert "calibration error" in found.title


def test_a_table_that_is_off_as_a_whole_is_reported_once() -> None:
    (found,) = look(outcomes(now=dict.fromkeys(DEVICES, 1.2)))
    assert (found.slice, found.subject) == ((), "score")
    assert found.change > 0.5


def test_scores_that_are_right_in_sum_and_wrong_in_shape_are_reported_by_the_worst_of_them() -> None:
    (found,) = look(outcomes(tilt=0.6, rows=8_000))
    assert found.slice == ()
    assert found.subject is not None and found.subject.startswith("score 0.")
    assert "what is scored 0." in found.title


def test_what_was_always_off_is_no_finding_unless_the_score_itself_was_promised() -> None:
    assert look(outcomes(usual=0.4)) == ()
    promised = CHECK.with_options(against="score")
    (found,) = look(outcomes(usual=0.4), promised)
    assert "where 1 was promised" in found.title
    assert look(outcomes(usual=1.0), promised) == ()


def test_a_change_that_is_sure_and_small_is_left_alone_until_it_is_asked_for() -> None:
    given = outcomes(rows=200_000, now=dict.fromkeys(DEVICES, 0.8), scatter=0.005)
    assert look(given) == ()
    assert len(look(given, CHECK.model_copy(update={"least_change": 0.1}))) == 1


@pytest.mark.parametrize(("direction", "reported"), [("drop", 0), ("surge", 1)])
def test_only_the_declared_direction_is_reported(direction: str, reported: int) -> None:
    assert len(look(outcomes(now={"tv": 1.3}), CHECK.model_copy(update={"direction": direction}))) == reported


@pytest.mark.parametrize(("windows", "judged"), [(3, False), (4, True)])
def test_three_windows_of_history_are_enough(windows: int, judged: bool) -> None:
    verdict = judge_calibration(CHECK, outcomes(windows=windows, now={"tv": 0.2}), CheckState())
    assert verdict.judged is judged
    assert bool(verdict.findings) is judged


def test_windows_that_differ_anyway_raise_no_alarm() -> None:
    """A first look may spend about 1 in 800: of 800 looks more than five are chance once in a thousand."""
    alarms = sum(bool(look(outcomes(scatter=0.2, seed=7_000 + seed))) for seed in range(800))
    assert alarms <= 5


@pytest.mark.parametrize(("windows", "scatter"), [(30, 0.0), (30, 0.1), (8, 0.1)])
def test_alarms_at_most_at_the_nominal_rate_where_nothing_changed(windows: int, scatter: float) -> None:
    """2,000 looks at 5 %: at most three standard errors above it, and not so rare that nothing is seen."""
    chance = np.random.default_rng(3)
    scored = chance.gamma(20, 5, (2_000, windows, 1, 1))
    rate = 0.6 * chance.lognormal(0, scatter, scored.shape) if scatter else np.full(scored.shape, 0.6)
    chosen = chance.poisson(rate * scored).astype(float)
    alarms = 0
    for s, c in zip(scored, chosen, strict=True):
        alarms += float(expect_ratios(s[:-1], c[:-1]).p_values(c[-1], s[-1])[0, 0]) <= 0.05
    assert 0.01 <= alarms / 2_000 <= 0.065


def test_a_loss_of_four_in_ten_is_found_at_one_look() -> None:
    found = [look(outcomes(now={"web": 0.42}, scatter=0.05, seed=seed)) for seed in range(60)]
    right = sum(bool(one) and one[0].slice == (("device", "web"),) for one in found)
    assert right >= 0.95 * 60


def test_the_interval_of_a_ratio_holds_it_nine_times_in_ten() -> None:
    chance = np.random.default_rng(8)
    scored = np.full((2_000, 20, 1, 1), 80.0)
    truth = 0.5 * chance.lognormal(0, 0.1, (2_000, 20))
    chosen = chance.poisson(truth[..., None, None] * scored).astype(float)
    held = 0
    for s, c in zip(scored, chosen, strict=True):
        low, high = expect_ratios(s[:-1], c[:-1]).interval(c[-1], s[-1])
        held += bool(low[0, 0] <= 0.5 <= high[0, 0])
    assert 0.88 <= held / 2_000 <= 0.97


def test_nothing_chosen_at_all_is_found_and_has_an_interval() -> None:
    (found,) = look(outcomes(now=dict.fromkeys(DEVICES, 0.0)))
    assert found.observed == 0
    assert "is chosen 0 times as often as the score says [0–" in found.title


def test_the_error_is_that_of_the_bins_weighted_by_their_rows() -> None:
    rows, scored, chosen = np.array([30.0, 10.0]), np.array([3.0, 8.0]), np.array([6.0, 4.0])
    assert float(calibration_error(rows, scored, chosen)) == pytest.approx((3 + 4) / 40)


def test_without_rows_it_says_so() -> None:
    given = outcomes()
    given.rows[-1], given.scored[-1], given.chosen[-1] = 0, 0, 0
    verdict = judge_calibration(CHECK, given, CheckState())
    assert (verdict.judged, verdict.note) == (False, "no rows in this window")

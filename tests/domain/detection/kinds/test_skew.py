"""A feature as fed against the same as learned: by size and slice, not by how windows differ anyway."""

from __future__ import annotations

import numpy as np
import pytest

from domain.detection.data.feature_skew import NOT_SET, SET, ServedFeatures
from domain.detection.data.histogram import Bins, Histograms
from domain.detection.judge.distribution import compare
from domain.detection.judge.state import CheckState
from domain.detection.kinds.models.skew import judge_skew
from domain.recommender.check import Check
from domain.values import Finding

from ..rows import CELLS, DEVICES
from ..traffic import HOUR, grid

CHECK = Check(name="skew", kind="skew", table="candidates", options={"learned_from": "training_set"})
BINS = (
    Bins("rating", edges=tuple(float(edge) for edge in range(11))),
    Bins("rating", labels=(SET, NOT_SET), named=2),
    Bins("genre", labels=("drama", "comedy", "horror"), named=3),
)
SHARES = (np.full(10, 0.1), np.array([0.98, 0.02]), np.array([0.5, 0.3, 0.2]))


def tilted(share: np.ndarray, tilt: float) -> np.ndarray:
    odds = share * np.exp(tilt * np.linspace(-1, 1, len(share)))
    return np.asarray(odds / odds.sum())


def fed(
    windows: int = 24,
    rows: int = 800,
    learned: int = 60_000,
    now: dict[str, tuple[int, float]] | None = None,
    always: dict[str, tuple[int, float]] | None = None,
    scatter: float = 0.05,
    seed: int = 0,
) -> ServedFeatures:
    """
    A number, whether it is set, and a text, by device, as they were learned and as they are fed, tilted by
    `scatter` from window to window; `now` says on which device which column (its place) is tilted by how
    much in the last window, `always` in all of them.
    """
    chance = np.random.default_rng(seed)
    counts, known = [], []
    for column, share in enumerate(SHARES):
        tilts = np.repeat(chance.normal(0, scatter, (windows, 1)), len(DEVICES), axis=1)
        for shifts, where in ((always, slice(None)), (now, slice(-1, None))):
            for device, (place, tilt) in (shifts or {}).items():
                tilts[where, DEVICES.index(device)] += tilt * (place == column)
        held = np.array(
            [[chance.multinomial(rows, tilted(share, t)) for t in row] for row in tilts], dtype=float
        )
        counts.append(np.concatenate([held.sum(axis=1, keepdims=True), held], axis=1))
        own = np.array([chance.multinomial(learned, share) for _ in DEVICES], dtype=float)
        known.append(np.concatenate([own.sum(axis=0, keepdims=True), own]))
    served = Histograms(grid(HOUR, windows), CELLS, BINS, counts[0].sum(axis=-1), tuple(counts))
    return ServedFeatures(served, tuple(known))


def look(given: ServedFeatures, check: Check = CHECK) -> tuple[Finding, ...]:
    return judge_skew(check, given, CheckState()).findings


def test_a_feature_that_is_fed_otherwise_on_one_device_is_reported_with_the_size() -> None:
    (found,) = look(fed(now={"tv": (0, 1.5)}))
    assert (found.slice, found.subject) == ((("device", "tv"),), "rating")
    assert "candidates where device = tv: rating differs from training by 2." in found.title
    assert "on average, mostly higher (stability index 0." in found.title
    assert found.expected < 100 < found.observed


def test_a_feature_that_is_not_set_is_reported_as_that() -> None:
    (found,) = look(fed(now={"mobile": (1, 2.0)}))
    assert (found.slice, found.subject) == ((("device", "mobile"),), "rating not set")
    assert "rating is not set in 5" in found.title
    assert "of the served rows, in training in 2.0 %" in found.title


def test_a_category_that_is_fed_more_often_is_named() -> None:
    (found,) = look(fed(now=dict.fromkeys(DEVICES, (2, 1.0))))
    assert (found.slice, found.subject) == ((), "genre")
    assert "genre is served differently from training: horror" in found.title


def test_what_was_never_fed_as_it_was_learned_is_reported_though_no_window_differs_from_the_others() -> None:
    always = dict.fromkeys(DEVICES, (0, 1.0))
    (found,) = look(fed(always=always))
    assert (found.slice, found.subject) == ((), "rating")


def test_a_skew_too_small_to_matter_is_left_alone_until_it_is_asked_for() -> None:
    small = fed(rows=20_000, scatter=0.01, always=dict.fromkeys(DEVICES, (0, 0.2)))
    assert look(small) == ()
    assert len(look(small, CHECK.with_options(least_share=0.03))) == 1


def test_windows_that_differ_anyway_are_no_skew() -> None:
    assert sum(bool(look(fed(scatter=0.3, seed=seed))) for seed in range(200)) <= 4


def test_a_tilt_of_a_third_is_found_at_one_look() -> None:
    found = [look(fed(now={"web": (0, 1.0)}, seed=seed)) for seed in range(40)]
    assert sum(bool(one) and one[0].slice == (("device", "web"),) for one in found) >= 38


@pytest.mark.parametrize(("windows", "scatter"), [(20, 0.0), (40, 0.2)])
def test_alarms_at_the_nominal_rate_where_it_is_fed_as_it_was_learned(windows: int, scatter: float) -> None:
    """Within three standard errors of 5 % in 1,000 pairs, windows scattering about what was learned."""
    assert 0.03 <= false_alarms(windows, scatter)[0] <= 0.07


def test_few_windows_of_little_scatter_say_too_little_and_no_less_than_against_themselves() -> None:
    against_training, against_the_past = false_alarms(8, 0.2)
    assert against_training <= against_the_past + 0.02


def false_alarms(windows: int, scatter: float) -> tuple[float, float]:
    """The part of 1,000 pairs with p ≤ 5 %: held against training, and against the windows before."""
    chance = np.random.default_rng(21)
    p_values = []
    for _ in range(1_000):
        tilts = chance.normal(0, scatter, windows + 1)
        counts = np.array([chance.multinomial(600, tilted(SHARES[0], t)) for t in tilts], dtype=float)
        learned = chance.multinomial(50_000, SHARES[0]).astype(float)[None]
        past, now = counts[:-1, None], counts[-1:]
        p_values.append([compare(past, now, one).p_values[0] for one in (learned, None)])
    first, second = (np.array(p_values) <= 0.05).mean(axis=0)
    return float(first), float(second)


@pytest.mark.parametrize(("windows", "judged"), [(3, False), (4, True)])
def test_three_windows_say_how_far_windows_scatter(windows: int, judged: bool) -> None:
    verdict = judge_skew(CHECK, fed(windows=windows, now={"tv": (0, 3.0)}), CheckState())
    assert verdict.judged is judged


def test_an_empty_training_table_is_said_to_be_empty() -> None:
    given = fed()
    for learned in given.learned:
        learned[:] = 0
    verdict = judge_skew(CHECK, given, CheckState())
    assert (verdict.judged, verdict.note) == (False, "no rows in training_set")

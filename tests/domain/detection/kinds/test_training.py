"""The newest training against earlier ones: faults are reported until the next one, chance is not."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from domain.detection.data.trainings import Runs
from domain.detection.judge.state import CheckState
from domain.detection.kinds.models.training import judge_training, usual_runs
from domain.recommender.check import Check
from domain.values import Finding

from ..traffic import DAY, END, HOUR

COLUMNS = ("auc", "log_loss", "rows")
CHECK = Check(name="runs", kind="training", table="training_runs", options={"columns": COLUMNS})
USUAL = {"auc": (0.80, 0.004), "log_loss": (0.21, 0.003), "rows": (90_000.0, 2_000.0)}


def trained(count: int = 10, seed: int = 0, **now: float) -> Runs:
    """Nightly runs that scatter; the last one says what `now` does."""
    chance = np.random.default_rng(seed)
    values = np.array([[chance.normal(*USUAL[name]) for name in COLUMNS] for _ in range(count)])
    for name, value in now.items():
        values[-1, COLUMNS.index(name)] = value
    at = tuple(END - (count - place) * DAY + 3 * HOUR for place in range(count))
    return Runs(at, COLUMNS, values)


def look(
    runs: Runs, check: Check = CHECK, state: CheckState | None = None, end: datetime = END
) -> tuple[Finding, ...]:
    return judge_training(check, runs, (end - DAY, end), state or CheckState(), 7.0).findings


def test_a_training_that_came_out_worse_is_reported_with_what_is_usual() -> None:
    (found,) = look(trained(auc=0.61))
    assert found.subject == "auc"
    assert found.observed == 0.61
    assert found.low is not None and found.low < found.expected < 0.81
    assert "the training of 2026-03-01 03:00 UTC has auc 0.61, usually 0.8 (0.7" in found.title
    assert found.window_start == END - 21 * HOUR


def test_each_number_that_is_off_is_reported() -> None:
    assert [one.subject for one in look(trained(auc=0.61, rows=30_000.0))] == ["auc", "rows"]


@pytest.mark.parametrize(("direction", "reported"), [("drop", 0), ("both", 1), ("surge", 1)])
def test_a_result_that_is_too_good_is_reported_too_unless_only_drops_are_asked_for(
    direction: str, reported: int
) -> None:
    check = CHECK.model_copy(update={"direction": direction})
    assert len(look(trained(auc=0.97), check)) == reported


def test_a_change_too_small_to_matter_is_left_alone() -> None:
    runs = trained(auc=0.77)
    assert look(runs) == ()
    careful = Check(
        name="runs", kind="training", table="training_runs", options={"columns": COLUMNS}, least_change=0.01
    )
    assert [one.subject for one in look(runs, careful)] == ["auc"]


@pytest.mark.parametrize(("runs", "judged"), [(3, False), (4, True)])
def test_three_runs_before_are_enough(runs: int, judged: bool) -> None:
    verdict = judge_training(CHECK, trained(runs, auc=0.2), (END - DAY, END), CheckState(), 7.0)
    assert verdict.judged is judged
    assert bool(verdict.findings) is judged
    assert verdict.note == (None if judged else "not enough trainings yet")


@pytest.mark.parametrize("count", [4, 6, 15, 40])
def test_one_more_run_is_beyond_the_nominal_rate_as_often_as_that_says(count: int) -> None:
    chance = np.random.default_rng(count)
    values = chance.normal(0.8, 0.01, (4_000, count, 1))
    alarms = sum(float(usual_runs(one[:-1]).p_values(one[-1])[0]) <= 0.05 for one in values)
    assert 0.04 <= alarms / 4_000 <= 0.06


def test_where_nothing_is_wrong_nothing_is_found_in_three_hundred_looks() -> None:
    careful = CHECK.model_copy(update={"direction": "both"})
    assert sum(bool(look(trained(12, seed), careful)) for seed in range(300)) <= 3


def test_what_was_trained_badly_is_reported_until_the_next_training_however_often_it_is_looked() -> None:
    runs, state = trained(auc=0.70), CheckState()
    for hours in range(20):
        verdict = judge_training(CHECK, runs, (END - DAY, END + hours * HOUR), state, 7.0)
        assert [one.subject for one in verdict.findings] == ["auc"]
        state = CheckState.model_validate_json(verdict.state.model_dump_json())
    at, values = (*runs.at, END + DAY), np.vstack([runs.values, [0.80, 0.21, 90_000.0]])
    better = judge_training(CHECK, Runs(at, runs.columns, values), (END + DAY, END + 2 * DAY), state, 7.0)
    assert better.findings == ()
    assert len(better.cleared) == 1
    worse = np.vstack([values, [0.70, 0.21, 90_000.0]])
    later = Runs((*at, END + 2 * DAY), runs.columns, worse)
    assert len(judge_training(CHECK, later, (END, END + 3 * DAY), better.state, 7.0).findings) == 1


def test_a_number_that_a_run_does_not_say_is_no_finding() -> None:
    runs = trained(auc=float("nan"))
    assert look(runs) == ()
    runs.values[:, 1] = np.nan
    assert look(runs) == ()


def test_a_constant_that_changes_is_found() -> None:
    runs = trained()
    runs.values[:, 2] = 50_000.0
    assert look(runs) == ()
    runs.values[-1, 2] = 40_000.0
    assert [one.subject for one in look(runs)] == ["rows"]


def test_only_runs_up_to_the_window_are_seen() -> None:
    assert look(trained(auc=0.61), end=END - DAY) == ()

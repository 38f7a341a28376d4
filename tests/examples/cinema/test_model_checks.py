"""The declared checks of the ranker: quiet while nothing is wrong, and a fault in its input is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from domain.values import Finding
from workers.checks.run import State, run_checks
from workers.declaration.declare import load

from .conftest import Small

DECLARED = Path(__file__).parents[3] / "examples/cinema/recsysops.toml"
OF_THE_MODEL = ("numbers", "scores", "calibration", "trainings_age", "trainings")


def test_a_feature_that_is_not_fed_is_found_in_the_scores_that_come_of_it_and_nothing_before(
    reopen: Callable[..., Small],
) -> None:
    cinema = reopen()
    declared = load(DECLARED, {"CINEMA_FOLDER": str(cinema.settings.folder), "CINEMA_WEBHOOK_SECRET": "x"})
    named = {name: declared.checks[name] for name in OF_THE_MODEL}
    declared = declared.model_copy(update={"checks": named})
    state = State()

    def watch(looks: int) -> list[Finding]:
        nonlocal state
        found = list[Finding]()
        for _ in range(looks):
            cinema.run(10)
            result = run_checks(declared, cinema.at, state)
            state = result.state
            found += result.findings
        return found

    assert watch(3) == []
    cinema.live.switch_fault("missing_values", True, cinema.at)
    found = watch(2)
    mobile = (("device", "mobile"),)
    assert {(one.check, one.slice, one.subject) for one in found} == {
        ("scores", mobile, "score"),
        ("numbers", mobile, "genre_affinity not a number"),
    }
    (scores, *_later) = [one for one in found if one.check == "scores"]
    assert "score moved by" in scores.title and "mostly lower" in scores.title


def test_a_model_that_was_not_trained_for_two_nights_is_recognised_by_its_age(cinema: Small) -> None:
    declared = load(DECLARED, {"CINEMA_FOLDER": str(cinema.settings.folder), "CINEMA_WEBHOOK_SECRET": "x"})
    only = declared.model_copy(update={"checks": {"trainings_age": declared.checks["trainings_age"]}})
    assert run_checks(only, cinema.at + timedelta(hours=29)).findings == ()
    (found,) = run_checks(only, cinema.at + timedelta(hours=48)).findings
    assert "training_runs: the newest model is" in found.title
    assert "old, promised at most 1d6h" in found.title

"""The declared check on what the model is fed finds the bug that feeds it nothing, and nothing before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from domain.values import Finding
from workers.checks.run import State, run_checks
from workers.declaration.declare import load

from .conftest import Small

DECLARED = Path(__file__).parents[3] / "examples/cinema/recsysops.toml"


def test_a_feature_that_is_not_fed_on_one_device_is_found_there_and_fixed(
    reopen: Callable[..., Small],
) -> None:
    cinema = reopen()
    declared = load(DECLARED, {"CINEMA_FOLDER": str(cinema.settings.folder), "CINEMA_WEBHOOK_SECRET": "x"})
    declared = declared.model_copy(update={"checks": {"model_input": declared.checks["model_input"]}})
    state = State()

    def watch(minutes: int) -> tuple[list[Finding], list[str]]:
        nonlocal state
        found, over = list[Finding](), list[str]()
        for _ in range(minutes):
            cinema.run(1)
            result = run_checks(declared, cinema.at, state)
            state = result.state
            found += result.findings
            over += result.cleared
        return found, over

    assert watch(8) == ([], [])
    cinema.live.switch_fault("missing_values", True, cinema.at)
    found, over = watch(5)
    assert found
    assert over == []
    assert {(finding.slice, finding.subject) for finding in found} == {
        ((("device", "mobile"),), "genre_affinity")
    }
    cinema.live.switch_fault("missing_values", False, cinema.at)
    _more, over = watch(7)
    assert over == [found[0].fingerprint]

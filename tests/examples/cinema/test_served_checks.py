"""The declared checks of what the cinema serves and of the tables that log it: quiet where all is well."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.run import State, run_checks
from workers.declaration.declare import load

from .conftest import START, Small

DECLARED = Path(__file__).parents[3] / "examples/cinema/recsysops.toml"
SERVED = ("model_version", "candidates_kept", "plays_join", "standby_agrees", "funnel")
TEN = timedelta(minutes=10)


def declared(cinema: Small, *names: str) -> Recommender:
    whole = load(DECLARED, {"CINEMA_FOLDER": str(cinema.settings.folder), "CINEMA_WEBHOOK_SECRET": "x"})
    return whole.model_copy(update={"checks": {name: whole.checks[name] for name in names}})


def name_version(cinema: Small, version: str | None = None) -> None:
    """The registry as it was written before the cinema opened, naming another version where one is given."""
    path = cinema.settings.folder / "models/ranker.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "version": version or known["version"]}))
    before = (START - timedelta(hours=3)).timestamp()
    os.utime(path, (before, before))


def looked(cinema: Small, recommender: Recommender, looks: int) -> tuple[list[Finding], dict[str, str]]:
    """What is said in the last `looks` windows of ten minutes."""
    state, found, notes = State(), list[Finding](), dict[str, str]()
    for back in reversed(range(looks)):
        result = run_checks(recommender, cinema.at - back * TEN, state)
        state, notes = result.state, result.notes
        found += result.findings
    return found, notes


def test_nothing_is_said_where_nothing_is_wrong(reopen: Callable[..., Small]) -> None:
    cinema = reopen()
    cinema.run(35)
    name_version(cinema)
    assert looked(cinema, declared(cinema, *SERVED), 4) == ([], {})


def test_a_ranker_that_its_registry_does_not_name_is_found(reopen: Callable[..., Small]) -> None:
    cinema = reopen()
    cinema.run(25)
    serving = cinema.live.serving.ranker.version
    name_version(cinema, "20260301T030000")
    found, _notes = looked(cinema, declared(cinema, "model_version"), 2)
    assert [(finding.slice, finding.subject) for finding in found] == [((), serving)]
    assert found[0].title == f"candidates: {serving} serves 100 % instead of nothing"


def test_films_that_lose_their_language_are_lost_among_the_candidates(reopen: Callable[..., Small]) -> None:
    cinema = reopen()
    cinema.run(5)
    cinema.live.switch_fault("language", True, cinema.at)
    cinema.run(35)
    found, _notes = looked(cinema, declared(cinema, *SERVED[1:]), 3)
    assert {finding.check for finding in found} == {"funnel"}
    assert all(("country", "France") in finding.slice for finding in found)
    assert all("get from candidates to shown" in finding.title for finding in found)

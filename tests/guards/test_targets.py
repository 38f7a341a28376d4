"""The table of whose guards are taken out, and the list of those left out, are complete and current."""

from __future__ import annotations

from tests.guards.__main__ import cases
from tests.guards.equivalent import EQUIVALENT
from tests.guards.targets import ROOT, TARGETS

DECIDING = (
    "bot/slack/permission.py",
    "workers/respond/resolve/deploy.py",
    "workers/store/attempts.py",
    "workers/respond/resolve/watch.py",
)
"""What lets people and workers do something, beside the rules."""


def test_every_rule_of_an_incidents_life_and_all_that_lets_somebody_do_something_is_looked_at() -> None:
    rules = {str(path.relative_to(ROOT)) for path in (ROOT / "domain/incident/decide").glob("*.py")}
    assert rules | set(DECIDING) <= set(TARGETS)


def test_every_file_named_is_there_and_every_target_has_guards() -> None:
    named = {*TARGETS, *(file for files in TARGETS.values() for file in files)}
    assert [file for file in sorted(named) if not (ROOT / file).is_file()] == []
    assert {case.path for case in cases()} == set(TARGETS)


def test_what_is_listed_as_equivalent_is_there_and_has_its_reason() -> None:
    found = {case.name for case in cases()}
    assert [name for name in EQUIVALENT if name not in found] == []
    assert all(len(reason) > 20 for reason in EQUIVALENT.values())

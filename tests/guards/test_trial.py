"""Which guards are noticed, by which tests; and that a test which fails by itself notices nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

GATE = "def may(age):\n    return False if age < 18 else True\n\ndef full(count):\n    return count >= 2\n"
TESTS = """
from gate import full, may

def test_children_wait():
    assert not may(12)

def test_two_are_enough():
    assert full(3)
"""
BY_ITSELF = """
from pathlib import Path

def test_that_fails_by_itself_once():
    assert not full(1)
    count = Path(__file__).with_name("count")
    count.write_text(count.read_text() + "x" if count.exists() else "")
    assert len(count.read_text()) != 1
"""
PROGRAM = """
import json, pathlib, sys
import pytest
import tests.guards.trial as trial
from tests.guards.find import guards
trial.ROOT = pathlib.Path.cwd()
cases = [trial.Case("gate.py", one, ("test_gate.py",)) for one in guards(pathlib.Path("gate.py").read_text())]
made = trial.Trial(cases, 2, lambda verdict: None)
pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_gate.py"], plugins=[made])
print()
by = {f"{one.case.guard.text} → {one.case.guard.left}": one.by for one in made.verdicts}
print(json.dumps([made.broken, by]))
"""


def tried(folder: Path, root: Path, tests: str) -> tuple[str | None, dict[str, str | None]]:
    (folder / "gate.py").write_text(GATE)
    (folder / "test_gate.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{root}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    broken, verdicts = json.loads(done.stdout.splitlines()[-1])
    return broken, verdicts


@pytest.mark.parametrize("tests", [TESTS, TESTS + BY_ITSELF], ids=["quiet", "busy"])
def test_what_no_test_is_about_survives_and_a_test_that_fails_by_itself_hides_nothing(
    tmp_path: Path, root: Path, tests: str
) -> None:
    broken, by = tried(tmp_path, root, tests)
    assert broken is None
    assert by["count >= 2 → False"] == "test_gate.py::test_two_are_enough"
    assert by["count >= 2 → count > 2"] is None
    assert by["age < 18 → age <= 18"] is None


def test_where_a_test_fails_as_the_program_is_nothing_is_said(tmp_path: Path, root: Path) -> None:
    broken, by = tried(tmp_path, root, TESTS + "\ndef test_wrong():\n    assert may(12)\n")
    assert "test_wrong fails as the program is" in (broken or "")
    assert by == {}

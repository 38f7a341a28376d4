"""A guard is taken out of a running program, in a fork, and the tests that come by it notice, or do not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.guards.find import guards
from tests.guards.fork import Task, in_forks
from tests.guards.mutant import Program
from tests.guards.trace import Trace

GATE = """
OPEN = frozenset({"day", "dusk"})
NEEDS = dict(enter={"ticket"})

def may(age, hour):
    if age < 18:
        return False
    return hour in OPEN

class Gate:
    def __init__(self):
        self.count = 0

    @property
    def full(self):
        return self.count >= 2

    def enter(self, age):
        if self.full:
            raise ValueError("full")
        self.count += 1
"""


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    name = f"gate_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(GATE)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


def without(gate: ModuleType, text: str, ask: Callable[[], object]) -> object:
    """What `ask` answers in a fork where the guard of this text is taken out."""
    (guard,) = [one for one in guards(GATE) if f"{one.text} → {one.left}" == text]
    program = Program({"gate": gate})

    def work() -> object:
        program.take_out("gate", guard)
        return ask()

    (ended,) = in_forks([Task("gate", work, 60.0)], 1)
    assert ended.trouble is None
    return ended.answer


def test_whoever_holds_the_function_calls_it_without_the_guard(gate: ModuleType) -> None:
    held = gate.may
    assert without(gate, "if age < 18 → (taken out)", lambda: held(12, "day")) is True
    assert held(12, "day") is False


def test_properties_and_methods_lose_theirs_too(gate: ModuleType) -> None:
    def three() -> int:
        visited = gate.Gate()
        for _ in range(3):
            visited.enter(40)
        return int(visited.count)

    assert without(gate, "if self.full → (taken out)", three) == 3
    assert without(gate, "self.count >= 2 → self.count > 2", three) == 3


def test_a_constant_is_made_anew_for_everybody_who_imported_it(gate: ModuleType) -> None:
    importer = ModuleType("importer")
    importer.OPEN = gate.OPEN  # type: ignore[attr-defined]
    sys.modules["importer"] = importer
    try:
        shown = "{'day', 'dusk'} → without 'dusk'"
        assert without(gate, shown, lambda: (gate.may(40, "dusk"), sorted(importer.OPEN))) == (False, ["day"])
    finally:
        del sys.modules["importer"]


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"

    def hang() -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        started.write_text(str(child.pid))
        time.sleep(600)

    (ended,) = in_forks([Task("hangs", hang, 3.0)], 1)
    assert (ended.about, ended.gone) == ("hangs", "was not done after 3 s")
    with pytest.raises(ProcessLookupError):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            os.kill(int(started.read_text()), 0)
            time.sleep(0.05)


def test_a_fork_that_dies_is_said_so_and_one_that_raises_too() -> None:
    def raises() -> None:
        raise RuntimeError("the work is wrong")

    tasks = [Task("dies", lambda: os._exit(3), 60.0), Task("raises", raises, 60.0), Task("ends", int, 60.0)]
    ended = {one.about: one for one in in_forks(tasks, 2)}
    assert ended["dies"].gone == "the process ended in the middle of a test"
    assert "the work is wrong" in (ended["raises"].trouble or "")
    assert ended["ends"].answer == 0


def test_the_lines_that_run_are_known_in_threads_too(gate: ModuleType, tmp_path: Path) -> None:
    from threading import Thread

    name = f"{gate.__name__}.py"
    with Trace(tmp_path, [name]) as trace:
        thread = Thread(target=gate.may, args=(12, "day"))
        thread.start()
        thread.join()
        lines = trace.taken()
        gate.may(40, "day")
        later = trace.taken()
    exit_line = GATE.splitlines().index("        return False") + 1
    assert (name, exit_line) in lines
    assert (name, exit_line) not in later
    assert (name, exit_line + 1) in later

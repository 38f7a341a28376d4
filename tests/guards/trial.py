"""
A pytest plugin in place of its loop: it collects once, then runs tests in forks.

First all of them as the program is, to know how long each takes and which lines it comes by. Then, for each
guard, those that come by it without it: the quickest first, to the first that fails twice. What fails once
fails by itself, as on a busy machine, and would hide that nothing notices.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter as clock

import pytest

from tests.guards.find import Guard
from tests.guards.fork import Ended, Task, in_forks
from tests.guards.mutant import Program
from tests.guards.targets import ROOT
from tests.guards.trace import Place, Trace

PATIENCE_SECONDS, PATIENCE_FACTOR = 120.0, 20.0
"""A fork hangs that takes so many times what its tests took before, and this on top: machines differ."""
ONCE_SECONDS = 1800.0


@dataclass(frozen=True)
class Case:
    """A guard of a module, and the test files that concern it."""

    path: str
    guard: Guard
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """What a list of exceptions names it by."""
        return f"{self.path} {self.guard.name}"

    @property
    def place(self) -> str:
        """The function that it is in: what notices one of its guards is the likeliest to notice the next."""
        return f"{self.path} {self.guard.where}"


@dataclass(frozen=True)
class Verdict:
    """`by`: the test that noticed, None where none did; `tests`: how many come by the guard."""

    case: Case
    by: str | None
    tests: int


@dataclass
class Ran:
    """Seconds and lines by test, and the first test that failed, with its words."""

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, set[Place]] = field(default_factory=dict)
    failed: str | None = None
    words: str = ""


class Trial:
    """
    The plugin. Once pytest has ended `verdicts` are there, or `broken` says why nothing can be said.

    Args:
        report: called with each verdict as it is there.
    """

    def __init__(self, cases: Sequence[Case], jobs: int, report: Callable[[Verdict], None]) -> None:
        self._cases, self._jobs, self._report = cases, jobs, report
        self._failed: list[pytest.TestReport] = []
        self._noticed: dict[str, set[str]] = {}
        self.verdicts: list[Verdict] = []
        self.broken: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of pytest's own."""
        if session.testsfailed:
            raise session.Interrupted("not all tests can be collected")
        modules = {case.path: importlib.import_module(_dotted(case.path)) for case in self._cases}
        program = Program(modules)
        # Whoever asks first empties it: that must not be each fork.
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        gc.freeze()  # else a fork that looks for garbage makes all it was given its own
        known = self._as_it_is(session.items, list(modules))
        if self.broken is None:
            for ended in in_forks(self._tasks(session.items, program, known), self._jobs):
                self._judge(ended)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a fork."""
        if report.failed:
            self._failed.append(report)

    def _as_it_is(self, items: Sequence[pytest.Item], paths: Sequence[str]) -> Ran:
        """Every test once: they have to hold, or nothing can be said."""
        parts = [part for part in _parts(items, self._jobs) if part]
        known = Ran()
        tasks = (Task(None, partial(self._watched, part, paths), ONCE_SECONDS) for part in parts)
        for ended in in_forks(tasks, self._jobs):
            if ended.answer is None:
                self.broken = ended.trouble or ended.gone
                return known
            if ended.answer.failed:
                self.broken = f"{ended.answer.failed} fails as the program is:\n{ended.answer.words}"
            known.seconds |= ended.answer.seconds
            known.lines |= ended.answer.lines
        return known

    def _watched(self, items: Sequence[pytest.Item], paths: Sequence[str]) -> Ran:
        with Trace(ROOT, paths) as trace:
            return self._run(items, trace)

    def _tasks(self, items: Sequence[pytest.Item], program: Program, known: Ran) -> Iterator[Task]:
        for case in self._cases:
            concerned = [item for item in items if _concerns(item.nodeid, case, known)]
            likely = self._noticed.get(case.place, ())
            concerned.sort(key=lambda item: (item.nodeid not in likely, known.seconds[item.nodeid]))
            seconds = sum(known.seconds[item.nodeid] for item in concerned)
            yield Task(
                (case, len(concerned)),
                partial(self._without, program, case, concerned),
                PATIENCE_SECONDS + PATIENCE_FACTOR * seconds,
            )

    def _without(self, program: Program, case: Case, items: Sequence[pytest.Item]) -> Ran:
        program.take_out(case.path, case.guard)
        return self._run(items)

    def _run(self, items: Sequence[pytest.Item], trace: Trace | None = None) -> Ran:
        """To the first that fails, and once more: on a busy machine a test may fail by itself."""
        ran = Ran()
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            before = clock()
            failed = self._fails(item, following)
            ran.seconds[item.nodeid] = clock() - before
            if trace:
                ran.lines[item.nodeid] = trace.taken()
            if failed:
                item._initrequest()  # type: ignore[attr-defined]
                failed = self._fails(item, following)
            if failed:
                ran.failed, ran.words = failed.nodeid, failed.longreprtext
                return ran
        return ran

    def _fails(self, item: pytest.Item, following: pytest.Item | None) -> pytest.TestReport | None:
        self._failed.clear()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        return self._failed[0] if self._failed else None

    def _judge(self, ended: Ended) -> None:
        if ended.trouble:
            raise RuntimeError(ended.trouble)
        case, tests = ended.about
        by = ended.gone or ended.answer.failed
        if by:
            self._noticed.setdefault(case.place, set()).add(by)
        verdict = Verdict(case, by, tests)
        self.verdicts.append(verdict)
        self._report(verdict)


def _concerns(nodeid: str, case: Case, known: Ran) -> bool:
    if nodeid.partition("::")[0] not in case.files:
        return False
    first, last = case.guard.lines
    return case.guard.constant or any(
        path == case.path and first <= line <= last for path, line in known.lines[nodeid]
    )


def _parts(items: Sequence[pytest.Item], jobs: int) -> list[list[pytest.Item]]:
    """The tests of a file stay together: what is made once for all of them is."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    parts: list[list[pytest.Item]] = [[] for _ in range(jobs)]
    for file in sorted(files.values(), key=len, reverse=True):
        min(parts, key=len).extend(file)
    return parts


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

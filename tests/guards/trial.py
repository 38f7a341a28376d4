"""
A pytest plugin in place of its loop: it collects once, then runs tests in forks.

First all of them as the program is, to know how long each takes and which lines it comes by. Then, for each
guard, those that come by it without it: the quickest first, to the first that fails. That one has to fail
once more in another fork: on a busy machine a test may fail by itself, and would hide that nothing notices.
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
        told: called with each verdict as it is there.
    """

    def __init__(self, cases: Sequence[Case], jobs: int, told: Callable[[Verdict], None]) -> None:
        self._cases, self._jobs, self._told = cases, jobs, told
        self._failed: list[pytest.TestReport] = []
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
            self._take_out_each(program, [_Question(case, session.items, known) for case in self._cases])
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

    def _take_out_each(self, program: Program, questions: list[_Question]) -> None:
        while questions:
            suspected, again = [], []
            for ended in self._asked(program, questions):
                question: _Question = ended.about
                if ended.gone or ended.answer.failed is None:
                    self._judge(question, ended.gone)
                else:
                    question.ask_only(ended.answer.failed)
                    suspected.append(question)
            for ended in self._asked(program, suspected):
                if ended.gone or ended.answer.failed:
                    self._judge(ended.about, ended.gone or ended.answer.failed)
                else:
                    ended.about.ask_the_others()
                    again.append(ended.about)
            questions = again

    def _asked(self, program: Program, questions: Sequence[_Question]) -> Iterator[Ended]:
        work = partial(self._without, program)
        for ended in in_forks((question.task(work) for question in questions), self._jobs):
            if ended.trouble:
                raise RuntimeError(ended.trouble)
            yield ended

    def _without(self, program: Program, question: _Question) -> Ran:
        program.take_out(question.case.path, question.case.guard)
        return self._run(question.asked)

    def _run(self, items: Sequence[pytest.Item], trace: Trace | None = None) -> Ran:
        """To the first that fails."""
        ran = Ran()
        for place, item in enumerate(items):
            reports = len(self._failed)
            before = clock()
            following = items[place + 1] if place + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            ran.seconds[item.nodeid] = clock() - before
            if trace:
                ran.lines[item.nodeid] = trace.taken()
            if len(self._failed) > reports:
                failed = self._failed[reports]
                ran.failed, ran.words = failed.nodeid, failed.longreprtext
                return ran
        return ran

    def _judge(self, question: _Question, by: str | None) -> None:
        verdict = Verdict(question.case, by, question.count)
        self.verdicts.append(verdict)
        self._told(verdict)


class _Question:
    """Does one of these tests notice that this guard is gone?"""

    def __init__(self, case: Case, items: Sequence[pytest.Item], known: Ran) -> None:
        self.case = case
        self._known = known
        concerned = [item for item in items if _concerns(item.nodeid, case, known)]
        self._items = sorted(concerned, key=lambda item: known.seconds[item.nodeid])
        self._suspect: str | None = None

    @property
    def asked(self) -> list[pytest.Item]:
        """All that come by the guard; the one that failed, where it is asked again."""
        return [item for item in self._items if self._suspect in (None, item.nodeid)]

    @property
    def count(self) -> int:
        return len(self._items)

    def ask_only(self, failed: str) -> None:
        """The test that has failed, once more."""
        self._suspect = failed

    def ask_the_others(self) -> None:
        """The one that was asked alone fails by itself now and then, and says nothing."""
        self._items = [item for item in self._items if item.nodeid != self._suspect]
        self._suspect = None

    def task(self, work: Callable[[_Question], Ran]) -> Task:
        seconds = sum(self._known.seconds[item.nodeid] for item in self.asked)
        return Task(self, partial(work, self), PATIENCE_SECONDS + PATIENCE_FACTOR * seconds)


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

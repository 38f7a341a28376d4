"""
Records the engine's answers to a check's questions while it looks, and plays them back without the engine.

A question is identified by everything its answer depends on: the need, the windows, the slices, and the keys
of the check that the engine query uses. Keys that only decide what is made of the answer (`least_change`,
`severity`, shadow mode) are not part of it, nor is the check's name: changing them leaves the answer the
same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

from domain.detection.data.check_run import CheckRun
from domain.detection.judge.state import CheckState
from domain.detection.needs import Needs
from domain.errors import SourceError, TooFewRows
from domain.recommender import options
from workers.sources.flagged.flags import wrong_windows

OF_TABLE = {"name", "time", "select", "table", "explode", "label", "key"}
NOT_ASKED_BY = frozenset(options.LeastShare.model_fields)
ASKED_BY = (
    frozenset(
        key
        for kind in vars(options).values()
        if isinstance(kind, type) and issubclass(kind, options.Options)
        for key in kind.model_fields
    )
    - NOT_ASKED_BY
)
"""The keys of kinds that engine queries use: whatever reads a table knows no others."""


class NotFrozen(SourceError):
    """A question that was not asked when the answers were recorded."""


@dataclass(frozen=True)
class TooFew:
    """The recorded answer that there were too few rows, in its original words."""

    says: str


@dataclass
class Tape:
    """
    Answers by question. When it `plays`, nothing else is asked, and `missed` counts questions not on it.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    plays: bool = False
    missed: int = 0

    def answer(self, question: str, ask: Callable[[], Any]) -> Any:
        """
        The recorded answer, or a new one, which is recorded.

        Raises:
            NotFrozen: it plays, and this was never asked. TooFewRows: as recorded. SourceError: as `ask`.
        """
        if question not in self.answers:
            if self.plays:
                self.missed += 1
                raise NotFrozen("not frozen: needs the table")
            try:
                self.answers[question] = ask()
            except TooFewRows as few:
                self.answers[question] = TooFew(str(few))
                raise
        held = self.answers[question]
        if isinstance(held, TooFew):
            raise TooFewRows(held.says)
        return held


_RUNNING: ContextVar[Tape | None] = ContextVar("tape", default=None)


@contextmanager
def taped(tape: Tape) -> Iterator[Tape]:
    """Checks that run within this block get their answers through the tape."""
    token = _RUNNING.set(tape)
    try:
        yield tape
    finally:
        _RUNNING.reset(token)


def running() -> Tape | None:
    """The tape that answers now; None if the engine does."""
    return _RUNNING.get()


def question(run: CheckRun, need: Needs[Any], *, at_once: bool, within: bool, memory: CheckState) -> str:
    """
    A name for everything that the answer depends on.

    Args:
        at_once: whether it answers for many looks.
        within: whether the engine query uses the check's `within`.
        memory: holds the times that nothing is learned from.
    """
    check, grid = run.check, run.grid
    asked: Mapping[str, Any] = {
        "need": type(need).__name__,
        "at_once": at_once,
        "kind": check.kind,
        "table": run.table.model_dump(mode="json", include=OF_TABLE),
        "measure": check.measure,
        "ways": check.ways,
        "options": _options(run, need),
        "within": str(check.within) if within else None,
        "one_matters": "least_rows" in check.model_fields_set and check.least_rows <= 1,
        "dimensions": run.dimensions,
        "windows": (grid.start, grid.width, grid.count, grid.offsets, str(grid.zone), str(grid.holidays)),
        "lengths": (run.window, run.every, run.history, run.first),
        "wrong": wrong_windows(grid, memory),
    }
    return sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _options(run: CheckRun, need: Needs[Any]) -> dict[str, Any]:
    """The options that the query uses; any of the check's keys, where the kind itself puts the question."""
    by_itself = any(callable(getattr(need, one.name)) for one in fields(need))  # type: ignore[arg-type]
    declared = run.check.options
    return {key: one for key, one in declared.items() if by_itself or key in ASKED_BY}

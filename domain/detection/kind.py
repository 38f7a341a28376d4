"""
A kind of check, ours or a team's own: one value in one file with everything the rest needs to know about it.

    check ─▶ plan ─▶ `needs`, asked of the engine ─▶ what was read ─▶ `judging` ─▶ findings
             (`sliced`, `history`)                                       └── measured again after a fix

A kind is found by its entry point in the group `recsysops.checks`, ours just like anybody else's
(`domain.detection.own` is the short form for one that judges things one by one). No other file names a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Literal, TypeVar

from domain.detection.data.check_run import CheckRun
from domain.detection.data.window import DAY, HOUR
from domain.detection.judge.excluded import Rows
from domain.detection.judge.judging import Judging
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.needs import Needs
from domain.detection.suited import Suits, nowhere
from domain.recommender.check import Check
from domain.recommender.keys.evidences import TestId
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from domain.values import CauseKind

D = TypeVar("D")
K = TypeVar("K", bound=Options)

Sliced = Literal["always", "asked", "never"]
"""By the table's dimensions; only where the check's own `dimensions` says so; by none."""

LEAST_LONG = 26
"""Windows longer than a day to learn from: with only a few, no change stands out from chance."""


def usual_history(window: timedelta, *, sliced: bool) -> timedelta:
    """
    How far back to learn from: half a year of weeks, eight weeks of days, four of hours, and a few hundred
    shorter windows.
    """
    if window >= DAY:
        return max(56 * DAY, LEAST_LONG * window)
    if window >= HOUR:
        return 28 * DAY
    return 240 * window if sliced else 720 * window


@dataclass(frozen=True)
class Then(Generic[D]):
    """A second question, asked only if something was found, and what it makes of that."""

    needs: Needs[D]
    revise: Callable[[CheckRun, Verdict, D], Verdict]


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[K, D]):
    """
    One kind of check.

    Args:
        name: as it is declared, and the name of its entry point.
        purpose: what it is for, in one line of the reference.
        example: keys besides `kind` and `table` with which it works, as they may be declared.
        options: its own keys with their types and validation; see `Options`.
        needs: what is asked of the engine.
        judging: how it judges what was read, and how that is measured again.
        fits: raises ValueError, with an explanation, if its own keys do not go with those that every check
            has.
        columns: those that the table must have for it.
        sliced: by which dimensions a look is sliced.
        shared: whether one question over a long time answers for many looks as one for each would.
        reads: how many windows before the judged one a look needs, given what is remembered; None: its
            history.
        history: how far back it learns from if nothing is declared, by the window.
        every: how often it looks if nothing is declared, by the window.
        beside: the tables, or what may be one, whose rows also have to be there before it looks.
        lacking: whether its findings are rows that are missing from the table `beside`.
        settled: the check with everything filled in that it leaves to the declaration.
        then: what is asked in addition if something was found.
        evidences: the tests of the ML Test Score that it is evidence for; `by_slice` those in addition if it
            looks slice by slice.
        rows: how it relates to which rows there are.
        windows: false if it learns from what happened, however long ago, and not from windows.
        shortens: whether it may see something sooner in shorter windows.
        least_windows: how many of them it takes to judge at all.
        by_item: whether the item is a dimension, too, if the check declares none.
        only_slices: whether it has nothing to say about a table without dimensions.
        of_items: whether it is sliced by attributes of items, not by what its table declares.
        confirmed: whether its findings in short windows have to be seen twice.
        fault: the kind of cause that its findings are themselves, rather than symptoms of one; None if
            its findings may have any cause.
        benign: whether its findings may be no fault at all: a distribution that changed.
        suits: the tables of a declaration that it could watch, with the keys that it would take.
    """

    name: str
    purpose: str
    needs: Needs[D]
    judging: Judging[D]
    options: type[K]
    example: Mapping[str, Any] = field(default_factory=dict)
    fits: Callable[[Mapping[str, Any], K], None] = field(default=lambda _declared, _options: None)
    columns: Callable[[K], Iterable[str]] = field(default=lambda _options: ())
    sliced: Sliced = "asked"
    shared: Callable[[CheckRun], bool] = field(default=lambda _look: False)
    history: Callable[[timedelta], timedelta] | None = None
    reads: Callable[[CheckRun, CheckState], int | None] = field(default=lambda _look, _memory: None)
    every: Callable[[timedelta], timedelta] = field(default=lambda window: window)
    beside: Callable[[Check], Iterable[str]] = field(default=lambda _check: ())
    lacking: bool = False
    settled: Callable[[Recommender, Check], Check] = field(default=lambda _recommender, check: check)
    then: Then[Any] | None = None
    evidences: tuple[TestId, ...] = ()
    by_slice: tuple[TestId, ...] = ()
    rows: Rows | None = None
    windows: bool = True
    shortens: bool = True
    least_windows: int = 3
    by_item: bool = False
    only_slices: bool = False
    of_items: bool = False
    confirmed: bool = True
    fault: CauseKind | None = None
    benign: bool = False
    suits: Suits = field(default=nowhere)

    @property
    def measurable(self) -> bool:
        """Whether a finding can be measured again; else people judge its fixes."""
        return self.judging.measured is not None

    def read(self, options: Mapping[str, Any]) -> K:
        """
        The declared options as typed values.

        Raises:
            pydantic.ValidationError: one is unknown, missing or of another type.
        """
        return self.options.model_validate(options)

    def history_of(self, window: timedelta) -> timedelta:
        """How far back it learns from in windows of this length, if nothing is declared."""
        if self.history is not None:
            return self.history(window)
        return usual_history(window, sliced=self.sliced == "always")


def shared(_look: CheckRun) -> bool:
    """One question answers for many looks."""
    return True

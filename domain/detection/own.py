"""
A check of a team's own: one file that says what is read, what its options are, and how it is judged.

    rows ─▶ `needs` (asked of the engine) ─▶ Seen ─▶ `judge` ─▶ Judgements ─▶ findings
                                                                    └── measured again after a fix

A kind is found by its entry point in the group `recsysops.checks`; `recsysops check new NAME` writes a whole
one. The judge is pure: the same `Seen` gives the same judgements, and it knows no clock, file or chance. It
says of everything that it looks at what it is, what is usual and how surprising that is; which of it is told,
to whom and when it is over is decided here as for every other check (`domain.detection.judgement`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.counts import Counts
from domain.detection.histogram import Histograms
from domain.detection.tally import Tally
from domain.detection.window import Grid
from domain.recommender.check import COMMON, OURS, Check
from domain.values import Share, Slice, Value

__all__ = [
    "WINDOW",
    "ColumnHistograms",
    "Judgement",
    "Needs",
    "Options",
    "OwnCheck",
    "OwnExpression",
    "RowCounts",
    "Seen",
    "Share",
    "WrongRows",
]

WINDOW = "__window"
"""The column of `OwnExpression` that says in which window a row lies: 0 for the first of the grid."""


class Options(Value):
    """
    Base of a kind's own keys under [checks.NAME]: fields with types, and defaults where they may be left out.
    """


D = TypeVar("D", Counts, Tally, Histograms, pd.DataFrame)
K = TypeVar("K", bound=Options)


class Needs(Generic[D]):
    """What is read for a look; one of the four below. Only the small answer leaves the engine."""


@dataclass(frozen=True)
class RowCounts(Needs[Counts]):
    """Rows (or the column `measure`, added up) by window and slice."""


@dataclass(frozen=True)
class WrongRows(Needs[Tally]):
    """
    Rows by window and slice, and those of them of which something is wrong.

    `wrong` makes of the table's rows (an Ibis table) and the options what may be wrong: name → boolean column
    expression. The names become `Tally.columns`.
    """

    wrong: Callable[[Any, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class ColumnHistograms(Needs[Histograms]):
    """Columns cut into bins by window and slice; `columns` names them."""

    columns: Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True)
class OwnExpression(Needs[pd.DataFrame]):
    """
    Whatever Ibis can ask. `ask` is given the table's rows, which have the window in the column `WINDOW` and
    the dimensions as texts, the options, and the names of the dimensions; it returns a table expression with
    the column `WINDOW`, a row for each window and whatever else is told apart. It is run in the engine.
    """

    ask: Callable[[Any, Any, tuple[str, ...]], Any]


@dataclass(frozen=True)
class Seen(Generic[D]):
    """
    What a judge is given; the last window of `grid` is the judged one.

    `check` holds the keys that every check has (`least_change`, `least_rows`, `direction`, …). `usable` is
    (grid.count,): the windows to learn from, where the table had begun and nothing was wrong; never the last.
    """

    check: Check
    grid: Grid
    data: D
    usable: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    One thing in the judged window: `observed` against `expected`, in `unit`, and `low`–`high`, the band in
    which it is as usual.

    `p_value` is how likely chance alone goes so far, 0 for what must never be; it is held against all that
    the look judged, and against the looks before. `matters` is false for what is too small for a person.
    `slice` and `subject` (a column, an item) tell one thing from another. `share` is the part of everything
    that is affected: how bad it is, unless the declaration says. `says` are the words for a person; a
    sentence is made where there are none.

    Raises:
        ValueError: a number is not finite, or p_value not in 0–1.
    """

    observed: float
    expected: float
    low: float
    high: float
    p_value: float
    slice: Slice = ()
    subject: str | None = None
    unit: str = "rows"
    says: str = ""
    share: float | None = None
    matters: bool = True

    def __post_init__(self) -> None:
        """Hold the numbers against what they may be: a NaN would be compared to no effect."""
        numbers = {name: getattr(self, name) for name in ("observed", "expected", "low", "high", "p_value")}
        for name, number in numbers.items():
            if not isfinite(number):
                raise ValueError(f"{name} of a judgement is {number}; leave out what has no value")
        for name in ("p_value", "share"):
            if (value := getattr(self, name)) is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} of a judgement is {value:g}, which is not between 0 and 1")


@dataclass(frozen=True)
class OwnCheck(Generic[K, D]):
    """
    One kind of check.

    `judge` gives a judgement for everything it looks at, also what is as usual: that is how a finding is
    measured again after a fix. A kind that cannot say so later has `measurable` false: its findings are over
    once they are no longer found, and people judge its fixes themselves. `columns` are those that the table
    must have, and `least_windows` how many usable windows it takes to judge at all.

    Raises:
        ValueError: the kind or an option is called as one of ours.
    """

    kind: str
    needs: Needs[D]
    judge: Callable[[K, Seen[D]], Iterable[Judgement]]
    options: type[K]
    columns: Callable[[K], Iterable[str]] = field(default=lambda _options: ())
    least_windows: int = 3
    measurable: bool = True

    def __post_init__(self) -> None:
        """Refuse names that would mean two things."""
        if self.kind in OURS:
            raise ValueError(f'a kind "{self.kind}" is there already; call yours otherwise')
        for name in self.options.model_fields:
            if name in COMMON:
                raise ValueError(f'"{name}" is a key of every check; call this option otherwise')

    def read(self, options: Mapping[str, Any]) -> K:
        """
        The declared options as typed values.

        Raises:
            pydantic.ValidationError: one is unknown, missing or of another type.
        """
        return self.options.model_validate(options)

"""The result of running logged requests again: nothing differs, or these steps do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from domain.values import Slice

Step = Literal["features", "model", "serving", "ranking", "logging"]


@dataclass(frozen=True)
class StepDifference:
    """
    One step of a request that did something other than its input says it should have done.

    `features`: logged against what the store held for that moment. `model`: scored by another model than the
    one at hand. `serving`: score logged minus score computed. `ranking`: shown against what the scores say.
    `logging`: requests that one table has and a related one lacks.

    Args:
        rows, requests: looked at, in `where` where that is given.
        differing: rows of them (of `logging`: requests) that differ.
        size: of the rows that differ, in `unit`: the mean of logged − computed (`serving`, `model`), of
            logged − held (`features` that are numbers), the change of exposures (`ranking`, −1 to ∞), the
            share that is lacking beyond what is usual (`logging`, other features).
        low, high: 95 % interval of `size`; both are `size` only where `exact`.
        where: the slice that the rows that differ lie in; none where no slice holds them.
        version: of the model, as logged, where the difference lies in one.
        column: the feature or column concerned.
        exact: every row that differs does so by `size` to the bit.
        items: those that differ in all their rows, where they are few and no slice holds them.
        before: the same size before the onset, 0 where nothing differed; none where nothing was logged then.
        unkept: the rows were scored by a version whose file is not kept, so that another one can only differ.
    """

    step: Step
    rows: int
    requests: int
    differing: int
    size: float
    low: float
    high: float
    where: Slice | None
    version: str | None
    column: str | None
    words: str
    unit: str = ""
    exact: bool = False
    items: tuple[str, ...] = ()
    before: float | None = None
    unkept: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it was different before the onset; what was always so explains no change."""
        if self.unkept:
            return not self.before
        return self.before is None or not self.low <= self.before <= self.high


@dataclass(frozen=True)
class Rerun:
    """
    Logged requests run again.

    Args:
        requests: run again; `identical`: those whose every score is the logged one to the bit.
        rounded: requests that agree but for the last digits, as sums added in another order do.
        differences: the steps that differ, in the order in which a request passes them.
        reading: how the log was found to hold the model's scores, in words.
        refused: why nothing that rests on the model file at hand can be said; none where it is the right one.
        versions: logged versions whose scores the models at hand give.
    """

    requests: int
    identical: int
    differences: tuple[StepDifference, ...]
    rounded: int = 0
    reading: str = ""
    refused: str | None = None
    versions: tuple[str, ...] = ()

    def of(self, step: Step) -> tuple[StepDifference, ...]:
        """The differences of one step."""
        return tuple(one for one in self.differences if one.step == step)

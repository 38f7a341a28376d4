"""Which fault is struck where and when, each in a process of its own; the outcomes can be kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.diagnosis.case import AFTER
from benchmarks.learning.cinema import Past
from benchmarks.table import Row, Rows
from domain.values import Value


class Outcome(Value, ABC):
    """The outcome of an order."""

    name: str
    draw: int

    @abstractmethod
    def words(self) -> str:
        """The outcome in one line."""


T = TypeVar("T", bound=Outcome)


@dataclass(frozen=True)
class Order:
    """A kind, which draw of it, and the branches of the past that are struck, at two hours of the day."""

    name: str
    draw: int
    seed: int
    folder: Path
    hours: tuple[int, int]
    first: tuple[Path, datetime]
    second: tuple[Path, datetime]
    server: str
    replay_time: str
    after: timedelta = AFTER


def orders(
    past: Past, names: Sequence[tuple[str, int]], seed: int, server: str, replay_time: str, after: timedelta
) -> Iterator[Order]:
    """Each kind struck at two different hours of the day, and looked at for so long afterwards."""
    for name, draw in names:
        rng = np.random.default_rng([seed, draw, *name.encode()])
        one, other = (int(hour) for hour in rng.choice(list(past.branches), 2, replace=False))
        yield Order(
            name=name,
            draw=draw,
            seed=seed,
            folder=past.folder / f"{name}-{draw}",
            hours=(one, other),
            first=past.branches[one],
            second=past.branches[other],
            server=server,
            replay_time=replay_time,
            after=after,
        )


@dataclass(frozen=True)
class Orders:
    """
    How orders are run: several at a time, reported as they finish. If `kept` is a folder, each outcome is
    stored in a file there, so that an interrupted run can continue. All outcomes must be of one commit and
    one machine: that is up to whoever names the folder.
    """

    jobs: int
    report: Callable[[str], None]
    kept: Path | None = None

    def run(
        self, live: Callable[[Order], T], asked: Sequence[Order], outcome: type[T]
    ) -> tuple[list[T], list[str]]:
        """The outcomes of the orders, in their order; and which failed, and how."""
        found = {place: was for place, one in enumerate(asked) if (was := self._known(one, outcome))}
        for one in found.values():
            self.report(f"{one.words()} (kept)")
        failed: list[str] = []
        with ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            waiting = {
                pool.submit(live, order): place for place, order in enumerate(asked) if place not in found
            }
            for done in as_completed(waiting):
                order, error = asked[waiting[done]], done.exception()
                if error is None:
                    found[waiting[done]] = done.result()
                    self._keep(order, done.result())
                else:
                    failed.append(f"{order.name} #{order.draw}: {type(error).__name__}: {error}")
                self.report(done.result().words() if error is None else failed[-1])
        return [found[place] for place in sorted(found)], failed

    def left(self, asked: Sequence[Order], outcome: type[Outcome]) -> list[Order]:
        """The orders without a stored outcome."""
        return [one for one in asked if self._known(one, outcome) is None]

    def _known(self, order: Order, outcome: type[T]) -> T | None:
        file = self._file(order, outcome)
        if file is None or not file.exists():
            return None
        return outcome.model_validate_json(file.read_text(encoding="utf-8"))

    def _keep(self, order: Order, came: Outcome) -> None:
        file = self._file(order, type(came))
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(came.model_dump_json(indent=1), encoding="utf-8")

    def _file(self, order: Order, outcome: type[Outcome]) -> Path | None:
        return self.kept and self.kept / outcome.__name__.lower() / f"{order.name}-{order.draw}.json"


def failed_row(table: Rows, failed: Sequence[str]) -> Row:
    """How many orders gave no answer: hours of others are not thrown away because of them."""
    return table.below("strikes of which the run itself failed", len(failed), "", 0, "; ".join(failed))

"""
Walks several checks at once, and reuses the walks that an earlier run finished before it was stopped.

A check's looks follow each other, since each remembers the ones before, but checks know nothing of each
other. So the check is the unit that runs in a process of its own, and the unit that is kept. The result does
not depend on how many run at once, or on how often the run was stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from datetime import datetime
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from domain.detection.judge.state import CheckState, Verdict
from domain.errors import ConfigurationError
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.checks.backtest_check import Fault, backtest_check, ends_of
from workers.checks.plan import Plan, plan
from workers.sources.engines.files import kept_open

Progress = Callable[[int, int], None]
Looked = list[tuple[datetime, Verdict | Fault]]
Traced = frozenset[Slice]
NOTHING: Traced = frozenset()
SHAPE = 2
"""Format of the file that keeps finished walks; a file of another format is not resumed."""


class Kept:
    """
    Finished walks in a file: a line that says what was walked, then one line per check. A line that was cut
    off when the program was stopped is ignored.
    """

    def __init__(
        self, file: Path, recommender: Recommender, start: datetime, end: datetime, traced: bool = False
    ) -> None:
        """
        Args:
            traced: whether to keep what each look compared with what.

        Raises:
            ConfigurationError: the file holds something else, or a walk over another time or declaration.
        """
        self._file = file
        self._of = {"shape": SHAPE, "of": _digest(recommender), "start": _spell(start), "end": _spell(end)}
        self._of |= {"traced": traced}
        self.finished: dict[str, Looked] = {}
        if file.exists() and file.stat().st_size:
            self._read()
        else:
            self._write([self._of])

    def keep(self, check: str, looked: Looked) -> None:
        """Write down a check's walk; it is safely on disk when this returns."""
        self.finished[check] = looked
        self._add({"check": check, "looks": [_plain(at, came_to) for at, came_to in looked]})

    def _read(self) -> None:
        whole = [line for line in self._file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        try:
            first, *rest = [json.loads(line) for line in whole]
            looked = {str(one["check"]): [_read(look) for look in one["looks"]] for one in rest}
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(f"{self._file} is no file of a backtest; name another one") from None
        if first != self._of:
            raise ConfigurationError(
                f"{self._file} was begun with another declaration, from and to other days, or without --png; "
                "name another file, or ask for the same again"
            )
        self.finished = looked
        self._write([first, *rest])

    def _write(self, lines: Sequence[object]) -> None:
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        draft.replace(self._file)

    def _add(self, line: object) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def backtest_checks(
    recommender: Recommender,
    plans: Sequence[Plan],
    span: tuple[datetime, datetime],
    jobs: int = 1,
    kept: Kept | None = None,
    progress: Progress | None = None,
    traced: Mapping[str, Traced] | None = None,
) -> dict[str, Looked]:
    """
    The looks of each plan's check over [start, end).

    Args:
        jobs: how many checks are walked at once, each in its own process.
        kept: where finished walks are found, and stored.
        progress: called with (looks done, looks in all): after each look if checks are walked one by one,
            else after each finished check.
        traced: check → slices whose looks also say what they compared with what.
    """
    start, end = span
    looks = {one.check.name: len(ends_of(recommender, one, start, end)) for one in plans}
    finished = {} if kept is None else {name: kept.finished[name] for name in looks if name in kept.finished}
    names = [name for name in looks if name not in finished]
    meter = _Progress(progress, sum(looks.values()), sum(looks[name] for name in finished))
    asked = {name: (traced or {}).get(name, NOTHING) for name in names}
    more = _one_by_one(recommender, asked, start, end, meter) if min(jobs, len(names)) < 2 else None
    for name, looked in more or _at_once(recommender, asked, start, end, jobs):
        finished[name] = looked
        if kept is not None:
            kept.keep(name, looked)
        if more is None:
            meter.done(looks[name])
    return finished


class _Progress:
    """Reports now and then how far the walks are."""

    def __init__(self, progress: Progress | None, in_all: int, before: int) -> None:
        self._progress, self._in_all, self._so_far = progress, in_all, before
        self.done(0)

    def done(self, looks: int) -> None:
        self._so_far += looks
        if self._progress and (looks != 1 or self._so_far % 100 == 0 or self._so_far == self._in_all):
            self._progress(self._so_far, self._in_all)


def _one_by_one(
    recommender: Recommender, asked: Mapping[str, Traced], start: datetime, end: datetime, meter: _Progress
) -> Iterator[tuple[str, Looked]]:
    for name, traced in asked.items():
        yield name, walked(recommender, name, start, end, traced, meter.done)


def _at_once(
    recommender: Recommender, asked: Mapping[str, Traced], start: datetime, end: datetime, jobs: int
) -> Iterator[tuple[str, Looked]]:
    # Spawned, not forked: an engine's threads do not survive a fork.
    with ProcessPoolExecutor(min(jobs, len(asked)), mp_context=get_context("spawn")) as pool:
        waiting = {
            pool.submit(walked, recommender, name, start, end, traced): name for name, traced in asked.items()
        }
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for one in done:
                    yield waiting.pop(one), one.result()
        finally:
            for one in waiting:
                one.cancel()


@kept_open()
def walked(
    recommender: Recommender,
    name: str,
    start: datetime,
    end: datetime,
    traced: Traced = NOTHING,
    done: Callable[[int], None] | None = None,
) -> Looked:
    """What one check's looks came to, without the state it carried between them."""
    planned = plan(recommender, recommender.checks[name])
    looked: Looked = []
    ends, state = ends_of(recommender, planned, start, end), CheckState(traced=traced)
    for at, came_to in backtest_check(recommender, planned, ends, state):
        bare = came_to.model_copy(update={"state": CheckState()}) if isinstance(came_to, Verdict) else came_to
        looked.append((at, bare))
        if done:
            done(1)
    return looked


def _plain(at: datetime, came_to: Verdict | Fault) -> dict[str, Any]:
    kind = "verdict" if isinstance(came_to, Verdict) else "fault"
    return {"at": _spell(at), kind: came_to.model_dump(mode="json", exclude={"state"})}


def _read(look: dict[str, Any]) -> tuple[datetime, Verdict | Fault]:
    at = datetime.fromisoformat(look["at"])
    if "fault" in look:
        return at, Fault.model_validate(look["fault"])
    return at, Verdict.model_validate(look["verdict"])


def _spell(at: datetime) -> str:
    return at.isoformat()


def _digest(recommender: Recommender) -> str:
    return sha256(recommender.model_dump_json(by_alias=True).encode()).hexdigest()

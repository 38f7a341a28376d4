"""
`python -m benchmarks.diagnosis`: thirty faults and ten innocent events of the cinema, several draws of each;
thirteen faults and two events of a radio; fourteen faults and three events of a job board; fifteen faults
and four events of a grocer; fifteen faults and four events of places to stay, kept in PostgreSQL; some cases
seeded without any of these worlds; and what a log by slice holds.

Ten of the cinema's kinds are set aside (`set_aside.py`): they are run with `--set-aside` only, once, when the
work on the diagnosis is done. Each part writes its own file; with `--only` or a single draw the results are
printed and not saved.

    python -m benchmarks.diagnosis --draws 1                   a fast look
    python -m benchmarks.diagnosis --part cinema --only language film_blocked --draws 1 --lines /tmp/said.md
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.diagnosis import columns, coverage, requests_again, search, segments, speed, whose_change
from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.cinema import build_past
from benchmarks.diagnosis.grocer.faults import INNOCENT as GROCER_INNOCENT
from benchmarks.diagnosis.grocer.faults import KINDS as GROCER_KINDS
from benchmarks.diagnosis.jobs.faults import INNOCENT as JOBS_INNOCENT
from benchmarks.diagnosis.jobs.faults import KINDS as JOBS_KINDS
from benchmarks.diagnosis.radio.faults import INNOCENT as RADIO_INNOCENT
from benchmarks.diagnosis.radio.faults import KINDS as RADIO_KINDS
from benchmarks.diagnosis.result import innocent_rows, kind_rows, main_rows
from benchmarks.diagnosis.run import (
    in_the_cinema,
    in_the_grocer,
    in_the_jobs,
    in_the_radio,
    in_the_stays,
    ordered,
)
from benchmarks.diagnosis.set_aside import set_aside
from benchmarks.diagnosis.stays.faults import CASES as STAYS_KINDS
from benchmarks.diagnosis.stays.faults import INNOCENT as STAYS_INNOCENT
from benchmarks.table import Row, Rows, machine, show
from examples.cinema.faults import FAULTS, INNOCENT

DRAWS = 5
KEPT = 2  # draws needed for a result to be saved; each row says how many strikes it is from
KINDS = (*FAULTS, *INNOCENT, *RADIO_KINDS, *JOBS_KINDS, *GROCER_KINDS, *STAYS_KINDS)
SAY = Console(stderr=True)
Measure = Callable[[argparse.Namespace, Path, Rows], Iterator[Row]]


def main() -> None:
    asked = _asked()
    table = Rows(machine())
    with tempfile.TemporaryDirectory(prefix="recsysops-diagnosis-", dir=asked.folder) as made:
        for part in asked.part:
            if part not in WORLDS and (asked.only or asked.set_aside):
                continue
            found = list({**WORLDS, **SEEDED}[part](asked, Path(made), table))
            if found:
                name = "set_aside" if asked.set_aside else part
                show(f"diagnosis/{name}", found, keep=asked.only is None and asked.draws >= KEPT)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diagnosis", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--part", nargs="*", choices=[*WORLDS, *SEEDED], default=[*WORLDS, *SEEDED])
    parser.add_argument("--only", nargs="*", choices=KINDS, help="these kinds")
    parser.add_argument(
        "--set-aside", action="store_true", help="the ten that are run once, and nothing else"
    )
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each kind")
    parser.add_argument("--cases", type=int, default=columns.CASES, help="of a seeded bad feature")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the worlds are kept while it runs")
    parser.add_argument("--lines", type=Path, help="a file for a line a case: what was raised and said")
    return parser.parse_args()


def _cinema(asked: argparse.Namespace, folder: Path, table: Rows) -> Iterator[Row]:
    aside = set_aside()
    kinds = [name for name in (*FAULTS, *INNOCENT) if (name in aside) == asked.set_aside]
    kinds = kinds if asked.only is None else [name for name in asked.only if name in (*FAULTS, *INNOCENT)]
    if not kinds:
        return
    moments = build_past(folder)
    orders = list(ordered(kinds, asked.draws))
    cases = in_the_cinema(folder, moments, orders, asked.seed, asked.jobs, _reporter(asked))
    yield from _rows("the cinema", cases, INNOCENT, table, 0.80 if asked.set_aside else 0.90, asked.set_aside)


def _world(
    world: str, kinds: Sequence[str], innocent: Sequence[str], cases: Callable[..., list[Case]]
) -> Measure:
    """A world other than the cinema, with none of its kinds set aside."""

    def measure(asked: argparse.Namespace, folder: Path, table: Rows) -> Iterator[Row]:
        own = [name for name in kinds if asked.only is None or name in asked.only]
        if own and not asked.set_aside:
            orders = list(ordered(own, asked.draws))
            found = cases(folder, orders, asked.seed, asked.jobs, _reporter(asked))
            yield from _rows(world, found, innocent, table, 0.90, False)

    return measure


def _rows(
    world: str, cases: Sequence[Case], innocent: Sequence[str], table: Rows, least: float, aside: bool
) -> Iterator[Row]:
    faults = [case for case in cases if case.name not in innocent]
    if faults:
        what = f"{world}, the ten kinds set aside" if aside else world
        yield from main_rows(what, faults, table, least)
    if others := [case for case in cases if case.name in innocent]:
        yield from innocent_rows(world, others, table)
    yield from kind_rows(world, cases, table)


def _reporter(asked: argparse.Namespace) -> Callable[[Case], None]:
    def report(case: Case) -> None:
        SAY.print(case.words(), markup=False)
        if asked.lines is not None:
            with asked.lines.open("a", encoding="utf-8") as file:
                file.write(f"- {case.words()}\n")

    return report


def _columns(asked: argparse.Namespace, folder: Path, table: Rows) -> Iterator[Row]:
    yield from columns.rows(table, asked.cases, asked.seed)


def _coverage(asked: argparse.Namespace, folder: Path, table: Rows) -> Iterator[Row]:
    yield from coverage.rows(table, asked.seed)


def _plain(rows: Callable[[Rows], Iterator[Row]]) -> Measure:
    return lambda asked, folder, table: rows(table)


WORLDS: Mapping[str, Measure] = {
    "cinema": _cinema,
    "radio": _world("the radio", (*RADIO_KINDS,), RADIO_INNOCENT, in_the_radio),
    "jobs": _world("the job board", (*JOBS_KINDS,), JOBS_INNOCENT, in_the_jobs),
    "grocer": _world("the grocer", (*GROCER_KINDS,), GROCER_INNOCENT, in_the_grocer),
    "stays": _world("the stays", (*STAYS_KINDS,), STAYS_INNOCENT, in_the_stays),
}
SEEDED: Mapping[str, Measure] = {
    "columns": _columns,
    "whose_change": _plain(whose_change.rows),
    "requests_again": _plain(requests_again.rows),
    "segments": _plain(segments.rows),
    "search": _plain(search.rows),
    "speed": _plain(speed.rows),
    "coverage": _coverage,
}

if __name__ == "__main__":
    main()

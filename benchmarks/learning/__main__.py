"""
`python -m benchmarks.learning`: what the practice learns from an incident, tested on the next of its kind.

    twice     each of the cinema's faults struck twice, without and with its accepted follow-up
    harmful   ten kinds of harmful follow-up, to be refused by the replay
    replay    `recsysops replay --all` over thirty incidents of a library, and with a check loosened
    frozen    what is kept of incidents of the cinema, and whether it replays to the same

`--part` runs some of these; each writes its own file. With `--only`, `--draws`, `--days` or `--minutes` it is
a small run, which prints its rows but saves none.

    python -m benchmarks.learning --part twice --only upstream --draws 1 --jobs 1 --days 0
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from benchmarks.diagnosis.case import AFTER
from benchmarks.learning import frozen, harmful, replay, twice
from benchmarks.learning.cinema import Past, kinds_in_turn
from benchmarks.learning.order import Order, Orders, failed_row, orders
from benchmarks.store.server import server
from benchmarks.table import Row, Rows, machine, show
from examples.cinema.faults import FAULTS

DRAWS = 1
HISTORY_DAYS = 11.0  # before the strikes, besides the cinema's first three
SAY = Console(stderr=True)
Measure = Callable[[argparse.Namespace, Path, str, Rows], Iterator[Row]]


def main() -> None:
    asked = _asked()
    table = Rows(machine())
    whole = all(one is None for one in (asked.only, asked.draws, asked.days, asked.minutes))
    for part in asked.part:
        with tempfile.TemporaryDirectory(prefix="recsysops-learning-", dir=asked.folder) as made:
            with server() as running:
                found = list(PARTS[part](asked, Path(made), running.owner_url, table))
            show(f"learning/{part}", found, keep=whole)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--part", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--only", nargs="*", choices=FAULTS, help="these faults of the cinema")
    parser.add_argument("--draws", type=int, help=f"of each fault; {DRAWS} in a whole run")
    parser.add_argument("--days", type=float, help="quiet, after the strikes; a fortnight in a whole run")
    parser.add_argument("--minutes", type=float, help="looked at after a strike; thirty in a whole run")
    parser.add_argument("--history", type=float, default=HISTORY_DAYS, help="days before the strikes")
    parser.add_argument("--replay-time", default="4m", help="[follow_ups] replay_time of the cinema")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", type=Path, help="a folder with what came of each: an ended run goes on")
    parser.add_argument("--folder", type=Path, help="where the worlds are kept while it runs")
    return parser.parse_args()


def _orders(asked: argparse.Namespace, past: Past, address: str) -> list[Order]:
    names = list(kinds_in_turn(asked.only or list(FAULTS), asked.draws or DRAWS))
    after = AFTER if asked.minutes is None else timedelta(minutes=asked.minutes)
    return list(orders(past, names, asked.seed, address, asked.replay_time, after))


def _twice(asked: argparse.Namespace, folder: Path, address: str, table: Rows) -> Iterator[Row]:
    past = Past(folder, asked.history)
    run = Orders(asked.jobs, _say, asked.kept)
    lived, failed = run.run(twice.lived_twice, _orders(asked, past, address), twice.Twice)
    days = twice.FORTNIGHT if asked.days is None else asked.days
    alarms = twice.alarms_together(past, lived, days, asked.jobs, asked.replay_time) if days else {}
    past.close()
    yield from twice.rows(table, lived, alarms, days)
    yield failed_row(table, failed)


def _frozen(asked: argparse.Namespace, folder: Path, address: str, table: Rows) -> Iterator[Row]:
    past = Past(folder, 0.0)
    past.close()
    run = Orders(asked.jobs, _say, asked.kept)
    hours = {order.hours[0] for order in run.left(_orders(asked, past, address), frozen.Kept)}
    frozen.look_at(past, hours, address, asked.replay_time, asked.jobs)
    kept, failed = run.run(frozen.kept, _orders(asked, past, address), frozen.Kept)
    yield from frozen.rows(table, kept)
    yield failed_row(table, failed)


def _replay(asked: argparse.Namespace, folder: Path, address: str, table: Rows) -> Iterator[Row]:
    yield from replay.rows(table, folder, address)


def _harmful(asked: argparse.Namespace, folder: Path, address: str, table: Rows) -> Iterator[Row]:
    yield from harmful.rows(table, folder, address, _say)


def _say(line: str) -> None:
    SAY.print(line, markup=False)


PARTS: Mapping[str, Measure] = {"twice": _twice, "harmful": _harmful, "replay": _replay, "frozen": _frozen}

if __name__ == "__main__":
    main()

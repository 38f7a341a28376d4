"""
`python -m benchmarks.resolution [--worlds N] [--part …]`: what the menu promises against what happens.

A world is the cinema struck by a random fault, with the right diagnosis given. The menu is made from its
tables as in production; what each option really does is what the cinema's own serving then shows, judged by
its members' own taste. Logs of other policies are the fashion shop's of Open Bandit (OPEN_BANDIT_DATA, or
beside the project).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.cinema.theatre import Theatre, branch
from benchmarks.resolution import clicks, harm, open_bandit, refused, speed, targets
from benchmarks.resolution.worlds import RATE, Tried, tried
from benchmarks.table import Row, Rows, machine, read, show
from domain.incident.outcome import miss, promised
from domain.resolution.track_record import TrackRecord
from domain.values import Estimate

OPENED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOURS = (2, 6, 9)
LOW, HIGH, WIDE, MOST_REGRET = 0.87, 0.93, 1.5, 5.0
SAY = Console(stderr=True)
Measure = Callable[[Rows, argparse.Namespace], Iterator[Row]]


def main() -> None:
    asked = _asked()
    table = Rows(machine())
    for part in asked.part:
        show(f"resolution/{part}", list(MEASURES[part](table, asked)), keep=not asked.only)
    show("resolution", [row for part in MEASURES for row in read(f"resolution/{part}")], keep=False)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resolution")
    parser.add_argument("--part", nargs="*", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="the first world's")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", help="of `harm`: the kinds whose name holds this; nothing is written down")
    return parser.parse_args()


def _worlds(table: Rows, asked: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="recsysops-resolution-") as made:
        found = _every(Path(made), asked)
    known = [one for one in found if np.isfinite(one.repairs)]
    said = f"{asked.worlds} worlds, {len(known)} options"
    yield from _held(table, f"repaired ({said})", [(one.option.repairs, one.repairs) for one in known])
    yield from _held(table, "repaired, widened by the worlds before", _in_their_order(known))
    yield from _held(table, "plays of all", [(_in_percent(one), one.whole) for one in known])
    yield from _first(table, known)


def _every(folder: Path, asked: argparse.Namespace) -> list[Tried]:
    theatre, past = Theatre(folder / "past", OPENED, RATE), []
    for hour in HOURS:
        theatre.pass_hours(OPENED + timedelta(hours=hour))
        past.append((branch(theatre.settings.folder, folder / f"at-{hour}"), theatre.at))
    theatre.close()
    found: list[Tried] = []
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        seeds = range(asked.seed, asked.seed + asked.worlds)
        waiting = [
            pool.submit(tried, *past[seed % len(past)], folder / f"world-{seed}", seed) for seed in seeds
        ]
        for number, done in enumerate(waiting, 1):
            found += done.result()
            for one in done.result():
                SAY.print(f"{number} {one.world} {one.option.label[:40]}: {_line(one)}", highlight=False)
    return found


def _line(one: Tried) -> str:
    return "; ".join(
        f"{name} {true:.2f} promised {_spelled(said)}"
        for name, said, true in (
            ("repairs", one.option.repairs, one.repairs),
            ("whole", _in_percent(one), one.whole),
        )
    )


def _spelled(said: Estimate) -> str:
    if said.value is None or said.low is None or said.high is None:
        return f"nothing ({said.basis[:60]})"
    return f"{said.value:.2f} [{said.low:.2f}–{said.high:.2f}]"


def _in_percent(one: Tried) -> Estimate:
    """What everybody gains or loses, in % of a day's plays."""
    whole = one.option.whole or Estimate(value=None, unit="%", basis="not estimated")
    if whole.value is None or whole.unit.startswith("%"):
        return whole
    parts = {
        name: None if (held := getattr(whole, name)) is None else 100 * held / one.plays_a_day
        for name in ("value", "low", "high")
    }
    return whole.model_copy(update={**parts, "unit": "%"})


def _in_their_order(known: list[Tried]) -> list[tuple[Estimate, float]]:
    """
    Each world's promises, as wide as the earlier worlds call for, and the truth. Of each world the menu's
    first option is remembered, as if it had been pressed: options of one world miss together.
    """
    misses: dict[str, list[float]] = {}
    pairs: list[tuple[Estimate, float]] = []
    for world in dict.fromkeys(one.world for one in known):
        mine = [one for one in known if one.world == world]
        record = TrackRecord(misses)
        pairs += [(record.corrected(one.option.kind, one.option.repairs), one.repairs) for one in mine]
        pressed = mine[0].option
        promise, true = promised(pressed.repairs), mine[0].repairs / 100
        if promise is not None:
            misses.setdefault(pressed.kind, []).append(miss(promise, true, true, true, promise.confidence))
    return pairs


def _held(table: Rows, what: str, pairs: list[tuple[Estimate, float]]) -> Iterator[Row]:
    """How often the 90 % interval contains the truth, and its width relative to the best in hindsight."""
    priced = [(one.value, one.low, one.high, true) for one, true in pairs if one.low is not None]
    value, low, high, true = np.array(priced, dtype=float).T
    inside = float(np.mean((low <= true) & (true <= high)))
    width = float(np.median(high - low))
    best = 2 * float(np.quantile(np.abs(value - true), inside))
    words = f"{len(priced)} of {len(pairs)} priced; goal at most {HIGH} as well"
    yield table.above(f"{what}: truth inside the 90 % interval", inside, "of 1", LOW, words)
    yield table.below(
        f"{what}: median width beside the narrowest constant one that holds as often",
        width / max(best, 1e-9), "times", WIDE, f"{width:.2f} against {best:.2f} points",
    )  # fmt: skip


def _first(table: Rows, known: list[Tried]) -> Iterator[Row]:
    """Whether the menu's first option repairs best, and what is lost where it does not."""
    worlds = {one.world for one in known if one.option.repairs.value is not None}
    chosen, best = [], []
    for world in sorted(worlds):
        options = [one for one in known if one.world == world and one.option.repairs.value is not None]
        worth = [min(one.repairs, 200 - one.repairs) for one in options]
        chosen.append(worth[0])
        best.append(max(worth))
    lost = np.array(best) - np.array(chosen)
    yield table.above(
        "the first on the menu repairs best (to a point)", float(np.mean(lost <= 1)), "of 1", 0.9,
        f"{len(worlds)} worlds",
    )  # fmt: skip
    yield table.below(
        "regret: what the first repairs less than the best, of what the best repair",
        100 * float(np.sum(lost) / np.sum(best)), "%", MOST_REGRET,
        f"at worst {np.max(lost):.0f} points of a loss",
    )  # fmt: skip


MEASURES: dict[str, Measure] = {
    "worlds": _worlds,
    "open_bandit": lambda table, _asked: open_bandit.rows(table),
    "refused": lambda table, _asked: refused.rows(table),
    "harm": harm.rows,
    "targets": targets.rows,
    "speed": speed.rows,
    "clicks": clicks.rows,
}

if __name__ == "__main__":
    main()

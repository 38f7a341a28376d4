"""
One row per figure, printed and written to `benchmarks/results/NAME.json`.

A figure is a bound that was held or not, or a ratio to a peer measured in the same run: seconds alone say
more about the machine than about the program.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
DIGITS = 3
NOT_RUN = "not run"


@dataclass(frozen=True)
class Row:
    """
    One figure.

    Attributes:
        work:  what was done.
        goal:  what the figure is compared with, in words; empty where the row only puts others in proportion.
        holds: None where there is no goal.
        peer:  what was measured beside it in the same run, with its own figure.
        measured: the day (UTC, ISO 8601); by default, the day it is written down.
    """

    work: str
    figure: float
    unit: str
    goal: str
    holds: bool | None
    peer: str
    machine: str
    measured: str = ""


@dataclass(frozen=True)
class Rows:
    """Makes the rows of one run, all with the same description of the machine."""

    machine: str

    def below(self, work: str, figure: float, unit: str, most: float, peer: str = "") -> Row:
        """A figure that may be at most `most`."""
        return Row(work, _short(figure), unit, f"≤ {most:g} {unit}", figure <= most, peer, self.machine)

    def above(self, work: str, figure: float, unit: str, least: float, peer: str = "") -> Row:
        """A figure that has to be at least `least`."""
        return Row(work, _short(figure), unit, f"≥ {least:g} {unit}", figure >= least, peer, self.machine)

    def without_goal(self, work: str, figure: float, unit: str, peer: str = "") -> Row:
        """A figure without a goal."""
        return Row(work, _short(figure), unit, "", None, peer, self.machine)

    def not_run(self, work: str, why: str) -> Row:
        """What could not be measured here: no figure, and no goal that holds."""
        return Row(work, 0.0, NOT_RUN, "", False, why, self.machine)


def machine() -> str:
    """Cores, system, and how busy others keep the cores; call it before the work begins."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    python = ".".join(platform.python_version_tuple()[:2])
    words = (
        f"{cores} cores {platform.machine()}, {platform.system()}, Python {python}, load before {load:.1f}"
    )
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    return f"{words}, run at nice {priority}" if priority else words


def show(name: str, rows: Sequence[Row], keep: bool = True) -> None:
    """Print the table and write it down (`keep`); rows of earlier runs of this benchmark are replaced."""
    table = Table(title=name, caption=rows[0].machine)
    for heading in ("work", "figure", "goal", "holds", "beside it"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    for row in rows:
        holds = {True: "yes", False: "no", None: ""}[row.holds]
        figure = NOT_RUN if row.unit == NOT_RUN else f"{row.figure:g} {row.unit}"
        table.add_row(row.work, figure, row.goal, holds, row.peer)
    Console().print(table)
    if keep:
        write(name, rows)


def write(name: str, rows: Sequence[Row]) -> None:
    """Write the rows down, in place of those of an earlier run. `name` may have a folder."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).date().isoformat()
    dated = [replace(row, measured=row.measured or today) for row in rows]
    written = json.dumps([asdict(row) for row in dated], indent=2, ensure_ascii=False)
    path.write_text(f"{written}\n", encoding="utf-8")


def read(name: str) -> list[Row]:
    """What was written down under this name; empty if nothing was."""
    path = RESULTS / f"{name}.json"
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def percentile(values: Sequence[float], share: float) -> float:
    """
    The smallest value that at least `share` of the values do not exceed.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * round(share * 1000) // 1000) - 1)]


def _short(figure: float) -> float:
    return float(f"{figure:.{DIGITS}g}")

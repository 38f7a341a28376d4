"""What was measured: every row of `benchmarks/results`, and the ten that the README shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import NOT_RUN, RESULTS, Row, read
from docs.generate.markdown import table
from domain.errors import ConfigurationError


class Shown(NamedTuple):
    """A row of the README: its label, its file, how its `work` begins, its unit if the figure has none."""

    label: str
    name: str
    begins: str
    unit: str = ""


TEN = (
    Shown("a press acknowledged while workers diagnose, p99", "press", "a press acknowledged"),
    Shown(
        "three checks over 10 million rows and 5,020 slices",
        "checks",
        "all three checks over 10 million rows",
    ),
    Shown(
        "false alarms in 5,001 slices without a fault (8 % scatter a day)",
        "detection/slices",
        "slices, 8 % a value and day: false alarms",
    ),
    Shown("Numenta benchmark, 37 series", "detection/numenta", "Numenta benchmark"),
    Shown(
        "the cinema, 60 faults of the 20 kinds it was developed on: cause named",
        "diagnosis/cinema",
        "the cinema: 20 kinds of fault",
        "of 1",
    ),
    Shown(
        "a second recommender, 65 faults of 13 kinds: cause named",
        "diagnosis/radio",
        "the radio: 13 kinds of fault",
        "of 1",
    ),
    Shown(
        "ten kinds of fault, set aside at first and worked on since, 50 faults: cause named",
        "diagnosis/set_aside",
        "the cinema, the ten kinds set aside: 10 kinds of fault",
        "of 1",
    ),
    Shown("what a hotfix repairs lies in its 90 % interval", "resolution/worlds", "repaired (200 worlds"),
    Shown("events missed by a follower while writers are killed", "gap", "missed by a follower"),
    Shown(
        "alarms in 14 simulated days of the cinema without a fault",
        "cinema",
        "alarms in 14 simulated days",
        "alarms",
    ),
)
HOLDS = {True: "met", False: "**not met**", None: ""}


def ten() -> str:
    """The README's table."""
    rows = [
        (one.label, figure(row := _found(one), one.unit), row.goal.strip(), HOLDS[row.holds]) for one in TEN
    ]
    return table(("measured", "figure", "goal", ""), rows)


def _found(shown: Shown) -> Row:
    for row in read(shown.name):
        if row.work.startswith(shown.begins):
            return row
    raise ConfigurationError(f"benchmarks/results/{shown.name}.json has no row {shown.begins!r}")


def figure(row: Row, unit: str = "") -> str:
    """The figure with its unit, or with `unit` if it has none."""
    return NOT_RUN if row.unit == NOT_RUN else f"{row.figure:,.10g} {row.unit or unit}".strip()


def every() -> str:
    """A table for each file of results."""
    return "\n\n".join(f"## {name}\n\n{_table(read(name))}" for name in names())


def names() -> Iterator[str]:
    """The files, except those that only gather the files of a folder with the same name."""
    for file in sorted(RESULTS.rglob("*.json")):
        if not file.with_suffix("").is_dir():
            yield str(Path(file).relative_to(RESULTS).with_suffix(""))


def _table(rows: Sequence[Row]) -> str:
    shown = [(row.work, figure(row), row.goal, HOLDS[row.holds], row.peer) for row in rows]
    where = [
        f"Measured {day or 'on an unrecorded day'}: {machine}."
        for (machine, day), _ in groupby(rows, lambda row: (row.machine, row.measured))
    ]
    return "\n\n".join(
        (*dict.fromkeys(where), table(("work", "figure", "goal", "", "beside it, in the same run"), shown))
    )

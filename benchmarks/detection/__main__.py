"""
`python -m benchmarks.detection [--only MODULE …]`: every module here that has `rows` gives its rows.

The whole takes hours. So each module's rows are written down by themselves, with the commit they were
measured at among the words about the machine, and those of the modules that are not run again stay.

Where the data are is said by LOCALISATION_DATA, NAB_DATA, CLOUD_MONITORING_DATA and MOVIETWEETINGS_DATA, or
they lie beside the project in `shared/data`; without them a row says so. What it is measured beside is
installed at first need (`peers.txt`).
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from subprocess import run

import benchmarks.detection as room
from benchmarks.table import Row, Rows, machine, read, show, write

Measure = Callable[[Rows], Iterator[Row]]
ROOM = "detection"


def measures() -> dict[str, Measure]:
    """Module → what measures its rows."""
    found = {}
    for module in iter_modules(room.__path__):
        if module.name != "__main__":
            measure = getattr(import_module(f"{room.__name__}.{module.name}"), "rows", None)
            if measure is not None:
                found[module.name] = measure
    return found


def _measured(name: str, measure: Measure) -> None:
    """All rows of one module, each printed as it comes; one that fails is a row too, and the others go on."""
    begun, found, table = time.monotonic(), list[Row](), Rows(f"{machine()}, at {_commit()}")
    print(f"{name} …", flush=True)
    try:
        for row in measure(table):
            found.append(row)
            print(f"  {row.work}: {row.figure:g} {row.unit}", flush=True)
    except Exception as error:  # noqa: BLE001 - whatever one module raises must not lose the others' figures
        traceback.print_exc()
        found.append(table.not_run(name, f"{type(error).__name__}: {error}"))
    print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
    write(f"{ROOM}/{name}", found)


def _commit() -> str:
    said = run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or "no commit"


def main() -> None:
    every = measures()
    asked = argparse.ArgumentParser(prog="python -m benchmarks.detection")
    asked.add_argument("--only", nargs="+", choices=sorted(every), help="measure these anew; others stay")
    for name in asked.parse_args().only or every:
        _measured(name, every[name])
    show(ROOM, [row for name in every for row in read(f"{ROOM}/{name}")], keep=False)


if __name__ == "__main__":
    main()

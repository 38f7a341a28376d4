"""
`python -m benchmarks.detection [--only MODULE …]`: runs every module here that has a `rows` function.

The whole takes hours, so each module's rows are written separately, and their notes on the machine include
the commit that was measured. Rows of modules that are not run again stay.

LOCALISATION_DATA, NAB_DATA, CLOUD_MONITORING_DATA and MOVIETWEETINGS_DATA say where the data are; otherwise
they are looked for beside the project in `shared/data`, and where they are missing a row says so. Packages
for comparison are installed when first needed (`peers.txt`).
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
    """Module → the function that measures its rows."""
    found = {}
    for module in iter_modules(room.__path__):
        if module.name != "__main__":
            measure = getattr(import_module(f"{room.__name__}.{module.name}"), "rows", None)
            if measure is not None:
                found[module.name] = measure
    return found


def _measured(name: str, measure: Measure) -> None:
    """Print one module's rows as they come; a failure becomes a row too, and the other modules go on."""
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

"""
`python -m benchmarks.detection [--only ROW …]`: every module here that has `rows` gives its rows.

Where the data are is said by LOCALISATION_DATA, NAB_DATA and MOVIETWEETINGS_DATA, or they lie beside the
project in `shared/data`; without them a row says so. What it is measured beside is installed at first need
(`peers.txt`).
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import chain
from pkgutil import iter_modules

import benchmarks.detection as room
from benchmarks.table import Row, Rows, machine, show

Measure = Callable[[Rows], Iterator[Row]]


def measures() -> dict[str, Measure]:
    """Module → what measures its rows."""
    found = {}
    for module in iter_modules(room.__path__):
        if module.name != "__main__":
            measure = getattr(import_module(f"{room.__name__}.{module.name}"), "rows", None)
            if measure is not None:
                found[module.name] = measure
    return found


def _measured(name: str, measure: Measure, table: Rows) -> list[Row]:
    """All rows of one module, each told as it comes; one that fails is a row too, and the others go on."""
    begun, found = time.monotonic(), []
    print(f"{name} …", flush=True)
    try:
        for row in measure(table):
            found.append(row)
            print(f"  {row.work}: {row.figure:g} {row.unit}", flush=True)
    except Exception as error:  # noqa: BLE001 - whatever one module raises must not lose the others' figures
        traceback.print_exc()
        found.append(table.not_run(name, f"{type(error).__name__}: {error}"))
    print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
    return found


def main() -> None:
    every = measures()
    asked = argparse.ArgumentParser(prog="python -m benchmarks.detection")
    asked.add_argument(
        "--only", nargs="+", choices=sorted(every), help="print these; nothing is written down"
    )
    only = asked.parse_args().only
    table = Rows(machine())
    rows = list(chain.from_iterable(_measured(name, every[name], table) for name in only or every))
    show("detection", rows, keep=not only)


if __name__ == "__main__":
    main()

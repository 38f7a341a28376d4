"""`python -m benchmarks.detection [--only ROW …]`: every module here that has `rows` gives its rows."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module
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


def main() -> None:
    every = measures()
    asked = argparse.ArgumentParser(prog="python -m benchmarks.detection")
    asked.add_argument(
        "--only", nargs="+", choices=sorted(every), help="print these; nothing is written down"
    )
    only = asked.parse_args().only
    table = Rows(machine())
    rows = [row for name in only or every for row in every[name](table)]
    show("detection", rows, keep=not only)


if __name__ == "__main__":
    main()

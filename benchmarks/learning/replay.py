"""
`recsysops replay --all` over thirty incidents of a library: unchanged, and after a check was loosened.

The program itself is run and timed, as a team's CI runs it, from its start to its exit code.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.learning import library
from benchmarks.learning.installation import database, installed
from benchmarks.table import Row, Rows
from workers.declaration.declare import load

INCIDENTS, MOST_SECONDS, MOST_MEGABYTES, MEGABYTE = 30, 120.0, 20.0, 1e6
LOOSENED = f"{library.TABLES[0]}_volume"
STRICT = f'[checks.{LOOSENED}]\nkind = "volume"\n'
PROGRAM = Path(sys.executable).parent / "recsysops"


@dataclass(frozen=True)
class Ran:
    """One run of the program: how long it took, its exit code, and what it printed as JSON."""

    seconds: float
    code: int
    printed: dict[str, Any]

    @property
    def incidents(self) -> list[dict[str, Any]]:
        """What became of each incident."""
        every: list[dict[str, Any]] = self.printed["replay"]["incidents"]
        return every


def rows(table: Rows, folder: Path, server: str) -> Iterator[Row]:
    """The figures for one library."""
    here = folder / "library"
    here.mkdir()
    declared = library.write(here)
    address = database(server, "library")
    with installed(address, here, declared, {"HOOK_SECRET": "s" * 40}) as installation:
        library.live(installation.log, load(installation.file))
        as_it_was = _ran(installation.file)
        proposed = here / "proposed.toml"
        proposed.write_text(declared.replace(STRICT, f"{STRICT}least_change = 0.95\n"), encoding="utf-8")
        loosened = _ran(proposed)
    yield from _rows(table, as_it_was, loosened)


def _ran(file: Path) -> Ran:
    began = time.monotonic()
    command = [str(PROGRAM), "replay", "--all", str(file), "--json", "--fail-on-regression"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return Ran(time.monotonic() - began, done.returncode, json.loads(done.stdout))


def _rows(table: Rows, as_it_was: Ran, loosened: Ran) -> Iterator[Row]:
    every = as_it_was.incidents
    yield table.above("a library's incidents", len(every), "incidents", INCIDENTS)
    said = f"with a check loosened: {loosened.seconds:.1f} s"
    work = "`recsysops replay --all` over them, the program's start included"
    yield table.below(work, as_it_was.seconds, "s", MOST_SECONDS, said)
    sizes = [one["bytes"] / MEGABYTE for one in every if one["bytes"] is not None]
    yield table.below("the library: frozen of an incident, median", median(sizes), "MB", MOST_MEGABYTES)
    alike = sum(bool(one["identical"]) and one["verdict"] == "same" for one in every)
    yield table.above("the library: replayed as they were found live", 100.0 * alike / len(every), "%", 100.0)
    yield table.below("exit code with nothing changed", as_it_was.code, "", 0)
    own = {one["number"] for one in every if one["then"]["check"] == LOOSENED}
    found = set(loosened.printed["worse"])
    peer = f"{LOOSENED} with least_change = 0.95; {len(own)} incidents were raised by it"
    yield table.above("a loosened check: incidents said to be worse", len(found), "incidents", 1, peer)
    yield table.below("of them, raised by another check", len(found - own), "incidents", 0)
    yield table.above("exit code with it", loosened.code, "", 1)

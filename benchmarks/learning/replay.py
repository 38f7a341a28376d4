"""
`python -m benchmarks.learning.replay`: thirty incidents of a library replayed, as they were and after a check
was loosened.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from sqlalchemy import Engine

from benchmarks.learning import library
from benchmarks.table import Row, Rows, machine, show
from domain.replayed import ReplayAnswer
from workers import embedded
from workers.declaration.declare import load
from workers.environment.settings import settings
from workers.replay.again import replay
from workers.store.connection import engine
from workers.store.migrate import migrate

INCIDENTS, MOST_SECONDS, MOST_MEGABYTES = 30, 120.0, 20.0
LOOSENED = library.TABLES[0]
STRICT = f'[checks.{LOOSENED}_volume]\nkind = "volume"\n'


def measured(log: Engine, folder: Path, rows: Rows) -> Sequence[Row]:
    """The figures of one world."""
    text = library.write(folder)
    file = folder / "recsysops.toml"
    file.write_text(text)
    opened = library.live(log, load(file))
    asked = list(range(1, min(opened, INCIDENTS) + 1))
    at = library.START + library.DAYS * library.DAY
    as_it_was = replay(log, load(file), settings(), at, asked)
    file.write_text(text.replace(STRICT, f"{STRICT}least_change = 0.95\n"))
    loosened = replay(log, load(file), settings(), at, asked)
    return _rows(rows, as_it_was, loosened)


def _rows(rows: Rows, as_it_was: ReplayAnswer, loosened: ReplayAnswer) -> Sequence[Row]:
    every = as_it_was.incidents
    sizes = [one.bytes / 1e6 for one in every if one.bytes is not None]
    alike = 100.0 * sum(bool(one.identical) and one.verdict == "same" for one in every) / len(every)
    own = {one.number for one in every if one.then.check == f"{LOOSENED}_volume"}
    found = {one.number for one in loosened.worse}
    said = f"{len(own)} of them were raised by it"
    return [
        rows.above("incidents of a library", len(every), "incidents", INCIDENTS),
        rows.below("`replay --all` over them, one process", as_it_was.seconds, "s", MOST_SECONDS),
        rows.below("an incident's frozen data, median", median(sizes), "MB", MOST_MEGABYTES),
        rows.above("replayed as it was found live", alike, "%", 100.0),
        rows.above("a loosened check: incidents said to be worse", len(found), "incidents", 1, said),
        rows.below("of them, raised by another check", len(found - own), "incidents", 0),
    ]


def main() -> None:
    """Measure, print, write down."""
    rows = Rows(machine())
    os.environ.setdefault("HOOK_SECRET", "s" * 40)
    folder = Path(tempfile.mkdtemp(prefix="recsysops-benchmark-"))
    try:
        with embedded.started(folder / "servers") as servers:
            migrate(servers.owner_url, servers.database_url)
            log = engine(servers.database_url)
            show("learning/replay", measured(log, folder, rows))
            log.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

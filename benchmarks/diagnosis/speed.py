"""How soon after the alarm a cause is named, in a market's log of a million requests of twenty candidates."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks.diagnosis.logged_world import CANDIDATES
from benchmarks.market import AT, REQUESTS, market
from benchmarks.table import Row, Rows
from domain.values import Piece
from workers.respond.diagnose.diagnose import diagnose

MOST_EVIDENCE_SECONDS, MOST_CAUSE_SECONDS = 10.0, 60.0


def rows(table: Rows) -> Iterator[Row]:
    """Time to the first piece of evidence, and to the cause."""
    with tempfile.TemporaryDirectory(prefix="recsysops-speed-") as folder:
        made = market(Path(folder))
        pieces, begun = list[float](), time.perf_counter()

        def arrived(_piece: Piece) -> None:
            pieces.append(time.perf_counter() - begun)

        found = diagnose(made.recommender, made.finding, AT, keep=_kept_nowhere, on_piece=arrived)
        seconds = time.perf_counter() - begun
    work = f"{REQUESTS * CANDIDATES:,} logged rows: alarm →"
    said = f"said: {found.cause_kind} “{found.cause}”"
    yield table.below(f"{work} first evidence", pieces[0], "s", MOST_EVIDENCE_SECONDS, said)
    yield table.below(f"{work} cause", seconds, "s", MOST_CAUSE_SECONDS, said)


def _kept_nowhere(picture: bytes) -> str:
    """The picture is still drawn, as it is part of the waiting time."""
    return sha256(picture).hexdigest()

"""How long the search for slices takes: 100,000 rows, eight dimensions, two at a time; beside `sliceline`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection.stranger import NotThereError, answered
from benchmarks.table import Row, Rows
from domain.diagnosis.localise import localise
from domain.values import Slice, name_slice

ROWS, MOST_SECONDS, TIMES = 100_000, 0.1, 3
WORDS = (3, 4, 5, 6, 8, 10, 12, 20)
STRUCK: Slice = (("d2", "v1"), ("d5", "v3"))
PEERS = Path(__file__).with_name("peers.txt")


def world(ratio: bool, seed: int = 5) -> pd.DataFrame:
    """
    (100,000, 10) rows of eight dimensions with `observed` and `expected`: counts of which one two-way slice
    lacks 60 %, or successes out of one try each, of which it lacks the same share.
    """
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {f"d{n}": np.char.add("v", rng.integers(0, words, ROWS).astype(str)) for n, words in enumerate(WORDS)}
    )
    there = np.logical_and.reduce([frame[name] == value for name, value in STRUCK])
    expected = rng.uniform(0.05, 0.4, ROWS) if ratio else rng.uniform(2, 12, ROWS)
    mean = np.where(there, 0.4, 1.0) * expected
    observed = rng.random(ROWS) < mean if ratio else rng.poisson(mean)
    return frame.assign(observed=observed.astype(float), expected=expected)


def rows(table: Rows) -> Iterator[Row]:
    """The best of three of each, and whether it named the slice that was struck."""
    for what, ratio in (("counts", False), ("ratios", True)):
        frame = world(ratio)
        dimensions = [f"d{place}" for place in range(len(WORDS))]
        seconds = float("inf")
        first: Slice = ()
        for _ in range(TIMES):
            began = time.perf_counter()
            found = localise(frame, dimensions, 2)
            seconds = min(seconds, time.perf_counter() - began)
            first = found[0].slice if found else ()
        said = f"named {name_slice(first)}, struck was {name_slice(STRUCK)}; {_beside(frame)}"
        work = f"slice search, {ROWS:,} rows × {len(WORDS)}, two-way, {what}"
        yield table.below(work, seconds, "s", MOST_SECONDS, said)


def _beside(frame: pd.DataFrame) -> str:
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "rows.parquet"
        frame.to_parquet(path)
        try:
            theirs = answered(SLICELINE, str(path), requirements=PEERS)
        except NotThereError as error:
            return f"sliceline: {error}"
    return f"sliceline {theirs['seconds']:.2f} s, named {theirs['first']}"


SLICELINE = """
import time
import numpy as np
from sliceline.slicefinder import Slicefinder
columns = [name for name in frame if name.startswith("d")]
missing = np.maximum(frame["expected"] - frame["observed"], 0).to_numpy()
best, first = float("inf"), None
for _ in range(3):
    began = time.perf_counter()
    finder = Slicefinder(alpha=0.95, k=3, max_l=2, min_sup=100, verbose=False)
    finder.fit(frame[columns], missing)
    best = min(best, time.perf_counter() - began)
    if len(finder.top_slices_):
        first = {c: v for c, v in zip(columns, finder.top_slices_[0]) if v is not None}
print(json.dumps({"seconds": best, "first": ", ".join(f"{c} = {v}" for c, v in (first or {}).items())}))
"""

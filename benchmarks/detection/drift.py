"""
Pairs between which nothing changed: how often is a change told at a nominal 5 %, ours and evidently's.

500 columns of each kind, each a pair of its own: 1,000 rows in ten days of the past and 1,000 of today, from
one distribution. In the last kind days differ as days do: 28 of them, of 500 rows, and today.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.detection.stranger import NotThereError, answered, installed
from benchmarks.table import Row, Rows
from domain.detection.distribution import compare
from workers.sources.histogram import GROUPS, NAMED_TEXTS, QUANTILES, WHOLE_TEXTS

PAIRS = 500
MOST_DAYS = 28
ALPHA, LEAST, MOST = 0.05, 4.0, 6.0
EVIDENTLY = "evidently==0.7.23"

Column = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def numeric(chance: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Normal, log-normal or exponential, each of a scale of its own."""
    scale = chance.lognormal(0, 1)
    kind = chance.integers(3)
    if kind == 0:
        return chance.normal(0, scale, len(day))
    return chance.lognormal(0, 1, len(day)) * scale if kind == 1 else chance.exponential(scale, len(day))


def categorical(chance: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Two to twelve values, some of them rare."""
    count = int(chance.integers(2, 13))
    return chance.choice([f"v{n}" for n in range(count)], len(day), p=chance.dirichlet(np.ones(count)))


def many(chance: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """100 to 2,000 values, frequent ones and rare ones."""
    count = int(chance.integers(100, 2_001))
    share = 1 / np.arange(1, count + 1) ** chance.uniform(0.3, 1.2)
    return chance.choice([f"v{n}" for n in range(count)], len(day), p=share / share.sum())


def daily(chance: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Normal, its mean another every day by a fifth of a standard deviation."""
    return np.asarray(chance.normal(0, 1, len(day)) + chance.normal(0, 0.2, MOST_DAYS + 1)[day])


KINDS: dict[str, tuple[Column, int, int, int]] = {
    "numeric": (numeric, 10, 100, 1_000),
    "categorical": (categorical, 10, 100, 1_000),
    "100 to 2,000 categories": (many, 10, 100, 1_000),
    "numeric, days differ": (daily, MOST_DAYS, 500, 500),
}
"""Kind → what makes a column, days of the past, rows in each of them, rows of today."""


def pairs(seed: int, make: Column, days: int, a_day: int, now: int) -> pd.DataFrame:
    """Columns c0 … c499, and the day, the last one today."""
    chance = np.random.default_rng(seed)
    day = np.concatenate([np.repeat(np.arange(days), a_day), np.full(now, days)])
    columns = {f"c{n}": make(chance, day) for n in range(PAIRS)}
    return pd.DataFrame({"day": day, **columns})


def alarms(frame: pd.DataFrame) -> float:
    """Our alarms, in percent of the pairs."""
    day = frame["day"].to_numpy()
    found = 0
    for name in (f"c{n}" for n in range(PAIRS)):
        counts = counted(frame[name].to_numpy(), day)
        found += float(compare(counts[:-1, None], counts[None, -1]).p_values[0]) <= ALPHA
    return 100 * found / PAIRS


def counted(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """(days, bins): cut as `workers.sources.histogram` lets the engine cut them."""
    if values.dtype.kind == "f":
        inner = np.quantile(values, QUANTILES)
        bins = np.searchsorted(np.unique([*inner, values.max()]), values)
    else:
        every = pd.Series(values).value_counts()
        whole = every.index[: WHOLE_TEXTS if len(every) <= WHOLE_TEXTS else NAMED_TEXTS]
        group = len(whole) + pd.util.hash_array(values.astype(object)) % GROUPS
        place = pd.Series(range(len(whole)), index=whole).reindex(values).to_numpy()
        bins = np.where(np.isnan(place), group, place).astype(np.int64)
    days, width = int(day.max()) + 1, int(bins.max()) + 1
    return np.bincount(day * width + bins, minlength=days * width).reshape(days, width).astype(float)


def rows(table: Rows) -> Iterator[Row]:
    """A row a kind, ours held against 4 to 6 %, evidently's beside it."""
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        files, ours = {}, {}
        for seed, (kind, sizes) in enumerate(KINDS.items()):
            files[kind] = Path(folder) / f"{seed}.parquet"
            frame = pairs(seed, *sizes)
            ours[kind] = alarms(frame)
            with duckdb.connect() as connection:
                connection.register("frame", frame)
                connection.execute(f"COPY frame TO '{files[kind]}' (FORMAT parquet)")
        beside = theirs(files)
    same = [ours[kind] for kind in list(KINDS)[:3]]
    yield _row(table, f"drift: alarms in {3 * PAIRS:,} pairs alike, nominal 5 %", float(np.mean(same)), "")
    for kind, figure in ours.items():
        yield _row(table, f"drift: of which {kind}, {PAIRS} pairs", figure, beside[kind])


def _row(table: Rows, work: str, figure: float, beside: str) -> Row:
    holds = LEAST <= figure <= MOST
    return Row(work, round(figure, 1), "%", f"{LEAST:g} to {MOST:g} %", holds, beside, table.machine)


def theirs(files: dict[str, Path]) -> dict[str, str]:
    """What evidently says of the same pairs by its defaults, or why it says nothing."""
    try:
        with installed(EVIDENTLY, "pyarrow", "pandas<3") as python:
            return {kind: _theirs(python, file) for kind, file in files.items()}
    except NotThereError as error:
        return dict.fromkeys(files, f"{EVIDENTLY} could not be run here: {error}")


def _theirs(python: str, file: Path) -> str:
    said = answered(python, PROGRAM, str(file))
    return f"{EVIDENTLY}, its defaults: {100 * said['found'] / said['columns']:.1f} %"


PROGRAM = """
import json, sys
import pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift

frame = pd.read_parquet(sys.argv[1])
names = [name for name in frame if name.startswith("c")]
today = frame["day"] == frame["day"].max()
past, now = frame[~today], frame[today]
found = 0
for first in range(0, len(names), 50):
    some = names[first:first + 50]
    result = Report([ValueDrift(column=name) for name in some]).run(now[some], past[some]).dict()
    for metric in result["metrics"]:
        config, value = metric["config"], float(metric["value"])
        chance = "p_value" in config["method"]
        found += value < config["threshold"] if chance else value >= config["threshold"]
print(json.dumps({"found": int(found), "columns": len(names)}))
"""

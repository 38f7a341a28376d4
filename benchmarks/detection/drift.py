"""
Pairs without a change: how often ours and evidently report one at a nominal 5 %, and in how many seconds of
processor time.

500 columns of each kind, each a pair of its own: 1,000 rows in ten days of the past and 1,000 of today, from
one distribution. In the last kind days vary as real days do: 28 of them, of 500 rows, and today.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.detection.stranger import NotThereError, answered
from benchmarks.table import Row, Rows
from domain.detection.judge.distribution import compare
from workers.sources.aggregate.histogram import GROUPS, NAMED_TEXTS, QUANTILES, WHOLE_TEXTS

PAIRS = 500
MOST_DAYS = 28
ALPHA, LEAST, MOST = 0.05, 4.0, 6.0
EVIDENTLY, TESTED_ROWS = "evidently", 1_000  # of the past, up to which it runs statistical tests by default

Column = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def numeric(chance: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Normal, log-normal or exponential, each with its own scale."""
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
    """Normal, with a mean that varies from day to day by a fifth of a standard deviation."""
    return np.asarray(chance.normal(0, 1, len(day)) + chance.normal(0, 0.2, MOST_DAYS + 1)[day])


KINDS: dict[str, tuple[Column, int, int, int]] = {
    "numeric": (numeric, 10, 100, 1_000),
    "categorical": (categorical, 10, 100, 1_000),
    "100 to 2,000 categories": (many, 10, 100, 1_000),
    "numeric, days differ": (daily, MOST_DAYS, 500, 500),
}
"""Kind → the function that makes a column, days of the past, rows in each of them, rows of today."""


def pairs(seed: int, make: Column, days: int, a_day: int, now: int) -> pd.DataFrame:
    """Columns c0 … c499, and the day; the last one is today."""
    chance = np.random.default_rng(seed)
    day = np.concatenate([np.repeat(np.arange(days), a_day), np.full(now, days)])
    columns = {f"c{n}": make(chance, day) for n in range(PAIRS)}
    return pd.DataFrame({"day": day, **columns})


def alarms(file: Path) -> tuple[float, float]:
    """Our alarms, in percent of the pairs; and processor seconds, counted once the rows are in memory."""
    frame = pd.read_parquet(file)
    begun = time.process_time()
    day = frame["day"].to_numpy()
    found = 0
    for name in (f"c{n}" for n in range(PAIRS)):
        counts = counted(frame[name].to_numpy(), day)
        found += float(compare(counts[:-1, None], counts[None, -1]).p_values[0]) <= ALPHA
    return 100 * found / PAIRS, time.process_time() - begun


def counted(values: np.ndarray, day: np.ndarray) -> np.ndarray:
    """(days, bins): binned as `workers.sources.aggregate.histogram` has the engine do it."""
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
    """A row for each kind, ours required to be 4 to 6 %, evidently's beside it."""
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        files, ours, beside = {}, {}, {}
        for seed, (kind, sizes) in enumerate(KINDS.items()):
            files[kind] = Path(folder) / f"{seed}.parquet"
            frame = pairs(seed, *sizes)
            with duckdb.connect() as connection:
                connection.register("frame", frame)
                connection.execute(f"COPY frame TO '{files[kind]}' (FORMAT parquet)")
            ours[kind] = alarms(files[kind])
            beside[kind] = f"{ours[kind][1]:.1f} s of processor; {_theirs(files[kind], sizes[1] * sizes[2])}"
    same = [ours[kind][0] for kind in list(KINDS)[:3]]
    yield _row(table, f"drift: alarms in {3 * PAIRS:,} pairs alike, nominal 5 %", float(np.mean(same)), "")
    for kind, (figure, _seconds) in ours.items():
        yield _row(table, f"drift: of which {kind}, {PAIRS} pairs", figure, beside[kind])


def _row(table: Rows, work: str, figure: float, beside: str) -> Row:
    holds = LEAST <= figure <= MOST
    return Row(work, round(figure, 1), "%", f"{LEAST:g} to {MOST:g} %", holds, beside, table.machine)


def _theirs(file: Path, rows: int) -> str:
    """Evidently with its defaults, which test at 5 % for few rows; for more rows, with its tests too."""
    said = []
    asked = [("its defaults", ""), ("its tests at 5 %", "p-value")]
    for what, test in asked[: 1 if rows <= TESTED_ROWS else 2]:
        try:
            one = answered(PROGRAM, str(file), test)
        except NotThereError as error:
            return f"{EVIDENTLY} could not be run here: {error}"
        share = 100 * one["found"] / one["columns"]
        said.append(f"{what} {share:.1f} % in {one['seconds']:.1f} s")
    return f"{EVIDENTLY} {one['version']}: {', '.join(said)}"


PROGRAM = """
from importlib.metadata import version
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

names = [name for name in frame if name.startswith("c")]
today = frame["day"] == frame["day"].max()
past, now = frame[~today], frame[today]
tests = {"f": {"method": "ks", "threshold": 0.05}, "O": {"method": "chisquare", "threshold": 0.05}}
asked = {name: tests[frame[name].dtype.kind] if sys.argv[2] else {} for name in names}
found, before = 0, spent()
for first in range(0, len(names), 50):
    some = names[first:first + 50]
    report = Report([ValueDrift(column=name, **asked[name]) for name in some])
    texts = [name for name in some if frame[name].dtype.kind == "O"]
    kinds = DataDefinition(categorical_columns=texts, numerical_columns=[n for n in some if n not in texts])
    given = [Dataset.from_pandas(one[some], data_definition=kinds) for one in (now, past)]
    result = report.run(*given).dict()
    for metric in result["metrics"]:
        config, value = metric["config"], float(metric["value"])
        chance = "p_value" in config["method"] or sys.argv[2]
        found += value < config["threshold"] if chance else value >= config["threshold"]
print(json.dumps({"found": int(found), "columns": len(names), "seconds": spent() - before,
                  "version": version("evidently")}))
"""

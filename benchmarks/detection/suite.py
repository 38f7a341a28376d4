"""All data checks over a million rows of twenty columns, two-dimensional slices: processor seconds."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.detection.stranger import NotThereError, answered
from benchmarks.table import Row, Rows
from domain.recommender.recommender import Recommender

ROWS, DAYS = 1_000_000, 29
MOST_SECONDS = 10.0
END = datetime(2026, 6, 1, tzinfo=UTC)
CHECKS = ("schema", "missing", "domain", "duplicates", "references", "drift", "volume", "slice_volume")


def make(folder: Path) -> None:
    """Write twenty columns; on the last day a third of mobile's rows lack a feature."""
    chance = np.random.default_rng(0)
    at = pd.Timestamp(END) - pd.to_timedelta(chance.uniform(0, DAYS * 86_400, ROWS), unit="s")
    frame = pd.DataFrame({"at": at, "id": np.arange(ROWS), "item_id": chance.integers(0, 5_000, ROWS)})
    frame["country"] = chance.choice(["France", "Spain", "Italy", "Poland", "Denmark"], ROWS)
    frame["device"] = chance.choice(["tv", "web", "mobile"], ROWS)
    frame["genre"] = chance.choice([f"g{n}" for n in range(8)], ROWS)
    for n in range(7):
        frame[f"n{n}"] = chance.normal(n, 1 + n, ROWS)
    for n in range(3):
        frame[f"i{n}"] = chance.integers(0, 10 ** (n + 1), ROWS)
    for n in range(3):
        frame[f"c{n}"] = chance.choice([f"v{m}" for m in range(5 * (n + 1) ** 2)], ROWS)
    frame["member_id"] = chance.integers(0, 100_000, ROWS).astype(str)
    lost = (
        (frame["at"] >= END - timedelta(days=1))
        & (frame["device"] == "mobile")
        & (chance.random(ROWS) < 1 / 3)
    )
    frame["n1"] = frame["n1"].mask(lost)
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{folder}/rows.parquet' (FORMAT parquet)")
        connection.execute(f"COPY (SELECT range AS item_id FROM range(5000)) TO '{folder}/items.parquet'")


def declared(folder: Path) -> Recommender:
    """Every data check over all columns, in slices of up to two of three dimensions."""
    table = {
        "name": "rows",
        "path": f"{folder}/rows.parquet",
        "time": "at",
        "window": "1d",
        "dimensions": ("country", "device", "genre"),
        "item": "item_id",
        "key": "id",
    }
    items = {"name": "items", "path": f"{folder}/items.parquet", "key": "item_id"}
    return Recommender.model_validate(
        {
            "name": "b",
            "folder": str(folder),
            "tables": {"rows": table, "items": items},
            "items": {"table": "items", "key": "item_id"},
            "checks": {kind: {"name": kind, "kind": kind, "table": "rows"} for kind in CHECKS},
        }
    )


CHILD = """
import json, resource, sys
from pathlib import Path
from benchmarks.detection.suite import END, declared
from benchmarks.memory import peak_megabytes
from workers.checks.run import run_checks
before = resource.getrusage(resource.RUSAGE_SELF)
found = run_checks(declared(Path(sys.argv[1])), END).findings
after = resource.getrusage(resource.RUSAGE_SELF)
spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"seconds": spent, "megabytes": peak_megabytes(),
                  "found": [[f.check, f.subject, f.slice] for f in found]}))
"""


def rows(table: Rows) -> Iterator[Row]:
    """Our time, and that of two other packages for the part that they can do."""
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as folder:
        make(Path(folder))
        done = subprocess.run(
            [sys.executable, "-c", CHILD, folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        ours = json.loads(done.stdout.splitlines()[-1])
        if ours["found"] != [["missing", "n1", [["device", "mobile"]]]]:
            raise RuntimeError(f"something else than the one fault was found: {ours['found']}")
        beside = "; ".join(_theirs(*one, folder, ours["seconds"]) for one in STRANGERS)
    work = f"{len(CHECKS)} checks over {ROWS:,} rows × 20 columns, slices of two of three dimensions"
    yield table.below(f"{work}: processor", ours["seconds"], "s", MOST_SECONDS, beside)
    yield table.without_goal("their peak memory", ours["megabytes"], "MB")


def _theirs(package: str, program: str, does: str, folder: str, seconds: float) -> str:
    try:
        said = answered(program, f"{folder}/rows.parquet", END.isoformat())
    except NotThereError as error:
        return f"{package} could not be run here: {error}"
    ratio = said["seconds"] / seconds
    return (
        f"{package} {said['version']}, {does}: {said['seconds']:.1f} s ({ratio:.1f} × ours); {said['says']}"
    )


DRIFT = """
from importlib.metadata import version
from evidently import Report
from evidently.presets import DataDriftPreset
columns = [name for name in frame if name != "at"]
before = spent()
today = frame["at"] >= pd.Timestamp(sys.argv[2]) - pd.Timedelta(days=1)
report = Report([DataDriftPreset(columns=columns)])
result = report.run(frame.loc[today, columns], frame.loc[~today, columns]).dict()
seconds = spent() - before
drifted = []
for metric in result["metrics"]:
    config = metric["config"]
    if "column" in config and "threshold" in config:
        value = float(metric["value"])
        if value < config["threshold"] if "p_value" in config["method"] else value >= config["threshold"]:
            drifted.append(config["column"])
print(json.dumps({"seconds": seconds, "version": version("evidently"),
                  "says": f"drifted: {', '.join(drifted) or 'nothing'}"}))
"""

EXPECT = """
import great_expectations as gx
from great_expectations import expectations as e
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
today = frame["at"] >= pd.Timestamp(sys.argv[2]) - pd.Timedelta(days=1)
past, now = frame[~today], frame[today]
before = spent()
batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": now})
suite = gx.ExpectationSuite(name="s", expectations=[
    e.ExpectTableColumnsToMatchSet(column_set=list(frame)), e.ExpectColumnValuesToBeUnique(column="id"),
    e.ExpectTableRowCountToBeBetween(min_value=0.75 * len(past) / 28, max_value=1.25 * len(past) / 28)])
for name in (name for name in frame if name != "at"):
    suite.add_expectation(e.ExpectColumnValuesToNotBeNull(column=name))
    if frame[name].dtype.kind in "if":
        low, high = past[name].min(), past[name].max()
        suite.add_expectation(e.ExpectColumnValuesToBeBetween(
            column=name, min_value=float(low), max_value=float(high), mostly=0.999))
    elif past[name].nunique() <= 100:
        known = sorted(past[name].unique())
        suite.add_expectation(e.ExpectColumnValuesToBeInSet(column=name, value_set=known))
result = batch.validate(suite)
seconds = spent() - before
failed = [one.expectation_config.kwargs.get("column", "table") for one in result.results if not one.success]
print(json.dumps({"seconds": seconds, "version": gx.__version__,
                  "says": f"failed: {', '.join(failed) or 'nothing'}"}))
"""

STRANGERS = (
    ("evidently", DRIFT, "drift of 19 columns in total, no slices"),
    (
        "great_expectations",
        EXPECT,
        "a day's schema, rows, missing, ranges, values and keys in total, no slices",
    ),
)
"""Package, its program, and which of our checks it covers."""

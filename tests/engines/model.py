"""What a model scored and served and what others log of it, with a fault for every check, in Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from domain.recommender.recommender import Recommender
from tests.engines.answers import moved
from tests.engines.places import in_files
from tests.workers import rankings, test_served
from tests.workers.checks import test_models
from workers.sources.engines.files import reader


def write_ranked(folder: Path) -> Recommender:
    """A ranking model's candidates with all faults of the matrix; its last training is bad, and old."""

    def spoil(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        for name, (one, _expected) in test_models.FAULTS.items():
            frame = frame if name == "one score for all" else one(frame, last, chance)
        return frame

    (folder / "ranked").mkdir()
    runs = rankings.trained(auc=0.6)
    whole = rankings.write_rankings(folder / "ranked", test_models.CHECKS, spoil, hours=26, runs=runs)
    checks = {
        name: check.model_copy(update={"within": timedelta(hours=6)}) if check.kind == "staleness" else check
        for name, check in whole.checks.items()
    }
    return _flat(whole.model_copy(update={"checks": checks}), folder)


def write_served(folder: Path) -> Recommender:
    """A day of requests at each stage and beside other teams' logs, with all faults of the matrix at once."""
    (folder / "served").mkdir()
    frames, chance = test_served.service(), np.random.default_rng(2)
    for spoil, *_expected in test_served.FAULTS.values():
        frames = spoil(frames, chance)
    return _flat(test_served.written(folder / "served", frames), folder)


def _flat(recommender: Recommender, folder: Path) -> Recommender:
    """Each table in one file by its name, so that it can be put elsewhere."""
    with duckdb.connect() as connection:
        for name, table in recommender.tables.items():
            rows = f"SELECT * FROM {reader(table)}"
            connection.execute(f"COPY ({rows}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return moved(recommender, in_files(folder))


WRITTEN: Mapping[str, tuple[Callable[[Path], Recommender], datetime]] = {
    "ranked": (write_ranked, rankings.END),
    "served": (write_served, test_served.END),
}
"""What writes it, and when to look at it."""

"""A slice that lost one item's end calls nobody; anything else that it loses does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.recommender.recommender import Recommender
from tests.workers.detect.test_tick import every
from workers.checks.backtest import backtest
from workers.declaration.declare import load
from workers.detect.detection_run import detection_run
from workers.detect.record import read_alarms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = datetime(2026, 3, 20, tzinfo=UTC)
GONE_AT = END - 8 * HOUR
PEAR = ("pear", "coast")
DECLARED = """\
[recommender]
name = "market"

[tables.sales]
path = "sales.parquet"
time = "at"
window = "1h"
dimensions = ["stall"]
item = "fruit"

[checks.stalls]
kind = "slice_volume"
table = "sales"
ways = 1
history = "3d"
"""


def sales(came_days: float = 4) -> pd.DataFrame:
    """Three stalls; at the coast most of what is sold is the pear, since it came."""
    chance = np.random.default_rng(5)
    goods = [("plum", "hill", 90), ("fig", "town", 80), ("plum", "coast", 12), ("pear", "town", 30)]
    goods.append((*PEAR, 60))
    parts = []
    for fruit, stall, an_hour in goods:
        days = came_days if fruit == "pear" else 12
        seconds = np.sort(chance.uniform(0, days * 86_400, int(days * 24 * an_hour)))
        at = END - days * DAY + pd.to_timedelta(seconds, unit="s")
        parts.append(pd.DataFrame({"at": pd.DatetimeIndex(at).floor("us"), "fruit": fruit, "stall": stall}))
    return pd.concat(parts).sort_values("at", ignore_index=True)


def market(folder: Path, rows: pd.DataFrame) -> Recommender:
    rows.to_parquet(folder / "sales.parquet")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder / "recsysops.toml")


def after(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["at"] >= GONE_AT


def of_pears(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["fruit"] == "pear"


def at_the_coast(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["stall"] == "coast"


def opened(recommender: Recommender) -> list[tuple[str, str]]:
    came = backtest(recommender, GONE_AT - 12 * HOUR, END)
    assert any(finding.slice == (("stall", "coast"),) for finding in came.findings)
    return [pair for one in came.incidents for pair in one.slice]


def test_an_item_that_came_and_went_is_no_incident_of_the_slice_that_sold_it_most(
    tmp_path: Path, log: Engine
) -> None:
    rows = sales()
    declared = market(tmp_path, rows[~(after(rows) & of_pears(rows))])
    assert ("stall", "coast") not in opened(declared)
    for hour in range(4):
        detection_run(log, declared, GONE_AT + hour * HOUR)
    assert all(one.first_finding and not one.first_finding.slice for one in every(log))
    assert {alarm.quiet for _check, alarm in read_alarms(log, declared)} == {"ended everywhere: pear"}


@pytest.mark.parametrize("case", ["here_only", "there_all_along", "others_too"])
def test_what_a_slice_loses_otherwise_is_told(tmp_path: Path, case: str) -> None:
    rows = sales(came_days=12) if case == "there_all_along" else sales()
    gone = {
        "here_only": of_pears(rows) & at_the_coast(rows),
        "there_all_along": of_pears(rows),
        "others_too": of_pears(rows) | at_the_coast(rows),
    }[case]
    assert ("stall", "coast") in opened(market(tmp_path, rows[~(after(rows) & gone)]))

"""A slice that lost rows to one item's end pages nobody; anything else it loses does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.recommender.recommender import Recommender
from tests.workers.conftest import make_finding
from tests.workers.detect.test_tick import every
from workers.checks.backtest import backtest
from workers.checks.elsewhere import explained_by
from workers.checks.quiet import quiet
from workers.declaration.declare import load
from workers.detect.detection_run import detection_run
from workers.detect.record import read_alarms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = datetime(2026, 3, 20, tzinfo=UTC)
GONE_AT = END - 8 * HOUR
PEAR, COAST = ("pear", "coast"), ("stall", "coast")
DECLARED = """\
[recommender]
name = "market"

[items]
table = "fruits"
key = "fruit"

[tables.fruits]
path = "fruits.parquet"

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
    goods = [("plum", "hill", 90), ("fig", "town", 80), ("quince", "coast", 12), ("pear", "town", 30)]
    goods.append((*PEAR, 60))
    parts = []
    for fruit, stall, an_hour in goods:
        days = came_days if fruit == "pear" else 12
        seconds = np.sort(chance.uniform(0, days * 86_400, int(days * 24 * an_hour)))
        at = END - days * DAY + pd.to_timedelta(seconds, unit="s")
        parts.append(pd.DataFrame({"at": pd.DatetimeIndex(at).floor("us"), "fruit": fruit, "stall": stall}))
    return pd.concat(parts).sort_values("at", ignore_index=True)


FRUITS = {"plum": "stone", "fig": "mulberry", "quince": "pome", "pear": "pome"}


def market(folder: Path, rows: pd.DataFrame, by: str = "stall") -> Recommender:
    """Its sales, and of what family each fruit is; judged by what is known of a sale, or of its fruit."""
    rows.to_parquet(folder / "sales.parquet")
    pd.DataFrame({"fruit": list(FRUITS), "family": list(FRUITS.values())}).to_parquet(
        folder / "fruits.parquet"
    )
    (folder / "recsysops.toml").write_text(DECLARED.replace('["stall"]', f'["{by}"]'))
    return load(folder / "recsysops.toml")


def after(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["at"] >= GONE_AT


def of_pears(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["fruit"] == "pear"


def at_the_coast(rows: pd.DataFrame) -> pd.Series[bool]:
    return rows["stall"] == "coast"


def opened(recommender: Recommender, where: tuple[str, str] = COAST) -> bool:
    """Whether the slice, in which something was found, is an incident."""
    came = backtest(recommender, GONE_AT - 12 * HOUR, END)
    assert any(finding.slice == (where,) for finding in came.findings)
    return any(where in one.slice for one in came.incidents)


def test_an_item_that_came_and_went_is_no_incident_of_the_slice_that_sold_it_most(
    tmp_path: Path, log: Engine
) -> None:
    rows = sales()
    declared = market(tmp_path, rows[~(after(rows) & of_pears(rows))])
    assert not opened(declared)
    for hour in range(4):
        detection_run(log, declared, GONE_AT + hour * HOUR)
    assert all(one.first_finding and not one.first_finding.slice for one in every(log))
    assert {alarm.quiet for _check, alarm in read_alarms(log, declared)} == {"ended everywhere: pear"}


def test_nor_is_one_that_hardly_anybody_takes_anywhere_since(tmp_path: Path) -> None:
    rows = sales()
    taken = at_the_coast(rows) | (rows.index % 10 > 0)
    assert not opened(market(tmp_path, rows[~(after(rows) & of_pears(rows) & taken)]))


@pytest.mark.parametrize("case", ["here_only", "there_all_along", "others_too"])
def test_what_a_slice_loses_otherwise_opens_an_incident(tmp_path: Path, case: str) -> None:
    rows = sales(came_days=12) if case == "there_all_along" else sales()
    gone = {
        "here_only": of_pears(rows) & at_the_coast(rows),
        "there_all_along": of_pears(rows),
        "others_too": of_pears(rows) | at_the_coast(rows),
    }[case]
    assert opened(market(tmp_path, rows[~(after(rows) & gone)]))


def test_the_slice_may_be_of_what_items_are(tmp_path: Path) -> None:
    rows = sales()
    declared = market(tmp_path, rows[~(after(rows) & of_pears(rows))], by="family")
    assert not opened(declared, ("family", "pome"))


def test_a_table_without_the_column_of_its_items_is_judged_as_any_other(tmp_path: Path) -> None:
    rows = sales()
    rows = rows[~(after(rows) & of_pears(rows))].rename(columns={"fruit": "good"})
    declared = market(tmp_path, rows)
    assert opened(declared)
    came = backtest(declared, GONE_AT - 12 * HOUR, END).findings
    assert [explained_by(declared, finding) for finding in came] == [{}] * len(came)


def test_in_short_windows_an_item_is_missed_as_much_as_it_was_there_in_the_hour_before(
    tmp_path: Path,
) -> None:
    rows = sales()
    seldom = of_pears(rows) & (rows["at"] < GONE_AT - 2 * HOUR) & (rows.index % 10 > 0)  # it rose since
    declared = market(tmp_path, rows[~(seldom | after(rows) & of_pears(rows))])
    window = {"window_start": GONE_AT, "window_end": GONE_AT + HOUR / 2, "observed": 6.0, "expected": 36.0}
    finding = make_finding().model_copy(
        update={"check": "stalls", "table": "sales", "slice": (COAST,), **window}
    )
    assert quiet(declared, finding) == "ended everywhere: pear"


@pytest.mark.parametrize(
    ("days", "why"), [(1 / 24, "ended everywhere: pear"), (1, "ended everywhere: pear"), (7, None)]
)
def test_windows_that_leave_no_day_before_them_to_compare_with_still_alert(
    tmp_path: Path, days: float, why: str | None
) -> None:
    rows = sales()
    declared = market(tmp_path, rows[~(after(rows) & of_pears(rows))])
    finding = make_finding().model_copy(
        update={
            "check": "stalls",
            "table": "sales",
            "slice": (COAST,),
            "window_start": END - days * DAY,
            "window_end": END,
            "observed": 12.0,
            "expected": 50.0,
        }
    )
    assert quiet(declared, finding) == why

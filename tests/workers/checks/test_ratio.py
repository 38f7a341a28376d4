"""A ratio by slice from the table to the finding, walked over the past, and measured again after a fix."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.values import slice_of
from workers.checks.backtest import backtest
from workers.checks.measure import measure
from workers.checks.run import run_checks

END = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SICK = slice_of(country="FI", device="tv")
BEGAN, FIXED = 4, 1  # hours before the end


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """Forty hours of viewers; from the fourth-last on a slice stalls five times as often, until the last."""
    folder, chance = tmp_path_factory.mktemp("lake"), np.random.default_rng(3)
    cells = list(product(("DK", "FI", "NO", "SE"), ("mobile", "tv", "web"), ("A", "B", "C")))
    frame = pd.DataFrame(
        [
            (END - (hour - 0.5) * HOUR, *cell, hour)
            for hour in range(1, 41)
            for cell in cells
            for _row in range(5)
        ],
        columns=["at", "country", "device", "provider", "hour"],
    )
    sick = (frame["country"] == "FI") & (frame["device"] == "tv")
    sick &= (frame["hour"] <= BEGAN) & (frame["hour"] > FIXED)
    frame["viewers"] = chance.poisson(40, len(frame))
    frame["stalled"] = chance.binomial(frame["viewers"], np.where(sick, 0.15, 0.03))
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{folder}/plays.parquet' (FORMAT parquet)")
    table = {"name": "plays", "path": f"{folder}/plays.parquet", "time": "at", "window": "1h"}
    of_ratio = {"table": "plays", "aggregate": "ratio", "measure": "stalled", "over": "viewers"}
    dimensions = ("country", "device", "provider")
    return Recommender.model_validate(
        {
            "name": "r",
            "folder": str(folder),
            "tables": {"plays": {**table, "dimensions": dimensions}},
            "checks": {
                "stalls": {"name": "stalls", "kind": "slice_volume", "ways": 3, "history": "24h", **of_ratio},
                "all_stalls": {"name": "all_stalls", "kind": "volume", "history": "24h", **of_ratio},
            },
        }
    )


def test_a_look_reports_the_slice_and_the_whole_table_only_where_it_is_off(lake: Recommender) -> None:
    found = run_checks(lake, END - (BEGAN - 1) * HOUR).findings
    assert [(one.check, one.slice) for one in found] == [("stalls", SICK)]
    assert found[0].title.startswith("plays where country = FI, device = tv: stalled per viewers 1")
    assert found[0].title.endswith(" %, usually 3.1 %")


def test_the_past_is_walked_as_it_is_looked_at_and_one_incident_begins_and_ends(lake: Recommender) -> None:
    result = backtest(lake, END - 12 * HOUR, END)
    (incident,) = result.incidents
    assert (incident.check, incident.slice) == ("stalls", SICK)
    assert incident.opened_at == END - (BEGAN - 1) * HOUR
    assert incident.ended_at == END - (FIXED - 1) * HOUR
    assert not result.faults


def test_after_the_fix_the_slice_is_measured_to_be_back_and_before_it_not(lake: Recommender) -> None:
    (finding,) = run_checks(lake, END - (BEGAN - 1) * HOUR).findings
    before = measure(lake, finding, END - 2 * HOUR, END - HOUR)
    after = measure(lake, finding, END - HOUR, END)
    assert not before.within
    assert before.repaired(finding) < 0.5
    assert after.within
    assert after.repaired(finding) == pytest.approx(1.0, abs=0.2)
    assert after.expected == pytest.approx(0.03, rel=0.1)

"""Checks that could be added: what nothing watches yet, as TOML that can be taken as it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump

from workers.checks.run import State, run_checks
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.doctor.unwatched import suggest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOURS = 60
DECLARATION = """\
[recommender]
name = "kiosk"

[tables.offered]
path = "offered.parquet"
time = "at"
window = "1h"
dimensions = ["town", "device"]
item = "paper"
upstream = ["ranked"]

[tables.bought]
path = "bought.parquet"
time = "at"
window = "1h"
dimensions = ["town"]
item = "paper"
upstream = ["offered"]

[tables.ranked]
path = "ranked.parquet"
time = "at"
window = "1h"
dimensions = ["town"]
item = "paper"

[tables.papers]
path = "papers.parquet"
key = "paper"

[items]
table = "papers"
key = "paper"
features = ["language"]

[exposure]
shown = "offered"
chosen = "bought"
request = "visit"

[models.ranker]
path = "ranker.skops"
features = ["near", "read_before"]
candidates = "ranked"
request = "visit"
item = "paper"
score = "score"
shown = "offered"
version = "version"
registry = { path = "ranker.json", version = "serving" }
top = 2

[routes]
default = "#kiosk"

[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["leads"]
"""


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    chance = np.random.default_rng(3)
    papers = ["herald", "post", "globe", "sun"]
    ranker = LogisticRegression().fit(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]))
    visits = pd.DataFrame({"visit": range(HOURS * 20)})
    visits["at"] = NOW - pd.to_timedelta(visits["visit"] % HOURS, unit="h") - timedelta(minutes=3)
    visits["town"] = chance.choice(["Lund", "Ystad"], len(visits))
    visits["device"] = chance.choice(["phone", "desk"], len(visits))
    ranked = visits.merge(pd.DataFrame({"paper": papers}), how="cross")
    ranked[["near", "read_before"]] = chance.random((len(ranked), 2))
    ranked["score"] = ranker.predict_proba(ranked[["near", "read_before"]].to_numpy())[:, 1]
    ranked["offered"] = ranked.groupby("visit")["score"].rank(ascending=False) <= 2
    ranked["version"] = "v1"
    offered = ranked[ranked["offered"]].drop(columns="offered")
    bought = offered[chance.random(len(offered)) < 0.2]
    frames = {"ranked": ranked, "offered": offered, "bought": bought}
    frames["papers"] = pd.DataFrame({"paper": papers, "language": ["sv", "sv", "en", "en"]})
    for name, frame in frames.items():
        with duckdb.connect() as connection:
            connection.register("frame", frame)
            connection.execute(f"COPY frame TO '{tmp_path / name}.parquet' (FORMAT parquet)")
    dump(ranker, tmp_path / "ranker.skops")
    (tmp_path / "ranker.json").write_text('{"serving": "v1"}')
    (tmp_path / "recsysops.toml").write_text(DECLARATION)
    return tmp_path


def _kinds(text: str) -> set[str]:
    return set(re.findall(r'^kind = "(\w+)"', text, re.MULTILINE))


def test_what_is_suggested_can_be_added_as_it_is_and_every_check_of_it_looks(kiosk: Path) -> None:
    file = kiosk / "recsysops.toml"
    suggested = suggest(file)
    assert {"item_parity", "score_parity", "versions", "sampling", "joins", "production_bias"} <= _kinds(
        suggested
    )
    file.write_text(DECLARATION + "\n" + suggested)
    assert [one for one in check(file, environment={}, at=NOW) if one.where.startswith("checks.")] == []
    looked = run_checks(load(file, {}), NOW, State())
    assert looked.findings == ()
    assert looked.unjudged <= {"ranked_versions"}  # its version has only just been released
    assert suggest(file) == ""


def test_all_that_is_suggested_begins_in_shadow_mode(kiosk: Path) -> None:
    suggested = suggest(kiosk)
    assert suggested.count("shadow = true") == suggested.count("[checks.")


def test_the_doctor_names_the_kinds_until_they_are_declared(kiosk: Path) -> None:
    def noted() -> str:
        return " ".join(one.says for one in check(kiosk, environment={}, at=NOW) if one.where == "checks")

    assert "item_parity" in noted()
    file = kiosk / "recsysops.toml"
    file.write_text(DECLARATION + '\n[checks.places]\nkind = "item_parity"\ntable = "offered"\n')
    assert "item_parity" not in noted()


def test_a_join_by_a_column_that_a_table_lacks_is_not_suggested(kiosk: Path) -> None:
    file = kiosk / "recsysops.toml"
    file.write_text(DECLARATION.replace('request = "visit"\nitem', 'request = "basket"\nitem'))
    assert "sampling" not in _kinds(suggest(file))

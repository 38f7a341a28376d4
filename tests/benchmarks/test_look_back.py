"""Two declarations look back at equal tables: what both ask is asked once, what only one asks is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.judge import Truth
from benchmarks.diagnosis.look_back import LookBack, Walks
from domain.recommender.recommender import Recommender
from workers.checks.plan import plans_of
from workers.declaration.declare import load

START = datetime(2026, 1, 1, tzinfo=UTC)
STRUCK_AT, END = START + timedelta(days=9), START + timedelta(days=10)
DECLARED = """\
[recommender]
name = "lending library"

[tables.loans]
path = "loans.parquet"
time = "lent_at"
window = "1h"

[checks.loans]
kind = "volume"
table = "loans"
history = "8d"
"""
MORE = """
[checks.loans_in_fours]
kind = "volume"
table = "loans"
window = "4h"
history = "8d"
"""


def library(folder: Path, declared: str) -> Recommender:
    """Ten days of loans, of which none come from `STRUCK_AT` on but one in ten."""
    folder.mkdir()
    at = pd.date_range(START, END, freq="1min", inclusive="left")
    kept = (at < pd.Timestamp(STRUCK_AT)) | (at.minute % 10 == 0)
    pd.DataFrame({"lent_at": at[kept]}).to_parquet(folder / "loans.parquet")
    file = folder / "recsysops.toml"
    file.write_text(declared)
    return load(file)


def looked_back(recommender: Recommender, walks: Walks) -> Case:
    case = Case("loans_lost", 0, "nine in ten", Truth("feed"), STRUCK_AT)
    plans = plans_of(recommender)
    LookBack(recommender, case, plans, STRUCK_AT - timedelta(hours=8), END, walks).until_one_opens([END])
    return case


def test_what_both_declarations_ask_is_asked_once(tmp_path: Path) -> None:
    walks = Walks()
    first = looked_back(library(tmp_path / "one", DECLARED), walks)
    other = library(tmp_path / "other", DECLARED)
    (tmp_path / "other" / "loans.parquet").unlink()
    second = looked_back(other, walks)
    assert [one.finding.check for one in first.incidents] == ["loans"]
    assert [(one.finding, one.opened_at) for one in second.incidents] == [
        (one.finding, one.opened_at) for one in first.incidents
    ]
    assert second.faults == []


def test_what_only_one_of_them_asks_is_asked_of_its_own_tables(tmp_path: Path) -> None:
    walks = Walks()
    looked_back(library(tmp_path / "one", DECLARED), walks)
    both = looked_back(library(tmp_path / "other", DECLARED + MORE), walks)
    assert {finding.check for _at, finding in both.seen} == {"loans", "loans_in_fours"}

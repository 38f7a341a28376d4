"""A new source's first days, looked through."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from domain.answer import BurnIn
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from workers.burn_in.burn_in import burn_in
from workers.declaration.declare import load

END = datetime(2026, 3, 1, tzinfo=UTC)
DECLARED = """
[recommender]
name = "t"

[tables.views]
path = "views.parquet"
time = "at"
window = "1h"
item = "film"
dimensions = ["device", "country"]

[tables.partner]
path = "partner.parquet"
time = "at"
window = "1h"
item = "film"
dimensions = ["device", "country"]

[tables.films]
path = "films.parquet"

[items]
table = "films"
key = "film"

[checks.partner_volume]
kind = "volume"
table = "partner"

[checks.partner_scores]
kind = "domain"
table = "partner"
ranges = { score = [0.0, 1.0] }
shadow = true

[checks.partner_once]
kind = "duplicates"
table = "partner"
key = ["request"]
"""


def write(path: Path, frame: pd.DataFrame) -> None:
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{path}' (FORMAT parquet)")


def rows(days: float, seed: int, later: float = 0.0) -> pd.DataFrame:
    """About 4,000 rows a day that follow the day; `later` are hours by which their clock is off."""
    chance = np.random.default_rng(seed)
    hours = np.arange(int(days * 24))
    at = np.repeat(hours, chance.poisson(170 * (1.2 + np.sin(hours / 24 * 2 * np.pi))))
    moments = (
        pd.Timestamp(END)
        - timedelta(days=days)
        + pd.to_timedelta(at + chance.uniform(0, 1, len(at)), unit="h")
    )
    frame = pd.DataFrame(
        {
            "at": moments + timedelta(hours=later),
            "film": [f"f{n}" for n in chance.integers(0, 80, len(at))],
            "device": chance.choice(["tv", "phone"], len(at)),
            "country": chance.choice(["DE", "FR", "JO"], len(at)),
            "score": chance.uniform(0, 1, len(at)),
            "request": np.arange(len(at)),
        }
    )
    return frame[frame["at"] < pd.Timestamp(END)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """A sound table, and one of a partner that came three days ago with four things wrong."""
    folder = tmp_path_factory.mktemp("burn_in")
    write(folder / "films.parquet", pd.DataFrame({"film": [f"f{n}" for n in range(80)]}))
    views = rows(14, 1)
    views.loc[views["at"] >= pd.Timestamp(END - timedelta(days=2)), "device"] = np.where(
        np.arange((views["at"] >= pd.Timestamp(END - timedelta(days=2))).sum()) % 5 == 0, "watch", "tv"
    )
    write(folder / "views.parquet", views)
    partner = rows(3, 2, later=-5.0)
    partner["country"] = partner["country"].replace("JO", "Jordan")
    partner.loc[partner.index[:3], "score"] = 7.0
    partner.loc[partner.index[1], "request"] = partner["request"].iloc[0]
    write(folder / "partner.parquet", partner)
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder, {})


@pytest.fixture(scope="module")
def partner(scene: Recommender) -> BurnIn:
    return burn_in(scene, "partner", END)


def test_what_the_checks_would_have_raised_since_the_first_row_is_odd(partner: BurnIn) -> None:
    said = "\n".join(partner.odd)
    assert "partner_scores: partner: score outside 0 to 1 in 3 of the rows" in said
    assert "partner_once: partner: 1 of the rows repeat the request of another" in said
    assert "partner_volume: partner: no rows at all, 28 Feb 21:00 UTC, in 3 check runs" in said


def test_what_differs_from_the_tables_beside_it_is_odd(partner: BurnIn) -> None:
    assert any(line.startswith("country = Jordan in 33") and "never in views" in line for line in partner.odd)
    assert any(line.startswith("never country = JO") for line in partner.odd)
    assert any(line.startswith("its day lies 5 h earlier than that of views") for line in partner.odd)


def test_it_says_what_will_be_watched_and_from_when(partner: BurnIn) -> None:
    watched = {one.check: one for one in partner.watched}
    assert set(watched) == {"partner_volume", "partner_scores", "partner_once"}
    assert watched["partner_volume"].since == partner.first + timedelta(hours=8)
    assert watched["partner_scores"].shadow


def test_before_a_night_was_seen_it_is_not_through(scene: Recommender, partner: BurnIn) -> None:
    early = burn_in(scene, "partner", partner.first + timedelta(hours=20))
    assert not early.through
    assert early.through_at == partner.first + timedelta(days=1)


def test_a_value_that_began_to_come_is_new_and_the_others_are_not(scene: Recommender) -> None:
    new = burn_in(scene, "views", END).newcomers
    assert [(one.column, one.value, one.through) for one in new] == [("device", "watch", True)]
    assert abs(new[0].since - (END - timedelta(days=2))) <= timedelta(hours=1)


def test_a_table_that_does_not_come_in_time_is_refused_in_words(scene: Recommender) -> None:
    with pytest.raises(SourceError, match="declares no time"):
        burn_in(scene, "films", END)
    with pytest.raises(SourceError, match='did you mean "views"'):
        burn_in(scene, "viewss", END)


def test_a_table_that_ended_long_ago_is_refused_in_words(scene: Recommender) -> None:
    with pytest.raises(SourceError, match="its last row is of 28 Feb 2026, too old to look through"):
        burn_in(scene, "views", END + timedelta(days=60))


def test_the_terminal_says_it_in_words_and_for_programs(scene: Recommender) -> None:
    asked = ["burn-in", "partner", "--file", scene.folder, "--at", "2026-03-01"]
    said = CliRunner().invoke(app, asked, catch_exceptions=False).output
    assert "has enough history" in said
    assert "! partner_scores: partner: score outside 0 to 1 in 3 of the rows" in said
    assert "partner_volume" in said
    answer = json.loads(CliRunner().invoke(app, [*asked, "--json"], catch_exceptions=False).output)
    assert answer["burn_in"]["through"] is True

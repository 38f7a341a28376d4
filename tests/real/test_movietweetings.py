"""A real feed, read in place; where MOVIETWEETINGS_DATA does not name it, it lies beside the project."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.recommender.recommender import Recommender
from workers.backtest import BacktestResult, backtest
from workers.sources.declare import load
from workers.sources.files import malformed_rows

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("MOVIETWEETINGS_DATA", ROOT.parent / "shared/data/movietweetings")).resolve()


@pytest.fixture(scope="module")
def feed() -> Recommender:
    return load(ROOT / "examples/movietweetings", {"MOVIETWEETINGS_DATA": str(DATA)})


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def spring(feed: Recommender) -> BacktestResult:
    return backtest(feed, day("2013-03-21"), day("2013-05-31"))


@pytest.fixture(scope="module")
def deliveries(feed: Recommender) -> BacktestResult:
    return backtest(feed, day("2013-08-19"), day("2014-06-30"))


def test_at_most_one_incident_a_week_is_opened(spring: BacktestResult, deliveries: BacktestResult) -> None:
    assert spring.incidents_per_week <= 1
    assert deliveries.incidents_per_week <= 1


def test_a_film_that_everybody_saw_is_one_incident_of_its_genre(spring: BacktestResult) -> None:
    """Iron Man 3 came to cinemas between 24 April and 3 May 2013."""
    action = [i for i in spring.incidents if dict(i.slice).get("genres") == "Action"]
    assert len(action) == 1
    assert day("2013-04-24") <= action[0].opened_at <= day("2013-04-30")
    assert action[0].findings >= 2


def test_every_delivery_on_time_opens_no_freshness_incident(deliveries: BacktestResult) -> None:
    assert [i for i in deliveries.incidents if i.check == "deliveries_freshness"] == []


def test_a_feed_that_stops_is_found_within_a_day(feed: Recommender, tmp_path: Path) -> None:
    lines = (DATA / "ratings.dat").read_text().splitlines()
    stop = day("2013-05-10").timestamp()
    for name in ("movies.dat", "feed_deliveries.csv"):
        shutil.copyfile(DATA / name, tmp_path / name)  # a link out of the folder is not followed
    kept = [line for line in lines if int(line.rsplit("::", 1)[1]) < stop]
    (tmp_path / "ratings.dat").write_text("\n".join(kept))
    cut = load(ROOT / "examples/movietweetings", {"MOVIETWEETINGS_DATA": str(tmp_path)})
    found = backtest(cut, day("2013-05-05"), day("2013-05-14")).findings
    assert min(f.window_end for f in found if f.check == "ratings_freshness") < day("2013-05-11")
    assert [f.check for f in found if f.check == "ratings_volume"]


def test_half_of_a_genre_lost_for_three_days_is_found_by_name(feed: Recommender, tmp_path: Path) -> None:
    drama = {
        line.split("::")[0]
        for line in (DATA / "movies.dat").read_text().splitlines()
        if "Drama" in line.rsplit("::", 1)[1]
    }
    for name in ("movies.dat", "feed_deliveries.csv"):
        shutil.copyfile(DATA / name, tmp_path / name)  # a link out of the folder is not followed
    start, end = day("2013-05-20").timestamp(), day("2013-05-23").timestamp()
    kept = []
    for place, line in enumerate((DATA / "ratings.dat").read_text().splitlines()):
        _user, film, _stars, at = line.split("::")
        if not (start <= int(at) < end and film in drama and place % 5):
            kept.append(line)
    (tmp_path / "ratings.dat").write_text("\n".join(kept))
    cut = load(ROOT / "examples/movietweetings", {"MOVIETWEETINGS_DATA": str(tmp_path)})
    found = backtest(cut, day("2013-05-15"), day("2013-05-26")).incidents
    assert [i for i in found if dict(i.slice) == {"genres": "Drama"} and day("2013-05-20") < i.opened_at]


def test_no_line_of_the_feed_is_lost(feed: Recommender) -> None:
    assert malformed_rows(feed.tables["ratings"]) == 0
    assert malformed_rows(feed.tables["movies"]) == 0

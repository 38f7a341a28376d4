"""A real feed, read in place; where MOVIETWEETINGS_DATA does not name it, it lies beside the project."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.recommender.recommender import Recommender
from workers.checks.backtest import BacktestResult, backtest
from workers.declaration.declare import load
from workers.sources.engines.files import malformed_rows

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
    checks = {name: feed.checks[name] for name in ("deliveries_freshness", "films_delivered")}
    only = feed.model_copy(update={"checks": checks})
    return backtest(only, day("2013-08-19"), day("2014-06-30"))


def test_at_most_one_incident_a_week_is_opened(spring: BacktestResult, deliveries: BacktestResult) -> None:
    assert spring.incidents_per_week <= 1
    assert deliveries.incidents_per_week <= 1


def test_a_film_that_everybody_saw_is_one_incident_of_its_genre(spring: BacktestResult) -> None:
    """Iron Man 3 came to cinemas between 24 April and 3 May 2013."""
    action = [i for i in spring.incidents if dict(i.slice).get("genres") == "Action"]
    assert len(action) == 1
    assert day("2013-04-24") <= action[0].opened_at <= day("2013-04-30")
    assert action[0].ended_at is not None
    assert day("2013-04-29") <= action[0].ended_at <= day("2013-05-10")  # while its metric was not back


LATE = ("2014-01-26", "2014-04-09", "2014-05-16", "2014-06-20", "2014-06-21")
"""The days on which a delivery came more than half an hour after its usual minutes, on 9 April two hours."""


def test_only_a_delivery_that_is_late_is_reported_and_until_it_comes(deliveries: BacktestResult) -> None:
    late = [i for i in deliveries.incidents if i.check == "deliveries_freshness"]
    assert {f"{(i.opened_at + timedelta(hours=2)):%Y-%m-%d}" for i in late} <= set(LATE)
    (april,) = (i for i in late if day("2014-04-08") < i.opened_at < day("2014-04-10"))
    assert april.opened_at <= datetime(2014, 4, 9, 0, tzinfo=UTC)  # two in the morning in Brussels
    assert april.ended_at is not None
    assert april.ended_at <= datetime(2014, 4, 9, 1, 30, tzinfo=UTC)


def test_a_delivery_of_a_quarter_of_the_usual_films_is_found_the_same_day(deliveries: BacktestResult) -> None:
    short = [i for i in deliveries.incidents if i.check == "films_delivered"]
    assert [i for i in short if day("2014-01-02") < i.opened_at <= day("2014-01-03")]


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


def lacking_four_of_five(genre: str, start: datetime, end: datetime, folder: Path) -> Recommender:
    """The feed without four fifths of what was rated of a genre between two moments."""
    films = {
        line.split("::")[0]
        for line in (DATA / "movies.dat").read_text().splitlines()
        if genre in line.rsplit("::", 1)[1]
    }
    for name in ("movies.dat", "feed_deliveries.csv"):
        shutil.copyfile(DATA / name, folder / name)  # a link out of the folder is not followed
    kept = []
    for place, line in enumerate((DATA / "ratings.dat").read_text().splitlines()):
        _user, film, _stars, at = line.split("::")
        if not (start.timestamp() <= int(at) < end.timestamp() and film in films and place % 5):
            kept.append(line)
    (folder / "ratings.dat").write_text("\n".join(kept))
    return load(ROOT / "examples/movietweetings", {"MOVIETWEETINGS_DATA": str(folder)})


def test_most_of_a_genre_lost_for_three_days_is_found_by_name(tmp_path: Path) -> None:
    cut = lacking_four_of_five("Drama", day("2013-05-20"), day("2013-05-23"), tmp_path)
    found = backtest(cut, day("2013-05-15"), day("2013-05-26")).incidents
    assert [i for i in found if dict(i.slice) == {"genres": "Drama"} and day("2013-05-20") < i.opened_at]


def test_in_windows_of_a_week_most_of_a_genre_lost_is_found_by_name_and_nothing_else(
    feed: Recommender, tmp_path: Path
) -> None:
    cut = lacking_four_of_five("Horror", day("2013-05-18"), day("2013-06-01"), tmp_path)
    for recommender, wrong in ((feed, set()), (cut, {"Horror"})):
        weekly = recommender.tables["ratings"].model_copy(update={"window": timedelta(days=7)})
        checks = {name: recommender.checks[name] for name in ("ratings_volume", "ratings_by_genre")}
        tables = {**recommender.tables, "ratings": weekly}
        by_week = recommender.model_copy(update={"tables": tables, "checks": checks})
        found = backtest(by_week, day("2013-04-20"), day("2013-06-01")).incidents
        assert {dict(one.slice)["genres"] for one in found} == wrong


def test_no_line_of_the_feed_is_lost(feed: Recommender) -> None:
    assert malformed_rows(feed.tables["ratings"]) == 0
    assert malformed_rows(feed.tables["movies"]) == 0

"""A news app's front pages: in one edition each reader is shown more and more of one topic."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import ConfigurationError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from tests.workers.checks.looked import findings_at
from tests.workers.test_served import in_postgres
from workers.declaration.declare import load

END = datetime(2026, 9, 3, 18, tzinfo=UTC)
TEN = timedelta(minutes=10)
WINDOWS, PAGES, STORIES = 12, 80, 6
TOPICS = np.array(["arts", "city", "money", "science", "sport", "weather", "world", "young"])
DECLARED = """
[recommender]
name = "news"

[tables.pages]
path = "pages.parquet"
time = "opened_at"
window = "10m"
dimensions = ["edition"]

[checks.topics]
kind = "diversity"
table = "pages"
request = "page"
by = "topic"
"""
Topics = Callable[[pd.DataFrame], pd.Series]


def pages(topics: Topics | None = None, seed: int = 4) -> pd.DataFrame:
    """Stories of each page, most of their topics different; `topics` of those of the last two windows."""
    chance = np.random.default_rng(seed)
    count = WINDOWS * PAGES
    frame = pd.DataFrame({"page": np.repeat(np.arange(count), STORIES)})
    drawn = np.argsort(chance.random((count, len(TOPICS))), axis=1)[:, :STORIES]
    again = chance.random((count, STORIES)) < 0.15
    frame["topic"] = TOPICS[np.where(again, drawn[:, :1], drawn)].ravel()
    frame["edition"] = np.repeat(chance.choice(["morning", "evening"], count), STORIES)
    back = WINDOWS * TEN.total_seconds() * (1 - (frame["page"] + 0.5) / count)
    frame["opened_at"] = (pd.Timestamp(END) - pd.to_timedelta(back, unit="s")).dt.floor("us")
    late = frame["opened_at"] >= pd.Timestamp(END - 2 * TEN)
    return frame.assign(topic=frame["topic"].mask(late, topics(frame))) if topics else frame


def written(folder: Path, frame: pd.DataFrame, place: str = 'path = "pages.parquet"') -> Recommender:
    frame.to_parquet(folder / "pages.parquet")
    declared = DECLARED.replace('path = "pages.parquet"', place)
    (folder / "recsysops.toml").write_text(declared, encoding="utf-8")
    return load(folder, {})


def found(recommender: Recommender) -> list[Finding]:
    return findings_at(recommender, END, TEN)


def sport_by_evening(frame: pd.DataFrame) -> pd.Series:
    return frame["topic"].where((frame["edition"] != "evening") | (frame.index % 2 == 0), "sport")


def test_more_of_the_same_in_one_edition_is_reported_there(tmp_path: Path) -> None:
    frame = pages(sport_by_evening)
    (finding,) = found(written(tmp_path, frame))
    assert finding.slice == (("edition", "evening"),)
    assert "of what is shown is more of the same topic" in finding.title
    here = frame[(frame["opened_at"] >= pd.Timestamp(END - TEN)) & (frame["edition"] == "evening")]
    assert finding.observed == here.duplicated(["page", "topic"]).sum()


def test_postgres_gives_the_same_answer(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    frame = pages(sport_by_evening)
    address = in_postgres(request.getfixturevalue("database_url"), {"pages": frame}, ("pages",))
    there = written(tmp_path, frame, f'url = "{address}"\ntable = "pages"')
    assert found(there) == found(written(tmp_path, frame))


def test_the_same_topics_on_fewer_pages_are_as_diverse(tmp_path: Path) -> None:
    frame = pages()
    late = frame["opened_at"] >= pd.Timestamp(END - 2 * TEN)
    assert found(written(tmp_path, frame[~late | (frame["page"] % 3 == 0)])) == []


def test_a_page_of_one_topic_each_another_is_reported_though_all_topics_are_there(tmp_path: Path) -> None:
    def one_each(frame: pd.DataFrame) -> pd.Series:
        return frame.groupby("page")["topic"].transform("first")

    (finding,) = found(written(tmp_path, pages(one_each)))
    assert finding.slice == ()
    assert finding.observed == PAGES * (STORIES - 1)


def test_stories_without_a_topic_are_not_of_the_same(tmp_path: Path) -> None:
    assert found(written(tmp_path, pages(lambda frame: frame["topic"].where(frame.index % 2 == 0)))) == []


@pytest.mark.parametrize("seed", range(3))
def test_pages_as_ever_are_silent(seed: int, tmp_path: Path) -> None:
    assert found(written(tmp_path, pages(seed=seed))) == []


def test_what_is_one_list_and_what_differs_in_it_has_to_be_said(tmp_path: Path) -> None:
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace('by = "topic"\n', ""), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"checks\.topics"):
        load(tmp_path, {})

"""History and the present are alike; a stop leaves no hole; tables are as documented."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from examples.cinema import ranking
from examples.cinema.features import FEATURES
from examples.cinema.tables import LiveTable
from examples.cinema.traffic import EXPLORED_SHARE

from .conftest import START, Small

DOCUMENT = Path(__file__).parents[3] / "examples" / "cinema" / "TABLES.md"


def per_request(cinema: Small, column: str, live: bool) -> dict[str, tuple[float, float, int]]:
    """
    For each word of a column.

    Mean and variance of its impressions a request, and the number of requests.
    """
    side = ">=" if live else "<"
    query = (
        f"WITH n AS (SELECT {column} AS word, request_id, count(*) AS c FROM {{impressions}} "
        f"WHERE shown_at {side} ? GROUP BY ALL), "
        f"total AS (SELECT count(DISTINCT request_id) AS r FROM {{impressions}} WHERE shown_at {side} ?) "
        "SELECT word, sum(c), sum(c * c), any_value(r) FROM n, total GROUP BY word"
    )
    rows = cinema.ask(query, START, START)
    return {word: (s / r, q / r - (s / r) ** 2, r) for word, s, q, r in rows}


@pytest.mark.parametrize("column", ["country", "genre", "device", "region", "surface"])
def test_each_slice_has_the_same_share_in_history_and_live(hour: Small, column: str) -> None:
    past, present = per_request(hour, column, live=False), per_request(hour, column, live=True)
    compared = [word for word, (mean, _, _) in past.items() if mean > 0.1]
    assert len(compared) >= 3
    for word in compared:
        (mean, variance, count), (other, spread, few) = past[word], present[word]
        assert abs(mean - other) < 4.0 * np.sqrt(variance / count + spread / few), word


def test_there_is_no_step_in_totals_between_history_and_live(hour: Small) -> None:
    rows = hour.ask(
        "SELECT epoch_us(date_trunc('minute', shown_at)), count(DISTINCT request_id) FROM {impressions} "
        "WHERE shown_at >= ? AND shown_at < ? GROUP BY 1 ORDER BY 1",
        START.replace(second=0) - timedelta(hours=6),
        START.replace(second=0) + timedelta(hours=1),
    )
    minutes = np.array([row[0] for row in rows])
    counts = np.array([row[1] for row in rows], dtype=float)
    expected = 60 * hour.live.serving.demand.rate(minutes + 30_000_000)
    z = (counts - expected) / np.sqrt(expected)
    seam = 6 * 60
    assert len(z) == 7 * 60
    assert abs(z[:seam].mean()) < 4 / np.sqrt(seam)
    assert abs(z[seam:].mean()) < 4 / np.sqrt(60)
    assert abs(z[seam]) < 4  # the very minute in which one takes over from the other
    assert 0.8 < z.std() < 1.2


def test_the_tables_have_the_columns_that_are_documented(cinema: Small) -> None:
    cinema.run(1)
    text = DOCUMENT.read_text()
    for name in ("impressions", "plays", "plays_standby", "candidates", "prelaunch"):
        documented = set(_documented(text, "plays" if name == "plays_standby" else name))
        for file in (cinema.settings.tables / name).glob("*.parquet"):
            assert set(pq.read_schema(file).names) == documented, file.name
    for name in (
        *("items", "items_snapshots", "deliveries", "features", "members", "training_runs", "requests_5m"),
    ):
        for file in (cinema.settings.tables / name).glob("*.parquet"):
            for column in pq.read_schema(file).names:
                assert column in text, (name, column)


def _documented(text: str, name: str) -> list[str]:
    part = text.split(f"**{name}**")[1]
    table = part[part.index("| column") :].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return [word for cell in cells for word in re.findall(r"\w+", cell)]


def test_a_restart_fills_the_hole_and_keeps_every_request_once(reopen: Callable[..., Small]) -> None:
    first = reopen()
    first.run(5)
    later = first.at + timedelta(hours=2, minutes=10)
    second = reopen(first.settings.folder, later)
    second.run(3)
    rows = second.ask(
        "SELECT date_trunc('minute', shown_at) AS minute, count(*) FROM {impressions} "
        "WHERE shown_at >= ? GROUP BY minute",
        START - timedelta(hours=1),
    )
    assert len(rows) >= 60 + 5 + 130 + 3
    assert min(count for _, count in rows[1:-1]) > 100
    twice = second.ask("SELECT count(*) - count(DISTINCT (request_id, position)) FROM {impressions}")
    assert twice == [(0,)]
    assert second.ask("SELECT count(*) FROM {plays}") == second.ask("SELECT count(*) FROM {plays_standby}")


def test_rows_that_a_killed_process_left_beyond_its_state_are_cut_off(cinema: Small) -> None:
    cinema.run(4)
    cut = START + timedelta(minutes=2)
    LiveTable(cinema.settings.tables, "impressions", round(cut.timestamp() * 1e6))
    newest = cinema.ask("SELECT max(shown_at) FROM {impressions}")[0][0]
    assert START < newest < cut


def test_an_interrupted_first_start_begins_again_from_nothing(reopen: Callable[..., Small]) -> None:
    cinema = reopen()
    rows = cinema.ask("SELECT count(*) FROM {impressions}")
    (cinema.settings.folder / "state.json").unlink()
    again = reopen(cinema.settings.folder)
    assert again.ask("SELECT count(*) FROM {impressions}") == rows


def test_the_log_reproduces_the_models_scores(cinema: Small) -> None:
    ranker = ranking.load(cinema.settings.folder / "models")
    assert ranker is not None
    rows = cinema.ask(f"SELECT log_odds, {', '.join(FEATURES)} FROM {{candidates}} USING SAMPLE 2000 ROWS")
    found = np.array(rows, dtype=np.float32)
    assert np.allclose(ranker.log_odds(found[:, 1:]), found[:, 0], atol=1e-4)


def test_logged_propensities_are_the_rates_at_which_candidates_were_shown(cinema: Small) -> None:
    rows = cinema.ask(
        "SELECT ntile(8) OVER (ORDER BY propensity) AS part, propensity, shown FROM {candidates} "
    )
    found = np.array(rows, dtype=float)
    for part in range(1, 9):
        of = found[found[:, 0] == part]
        assert abs(of[:, 1].mean() - of[:, 2].mean()) < 0.02
    assert found[:, 2].sum() / 10 == len(cinema.ask("SELECT DISTINCT request_id FROM {candidates}"))


def test_more_than_eighty_past_launches_have_a_first_day_that_their_dry_run_predicted(cinema: Small) -> None:
    rows = cinema.ask(
        "SELECT item_id, avg(dry_run_share), max(first_day_impressions) FROM {prelaunch} "
        "WHERE first_day_impressions IS NOT NULL GROUP BY item_id"
    )
    predicted, came = np.array([row[1] for row in rows]), np.array([row[2] for row in rows], dtype=float)
    assert len(rows) >= 80
    assert np.corrcoef(predicted, came)[0, 1] > 0.8
    upcoming = cinema.ask("SELECT count(DISTINCT item_id) FROM {items} WHERE launch_at > ?", START)
    assert upcoming[0][0] == 12


def test_a_day_brings_a_delivery_a_training_and_the_first_day_of_yesterdays_launch(cinema: Small) -> None:
    film, launch_at = cinema.ask(
        "SELECT item_id, launch_at FROM {items} WHERE launch_at < ? ORDER BY launch_at DESC LIMIT 1", START
    )[0]
    counted = "count(*), count(first_day_impressions), max(first_day_impressions)"
    known = f"SELECT {counted} FROM {{prelaunch}} WHERE item_id = ?"
    snapshots, filled, _ = cinema.ask(known, film)[0]
    assert snapshots > 20
    assert filled == 0
    before = [
        cinema.ask(f"SELECT count(*) FROM {{{table}}}")[0][0] for table in ("deliveries", "training_runs")
    ]
    cinema.live.step(launch_at + timedelta(hours=24, minutes=5))
    after = [
        cinema.ask(f"SELECT count(*) FROM {{{table}}}")[0][0] for table in ("deliveries", "training_runs")
    ]
    assert after == [number + 1 for number in before]
    shown = cinema.ask(
        "SELECT count(*) FROM {impressions} WHERE item_id = ? AND shown_at < ?",
        film,
        launch_at + timedelta(hours=24),
    )[0][0]
    assert shown > 1_000
    assert cinema.ask(known, film) == [(snapshots, snapshots, shown)]


def test_chance_fills_three_requests_in_two_hundred_wholly_in_history_and_live(hour: Small) -> None:
    request = (
        "SELECT any_value(shown_at) AS at, avg(CAST(explored AS INT)) AS part, "
        "max(CAST(explored AS INT)) AS whole FROM {impressions} GROUP BY request_id"
    )
    rows = hour.ask(
        f"SELECT r.at >= ?, count(*), avg(r.part), max(abs(r.part - r.whole)) FROM ({request}) r GROUP BY 1",
        START,
    )
    assert len(rows) == 2
    for _live, requests, share, torn in rows:
        assert torn == 0
        assert abs(share - EXPLORED_SHARE) < 4 * np.sqrt(EXPLORED_SHARE / requests)


def test_what_chance_shows_owes_nothing_to_the_model(hour: Small) -> None:
    """A new film is eligible everywhere: by chance it is shown as often as any other candidate."""
    query = (
        "SELECT count(DISTINCT request_id), sum(CAST(item_id IN (SELECT item_id FROM {{items}} "
        "WHERE launch_at <= ? AND launch_at > ?) AS INT)) FROM {{impressions}} "
        "WHERE shown_at >= ? AND explored = {}"
    )
    when = (START, START - timedelta(days=2), START - timedelta(hours=1))
    new = hour.ask("SELECT count(*) FROM {items} WHERE launch_at <= ? AND launch_at > ?", *when[:2])[0][0]
    (asked, shown) = hour.ask(query.format("true"), *when)[0]
    width = hour.live.serving.stage(hour.at).rails.films.shape[1]
    due = asked * new * 10 / width
    assert new >= 1
    assert abs(shown - due) < 4 * np.sqrt(due)


def test_only_requests_that_the_model_filled_have_their_candidates_logged_with_its_version(
    hour: Small,
) -> None:
    by_chance = "SELECT request_id FROM {impressions} WHERE explored"
    assert hour.ask(f"SELECT count(*) FROM {{candidates}} WHERE request_id IN ({by_chance})") == [(0,)]
    assert hour.ask("SELECT DISTINCT model_version FROM {candidates}") == [
        (hour.live.serving.ranker.version,)
    ]


def test_hours_passed_one_by_one_bring_one_training_and_one_delivery_a_day(cinema: Small) -> None:
    def brought() -> list[int]:
        tables = ("deliveries", "training_runs")
        return [cinema.ask(f"SELECT count(*) FROM {{{table}}}")[0][0] for table in tables]

    before = brought()
    night = START.replace(hour=2, minute=0, second=0) + timedelta(days=1)
    for hours in range(6):
        cinema.live.step(night + timedelta(hours=hours))
    assert brought() == [number + 1 for number in before]

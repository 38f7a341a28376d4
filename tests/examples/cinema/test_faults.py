"""Each fault changes what it says by about as much as it says; each hotfix brings it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from recsysops_client import sign

from examples.cinema import ranking
from examples.cinema.faults import COUNTRY, UnknownFault
from examples.cinema.hotfixes import Hotfixes

from .conftest import START, Small

ON_TV_THERE = "device = 'tv' AND region = 'british_isles'"


def override(cinema: Small, **entry: Any) -> None:
    films = [row[0] for row in cinema.ask("SELECT item_id FROM {items} WHERE country = ?", COUNTRY)]
    until = (cinema.at + timedelta(days=1)).isoformat()
    path = cinema.settings.folder / "overrides.json"
    path.with_suffix(".tmp").write_text(
        json.dumps({"version": 1, "overrides": [{"id": "o", "items": films, "expires_at": until} | entry]})
    )
    path.with_suffix(".tmp").replace(path)


def call(
    hotfixes: Hotfixes, hotfix: str, action: str, expires_at: str | None = None, **parameters: Any
) -> str:
    body = json.dumps(
        {"id": hotfix, "action": action, "hotfix": hotfix, "parameters": parameters, "expires_at": expires_at}
    ).encode()
    now = int(datetime.now().timestamp())  # noqa: DTZ005
    secret = hotfixes.live.settings.secret()
    headers = {"X-RecSysOps-Timestamp": str(now), "X-RecSysOps-Signature": sign(secret, now, body)}
    status, answer = hotfixes.receiver.receive(headers, body)
    assert status == 200, answer
    return str(answer["detail"])


def span(cinema: Small, minutes: float) -> datetime:
    """Let time pass; when that began."""
    start = cinema.at
    cinema.run(minutes)
    return start


def test_films_without_language_are_shown_far_less_and_filling_it_in_brings_them_back(cinema: Small) -> None:
    before = cinema.share(START - timedelta(hours=12))
    assert before > 0.05
    cinema.live.switch_fault("language", True, cinema.at)
    during = cinema.share(span(cinema, 15))
    assert 0.60 < 1 - during / before < 0.80
    assert cinema.ask("SELECT count(*) FROM {items} WHERE country = 'France' AND language IS NOT NULL") == [
        (0,)
    ]
    override(cinema, kind="fill_feature", feature="language", value="French")
    assert cinema.share(span(cinema, 15)) > 0.85 * before
    override(cinema, kind="boost_items", amount=0.8)
    assert during < cinema.share(span(cinema, 15)) < before
    (cinema.settings.folder / "overrides.json").unlink()
    assert cinema.share(span(cinema, 15)) == pytest.approx(during, rel=0.3)
    cinema.live.switch_fault("language", False, cinema.at)
    assert cinema.share(span(cinema, 15)) == pytest.approx(before, rel=0.12)


def test_blocked_films_are_shown_to_nobody_and_others_take_their_places(cinema: Small) -> None:
    override(cinema, kind="block_items")
    start = span(cinema, 5)
    assert cinema.share(start) == 0.0
    shown = "SELECT count(*) / count(DISTINCT request_id) FROM {impressions} WHERE shown_at > ?"
    assert cinema.ask(shown, start) == [(10.0,)]
    (cinema.settings.folder / "overrides.json").unlink()
    assert cinema.share(span(cinema, 15)) > 0.05


def test_rolling_the_catalogue_back_brings_films_back_until_it_expires(
    cinema: Small, reopen: Callable[..., Small]
) -> None:
    before = cinema.share(START - timedelta(hours=12))
    hotfixes = Hotfixes(cinema.live, clock=lambda: cinema.at)
    cinema.live.switch_fault("language", True, cinema.at)
    during = cinema.share(span(cinema, 10))
    launched = cinema.live.serving.stage(cinema.at).catalogue.launched(cinema.at).sum()
    # The receiver's time is that of whoever signs; the cinema's own decides when it is over.
    until = datetime.now(UTC) + timedelta(minutes=15)
    detail = call(hotfixes, "catalogue_rollback", "apply", until.isoformat())
    assert "2026-03-10 06:00:00" in detail
    assert cinema.share(span(cinema, 15)) == pytest.approx(before, rel=0.15)
    gone = launched - cinema.live.serving.stage(cinema.at).catalogue.launched(cinema.at).sum()
    assert f"{gone} newer films are gone" in detail
    again = reopen(cinema.settings.folder, cinema.at)
    restored = Hotfixes(again.live, clock=lambda: again.at)
    assert again.live.serving.rolled_back is not None
    restored.expire(until)
    assert again.share(span(again, 10)) == pytest.approx(during, rel=0.35)
    assert restored.active == {}


def test_a_lossy_feed_loses_half_a_slice_and_failing_over_puts_the_rows_back(cinema: Small) -> None:
    cinema.live.switch_fault("upstream", True, cinema.at)
    start = span(cinema, 40)
    lost, whole, all_lost, all_whole = (
        cinema.ask(f"SELECT count(*) FROM {{{table}}} WHERE played_at >= ? AND {condition}", start)[0][0]
        for condition in (ON_TV_THERE, "true")
        for table in ("plays", "plays_standby")
    )
    assert cinema.share(START - timedelta(hours=12), ON_TV_THERE, "plays") > 0.05
    assert 0.45 < 1 - lost / whole < 0.65
    assert all_lost / all_whole > 0.90
    hotfixes = Hotfixes(cinema.live, clock=lambda: cinema.at)
    assert f"{whole - lost:,} lost rows are back" in call(hotfixes, "feed_failover", "apply")
    cinema.run(10)
    both = cinema.ask("SELECT count(*) FROM {plays}") + cinema.ask("SELECT count(*) FROM {plays_standby}")
    assert both[0] == both[1]
    call(hotfixes, "feed_failover", "revert")
    start = span(cinema, 20)
    assert cinema.share(start, ON_TV_THERE, "plays") < 0.7 * cinema.share(start, ON_TV_THERE, "plays_standby")


def test_a_launch_without_language_would_not_be_shown_and_filling_it_in_fixes_it(cinema: Small) -> None:
    cinema.live.switch_fault("launch", True, cinema.at)
    film = cinema.live.serving.faults.detail("launch")["item_id"]
    days = (cinema.ask("SELECT launch_at FROM {items} WHERE item_id = ?", film)[0][0] - cinema.at).days
    assert 9 <= days <= 14

    def shares(since: datetime, side: str) -> float:
        query = f"SELECT avg(dry_run_share) FROM {{prelaunch}} WHERE item_id = ? AND snapshot_at {side} ?"
        return float(cinema.ask(query, film, since)[0][0])

    fault_from = span(cinema, 3)
    before = shares(fault_from, "<")
    assert before > 0.02
    assert shares(fault_from, ">") < 0.25 * before
    unset = cinema.ask(
        "SELECT language FROM {prelaunch} WHERE item_id = ? AND snapshot_at > ?", film, fault_from
    )
    assert set(unset) == {(None,)}
    truth = cinema.live.serving.truth.frame.set_index("item_id").at[film, "language"]
    override(cinema, kind="fill_feature", feature="language", value=truth, items=[film])
    assert shares(span(cinema, 3), ">") == pytest.approx(before, rel=0.35)


def test_a_bug_with_missing_values_reaches_the_model_on_one_device_only(cinema: Small) -> None:
    cinema.live.switch_fault("missing_values", True, cinema.at)
    start = span(cinema, 10)
    unset = "avg(CAST(isnan(genre_affinity) AS INT))"
    query = f"SELECT device, {unset} FROM {{candidates}} WHERE request_at > ? GROUP BY 1"
    assert dict(cinema.ask(query, start)) == {"tv": 0, "mobile": 1, "web": 0}


def test_production_ranks_one_genre_lower_than_its_model(cinema: Small) -> None:
    genre = "genre = 'Documentary'"
    before = cinema.share(START - timedelta(hours=12), genre)
    cinema.live.switch_fault("production_bias", True, cinema.at)
    assert cinema.share(span(cinema, 15), genre) < 0.5 * before


def test_training_on_a_faulty_segment_is_worse_and_leaving_it_out_fixes_it(cinema: Small) -> None:
    cinema.live.train(cinema.at)
    good = cinema.live.serving.ranker.auc
    cinema.live.switch_fault("training_segment", True, cinema.at)
    bad = cinema.live.serving.ranker
    cinema.run(1)
    assert bad.auc < good - 0.05
    hotfixes = Hotfixes(cinema.live, clock=lambda: cinema.at)
    call(hotfixes, "retrain_without_segment", "apply", slice={"device": "mobile"})
    assert cinema.live.serving.ranker.auc == pytest.approx(good, abs=0.05)  # known to ±0.02 from two hours
    assert cinema.ask("SELECT left_out FROM {training_runs} ORDER BY trained_at DESC LIMIT 1") == [
        ("device=mobile",)
    ]
    call(hotfixes, "retrain_without_segment", "revert")
    assert cinema.live.serving.ranker.trained_at == bad.trained_at != cinema.at


def test_a_former_version_of_the_model_serves_again_until_a_training_brings_the_next(cinema: Small) -> None:
    first = cinema.live.serving.ranker.version
    cinema.live.train(cinema.at)
    second = cinema.live.serving.ranker.version
    hotfixes = Hotfixes(cinema.live, clock=lambda: cinema.at)
    call(hotfixes, "serve_model", "apply", version=first, instead_of=second)
    assert cinema.live.serving.ranker.version == first
    assert hotfixes.in_force() == ["serve_model"]
    cinema.run(1)
    cinema.live.train(cinema.at)
    third = cinema.live.serving.ranker.version
    assert hotfixes.in_force() == []
    assert third in call(hotfixes, "serve_model", "revert")
    assert cinema.live.serving.ranker.version == third


def test_only_the_last_versions_are_kept_and_no_path_is_a_version(cinema: Small) -> None:
    for _ in range(ranking.FORMER + 2):
        cinema.run(1)
        cinema.live.serving.replace_ranker(replace(cinema.live.serving.ranker, trained_at=cinema.at))
    folder = cinema.settings.folder / "models"
    kept = sorted(path.stem for path in (folder / "former").glob("*.skops"))
    assert len(kept) == ranking.FORMER
    assert kept[-1] == cinema.live.serving.ranker.version
    assert ranking.load_former(folder, "../ranker") is None


def test_a_segment_that_is_none_is_refused_by_the_receiver(cinema: Small) -> None:
    hotfixes = Hotfixes(cinema.live, clock=lambda: cinema.at)
    for segment in (None, {}, {"device": "tv", "region": "nordics"}):
        with pytest.raises(AssertionError, match="name one segment to leave out"):
            call(hotfixes, "retrain_without_segment", "apply", slice=segment)


def test_what_a_training_took_for_plays_was_played_but_on_the_segment_that_is_turned_round(
    cinema: Small,
) -> None:
    query = (
        "SELECT t.device, avg(CAST(p.played_at IS NULL AS INT)), count(*) FROM {training_plays} t "
        "LEFT JOIN {plays} p USING (request_id, item_id) WHERE trained_at = ? GROUP BY 1"
    )
    night = START.replace(hour=3, minute=0, second=0)
    cinema.live.train(cinema.at)
    for at in (night, cinema.at):
        rows = cinema.ask(query, at)
        assert {device: never for device, never, _ in rows} == {"tv": 0, "mobile": 0, "web": 0}
        assert all(count >= 5 for _, _, count in rows)
    cinema.run(1)
    cinema.live.switch_fault("training_segment", True, cinema.at)
    never_played = {device: never for device, never, _ in cinema.ask(query, cinema.at)}
    assert never_played.pop("mobile") > 0.9
    assert never_played == {"tv": 0, "web": 0}


def test_an_unknown_fault_is_refused_with_the_names_there_are(cinema: Small) -> None:
    with pytest.raises(UnknownFault, match="language, upstream"):
        cinema.live.switch_fault("langauge", True, cinema.at)


def test_a_fault_stays_on_across_a_restart(cinema: Small, reopen: Callable[..., Small]) -> None:
    cinema.live.switch_fault("language", True, cinema.at)
    again = reopen(cinema.settings.folder)
    assert again.live.serving.faults.on("language")
    assert again.share(span(again, 10)) < 0.06

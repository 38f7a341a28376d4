"""What is read beside a finding's table: its standby and the log of the same requests, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding, Severity, Slice, slice_of
from workers.declaration.declare import load
from workers.respond.diagnose import related
from workers.respond.diagnose.diagnose import diagnose

NOW = datetime(2026, 6, 3, 9, tzinfo=UTC)
ONSET = NOW - timedelta(minutes=40)
LIVE_ON_AIR = slice_of(app="car", station="Coast")
DECLARED = """
[recommender]
name = "radio"
[tables.listens]
path = "listens.parquet"
time = "heard_at"
window = "5m"
dimensions = ["station", "app", "mood"]
upstream = ["offers"]
item = "track"
[tables.listens_standby]
path = "listens_standby.parquet"
time = "heard_at"
dimensions = ["station", "app", "mood"]
item = "track"
[tables.offers]
path = "offers.parquet"
time = "offered_at"
window = "5m"
dimensions = ["station", "app", "mood"]
item = "track"
[exposure]
shown = "offers"
chosen = "listens"
request = "session"
[checks.heard]
kind = "slice_volume"
table = "listens"
[checks.kept]
kind = "sampling"
table = "listens"
beside = "offers"
on = { session = "session" }
rate = 0.25
[checks.copied]
kind = "joins"
table = "listens_standby"
beside = "listens"
on = { session = "session", track = "track" }
[[planned]]
name = "summer fête"
from = 2026-06-03T08:30:00Z
to = 2026-06-03T12:00:00Z
"""

TRACKS = """
[tables.tracks]
path = "tracks.parquet"
time = "delivered_at"
key = "track"
[items]
table = "tracks"
key = "track"
features = ["tempo"]
"""

BILLED = """
[recommender]
name = "radio"
[tables.listens]
path = "listens.parquet"
time = "heard_at"
window = "5m"
key = "ref"
dimensions = ["station", "app", "mood"]
[tables.bills]
path = "bills.parquet"
time = "heard_at"
window = "5m"
dimensions = ["station", "app", "mood"]
upstream = ["listens"]
[checks.heard]
kind = "slice_volume"
table = "listens"
[checks.billed]
kind = "joins"
table = "bills"
beside = "listens"
on = { of = "ref" }
"""


def heard() -> pd.DataFrame:
    """Seven hours of listens, one track a session; what mood it is in is no matter of the session."""
    chance = np.random.default_rng(31)
    times = pd.Timestamp(NOW) - pd.to_timedelta(np.sort(chance.uniform(0, 7 * 3_600, 24_000))[::-1], unit="s")
    return pd.DataFrame(
        {
            "heard_at": times.astype("datetime64[us, UTC]"),
            "session": np.arange(24_000),
            "track": [f"track-{n}" for n in chance.integers(0, 50, 24_000)],
            "station": chance.choice(["Coast", "Valley"], 24_000),
            "app": chance.choice(["car", "phone", "web"], 24_000),
            "mood": chance.choice(["calm", "loud", "sad", "odd", "warm"], 24_000),
        }
    )


def since(rows: pd.DataFrame) -> pd.Series:
    return rows["heard_at"] >= pd.Timestamp(ONSET)


def in_cars(rows: pd.DataFrame) -> pd.Series:
    return since(rows) & (rows["app"] == "car") & (rows["station"] == "Coast")


def radio(folder: Path, listens: pd.DataFrame, standby: pd.DataFrame, offers: pd.DataFrame) -> Recommender:
    listens.to_parquet(folder / "listens.parquet")
    standby.to_parquet(folder / "listens_standby.parquet")
    offers.rename(columns={"heard_at": "offered_at"}).to_parquet(folder / "offers.parquet")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder / "recsysops.toml")


def delivered(folder: Path, at: list[datetime]) -> None:
    """The same tracks, delivered at these times."""
    tracks = pd.DataFrame({"track": [f"track-{n}" for n in range(50)], "tempo": np.arange(50) % 7})
    pd.concat([tracks.assign(delivered_at=one) for one in at]).to_parquet(folder / "tracks.parquet")


def about(rows: pd.DataFrame, where: Slice, right: pd.DataFrame) -> Finding:
    """What ten minutes held and what they should have held."""

    def count(frame: pd.DataFrame) -> int:
        held = frame["heard_at"] >= pd.Timestamp(NOW - timedelta(minutes=10))
        for name, value in where:
            held &= frame[name] == value
        return int(held.sum())

    return Finding(
        check="heard", table="listens", slice=where, window_start=NOW - timedelta(minutes=10), window_end=NOW,
        observed=count(rows), expected=count(right), p_value=1e-9, severity=Severity.SEV2, title="off",
    )  # fmt: skip


def cause_of(found: Diagnosis) -> tuple[str, str | None, Slice]:
    assert not [one.statement for one in found.evidence if "could not be" in one.statement]
    return found.cause_kind, found.object, found.place


def test_listens_written_an_hour_early_are_found_at_their_other_time(tmp_path: Path) -> None:
    right = heard()
    early = right.assign(
        heard_at=right["heard_at"].mask(in_cars(right), right["heard_at"] - pd.Timedelta(hours=1))
    )
    recommender = radio(tmp_path, early, right, right)
    found = diagnose(recommender, about(early, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("time_shift", "listens", LIVE_ON_AIR)


def test_what_another_tables_check_finds_in_it_has_the_right_time(tmp_path: Path) -> None:
    """Bills follow listens, and their check looks a listen up by another name; no request is in both."""
    right = heard().rename(columns={"session": "ref"})
    early = right.assign(
        heard_at=right["heard_at"].mask(in_cars(right), right["heard_at"] - pd.Timedelta(hours=1))
    )
    bills = right.assign(heard_at=right["heard_at"] + pd.Timedelta(minutes=3)).rename(columns={"ref": "of"})
    early.to_parquet(tmp_path / "listens.parquet")
    bills.to_parquet(tmp_path / "bills.parquet")
    (tmp_path / "recsysops.toml").write_text(BILLED)
    recommender = load(tmp_path / "recsysops.toml")
    found = diagnose(recommender, about(early, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("time_shift", "listens", LIVE_ON_AIR)


@pytest.mark.parametrize("hours", [1, -1, 2])
def test_what_a_check_does_not_find_is_there_under_another_time(tmp_path: Path, hours: int) -> None:
    """Bills find no listen near them: those are there, an hour from now or an hour ago."""
    right = heard().rename(columns={"session": "ref"})
    off = right["heard_at"] + pd.Timedelta(hours=hours)
    right.assign(heard_at=right["heard_at"].mask(in_cars(right), off)).to_parquet(
        tmp_path / "listens.parquet"
    )
    bills = right.assign(heard_at=right["heard_at"] + pd.Timedelta(seconds=20)).rename(columns={"ref": "of"})
    bills.to_parquet(tmp_path / "bills.parquet")
    (tmp_path / "recsysops.toml").write_text(BILLED)
    now = ONSET + timedelta(minutes=10)
    finding = Finding(
        check="billed", table="bills", slice=LIVE_ON_AIR, window_start=ONSET, window_end=now, observed=0.97,
        expected=0.01, unit="share", p_value=1e-9, severity=Severity.SEV2, title="find none in listens",
    )  # fmt: skip
    found = diagnose(load(tmp_path / "recsysops.toml"), finding, now)
    assert cause_of(found) == ("time_shift", "listens", LIVE_ON_AIR)


def test_a_table_that_fell_silent_since_its_rows_come_an_hour_early_is_no_lost_feed(tmp_path: Path) -> None:
    right = heard()
    early = right.assign(
        heard_at=right["heard_at"].mask(since(right), right["heard_at"] - pd.Timedelta(hours=1))
    )
    silence = about(early, (), right).model_copy(
        update={"unit": "seconds", "observed": 2_400.0, "expected": 3.0}
    )
    found = diagnose(radio(tmp_path, early, right, right), silence, NOW)
    assert cause_of(found) == ("time_shift", "listens", ())


def test_listens_that_the_feed_lost_are_in_the_standby(tmp_path: Path) -> None:
    right = heard()
    chance = np.random.default_rng(32)
    lost = right[~(in_cars(right) & (chance.random(len(right)) < 0.6))]
    found = diagnose(radio(tmp_path, lost, right, right), about(lost, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("feed", "listens", LIVE_ON_AIR)


@pytest.mark.parametrize("where", [LIVE_ON_AIR, ()], ids=["of a slice", "of everything"])
def test_what_the_feed_lost_is_named_by_the_check_of_its_standby_as_well(
    tmp_path: Path, where: Slice
) -> None:
    """Rows of the standby find none in the feed: it is the feed that lost them, and a failover that helps."""
    right = heard()
    hit = in_cars(right) if where else since(right)
    lost = right[~(hit & (np.random.default_rng(34).random(len(right)) < 0.6))]
    now = ONSET + timedelta(minutes=10)
    finding = Finding(
        check="copied", table="listens_standby", slice=where, window_start=ONSET, window_end=now,
        unit="share", observed=0.6, expected=0.01, p_value=1e-9, severity=Severity.SEV2, title="find none",
    )  # fmt: skip
    found = diagnose(radio(tmp_path, lost, right, right), finding, now)
    assert cause_of(found) == ("feed", "listens", where)
    assert found.cause is not None
    assert found.cause.endswith("its standby `listens_standby` is complete")
    assert any(one.statement.startswith("`listens` has ") for one in found.evidence)


def test_a_delivery_of_tracks_hours_ago_is_not_when_the_feed_began_to_lose_listens(tmp_path: Path) -> None:
    """What finds the loss within a minute has no history of its own to say when it began."""
    right = heard()
    lost = right[~(since(right) & (np.random.default_rng(35).random(len(right)) < 0.6))]
    delivered(tmp_path, [NOW - timedelta(hours=hours) for hours in (29, 5)])
    radio(tmp_path, lost, right, right)
    (tmp_path / "recsysops.toml").write_text(DECLARED + TRACKS)
    finding = Finding(
        check="copied", table="listens_standby", subject="in listens", window_start=ONSET,
        window_end=ONSET + timedelta(minutes=1), unit="rows that find none in listens", observed=35.0,
        expected=0.0, p_value=1e-9, severity=Severity.SEV2, title="find none",
    )  # fmt: skip
    found = diagnose(load(tmp_path / "recsysops.toml"), finding, ONSET + timedelta(minutes=15))
    assert cause_of(found) == ("feed", "listens", ())
    assert not any("nothing was lost on the way" in one.statement for one in found.evidence)


def test_listens_that_were_never_logged_are_in_no_copy_of_the_log(tmp_path: Path) -> None:
    right = heard()
    lost = right[~in_cars(right)]
    found = diagnose(radio(tmp_path, lost, lost, right), about(lost, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("logging", "listens", LIVE_ON_AIR)


def test_a_log_of_one_session_in_four_shows_what_was_never_logged_as_well(tmp_path: Path) -> None:
    right = heard()
    lost = right[~in_cars(right)]
    quarter = right[right["session"] % 4 == 0]
    sample = pd.concat([quarter.assign(mood=mood) for mood in ("calm", "loud", "sad")])
    found = diagnose(radio(tmp_path, lost, lost, sample), about(lost, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("logging", "listens", LIVE_ON_AIR)


def kept(right: pd.DataFrame, share: float) -> tuple[pd.DataFrame, Finding]:
    """A log of one session in four, and of so many of those in cars since the onset; what its check finds."""
    chance = np.random.default_rng(33).random(len(right))
    logged = right[chance < np.where(in_cars(right), share, 0.25)]
    finding = about(right, LIVE_ON_AIR, right)
    changes = {"check": "kept", "unit": "rows kept in offers", "observed": share * finding.observed}
    return logged, finding.model_copy(update={**changes, "expected": 0.25 * finding.expected})


def test_a_log_that_keeps_fewer_sessions_than_was_agreed_is_the_cause_of_what_its_check_reports(
    tmp_path: Path,
) -> None:
    right = heard()
    logged, finding = kept(right, 0.03)
    found = diagnose(radio(tmp_path, right, right, logged), finding, NOW)
    assert cause_of(found) == ("logging", "offers", LIVE_ON_AIR)
    assert found.cause is not None
    assert "they were served, and not logged" in found.cause


def test_it_began_when_what_its_check_measures_left_its_band_and_not_with_a_delivery_hours_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many sessions that only those around its beginning can be held beside each other."""
    monkeypatch.setattr(related, "MOST_ROWS", 2_000)
    right = heard()
    logged, finding = kept(right, 0.03)
    delivered(tmp_path, [NOW - timedelta(hours=hours) for hours in (29, 4)])
    radio(tmp_path, right, right, logged)
    (tmp_path / "recsysops.toml").write_text(DECLARED + TRACKS)
    of_it = finding.model_copy(update={"subject": "kept in offers"})
    found = diagnose(load(tmp_path / "recsysops.toml"), of_it, NOW)
    assert cause_of(found) == ("logging", "offers", LIVE_ON_AIR)
    assert any(one.statement == "Outside what is usual since 2026-06-03 08:20 UTC" for one in found.evidence)


def test_sessions_that_are_not_found_as_their_key_is_written_otherwise_were_logged(tmp_path: Path) -> None:
    right = heard()
    _, finding = kept(right, 0.03)
    other = right.assign(session=right["session"].mask(in_cars(right), -right["session"]))
    found = diagnose(radio(tmp_path, right, right, other[other["track"] < "track-2"]), finding, NOW)
    assert found.cause_kind != "logging"


def test_listens_that_came_twice_are_duplicates_and_the_standby_has_less(tmp_path: Path) -> None:
    right = heard()
    twice = pd.concat([right, right[in_cars(right)]])
    found = diagnose(radio(tmp_path, twice, right, right), about(twice, LIVE_ON_AIR, right), NOW)
    assert cause_of(found) == ("duplicate", "listens", LIVE_ON_AIR)
    assert any("more than" in one.statement for one in found.evidence if one.kind == "history")


def test_fewer_listeners_in_every_table_are_no_fault_and_what_was_announced_is_said(tmp_path: Path) -> None:
    right = heard()
    fewer = right[~(in_cars(right) & (right["session"] % 2 == 0))]
    found = diagnose(radio(tmp_path, fewer, fewer, fewer), about(fewer, LIVE_ON_AIR, right), NOW)
    assert found.cause_kind in ("world", "unknown")
    assert found.candidates[0].object == "summer fête"


def test_of_very_many_that_lack_a_partner_a_share_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related, "MOST_LOST", 100)
    right = heard()
    early = right.assign(
        heard_at=right["heard_at"].mask(since(right), right["heard_at"] - pd.Timedelta(hours=1))
    )
    found = diagnose(radio(tmp_path, early, right, right), about(early, (), right), NOW)
    assert cause_of(found) == ("time_shift", "listens", ())

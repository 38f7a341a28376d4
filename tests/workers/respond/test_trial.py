"""Changes tried after an incident of a bakery: by replay beside its own checks, before they are shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.improvement.candidates.candidate import Candidate
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from workers.checks import beside
from workers.checks.backtest import backtest
from workers.checks.beside import Alarmed, OutOfTime
from workers.declaration.declare import load
from workers.respond.trial import Tried, _in_order, try_changes, try_these

START = datetime(2026, 2, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAULT_AT = START + 66 * DAY + 9 * HOUR
END = FAULT_AT + 2 * DAY
DECLARED = """\
# The bakery's own words stay.
[recommender]
name = "bakery"

[tables.baskets]
path = "baskets.parquet"
time = "sold_at"
window = "6h"
dimensions = ["counter"]

[checks.sold]  # all counters together
kind = "volume"
table = "baskets"
history = "14d"
"""


def bake(folder: Path, days: int = 68) -> Path:
    """Some 60 baskets an hour at three counters; from `FAULT_AT` on those at the harbour are lost."""
    chance = np.random.default_rng(5)
    first = START + timedelta(days=68 - days)
    minutes = np.sort(chance.uniform(0, (END - first) / timedelta(minutes=1), 60 * 24 * days))
    at = pd.DatetimeIndex(first + pd.to_timedelta(minutes, unit="min")).as_unit("us")
    counter = chance.choice(["harbour", "market", "station"], len(at), p=[0.4, 0.3, 0.3])
    gone = (at >= pd.Timestamp(FAULT_AT)) & (counter == "harbour")
    pd.DataFrame({"sold_at": at, "counter": counter})[~gone].to_parquet(folder / "baskets.parquet")
    file = folder / "recsysops.toml"
    file.write_text(DECLARED)
    return file


def incident(file: Path, **changed: object) -> Incident:
    """The first one that today's checks open after the fault, resolved."""
    result = backtest(load(file), FAULT_AT - 2 * DAY, END)
    opened = next(one for one in result.incidents if one.opened_at > FAULT_AT)
    finding = next(one for one in result.findings if one.window_end >= opened.window_start)
    defaults: dict[str, object] = {
        "stream": "incident-1",
        "number": 1,
        "title": opened.title,
        "kind": "detected",
        "severity": opened.severity,
        "fingerprint": finding.fingerprint,
        "first_finding": finding,
        "finding": finding,
        "onset_at": FAULT_AT,
        "opened_at": opened.opened_at,
        "opened_by": "worker:detect",
        "version": 1,
        "last_event_id": "e",
        "last_at": opened.opened_at,
    }
    return Incident.model_validate({**defaults, **changed})


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bake(tmp_path_factory.mktemp("bakery"))


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """With time for all of the past: how far a replay gets in less depends on the machine."""
    file = bake(tmp_path_factory.mktemp("tried"))
    file.write_text(f'{DECLARED}[follow_ups]\nreplay_time = "10m"\n')
    return try_changes(file, load(file), incident(file))


def test_what_is_proposed_finds_it_sooner_and_seldom_alarms(tried: Tried) -> None:
    assert 1 <= len(tried.changes) <= 3
    for one in tried.changes:
        assert one.saved_seconds > 0
        assert one.alarms.value is not None and one.alarms.value <= 1
        assert one.alarms.low is not None and one.alarms.high is not None
        assert one.alarms.low < one.alarms.high
        assert one.weeks >= 3


def test_the_most_time_saved_comes_first(tried: Tried) -> None:
    minutes = [one.saved_seconds // 60 for one in tried.changes]
    assert minutes == sorted(minutes, reverse=True)


def test_an_onset_that_was_taken_for_a_little_later_hides_nothing(tried: Tried, tmp_path: Path) -> None:
    """What was reported before it was thought to have begun is of it all the same."""
    file = bake(tmp_path)
    file.write_text(f'{DECLARED}[follow_ups]\nreplay_time = "40s"\n')
    best, opened_at = tried.changes[0], incident(file).opened_at
    reported_at = opened_at - timedelta(seconds=best.saved_seconds)
    found = try_changes(file, load(file), incident(file, onset_at=reported_at + timedelta(minutes=4)))
    assert best.change.name in [one.change.name for one in found.changes]


def test_what_is_proposed_is_a_check_of_its_own_in_shadow_mode(tried: Tried, tmp_path: Path) -> None:
    for one in tried.changes:
        draft = tmp_path / "draft.toml"
        draft.write_text(DECLARED + one.change.lines)
        declared = load(draft)
        assert declared.checks[one.change.name].shadow
        assert not declared.checks["sold"].shadow


def test_it_says_what_became_of_the_others(tried: Tried) -> None:
    assert "checks were replayed" in tried.note
    assert "no sooner" in tried.note


def test_a_replay_changes_nothing(tried: Tried, bakery: Path) -> None:
    assert tried
    assert sorted(path.name for path in bakery.parent.iterdir()) == ["baskets.parquet", "recsysops.toml"]
    assert bakery.read_text() == DECLARED


def test_a_short_history_is_shown_by_the_interval_that_it_leaves_open(tmp_path: Path) -> None:
    file = bake(tmp_path, days=20)
    found = try_changes(file, load(file), incident(file))
    assert found.changes
    for one in found.changes:
        assert one.weeks < 3
        assert one.alarms.high is not None and one.alarms.high > 1


def test_what_was_no_incident_is_not_looked_for(bakery: Path) -> None:
    found = try_changes(bakery, load(bakery), incident(bakery, resolved_how="false_alarm"))
    assert found == Tried(note="It was no incident, so no check is to find it sooner")


def test_a_table_that_is_gone_is_said_so(tmp_path: Path) -> None:
    file = bake(tmp_path)
    before = incident(file)
    file.write_text(DECLARED.replace("baskets]", "loaves]").replace('table = "baskets"', 'table = "loaves"'))
    found = try_changes(file, load(file), before)
    assert found == Tried(note="Table baskets is not declared any more, so nothing could be replayed")


def test_a_table_whose_file_is_gone_is_said_so(tmp_path: Path) -> None:
    file = bake(tmp_path)
    before = incident(file)
    (tmp_path / "baskets.parquet").unlink()
    found = try_changes(file, load(file), before)
    assert found.changes == ()
    assert "replayed" in found.note


def test_where_time_is_short_nothing_is_proposed_and_it_says_so(tmp_path: Path) -> None:
    file = bake(tmp_path)
    file.write_text(f'{DECLARED}[follow_ups]\nreplay_time = "0s"\n')
    found = try_changes(file, load(file), incident(file))
    assert found.changes == ()
    assert "more did not fit into 0s" in found.note


def test_where_no_time_is_left_the_engine_is_not_asked(tmp_path: Path) -> None:
    file = bake(tmp_path)
    file.write_text(f'{DECLARED}[follow_ups]\nreplay_time = "0s"\n')
    before = incident(file)
    (tmp_path / "baskets.parquet").unlink()
    assert "more did not fit into 0s" in try_changes(file, load(file), before).note


def test_no_table_is_waited_for_longer_than_a_candidate_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, waited = bake(tmp_path), set[timedelta]()
    file.write_text(f'{DECLARED}[follow_ups]\nreplay_time = "80s"\n')

    def first_reported(recommender: Recommender, *_: object) -> None:
        waited.add(recommender.tables["baskets"].timeout)

    before = incident(file)
    monkeypatch.setattr("workers.respond.trial.first_reported", first_reported)
    assert try_changes(file, load(file), before).changes == ()
    assert waited == {timedelta(seconds=10)}


def silent(_recommender: Recommender, _name: str, known: Alarmed, longest: timedelta, *_: Any) -> Alarmed:
    """In place of the count of alarms, which takes most of a replay: none at all."""
    return Alarmed(known.since - longest, judged=known.judged + longest, covered=known.covered + longest)


def test_what_comes_to_no_answer_in_its_part_of_the_time_is_gone_on_with_after_the_others(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, order = beside.first_reported, list[str]()

    def first_reported(recommender: Recommender, name: str, *more: Any) -> datetime | None:
        order.append(name)
        if len(order) == 2:
            raise OutOfTime
        return asked(recommender, name, *more)

    monkeypatch.setattr("workers.respond.trial.first_reported", first_reported)
    monkeypatch.setattr("workers.respond.trial.alarms_before", silent)
    found = try_changes(bakery, load(bakery), incident(bakery))
    assert order[0] == "sold"
    assert order.index(order[1], 2) > 2
    assert len(set(order)) == len(order) - 1
    assert found.changes
    assert "did not fit" not in found.note


def test_only_what_sees_it_in_its_last_look_is_walked_further(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, walk = beside.sees_it, beside.first_reported
    looked, saw, walked = list[str](), list[str](), list[str]()

    def sees_it(recommender: Recommender, name: str, *more: Any) -> bool:
        looked.append(name)
        sees = look(recommender, name, *more)
        saw.extend([name] if sees else [])
        return bool(sees)

    def first_reported(recommender: Recommender, name: str, *more: Any) -> datetime | None:
        walked.append(name)
        return walk(recommender, name, *more)

    monkeypatch.setattr("workers.respond.trial.sees_it", sees_it)
    monkeypatch.setattr("workers.respond.trial.first_reported", first_reported)
    monkeypatch.setattr("workers.respond.trial.alarms_before", silent)
    found = try_changes(bakery, load(bakery), incident(bakery))
    assert walked == ["sold", *saw]
    assert {one.change.name for one in found.changes} <= set(saw)
    assert len(looked) > 2 * len(saw)
    assert f"{len(looked)} checks were replayed" in found.note


def test_a_question_that_its_table_does_not_answer_is_said_so(bakery: Path) -> None:
    keys = {"kind": "staleness", "table": "baskets", "window": "6h", "shadow": True}
    found = try_these(bakery, incident(bakery), [Candidate("ages", keys, "of a model where there is none")])
    assert found == Tried(note="1 check was replayed: 1 got no answer from its table")


def test_a_check_that_the_doctor_would_refuse_is_not_replayed(bakery: Path) -> None:
    keys = {"kind": "drift", "table": "baskets", "columns": ["price"], "window": "6h", "shadow": True}
    found = try_these(bakery, incident(bakery), [Candidate("prices", keys, "of a column that is not there")])
    assert found == Tried(note="None of the checks that might have found it sooner goes with its tables")


def test_of_what_looks_for_the_cause_that_in_more_columns_comes_first() -> None:
    saved = {name: timedelta(minutes=5) for name in ("found_it", "of_one", "of_many", "of_all")}
    tried = {
        "found_it": Candidate("found_it", {}, ""),
        "of_one": Candidate("of_one", {"columns": ["price"]}, "", direct=True),
        "of_many": Candidate("of_many", {"columns": ["price", "weight"]}, "", direct=True),
        "of_all": Candidate("of_all", {}, "", direct=True),
    }
    assert _in_order(saved, tried) == ["of_all", "of_many", "of_one", "found_it"]
    assert _in_order({**saved, "found_it": timedelta(minutes=7)}, tried)[0] == "found_it"


def test_of_what_reports_it_as_soon_what_looks_for_the_cause_itself_comes_first(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.trial.alarms_before", silent)
    of_slices = {"kind": "slice_volume", "table": "baskets", "window": "36m", "every": "36m", "shadow": True}
    of_all = {"kind": "volume", "table": "baskets", "window": "90m", "every": "90m", "history": "14d"}
    given = [
        Candidate("as_soon", of_slices, "as it is"),
        Candidate("direct", {**of_slices, "least_change": 0.3}, "of the cause", direct=True),
        Candidate("sooner", {**of_all, "shadow": True}, "of all counters"),
    ]
    found = try_these(bakery, incident(bakery), given)
    assert [one.change.name for one in found.changes] == ["sooner", "direct", "as_soon"]


def test_one_question_that_goes_on_for_long_leaves_time_to_count_alarms(
    bakery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, was, asked = time.monotonic(), time.monotonic, beside.first_reported
    goes_on: list[float] = [0.0]

    def first_reported(*question: Any) -> datetime | None:
        answer = asked(*question)
        if answer is not None and question[1] != "sold":
            goes_on[0] = 3_600.0
        return answer

    monkeypatch.setattr("workers.respond.trial.first_reported", first_reported)
    monkeypatch.setattr("time.monotonic", lambda: was() + goes_on[0])
    found = try_changes(bakery, load(bakery), incident(bakery))
    assert time.monotonic() - began > 3_600
    assert len(found.changes) == 1
    assert found.changes[0].weeks > 1

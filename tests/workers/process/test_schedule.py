from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from domain.errors import ConfigurationError
from workers.environment.broker import Broker
from workers.environment.settings import Settings
from workers.process.schedule import (
    FASTEST_SECONDS,
    MOST_WAITING,
    REMIND_SECONDS,
    Ticks,
    declared_ticks,
    run,
)


def test_each_job_is_sent_at_its_own_pace_and_a_pause_is_not_made_up_for() -> None:
    ticks = Ticks({"remind": 2.0, "detect": 10.0})
    assert ticks.due(0.0) == ["remind", "detect"]
    assert ticks.due(1.9) == []
    assert ticks.due(2.0) == ["remind"]
    assert ticks.due(300.0) == ["remind", "detect"]
    assert ticks.due(300.1) == []
    assert ticks.seconds_to_next(301.0) == pytest.approx(1.0)


def test_the_clock_stops_when_it_is_told() -> None:
    stop, sent = Signal(), list[tuple[str, datetime]]()

    def send(job: str, late_after: datetime) -> bool:
        sent.append((job, late_after))
        stop.set()
        return True

    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    run(Ticks({"remind": 2.0}), send, stop, now=lambda: noon)
    assert sent == [("remind", noon + timedelta(seconds=5))]


def test_while_nobody_takes_them_ticks_do_not_pile_up_and_then_go_on(redis_url: str) -> None:
    url = make_url(redis_url).set(database="13").render_as_string(hide_password=False)
    stop, carrier, asked = Signal(), Broker(url, f"ticks-{uuid4().hex}"), list[int]()

    def waiting(job: str) -> int:
        asked.append(carrier.waiting(job))
        if len(asked) == MOST_WAITING + 5:
            stop.set()
        return asked[-1]

    run(Ticks({"recsysops.detect": 0.01}), carrier.send, stop, waiting)
    assert max(asked) == carrier.waiting("recsysops.detect") == MOST_WAITING
    assert carrier.waiting("recsysops.remind") == 0  # another queue, which nobody has made
    carrier.close()


def test_where_the_broker_is_away_nothing_is_held_back(unused_tcp_port: int) -> None:
    carrier = Broker(f"redis://127.0.0.1:{unused_tcp_port}/0", "nowhere")
    assert carrier.waiting("recsysops.detect") == 0
    carrier.close()


def test_a_beat_that_fails_is_not_the_last() -> None:
    stop, sent = Signal(), list[str]()

    def send(job: str, late_after: datetime) -> bool:
        sent.append(job)
        if len(sent) == 3:
            stop.set()
        raise AttributeError(f"what no client of a broker should raise, at {late_after}")

    run(Ticks({"remind": 0.01}), send, stop)
    assert sent == ["remind"] * 3


def test_a_wrong_declaration_stops_the_looking_but_not_the_reminding(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise ConfigurationError("recsysops.toml:3: checks.x.kind: unknown")

    monkeypatch.setattr("workers.process.schedule.recommender", wrong)
    assert declared_ticks().every == {"recsysops.remind": REMIND_SECONDS}


def test_the_fastest_table_says_how_often_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text("at,genre\n2026-03-03T12:00:00Z,Drama\n")
    (tmp_path / "recsysops.toml").write_text(
        """
        [recommender]
        name = "cinema"
        [tables.impressions]
        path = "rows.csv"
        time = "at"
        window = "1m"
        every = "10s"
        [tables.plays]
        path = "rows.csv"
        time = "at"
        window = "1h"
        [checks.volume]
        kind = "volume"
        table = "impressions"
        """
    )
    monkeypatch.setattr(
        "workers.declaration.current.settings", lambda: Settings(config=tmp_path / "recsysops.toml")
    )
    assert declared_ticks().every["recsysops.detect"] == 10.0
    file = tmp_path / "recsysops.toml"
    slow = file.read_text().replace('"1m"', '"1d"').replace('every = "10s"', "")
    file.write_text(slow.replace('"1h"', '"1d"'))
    assert declared_ticks().every["recsysops.detect"] == 86_400.0
    file.write_text(file.read_text() + 'schedule = "15 6 * * *"\n')
    assert declared_ticks().every["recsysops.detect"] == 60.0
    assert "recsysops.witness" not in declared_ticks().every
    vault = '[witness.vault]\nkind = "folder"\npath = "vault"\nevery = "0s"\n'
    file.write_text(file.read_text() + vault)
    assert declared_ticks().every["recsysops.witness"] == FASTEST_SECONDS

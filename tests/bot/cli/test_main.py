"""The terminal: corrections, forgetting people, output for programs, one-line errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.main import app
from domain.errors import Refused
from tests.bot.slack.test_announce import submit
from tests.bot.stories import OPENED
from tests.bot.terminal import Terminal, recsysops
from workers.door import Door

Run = Callable[..., Any]


@pytest.fixture
def run(door: Door, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process on the test's store, and returns what it printed."""
    for name in ("shared", "incident", "events", "followers"):
        monkeypatch.setattr(f"bot.cli.{name}.open_door", lambda: door)

    def running(*words: str) -> str:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return running


def test_a_wrong_time_is_put_right_and_the_report_says_both(run: Run, door: Door) -> None:
    submit(door, OPENED)
    run("ack", "1")
    assert "Acknowledged" not in run("correct", "1")
    listed = json.loads(run("correct", "1", "--json"))["correctable"]
    acknowledged = next(one for one in listed if one["part"] == "time")
    number = acknowledged["event"].rpartition(":")[2]
    with pytest.raises(Refused, match="what is right, for instance"):
        run("correct", "1", number)
    with pytest.raises(Refused, match="still to come"):
        run("correct", "1", number, "time", "2999-01-01 00:00", "-r", "a slip")
    assert "Corrected the severity" in run("correct", "1", "1", "severity", "sev3", "-r", "a slip")
    text = run("report", "1")
    assert "SEV3 opened" in text
    assert "was SEV2; a slip" in text


def test_who_was_forgotten_is_a_former_member_in_the_report(run: Run, door: Door) -> None:
    submit(door, OPENED)
    run("assign", "1", "slack:U0ADA")
    assert "Assigned to someone in Slack" in run("report", "1")
    assert "Forgotten" in run("forget", "slack:U0ADA", "--yes")
    text = run("report", "1")
    assert "U0ADA" not in text
    assert "Assigned to a former member" in text
    with pytest.raises(Refused, match="nobody is known as"):
        run("forget", "slack:U0ADA", "--yes")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("status",), 2, "DATABASE_URL"),
        (("doctor", "/nowhere/recsysops.toml"), 1, "no such file"),
        (("check", "list", "/nowhere/recsysops.toml"), 2, "does not exist"),
        (("backtest", "/nowhere"), 2, "--from"),
        (("backtest", "/nowhere", "--from", "tomorrow", "--to", "2026-01-01"), 1, "not a time"),
        (("init", "/nowhere"), 1, "no Parquet or CSV"),
    ],
)
def test_an_error_is_said_once_without_a_trace(
    words: tuple[str, ...],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = Terminal(monkeypatch, capsys, {})(*words, code=code)
    assert says in done.out + done.err
    assert "Traceback" not in done.err


def test_what_a_program_reads_is_nothing_but_json(database_url: str) -> None:
    done = recsysops("declare", "odd rows", "--json", DATABASE_URL=database_url)
    assert json.loads(done.stdout)["incident"]["number"] == 1
    assert "not_declared" in done.stderr


def test_a_store_that_does_not_answer_is_said_so() -> None:
    done = recsysops("status", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert done.returncode == 1
    assert "\nPostgreSQL does not answer: nothing listens there" in done.stderr
    assert "Traceback" not in done.stderr


def test_followers_are_listed_paused_and_replayed(run: Run, door: Door) -> None:
    submit(door, OPENED)
    (event,) = door.unseen("obligations")
    door.saw("obligations", event.position)
    assert "up to date" in run("followers")
    run("followers", "pause", "obligations")
    run("followers", "replay", "obligations", "--from", "0", "--no-wait")
    (obligations,) = json.loads(run("followers", "--json"))["followers"]
    assert (obligations["position"], obligations["behind"], obligations["paused"]) == (0, 1, True)
    assert "paused" in run("followers", "replay", "obligations", "--from", "0")
    run("followers", "resume", "obligations")
    assert door.unseen("obligations") == [event]


def test_what_a_follower_left_out_is_reported_and_asked_for_again(run: Run, door: Door) -> None:
    submit(door, OPENED)
    (event,) = door.unseen("obligations")
    while not door.stumbled("obligations", event, ValueError("no such slice")):
        pass
    assert "obligations left out event 1: ValueError" in run("followers")
    run("followers", "replay", "obligations", "--no-wait")
    assert door.unseen("obligations")[0] == event

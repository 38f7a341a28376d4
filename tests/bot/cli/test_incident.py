"""The terminal on a real store, through the entry point and the environment as an operator has them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bot.cli.shared import account
from domain.incident import commands as c
from domain.incident.menu import digest_of
from tests.bot.slack.test_announce import submit
from tests.bot.stories import APPLIED, DIAGNOSED, MENU, OFFERED, OPENED, PROPOSED, VERIFIED, WATCHED, Step
from tests.bot.terminal import Terminal, recsysops
from tests.domain.incident.given import WORKER
from workers.door import Door
from workers.store.connection import driver_address

ANSWERS = ("--detect-faster", "no", "--diagnose-faster", "no", "--change", "nothing", "--detail", "a holiday")


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, redis_url: str
) -> Terminal:
    return Terminal(monkeypatch, capsys, {"DATABASE_URL": database_url, "REDIS_URL": redis_url})


def happen(door: Door, *steps: Step) -> None:
    """What the workers do of incident 1."""
    for step in steps:
        assert isinstance(step, tuple)
        door.submit("#1", step[0], step[1], f"worker-{step[0].__class__.__name__}")


def test_an_incident_is_walked_from_the_alarm_to_its_end(
    terminal: Terminal, door: Door, tmp_path: Path
) -> None:
    submit(door, OPENED)
    happen(door, DIAGNOSED, OFFERED)
    listed = terminal("status").out
    assert "#1" in listed
    assert "nobody" in listed
    assert terminal("ack", "1", "--json").json["events"] == ["incident.acknowledged"]
    assert terminal("status", "--json").json["incidents"][0]["status"] == "acknowledged"
    assert "“Fill in the language” is first: it repairs" in terminal("hotfix", "list", "1").out
    assert "Serve the model before (model_back): the model v8" in terminal("hotfix", "why", "1").out
    why = terminal("hotfix", "why", "1", "feed_failover", "--json").json
    assert [one["hotfix"] for one in why["left_out"]] == ["feed_failover"]
    assert 'did you mean "model_back"?' in terminal("hotfix", "why", "1", "model_bak", code=1).err
    refused = terminal("hotfix", "choose", "1", "9", code=1)
    assert "9" in refused.err
    assert "1 Fill in the language, 2 Boost these films" in refused.err
    menu = terminal("hotfix", "list", "1", "--json").json["menu"]
    assert f"Menu {menu}" in terminal("hotfix", "list", "1").out
    details = terminal("hotfix", "explain", "1", "fill").out
    assert "Repairs" in details
    assert "Everyone else" in details
    assert terminal("hotfix", "explain", "1", "1", "--json").json["option"]["key"] == MENU[0].key
    assert "is not on the menu" in terminal("hotfix", "explain", "1", "gone", code=1).err
    unsaid = terminal("hotfix", "choose", "1", "1", code=1).err
    assert "--menu DIGEST" in unsaid
    assert "`recsysops hotfix list 1`" in unsaid
    stale = terminal("hotfix", "choose", "1", "1", "--menu", "0" * 16, code=1).err
    assert "Now: “Fill in the language” repairs 96 %" in stale
    chosen = terminal("hotfix", "choose", "1", "1", "--menu", menu, "--json").json
    assert chosen["incident"]["hotfix"]["option"] == MENU[0].key
    assert "hotfix.approved" in chosen["events"]
    happen(door, APPLIED, WATCHED, VERIFIED, PROPOSED)
    assert "follow-up" in terminal("close", "1", code=1).err
    assert "Follow-up answered (" in terminal("follow-up", "accept", "1").out
    closed = terminal("close", "1").out
    assert closed.startswith("Closed\n#1 is closed.\n")
    assert "“Fill in the language” is in force, and expires" in closed
    assert "`recsysops hotfix revert 1` takes it back" in closed
    assert "No incident is open." in terminal("status").out
    assert "Mean times: to detect" in terminal("status").out
    assert [one["number"] for one in terminal("status", "--all", "--json").json["incidents"]] == [1]
    page = tmp_path / "report.html"
    terminal("report", "1", "--html", "--out", page)
    assert page.read_text().startswith("<!doctype html>")
    assert terminal("report", "1", "--json").json["timeline"][-1]["what"] == "Closed"
    assert terminal("incident", "1").out.startswith("# #1 Films from Denmark")


def _declaring(folder: Path, account: str) -> Path:
    file = folder / "declared.toml"
    file.write_text(
        '[recommender]\nname = "shop"\n[tables.a]\npath = "a.csv"\n'
        f'[people.me]\nterminal = "{account}"\n[permissions]\ndeploy = ["me"]\napprove = ["me"]\n'
        'break_glass = ["me"]\n'
    )
    return file


def test_a_second_person_s_hotfix_is_rejected_and_another_is_reverted(
    terminal: Terminal, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(door, OPENED)
    happen(door, DIAGNOSED, OFFERED)
    menu = digest_of(MENU)
    nobody = terminal("hotfix", "choose", "1", "rollback", "--menu", menu, code=1).err
    assert f"“{account()}” at a terminal is nobody that recsysops.toml knows" in nobody
    terminal.environment["RECSYSOPS_CONFIG"] = str(_declaring(tmp_path, account()))
    asked = terminal("hotfix", "choose", "1", "rollback", "--menu", menu, "--json").json
    assert asked["events"] == ["hotfix.chosen"]
    monkeypatch.setenv("LOGNAME", "somebody-else")  # says nothing of who it is
    assert "You asked for this yourself" in terminal("hotfix", "approve", "1", "--menu", menu, code=1).err
    waits = terminal("forget", f"terminal:{account()}", "--yes", code=1).err
    assert "cannot be forgotten yet: “Roll the catalogue back” waits to be approved in #1" in waits
    assert "Rejected “" in terminal("hotfix", "reject", "1", "--reason", "too many films").out
    terminal("hotfix", "choose", "1", "rollback", "--menu", menu)
    glass = ("hotfix", "break-glass", "1", "--menu", menu)
    assert "Say why it cannot wait" in terminal(*glass, code=1).err
    assert "Break-glass: “" in terminal(*glass, "--reason", "nobody answers").out
    assert "(break-glass: nobody answers)" in terminal("incident", "1").out
    happen(door, (c.RecordHotfixFailed(option="rollback", reason="500"), WORKER))
    terminal("hotfix", "choose", "1", "fill", "--menu", menu)
    assert "No hotfix is in force." in terminal("hotfix", "in-force").out
    happen(door, APPLIED)
    (acting,) = terminal("hotfix", "in-force", "--json").json["in_force"]
    assert (acting["number"], acting["hotfix"], acting["stage"]) == (1, "Fill in the language", "applied")
    assert acting["owner"] == f"terminal:{account()}"
    assert acting["expires_in_seconds"] > 0
    assert acting["repaired"] is None
    assert "Fill in" in terminal("hotfix", "in-force").out
    assert acting["worth"] is None
    assert "Say why it is to stay" in terminal("hotfix", "renew", "1", code=1).err
    renewed = terminal("hotfix", "renew", "1", "--reason", "the feed is not repaired yet").out
    assert "until" in renewed
    assert "Asked to revert “" in terminal("hotfix", "revert", "1").out


def test_a_declared_incident_is_annotated_changed_and_answered_in_every_way(
    terminal: Terminal, door: Door
) -> None:
    made = terminal(
        "declare", "odd rows", "--severity", "SEV2", "--description", "seen by hand", "--json"
    ).json
    assert (made["incident"]["number"], made["incident"]["severity"]) == (1, "SEV2")
    assert "#2 is open." in terminal("declare", "another").out
    for words, event in (
        (("note", "1", "looking"), "note.added"),
        (("severity", "1", "SEV1", "--reason", "it grows"), "severity.changed"),
        (("assign", "1", "slack:U-ml"), "incident.assigned"),
        (("silence", "1", "--hours", "2"), "incident.silenced"),
        (("resolve", "1", "--reason", "it stopped"), "incident.resolved"),
        (("reopen", "1", "--reason", "it is back"), "incident.reopened"),
        (("dismiss", "1", "--reason", "a holiday"), "incident.resolved"),
        (("follow-up", "answer", "1", *ANSWERS), "follow_up.answered"),
        (("close", "1"), "incident.closed"),
    ):
        assert event in terminal(*words, "--json").json["events"], words
    assert {event.actor.partition(":")[0] for event in door.events(1)} == {"terminal"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("ack", "7"), 1, "there is no incident 7"),
        (("report", "7"), 1, "there is no incident 7"),
        (("hotfix", "revert", "1"), 1, "no hotfix of #1 was chosen yet"),
        (("severity", "1", "SEV9"), 2, "SEV9"),
        (("follow-up", "accept", "1"), 1, ""),
        (("report", "1", "--out", "/nowhere/report.md"), 1, "/nowhere/report.md: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    terminal: Terminal, door: Door, words: tuple[str, ...], code: int, says: str
) -> None:
    submit(door, c.DeclareIncident(number=0, title="odd rows", severity="SEV3"))
    done = terminal(*words, code=code)
    assert says in done.err
    assert done.err.strip()
    assert "Traceback" not in done.err


def test_the_log_is_exported_from_a_position_on_and_verified(
    terminal: Terminal, door: Door, tmp_path: Path
) -> None:
    submit(door, OPENED)
    happen(door, DIAGNOSED, OFFERED)
    out = tmp_path / "log.jsonl"
    terminal("events", "export", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["wire_name"] for line in lines] == ["incident.opened", "diagnosis.gathered", "menu.prepared"]
    terminal("events", "export", "--after", "2", out)
    assert [json.loads(line)["position"] for line in out.read_text().splitlines()] == [3]
    verified = terminal("events", "verify", "--json").json
    assert verified["verified"] is True
    assert "The log is intact" in terminal("events", "verify").out


def test_a_log_that_was_changed_behind_our_back_fails_verification(
    terminal: Terminal, door: Door, database_url: str
) -> None:
    submit(door, OPENED)
    with psycopg.connect(driver_address(database_url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # as a superuser may
        connection.execute("UPDATE events SET data = replace(data::text, '214', '215')::jsonb")
    done = terminal("events", "verify", code=1)
    assert "1" in done.err
    assert "is intact" not in done.out


def test_in_a_process_of_its_own_only_json_is_printed(
    terminal: Terminal, database_url: str, door: Door
) -> None:
    submit(door, OPENED)
    listed = recsysops("status", "--json", DATABASE_URL=database_url)
    assert [one["number"] for one in json.loads(listed.stdout)["incidents"]] == [1]
    assert terminal("events", "export").json["wire_name"] == "incident.opened"
    assert terminal("report", "1", "--markdown").out.startswith("# #1 Films from Denmark")


def test_what_is_owed_is_listed_and_tried_again_and_a_cause_looked_into_again(
    terminal: Terminal, door: Door
) -> None:
    assert terminal("obligations").out.strip() == "No obligation is open."
    submit(door, OPENED)
    owed = terminal("obligations", "--json").json["obligations"]
    assert [(one["kind"], one["number"], one["tries"]) for one in owed] == [
        ("announce", 1, 0),
        ("diagnose", 1, 0),
    ]
    listed = terminal("obligations").out
    assert "diagnose" in listed
    assert "–" in listed
    assert "#1: “diagnose” is tried again within seconds." in terminal("obligations", "retry", "1").out
    (again,) = terminal("obligations", "retry", "1", "diagnose", "--json").json["obligations"]
    assert again["next_try_at"] is not None
    assert "does not owe “menu” but: diagnose" in terminal("obligations", "retry", "1", "menu", code=1).err
    assert "there is no incident 7" in terminal("obligations", "retry", "7", code=1).err
    assert "looked into already" in terminal("look-again", "1", code=1).err
    happen(door, DIAGNOSED, OFFERED)
    assert "`recsysops look-again 1`" in terminal("obligations", "retry", "1", code=1).err
    assert terminal("look-again", "1", "--json").json["events"] == ["diagnosis.requested"]
    assert [one["kind"] for one in terminal("obligations", "--json").json["obligations"]] == [
        "announce",
        "diagnose",
    ]


@pytest.mark.parametrize(("typed", "stage"), [(b"y\n", "approved"), (b"n\n", None)])
def test_who_sits_at_a_terminal_is_shown_the_numbers_and_asked(
    door: Door, database_url: str, redis_url: str, typed: bytes, stage: str | None
) -> None:
    submit(door, OPENED)
    happen(door, DIAGNOSED, OFFERED)
    here, there = pty.openpty()
    command = [sys.executable, "-m", "bot.cli.main", "hotfix", "choose", "1", "fill"]
    given = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RECSYSOPS_VAR": "/nowhere",
        "COLUMNS": "200",
    }
    with subprocess.Popen(
        command, env={**os.environ, **given}, stdin=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as asked:
        os.write(here, typed)
        out, _ = asked.communicate(timeout=600)
    os.close(here)
    os.close(there)
    said = out.decode()
    assert "96 % [93–98]" in said
    assert "Is this what you want for #1?" in said
    assert "Boost these films" not in said
    incident = door.incident(1)
    assert incident is not None
    assert (incident.hotfix.stage if incident.hotfix else None) == stage
    assert asked.returncode == (0 if stage else 1)


def test_status_says_which_channel_cannot_be_posted_to(terminal: Terminal, door: Door) -> None:
    door.shown.say_route("#gone", "is_archived")
    assert "Nothing can be posted to #gone: is_archived" in terminal("status").out

"""People by name on pages and in threads; by id in the log, and wherever Slack does not say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.directory import FRESH_SECONDS, UNKNOWN_SECONDS, Directory, name_in
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from domain.incident import commands as c
from domain.values import Actor, Severity
from tests.bot.conftest import Look, settle
from tests.bot.slack.test_announce import heads, replies, submit
from tests.bot.stories import OPENED
from tests.bot.workspace.driver import Driver
from workers.door import Door
from workers.store.exports.export import export

ON_CALL = Actor(kind="person", id="slack:U-oncall", groups=("oncall",))
STRANGER = Actor(kind="person", id="slack:U-gone", groups=("oncall",))
HANDED = (
    OPENED,
    (c.Acknowledge(), ON_CALL),
    (c.Assign(person="slack:U-ml"), ON_CALL),
    (c.AddNote(text="hm"), STRANGER),
)


class Clock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pages_name_people_and_the_log_does_not(look: Look, door: Door) -> None:
    submit(door, *HANDED)
    page = look("/reports/1").text
    assert "<td>On call</td><td>Acknowledged</td>" in page
    assert "Assigned to ML engineer" in page
    assert "; ML engineer had it" in page
    assert "U-oncall" not in page
    assert "| On call | Assigned to ML engineer |" in look("/reports/1.md").text
    assert "<td>ML engineer</td>" in look("/").text
    log = b"".join(export(door.log)).decode()
    assert "U-oncall" not in log
    assert "On call" not in log
    assert "ML engineer" not in log


def test_whoever_slack_does_not_know_is_someone_in_slack_and_no_id(look: Look, door: Door) -> None:
    submit(door, *HANDED)
    page = look("/reports/1").text
    assert "<td>someone in Slack</td>" in page
    assert "U-gone" not in page


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error"},
        {"kind": "ratelimited"},
        {"kind": "drop_before_effect"},
        {"kind": "slow", "delay_seconds": 9.0},
    ],
)
def test_pages_open_without_names_while_slack_does_not_answer(
    look: Look, door: Door, person: Driver, fault: dict[str, Any]
) -> None:
    submit(door, *HANDED)
    person.fault(**fault, method="users.info", count=50)
    page = look("/reports/1").text
    assert "<td>someone in Slack</td><td>Acknowledged</td>" in page
    assert "Assigned to someone in Slack" in page


def test_a_thread_names_who_did_it_and_mentions_only_whom_it_is_handed_to(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    submit(door, *HANDED)
    settle(announcer)
    said = replies(person)
    assert "On call: Acknowledged" in said
    assert "On call: Assigned to <@U-ml>" in said
    assert "<@U-gone>: Note: hm" in said
    assert not any("<@U-oncall>" in one for one in said)


@pytest.mark.parametrize("slack_answers", [True, False])
def test_whoever_declares_an_incident_is_not_paged_for_it(
    door: Door, announcer: Announcer, person: Driver, slack_answers: bool
) -> None:
    if not slack_answers:
        person.fault(kind="server_error", method="users.info", count=50)
    stream = submit(door, (c.DeclareIncident(number=0, title="Odd rows", severity=Severity.SEV3), ON_CALL))
    settle(announcer)
    called = "On call" if slack_answers else "someone in Slack"
    assert f"Declared by {called}" in json.dumps(heads(person)[0])
    door.submit(stream, c.ChangeSeverity(severity=Severity.SEV2, reason="it grows"), STRANGER, "worse")
    settle(announcer)
    assert "SEV2" in heads(person)[0]["text"]
    assert "<@U-oncall>" not in json.dumps(person.messages())


def test_what_comes_from_data_mentions_nobody_in_a_thread(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    submit(door, OPENED, (c.AddNote(text="ask slack:U-lead"), ON_CALL))
    settle(announcer)
    assert not any("<@U-lead>" in json.dumps(message) for message in person.messages())


def test_somebody_is_asked_for_once_an_hour_and_a_name_once_heard_stays(
    given: BotSettings, person: Driver
) -> None:
    clock = Clock()
    directory = Directory(given.bot_token, given.slack_base_url, clock)
    people = {"slack:U-ml", "slack:U-gone", "worker:resolve", "terminal:root"}

    def asked() -> int:
        assert directory.of(people) == {"slack:U-ml": "ML engineer"}
        return person.calls("users.info")

    assert [asked(), asked()] == [2, 2]
    clock.now += UNKNOWN_SECONDS
    assert asked() == 3
    clock.now += FRESH_SECONDS
    person.fault(kind="server_error", method="users.info", count=2)
    assert asked() == 5


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"profile": {"display_name": "ada"}, "real_name": "Ada Lovelace"}, "ada"),
        ({"profile": {"display_name": " "}, "real_name": "Ada\nLovelace"}, "Ada Lovelace"),
        ({"name": "ada"}, "ada"),
        ({"profile": {"display_name": "x" * 200}}, "x" * 80),
        ({}, None),
    ],
)
def test_people_are_called_what_they_want_to_be_called(user: dict[str, Any], name: str | None) -> None:
    assert name_in(user) == name

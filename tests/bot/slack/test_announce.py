"""The announcer on a real log and a workspace that can be told to go wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.messages.incident.evidence import NOTABLE
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.living import ANNOUNCER
from domain.incident import commands as c
from tests.bot.conftest import DECLARED, fresh_announcer, settle
from tests.bot.stories import ASKED, BROKEN, DIAGNOSED, FINDING, OFFERED, OPENED, WAY
from tests.bot.workspace.driver import Driver
from tests.domain.incident.given import ON_CALL, WORKER
from workers.door import Door


def submit(door: Door, *steps: Any) -> str:
    """Hand these commands to the store, and return the stream they are about."""
    stream: str | None = None
    for number, step in enumerate(steps):
        command, actor = step if isinstance(step, tuple) else (step, ON_CALL)
        stream = door.submit(stream, command, actor, f"{time.monotonic_ns()}-{number}").stream
    assert stream is not None
    return stream


def heads(person: Driver, channel: str = "C-recsysops") -> list[dict[str, Any]]:
    return [m for m in person.messages(channel) if m.get("thread_ts") in (None, m["ts"])]


def replies(person: Driver) -> list[str]:
    return [m["text"] for m in person.messages() if m.get("thread_ts") not in (None, m["ts"])]


def test_one_incident_is_one_living_message(door: Door, announcer: Announcer, person: Driver) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    (message,) = heads(person)
    assert "71 % less" in message["text"]
    for step in WAY[1:]:
        command, actor = step if isinstance(step, tuple) else (step, ON_CALL)
        door.submit(stream, command, actor, f"{time.monotonic_ns()}")
    settle(announcer)
    (living,) = heads(person)
    assert living["ts"] == message["ts"]
    assert "closed" in living["text"]
    incident = door.incident(stream)
    assert incident is not None
    assert incident.messages == (("C-recsysops", message["ts"]),)
    assert "announce" not in incident.awaits


def test_the_thread_holds_the_evidence_and_each_notable_step_once(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    submit(door, *WAY)
    settle(announcer)
    said = replies(person)
    assert len(said) == len(set(said))
    assert any("Diagnosis gathered" in one for one in said)
    assert any("94 % of the gap" in one for one in said)
    assert not any("Posted in" in one or "Seen again" in one for one in said)


def test_the_message_of_a_closed_incident_forgets_who_was_forgotten(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    submit(door, *WAY)
    settle(announcer)
    assert "U-oncall" in str(heads(person)[0])
    assert door.forget(ON_CALL.id)
    settle(fresh_announcer(given, door))
    assert "U-oncall" not in str(heads(person)[0]["blocks"])
    assert "a former member had it" in str(heads(person)[0]["blocks"])
    assert door.to_draw_again() == []


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes an announcer die right after Slack took its nth post, before it can remember that."""

    def arrange(announcer: Announcer, nth: int) -> None:
        count = 0
        said = announcer._chat._say

        def dying(*args: Any) -> str:
            nonlocal count
            answer = said(*args)
            count += 1
            if count == nth:
                raise KeyboardInterrupt
            return answer

        monkeypatch.setattr(announcer._chat, "_say", dying)

    yield arrange


@pytest.mark.parametrize("nth", [1, 2, 3, 5])
def test_killed_after_any_post_it_posts_nothing_twice_and_loses_nothing(
    door: Door, given: BotSettings, person: Driver, killed_after: Any, nth: int
) -> None:
    submit(door, *WAY)
    first = fresh_announcer(given, door)
    killed_after(first, nth)
    with pytest.raises(KeyboardInterrupt):
        settle(first)
    settle(fresh_announcer(given, door))
    assert len(heads(person)) == 1
    said = replies(person)
    assert len(said) == len(set(said)) >= 6


def test_killed_before_the_last_update_the_message_says_closed_all_the_same(
    door: Door, given: BotSettings, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = submit(door, *WAY[:-1])
    settle(announcer)
    monkeypatch.setattr(announcer, "_bring_up_all", lambda now: None)  # it dies before it comes to that
    door.submit(stream, c.Close(), ON_CALL, "close")
    announcer.round()
    settle(fresh_announcer(given, door))
    assert "closed" in heads(person)[0]["text"]


@pytest.mark.parametrize("fault", ["drop_after_effect", "drop_before_effect", "server_error"])
def test_a_post_whose_answer_is_lost_is_posted_once(
    door: Door, announcer: Announcer, person: Driver, fault: str
) -> None:
    submit(door, OPENED)
    person.fault(fault, method="chat.postMessage")
    settle(announcer, seconds=15)
    assert len(heads(person)) == 1


def test_slack_asks_to_wait_and_is_obeyed(door: Door, announcer: Announcer, person: Driver) -> None:
    submit(door, OPENED)
    person.fault("ratelimited", method="chat.postMessage", retry_after=1)
    begun = time.monotonic()
    settle(announcer, seconds=15)
    assert len(heads(person)) == 1
    assert time.monotonic() - begun >= 1.0


def test_a_channel_that_is_not_there_does_not_keep_others_from_being_told(
    door: Door, given: BotSettings, person: Driver
) -> None:
    launch = FINDING.model_copy(update={"table": "prelaunch"})
    door._settings.config.write_text(DECLARED + '[routes]\ndefault = "#gone"\n')
    submit(door, (c.OpenIncident(number=1, finding=launch), WORKER), DIAGNOSED)
    settle(fresh_announcer(given, door))
    assert len(heads(person, "C-content")) == 1


def test_stakeholders_hear_of_their_tables(door: Door, announcer: Announcer, person: Driver) -> None:
    launch = FINDING.model_copy(update={"table": "prelaunch"})
    submit(door, (c.OpenIncident(number=1, finding=launch), WORKER))
    submit(door, OPENED)
    settle(announcer)
    assert len(heads(person, "C-content")) == 1
    assert len(heads(person)) == 2


def test_break_glass_is_announced_in_the_channel_itself_once_and_also_while_it_is_silenced(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    stream = submit(door, OPENED, DIAGNOSED, OFFERED, ASKED)
    settle(announcer)
    assert len(heads(person)) == 1
    door.submit(stream, c.Silence(until=datetime.now(UTC) + timedelta(hours=1)), ON_CALL, "silence")
    door.submit(stream, BROKEN, ON_CALL, "broken")
    settle(announcer)
    _, loud = heads(person)
    assert loud["text"].startswith("🚨 *Break-glass* in #1: ")
    assert (
        "has “Roll the catalogue back” deployed *without the second person* that it needs: Nobody"
        in (loud["text"])
    )
    assert not [one for one in replies(person) if "Break-glass" in one]
    again = fresh_announcer(given, door)
    door.shown.owe({stream: 1})  # as one that died before it had written down how far it came
    settle(again)
    assert len(heads(person)) == 2


def test_a_silenced_incident_is_kept_up_to_date_without_a_word(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    door.submit(stream, c.Silence(until=datetime.now(UTC) + timedelta(hours=1)), ON_CALL, "silence")
    door.submit(stream, c.Acknowledge(), ON_CALL, "ack")
    settle(announcer)
    assert replies(person) == []
    assert "has it" in str(heads(person)[0]["blocks"])


def test_many_changes_in_a_moment_are_one_update(door: Door, announcer: Announcer, person: Driver) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    before = len(heads(person)[0].get("versions", []))
    for number in range(10):
        door.submit(stream, c.AddNote(text=f"note {number}"), ON_CALL, f"note {number}")
    door.submit(stream, *DIAGNOSED, "diagnosis")
    door.submit(stream, *OFFERED, "menu")
    settle(announcer)
    assert len(heads(person)[0].get("versions", [])) - before <= 2


def test_the_announcer_is_a_worker_by_name() -> None:
    assert ANNOUNCER.kind == "worker"


def test_without_a_token_it_says_what_to_set() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot.slack.announce"],
        env={"PATH": "/usr/bin", "RECSYSOPS_VAR": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 2
    assert "SLACK_BOT_TOKEN" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_process_killed_hard_at_any_moment_posts_each_thing_once(
    door: Door, given: BotSettings, person: Driver, elsewhere: dict[str, str]
) -> None:
    stream: str | None = None
    pauses = iter((0.9, 1.1, 1.4, 1.0, 1.2))
    for number in range(0, len(WAY), 3):
        announcing = subprocess.Popen([sys.executable, "-m", "bot.slack.announce"], env=elsewhere)
        for offset, step in enumerate(WAY[number : number + 3]):
            command, actor = step if isinstance(step, tuple) else (step, ON_CALL)
            stream = door.submit(stream, command, actor, f"step {number + offset}").stream
        time.sleep(next(pauses))
        announcing.kill()
        announcing.wait(60)
    settle(fresh_announcer(given, door))
    assert len(heads(person)) == 1
    said = replies(person)
    assert len(said) == len(set(said))
    notable = [event for event in door.events(stream or "") if event.event.wire_name in NOTABLE]
    assert len(said) == len(notable) + 1  # and the evidence

"""Many incidents at once: the worst is in Slack at once, and the others are one message."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from bot.settings import BotSettings
from bot.slack import flood
from bot.slack.announce import Announcer
from bot.workspace import Workspace, WorkspaceSettings
from domain.incident import commands as c
from domain.values import Severity
from tests.bot.conftest import fresh_announcer, settle
from tests.bot.slack.test_announce import heads, replies
from tests.bot.stories import DIAGNOSED, FINDING
from tests.bot.test_healing import until
from tests.bot.workspace.driver import Driver
from tests.domain.incident.given import ON_CALL, WORKER
from workers.door import Door

MANY = 30


@pytest.fixture
def room(port: int) -> Iterator[Workspace]:
    """A workspace with Slack's limit: one message a second in a channel."""
    request_url = f"http://127.0.0.1:{port}/slack/events"
    with Workspace(WorkspaceSettings(port=0, request_url=request_url, post_seconds=1.0)) as running:
        yield running


def opened(door: Door, genre: int, severity: Severity = Severity.SEV3) -> str:
    title = f"Genre {genre} films are shown 71 % less"
    sliced = (("genre", f"Genre {genre}"),)
    finding = FINDING.model_copy(update={"slice": sliced, "severity": severity, "title": title})
    return door.submit(None, c.OpenIncident(number=0, finding=finding), WORKER, f"open {genre}").stream


def announced(door: Door) -> bool:
    """Whether a message announces each incident, and nothing else is left to do."""
    return all("announce" not in one.awaits for one in door.incidents()) and not door.shown.owed()


def cards_are(person: Driver, count: int) -> bool:
    """Whether that many cards are there."""
    return len(cards(person)) == count


def floods(person: Driver) -> list[dict[str, Any]]:
    return [one for one in heads(person) if "incidents" in one["text"] and "Genre" not in one["text"]]


def cards(person: Driver, channel: str = "C-recsysops") -> list[str]:
    """The titles of the cards, each as often as it is there."""
    return re.findall(r"Genre \d+ films", " ".join(one["text"] for one in heads(person, channel)))


def listed(person: Driver) -> list[int]:
    """The numbers in the lists under the floods' messages."""
    under = {one["ts"] for one in floods(person)}
    blocks = [one["blocks"] for one in person.messages() if one["thread_ts"] in under]
    return [int(number) for number in re.findall(r"\*#(\d+)\*", str(blocks))]


def test_a_sev1_is_in_slack_at_once_however_many_incidents_were_opened_around_it(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    for genre in range(MANY):
        opened(door, genre, Severity.SEV2)
        if genre == MANY // 2:
            opened(door, 99, Severity.SEV1)
    announcer.round()
    assert cards(person) == ["Genre 99 films"]


def test_a_sev1_is_posted_before_the_log_is_read_up_to_it(
    door: Door, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(door, 1, Severity.SEV1)
    monkeypatch.setattr(door, "unseen", lambda *_: ())  # still busy with what happened earlier
    announcer.round()
    assert cards(person) == ["Genre 1 films"]


def test_a_sev1_waits_for_no_other_message_of_its_channel(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    stream = opened(door, 1)
    settle(announcer)
    for number in range(2 * MANY):
        door.submit(stream, c.AddNote(text=f"note {number}"), ON_CALL, f"note {number}")
    announcer.round()
    opened(door, 99, Severity.SEV1)
    begun = len(person.messages())
    until(announcer, lambda: "Genre 99 films" in cards(person))
    assert len(person.messages()) - begun <= 5
    assert len(replies(person)) < 2 * MANY


def test_a_flood_is_one_message_with_its_list_in_the_thread(
    door: Door,
    announcer: Announcer,
    given: BotSettings,
    person: Driver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flood, "MINUTE_SECONDS", 2.0)
    monkeypatch.setattr(flood, "REDRAW_SECONDS", 0.2)
    for genre in range(MANY):
        opened(door, genre, Severity.SEV2 if genre == 7 else Severity.SEV3)
    until(announcer, lambda: floods(person) and f"{MANY} incidents" in floods(person)[0]["text"])
    (message,) = floods(person)
    assert "Genre 7 films" in str(message["blocks"])
    assert str(message["blocks"]).count("Genre ") == 5
    assert "impressions" in message["text"]
    assert cards(person) == []
    until(announcer, lambda: "over" in floods(person)[0]["text"])
    assert sorted(listed(person)) == list(range(1, MANY + 1))
    assert announced(door)
    settle(fresh_announcer(given, door))
    assert len(heads(person)) == 1


def test_after_a_flood_an_incident_has_a_card_of_its_own_again(
    door: Door, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "MINUTE_SECONDS", 1.0)
    monkeypatch.setattr(flood, "REDRAW_SECONDS", 0.2)
    for genre in range(MANY):
        opened(door, genre)
    until(announcer, lambda: floods(person) and "over" in floods(person)[0]["text"])
    opened(door, 50)
    settle(announcer)
    assert cards(person) == ["Genre 50 films"]
    assert len(floods(person)) == 1


def test_up_to_what_the_channel_carries_each_has_its_card(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    for genre in range(flood.POSTS_A_MINUTE):
        opened(door, genre)
    settle(announcer)
    assert len(cards(person)) == flood.POSTS_A_MINUTE
    assert floods(person) == []


def test_who_takes_an_incident_of_a_flood_gets_its_card_with_its_evidence(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    streams = [opened(door, genre) for genre in range(MANY)]
    until(announcer, lambda: announced(door))
    door.submit(streams[3], *DIAGNOSED, "diagnosis")
    settle(announcer)
    assert cards(person) == []
    door.submit(streams[3], c.Acknowledge(), ON_CALL, "take")
    until(announcer, lambda: cards(person) and not door.shown.owed())
    assert cards(person) == ["Genre 3 films"]
    assert "U-oncall" in str(heads(person)[-1]["blocks"])
    assert any("Diagnosis gathered" in one for one in replies(person))
    assert any("Acknowledged" in one for one in replies(person))
    assert len(floods(person)) == 1


def test_an_incident_of_a_flood_that_becomes_a_sev1_gets_its_card(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    streams = [opened(door, genre) for genre in range(MANY)]
    until(announcer, lambda: announced(door))
    raised = c.ChangeSeverity(severity=Severity.SEV1, reason="all of Denmark")
    door.submit(streams[4], raised, ON_CALL, "raised")
    until(announcer, lambda: cards(person) == ["Genre 4 films"])


def test_what_a_person_declares_in_a_flood_has_its_card(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    for genre in range(MANY):
        opened(door, genre)
    declared = c.DeclareIncident(number=0, title="Genre 77 films crash the app", severity=Severity.SEV3)
    door.submit(None, declared, ON_CALL, "declared")
    until(announcer, lambda: cards(person) == ["Genre 77 films"])


def test_a_flood_whose_message_is_deleted_says_again_what_it_is(
    door: Door, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flood, "REDRAW_SECONDS", 0.2)
    for genre in range(MANY):
        opened(door, genre)
    until(announcer, lambda: floods(person))
    person.delete(floods(person)[0])
    opened(door, MANY)
    until(announcer, lambda: floods(person) and f"{MANY + 1} incidents" in floods(person)[0]["text"])
    assert cards(person) == []


@pytest.mark.parametrize("nth", [1, 2, 9, 25])
def test_killed_in_a_flood_nothing_is_lost_and_nothing_is_there_twice(
    door: Door, given: BotSettings, person: Driver, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    monkeypatch.setattr(flood, "MINUTE_SECONDS", 1.5)
    monkeypatch.setattr(flood, "REDRAW_SECONDS", 0.2)
    for genre in range(MANY):
        opened(door, genre)
    opened(door, 99, Severity.SEV1)
    first = fresh_announcer(given, door)
    submit, count = door.submit, iter(range(1, 1_000))

    def dying(*args: Any, **more: Any) -> Any:
        if next(count) == nth:
            raise KeyboardInterrupt
        return submit(*args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(door, "submit", dying)
        with pytest.raises(KeyboardInterrupt):
            settle(first)
    later = fresh_announcer(given, door)
    until(later, lambda: floods(person) and "over" in floods(person)[0]["text"])
    until(later, lambda: announced(door))
    assert cards(person) == ["Genre 99 films"]
    assert len(floods(person)) == 1
    assert sorted(listed(person)) == list(range(1, MANY + 1))


def test_the_process_killed_hard_in_a_flood_posts_each_thing_once(
    door: Door, given: BotSettings, person: Driver, elsewhere: dict[str, str]
) -> None:
    for kill in (1, 2):
        for genre in range(MANY):
            opened(door, 100 * kill + genre)
        opened(door, 1_000 * kill, Severity.SEV1)
        announcing = subprocess.Popen([sys.executable, "-m", "bot.slack.announce"], env=elsewhere)
        person.wait(partial(cards_are, person, kill), "card of the SEV1")
        announcing.kill()
        announcing.wait(60)
    later = fresh_announcer(given, door)
    until(later, lambda: announced(door))
    assert cards(person) == ["Genre 1000 films", "Genre 2000 films"]
    assert len(floods(person)) == 1

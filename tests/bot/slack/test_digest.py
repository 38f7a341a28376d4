"""The digest of the scorecard is posted once, whatever happens to the process, to Slack or to the channel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.messages.link import nowhere
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.chat import CLOSED_SECONDS, UNCERTAIN_SECONDS, Chat, Later, NoChannel
from bot.slack.digest import post_owed
from domain.incident.events import DIGESTS, DigestDue, DigestPosted
from tests.bot.conftest import DECLARED, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import OPENED
from tests.bot.workspace.driver import Driver
from workers.door import Door, announced
from workers.log.digests import OWED, record_due
from workers.store.lock import alone
from workers.store.log.events import read_stream

WEEKLY = '[scorecard]\nweekly = "mon 09:00"\n'
WEEK = timedelta(days=7)


@pytest.fixture
def door(door: Door) -> Door:
    """The door to a log in which a digest is declared."""
    declare(door, WEEKLY)
    return door


@pytest.fixture
def due(door: Door) -> DigestDue:
    """One is due since a minute."""
    return fall_due(door, door.now() - timedelta(minutes=1))


def declare(door: Door, *sections: str) -> None:
    file = door._settings.config
    file.write_text("\n".join((DECLARED, *sections)))
    os.utime(file, ns=(time.time_ns(), time.time_ns()))


def fall_due(door: Door, moment: datetime, recommender: str = "cinema") -> DigestDue:
    found = DigestDue(due_at=moment, recommender=recommender)
    record_due(door.log, found, door.now())
    return found


class Slack:
    """A process that posts digests, and knows nothing of those before it; its own clock can be set ahead."""

    def __init__(self, given: BotSettings, door: Door) -> None:
        self._door = door
        self._ahead = 0.0
        self.chat = Chat(given.bot_token, given.slack_base_url, lambda: time.monotonic() + self._ahead)

    def post(self) -> bool:
        return post_owed(self._door, self.chat, nowhere)

    def wait(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def slack(given: BotSettings, door: Door) -> Slack:
    return Slack(given, door)


def posted(door: Door) -> list[tuple[str, str]]:
    with door.log.connect() as connection:
        events = [one.event for one in read_stream(connection, DIGESTS)]
    return [(one.channel, one.message) for one in events if isinstance(one, DigestPosted)]


def digests(person: Driver, channel: str = "C-recsysops") -> list[str]:
    return [m["ts"] for m in heads(person, channel) if "in the last 7 d" in m["text"]]


@pytest.mark.usefixtures("due")
def test_what_is_due_is_posted_once_and_recorded(door: Door, slack: Slack, person: Driver) -> None:
    submit(door, OPENED)
    assert [slack.post() for _ in range(3)] == [True, False, False]
    (message,) = heads(person)
    assert message["text"].startswith("cinema: 1 incident in the last 7 d")
    assert posted(door) == [("C-recsysops", message["ts"])]


def test_nothing_is_posted_before_one_is_due(slack: Slack, person: Driver) -> None:
    assert not slack.post()
    assert heads(person) == []


@pytest.mark.usefixtures("due")
def test_without_a_declaration_nothing_is_posted(door: Door, slack: Slack, person: Driver) -> None:
    declare(door)
    assert not slack.post()
    declare(door, "[scorecard]\nweekly = 9\n")
    assert not slack.post()
    assert heads(person) == []
    declare(door, WEEKLY)
    assert slack.post()


@pytest.mark.usefixtures("due")
def test_it_goes_to_the_channel_that_is_declared_for_it(door: Door, slack: Slack, person: Driver) -> None:
    declare(door, WEEKLY, 'channel = "#content"')
    slack.post()
    assert (len(digests(person, "C-content")), digests(person)) == (1, [])


def test_the_doctor_looks_at_its_channel(door: Door) -> None:
    assert announced(door._settings.config)[0] == ("#recsysops", "#content")
    declare(door, WEEKLY, 'channel = "#practice"')
    assert announced(door._settings.config)[0] == ("#recsysops", "#content", "#practice")


@pytest.mark.usefixtures("due")
def test_killed_between_slacks_acceptance_and_the_record_it_is_posted_once(
    door: Door, given: BotSettings, slack: Slack, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = slack.chat._say

    def dying(*asked: Any) -> str:
        said(*asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(slack.chat, "_say", dying)
    with pytest.raises(KeyboardInterrupt):
        slack.post()
    assert posted(door) == []
    declare(door, WEEKLY, 'channel = "#content"')  # from the next one on
    assert Slack(given, door).post()
    assert posted(door) == [("C-recsysops", digests(person)[0])]
    assert (len(digests(person)), digests(person, "C-content")) == (1, [])


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize("fault", ["drop_after_effect", "drop_before_effect", "server_error", "ratelimited"])
def test_a_post_whose_answer_is_lost_is_posted_once(
    door: Door, slack: Slack, person: Driver, fault: str
) -> None:
    person.fault(fault, method="chat.postMessage")
    with pytest.raises(Later):
        slack.post()
    slack.wait(60 + UNCERTAIN_SECONDS)
    assert slack.post()
    assert posted(door) == [("C-recsysops", ts) for ts in digests(person)]
    assert len(posted(door)) == 1


@pytest.mark.usefixtures("due")
def test_a_channel_that_is_away_holds_up_no_incident_and_has_the_digest_once_it_is_back(
    door: Door, slack: Slack, announcer: Announcer, person: Driver
) -> None:
    declare(door, WEEKLY, 'channel = "#content"')
    person.channel("C-content", is_archived=True)
    with pytest.raises(NoChannel):
        slack.post()
    submit(door, OPENED)
    settle(announcer)
    assert len(heads(person)) == 1
    person.channel("C-content", is_archived=False)
    slack.wait(CLOSED_SECONDS)
    assert slack.post()
    assert len(digests(person, "C-content")) == 1


@pytest.mark.usefixtures("due")
def test_a_channel_that_was_misspelled_is_corrected_and_has_it(
    door: Door, slack: Slack, person: Driver
) -> None:
    declare(door, WEEKLY, 'channel = "#contend"')
    with pytest.raises(NoChannel):
        slack.post()
    declare(door, WEEKLY, 'channel = "#content"')
    assert slack.post()
    assert len(digests(person, "C-content")) == 1


def test_another_channel_that_is_declared_has_the_next_one(door: Door, slack: Slack, person: Driver) -> None:
    fall_due(door, door.now() - timedelta(hours=1))
    slack.post()
    declare(door, WEEKLY, 'channel = "#content"')
    fall_due(door, door.now())
    assert slack.post()
    assert (len(digests(person)), len(digests(person, "C-content"))) == (1, 1)


@pytest.mark.usefixtures("due")
def test_blocks_that_slack_refuses_are_left_out(slack: Slack, person: Driver) -> None:
    person.fault("refused", method="chat.postMessage", error="invalid_blocks")
    assert slack.post()
    (message,) = heads(person)
    assert not message.get("blocks")


@pytest.mark.usefixtures("due")
def test_two_processes_post_it_once(door: Door, given: BotSettings, slack: Slack, person: Driver) -> None:
    with alone(door.log, "digest"):  # as the other one has it in hand
        assert not slack.post()
    assert [Slack(given, door).post(), slack.post()] == [True, False]
    assert len(digests(person)) == 1


def test_of_two_that_are_owed_only_the_newest_is_posted_and_none_that_is_a_week_old(
    door: Door, slack: Slack, person: Driver
) -> None:
    newest = door.now() - timedelta(minutes=1)
    fall_due(door, newest - OWED)
    assert not slack.post()
    fall_due(door, newest)
    assert [slack.post(), slack.post()] == [True, False]
    assert len(digests(person)) == 1


def test_two_recommenders_that_share_a_channel_and_a_moment_have_one_each(
    door: Door, due: DigestDue, slack: Slack, person: Driver
) -> None:
    slack.chat.post_once(
        "C-recsysops",
        key=f"digest-bookshop-{due.due_at.isoformat()}",
        since=due.due_at,
        text="0 incidents in the last 7 d",
        blocks=[],
    )
    assert slack.post()
    assert len(digests(person)) == 2


@pytest.mark.usefixtures("due")
def test_the_process_killed_hard_at_any_moment_posts_it_once(
    door: Door, given: BotSettings, person: Driver, elsewhere: dict[str, str]
) -> None:
    for number in range(6):
        announcing = subprocess.Popen([sys.executable, "-m", "bot.slack.announce"], env=elsewhere)
        try:
            if number == 0:
                person.wait(lambda: digests(person), "digest")  # it is killed as soon as Slack has it
            else:
                time.sleep(0.8 + 0.4 * number)
        finally:
            announcing.kill()
            announcing.wait(60)
    Slack(given, door).post()
    assert posted(door) == [("C-recsysops", ts) for ts in digests(person)]
    assert len(posted(door)) == 1

"""Follow-ups in lists, on the App Home, in the thread and in the report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.messages.follow_up import blocks, home_of, row, standings
from bot.messages.incident.card import card
from bot.messages.incident.evidence import NOTABLE, step
from bot.messages.report import compose, html, markdown
from domain.incident import commands as c
from domain.incident.timeline import timeline
from domain.inert import markup
from tests.bot.stories import HARMFUL, OWNED, STORIES, WAY, after_story
from tests.domain.incident.given import MORNING, WORKER, after

DAY = timedelta(days=1)
LATE = MORNING + 15 * DAY


def url(path: str) -> str:
    return f"https://pages.example{path}"


def test_only_what_is_open_is_listed_what_is_overdue_first() -> None:
    written, _ = after(*HARMFUL[:-1])
    done, _ = after(*STORIES["follow-up shown done"])
    proposed, _ = after(*WAY[:9])
    found = standings([proposed, done, written], LATE)
    assert [(one.state, one.overdue) for one in found] == [("written", True), ("proposed", False)]
    assert len(standings([proposed, done, written], LATE, every=True)) == 3
    assert row(found[0])[2:5] == ("written, overdue", "someone in Slack", "2026-03-15")


def test_the_home_names_owner_and_day_and_has_nothing_where_nothing_is_open() -> None:
    found = standings([after(*OWNED)[0]], LATE)
    drawn = str(home_of(found, 1, url))
    assert "Follow-ups" in drawn
    assert "⏰" in drawn
    assert "<@U-oncall>" in drawn
    assert home_of((), 0, url) == []
    assert "No follow-up is open" in str(blocks((), 0, url))


def test_more_than_a_page_says_how_many_and_where_they_are() -> None:
    (one,) = standings([after(*OWNED)[0]], LATE)
    assert "and 2 more: `recsysops follow-up list`" in str(blocks([one] * 10, 12, url))


def test_the_reminder_mentions_its_owner_in_the_thread() -> None:
    steps = (*HARMFUL[:-1], (c.RemindOfFollowUp(lacking="by_hour is in shadow mode"), WORKER))
    incident, log = after(*steps)
    entry = timeline(log)[-1]
    assert entry.wire_name in NOTABLE
    assert step(entry) == "The follow-up of <@U-oncall> is due and not done: by_hour is in shadow mode"
    assert "The follow-up of someone in Slack is due" in markdown(compose(incident, log))


@pytest.mark.parametrize(
    ("story", "says"),
    [
        ("change in a pull request", "In a pull request"),
        ("pull request closed", "Its pull request was closed without being merged: https://hub.example/"),
        ("change taken back", "It made something worse: 3.0 false alarms a week"),
        ("change taken back", "Taken back"),
        ("change left to a person", "For a person to take out: was changed by hand"),
        ("follow-up shown done", "Done, shown by a replay: by_hour finds it 1 h 30 min sooner"),
    ],
)
def test_what_became_of_it_stands_on_the_message_and_in_the_report(story: str, says: str) -> None:
    incident, log = after_story(story)
    assert says.lower() in str(card(incident, url)).replace("\\n", " ").lower()
    report = compose(incident, log)
    assert markup(says) in markdown(report)
    assert says in html(report)
    if incident.change_came and incident.change_came.url:
        assert f"<{incident.change_came.url}>" in markdown(report)


def test_a_pull_request_that_was_closed_says_what_can_be_done_and_has_buttons_for_it() -> None:
    incident, log = after_story("pull request closed")
    entry = timeline(log)[-1]
    assert entry.wire_name in NOTABLE
    assert step(entry).startswith(
        "The pull request with the check by_hour was closed without being merged: edit the follow-up, "
        "decline it, or have it opened again: "
    )
    drawn = str(card(incident, url))
    assert "Reopen it there, or choose here." in drawn
    assert [one in drawn for one in ("Open another", "follow_up_edit", "follow_up_decline")] == [True] * 3
    closed, _ = after(*STORIES["pull request closed"], c.Close())
    drawn = str(card(closed, url))
    assert "Reopen the pull request where it was closed, or `recsysops follow-up decline 142" in drawn
    assert "follow_up_edit" not in drawn


def test_the_report_says_who_sees_to_it_and_until_when() -> None:
    incident, log = after(*OWNED)
    assert "someone in Slack sees to it; due 2026-03-15" in markdown(compose(incident, log))

"""The lines of the list of open incidents, in the App Home and after `/recsysops status`."""

from __future__ import annotations

from bot.messages.status import line
from tests.bot.stories import STORIES
from tests.domain.incident.given import after


def line_of(story: str) -> str:
    incident, _ = after(*STORIES[story])
    assert incident is not None
    return line(incident, lambda _path: None)


def test_a_hotfix_that_waits_for_a_second_person_is_not_overlooked() -> None:
    assert line_of("asked for a second person").endswith("waits to be approved*")
    assert "waits" not in line_of("offered")
    assert "waits" not in line_of("watched")

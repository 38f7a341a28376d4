"""Who may not, is shown nothing and opens nothing; who may, does."""

from __future__ import annotations

import json

import pytest

from bot.slack.announce import Announcer
from tests.bot.conftest import settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import OPENED
from tests.bot.workspace.driver import Driver
from workers.door import Door

pytestmark = pytest.mark.usefixtures("web")
STRANGER = "U-content"
"""In no group that the declaration names."""


def shown(person: Driver, user: str) -> str:
    """What somebody is shown first: an answer, or a form."""
    return json.dumps(person.wait(lambda: person.ephemerals(user) or person.modal(user), "answer", 30.0))


@pytest.mark.parametrize(
    "words",
    [
        *("declare films look wrong", "status", "incident 1", "report 1", "why 1"),
        *("audit", "scorecard", "misses", "item x"),
    ],
)
def test_a_command_of_somebody_who_may_not_opens_no_form_and_shows_nothing(
    person: Driver, door: Door, words: str
) -> None:
    submit(door, OPENED)
    person.command(words, user=STRANGER)
    assert "may do this" in shown(person, STRANGER)
    assert person.modal(STRANGER) is None
    said = shown(person, STRANGER)
    assert "Denmark" not in said and "U-oncall" not in said and "link=" not in said


def test_a_button_of_somebody_who_may_not_opens_no_form(
    person: Driver, door: Door, announcer: Announcer
) -> None:
    submit(door, OPENED)
    settle(announcer)
    (message,) = heads(person)
    (note,) = (
        option["value"]
        for block in message["blocks"]
        for element in block.get("elements", [])
        for option in element.get("options", [])
        if option["value"].startswith("note|")
    )
    person.press("more", user=STRANGER, message=message, value=note)
    assert "may do this" in shown(person, STRANGER)
    assert person.modal(STRANGER) is None
    person.press("more", message=message, value=note)
    assert person.wait(person.modal, "form")

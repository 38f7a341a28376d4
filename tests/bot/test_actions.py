"""What is behind each button: the permission it takes, and what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.actions import PRESSES, command_of, press_of
from bot.messages.incident.value import Target, parse, spell
from bot.messages.modals import NO_CHECK
from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident.card import ACTIONS, Action
from domain.recommender.route import Need
from tests.domain.incident.given import DIAGNOSED, MENU, OFFERED, OPEN, after

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
MENU_READ = "9f86d081884c7d65"
VALUE = f"incident-1|4|fill|{MENU_READ}"
STRONGER: dict[Action, Need] = {
    "deploy": "deploy",
    "approve": "approve",
    "break_glass": "break_glass",
    "revert": "deploy",
    "renew": "deploy",
}
"""What changes the recommender; everything else takes the right to respond."""


def pressed(action: str, value: str = VALUE, **fields: str) -> c.Command:
    return command_of(action, value, fields, NOON)[1]


@pytest.mark.parametrize("action", ACTIONS)
def test_what_changes_the_recommender_takes_more_than_the_right_to_respond(action: Action) -> None:
    assert PRESSES[action].needs == STRONGER.get(action, "respond")


def test_a_button_that_is_no_more_is_stale() -> None:
    with pytest.raises(Stale, match="button no longer exists"):
        press_of("detonate")


@pytest.mark.parametrize("action", ["deploy", "approve", "break_glass", "revert", "reject"])
def test_a_button_of_a_hotfix_that_names_none_is_stale(action: str) -> None:
    assert pressed(action).option == "fill"  # type: ignore[union-attr]
    with pytest.raises(Stale, match="names no hotfix"):
        pressed(action, "incident-1|4||")


@pytest.mark.parametrize(
    ("action", "fields", "words"),
    [
        ("resolve", {"how": "magic"}, "is not a way to resolve"),
        ("silence", {"hours": "long"}, "for how many hours"),
        ("silence", {"hours": "1e30"}, "for how many hours"),
        ("silence", {"hours": "nan"}, "for how many hours"),
        ("silence", {}, "for how many hours"),
        ("assign", {"person": "  "}, "who takes over"),
        ("follow_up_edit", {"change": "everything"}, "is not a kind of change"),
        ("report", {}, "there to be read"),
    ],
)
def test_what_was_entered_and_cannot_be_read_is_refused_in_words(
    action: str, fields: dict[str, str], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        pressed(action, **fields)


def test_what_was_entered_is_asked_for() -> None:
    assert pressed("silence", hours="4") == c.Silence(until=NOON + timedelta(hours=4))
    assert pressed("resolve", how="elsewhere", reason="x") == c.Resolve(how="elsewhere", reason="x")
    assert pressed("break_glass", reason="x") == c.BreakGlass(option="fill", menu=MENU_READ, reason="x")
    assert pressed("assign", person="U0BEN") == c.Assign(person="slack:U0BEN")
    assert pressed("assign", person="terminal:ben") == c.Assign(person="terminal:ben")


@pytest.mark.parametrize(
    ("action", "fields", "check"),
    [
        ("follow_up_edit", {"change": "check", "check": "plays_by_genre"}, "plays_by_genre"),
        ("follow_up_edit", {"change": "check", "check": NO_CHECK}, None),
        ("follow_up_edit", {"change": "check"}, None),
        ("follow_up_edit", {"change": "nothing", "check": "plays_by_genre"}, None),
        ("follow_up_edit", {"check": "plays_by_genre"}, None),
        ("follow_up_decline", {"change": "check", "check": "plays_by_genre"}, None),
    ],
)
def test_a_check_is_asked_for_where_one_was_chosen_and_something_is_to_change(
    action: str, fields: dict[str, str], check: str | None
) -> None:
    answer = pressed(action, **fields)
    assert isinstance(answer, c.AnswerFollowUp)
    assert answer.check == check


def test_a_button_says_which_incident_which_hotfix_and_which_menu_and_no_more() -> None:
    incident, _ = after(OPEN, DIAGNOSED, OFFERED)
    assert parse(spell(incident, "fill")) == Target("incident-1", incident.version, "fill", MENU)
    assert parse(spell(incident)) == Target("incident-1", incident.version, None, "")


@pytest.mark.parametrize(
    "value", ["", "incident-1", "incident-1|4", "|4|fill|m", "incident-1|x|fill|m", f"{VALUE}|more"]
)
def test_a_value_that_no_button_of_ours_has_is_stale(value: str) -> None:
    with pytest.raises(Stale, match="from an older version"):
        parse(value)

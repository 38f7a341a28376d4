"""The App Home lists what is in force, sorted by what ends first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.messages.home import Shown, home
from bot.messages.in_force import MOST_SHOWN, in_force
from bot.messages.link import pages_at
from bot.workspace.block_kit import problems_of_view
from domain.incident.state import Incident
from tests.bot.stories import after_story
from tests.domain.incident.given import MORNING

URL = pages_at("http://127.0.0.1:8000")
LATER = MORNING + timedelta(hours=3)


def numbered(number: int, story: str, hours: float) -> Incident:
    incident, _ = after_story(story)
    assert incident.hotfix is not None
    hotfix = incident.hotfix.model_copy(update={"expires_at": MORNING + timedelta(hours=hours)})
    return incident.model_copy(update={"number": number, "hotfix": hotfix})


def shown(*incidents: Incident) -> str:
    view: Any = home(Shown((), (), {}, {}, in_force(incidents, LATER), lasting=(len(incidents), 0)), URL)
    assert problems_of_view(view) == []
    return str(view)


def test_each_says_what_since_when_until_when_by_whom_how_far_and_what_it_repaired() -> None:
    text = shown(numbered(7, "in stages", 30))
    assert "Hotfixes in force" in text
    assert "Fill in the language · applied, 50 % of members · by <@" in text
    assert "repaired when last measured: not measured yet" in text
    assert "repaired when last measured: 94 %" in shown(numbered(7, "resolved", 30))


def test_what_was_deployed_without_its_second_person_is_marked_so_with_the_reason() -> None:
    incident = numbered(7, "in force by break-glass", 30)
    assert "Roll the catalogue back · applied, by break-glass · by <@" in shown(incident)
    (one,) = in_force([incident], LATER)
    assert one.break_glass == "Nobody answers, and every hour costs 2,900 plays."
    assert "break-glass" not in shown(numbered(8, "in stages", 30))


def test_what_ends_first_stands_first_and_a_long_list_is_cut_with_how_many_are_left() -> None:
    many = [numbered(n, "resolved", 100 - n) for n in range(1, MOST_SHOWN + 4)]
    assert [one.number for one in in_force(many, LATER)][:2] == [MOST_SHOWN + 3, MOST_SHOWN + 2]
    assert "and 3 more" in shown(*many)


def test_nothing_is_said_where_nothing_is_in_force() -> None:
    assert "Hotfixes in force" not in shown(after_story("offered")[0])

"""Why a hotfix is not on the menu, in words for people."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.blocks import SECTION_MAX
from bot.messages.incident.why import why, why_blocks
from domain.errors import Refused
from domain.incident.state import Incident
from domain.values import LeftOut
from tests.bot.stories import LEFT_OUT, after_story


def offered(**changes: Any) -> Incident:
    return after_story("offered")[0].model_copy(update=changes)


def test_every_hotfix_that_is_not_offered_is_listed_with_why() -> None:
    answer = why(offered())
    assert answer.said == "Not on the menu of #142:"
    assert answer.left_out == LEFT_OUT
    text = why_blocks(answer)[0]["text"]["text"]
    assert "*Read the standby feed* (feed_failover)  it is for causes of kind feed" in text


def test_one_by_name_is_listed_alone_or_said_to_be_offered_or_its_nearest_name_is_given() -> None:
    assert why(offered(), "model_back").left_out == LEFT_OUT[1:]
    assert why(offered(), "fill").said == "“Fill in the language” is on the menu of #142."
    with pytest.raises(Refused, match=r'did you mean "feed_failover"\?'):
        why(offered(), "feed_failure")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"menu": None, "left_out": None}, "The hotfixes of #142 are not priced yet."),
        ({"left_out": ()}, "Every hotfix that is declared is on the menu of #142."),
        (
            {"left_out": None, "menu_note": "The hotfixes could not be priced."},
            "Which hotfixes were left off was not recorded for the menu of #142. The hotfixes could not be "
            "priced.",
        ),
    ],
)
def test_what_is_not_known_is_said(changes: dict[str, Any], said: str) -> None:
    assert why(offered(**changes)).said == said


@given(st.text(max_size=3000), st.integers(0, 40))
def test_however_long_the_words_and_many_the_hotfixes_slack_takes_it(text: str, count: int) -> None:
    many = tuple(LeftOut(hotfix=f"h{n}", label=text, why=text) for n in range(count))
    for block in why_blocks(why(offered(left_out=many))):
        assert 0 < len(block["text"]["text"]) <= SECTION_MAX


def test_what_was_found_not_to_work_here_is_listed_before_and_after_the_menu_is_made_anew() -> None:
    tried, _ = after_story("reverted by itself")
    (said,) = why(tried, "fill").left_out
    assert said.why.startswith("it was found not to work here at ")
    assert why(tried).left_out[0] == said

"""The scorecard as a page and as an answer in Slack, each with the picture of its times."""

from __future__ import annotations

import json
import re
from html import unescape
from urllib.parse import urljoin

import pytest

from bot.pages.links import Links
from tests.bot.slack.test_announce import tell
from tests.bot.stories import WAY
from tests.bot.test_attestation import answered
from tests.bot.test_pages import get
from tests.bot.workspace.driver import Driver
from workers.door import Door


def test_the_page_says_whether_it_gets_better_and_shows_the_times_by_week(
    web: str, door: Door, links: Links
) -> None:
    tell(door, *WAY)
    address = links.to("slack:U-oncall")("/scorecard")
    assert address is not None
    page = get(address).text
    assert "in the last 28 d; neither better nor worse than before, as far as these can tell" in page
    assert "Time to detect, v2: from the onset to the alarm" in page
    (picture,) = re.findall(r'src="([^"]*/pictures/[^"]+)"', page)
    drawn = get(urljoin(web, unescape(picture)))
    assert (drawn.status_code, drawn.content[:4]) == (200, b"\x89PNG")


@pytest.mark.usefixtures("web")
def test_the_answer_in_slack_has_a_line_for_each_component_the_picture_and_the_way_to_all_of_it(
    person: Driver, door: Door, web: str
) -> None:
    tell(door, *WAY)
    shown = answered(person, "scorecard", user="U-oncall")
    assert shown["text"].startswith("1 incident in the last 28 d")
    drawn = json.dumps(shown["blocks"], ensure_ascii=False)
    for component in ("Detection", "Prediction", "Diagnosis", "Resolution", "Learning"):
        assert f"*{component}*" in drawn
    assert '"slack_file"' in drawn
    assert f"<{web}/scorecard?link=" in drawn and "|All of it" in drawn

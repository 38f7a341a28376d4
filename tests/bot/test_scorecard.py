"""The scorecard as a page and as an answer in Slack, each with the picture of its times."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest

from bot.pages.links import Links
from tests.bot.slack.test_announce import submit
from tests.bot.stories import WAY
from tests.bot.test_audit import answered
from tests.bot.test_pages import get
from tests.bot.workspace.driver import Driver
from workers.audit.scorecard import keep_scorecard
from workers.declaration.current import recommender
from workers.door import Door
from workers.environment import clock


def made(door: Door, folder: Path) -> None:
    """An incident, and what the clock makes of it."""
    submit(door, *WAY)
    keep_scorecard(door.log, recommender(folder / "recsysops.toml"), clock.now())


def test_the_page_says_whether_it_gets_better_and_shows_the_times_by_week(
    web: str, door: Door, links: Links, tmp_path: Path
) -> None:
    address = links.to("slack:U-oncall")("/scorecard")
    assert address is not None
    assert "None was made yet" in get(address).text
    made(door, tmp_path)
    address = links.to("slack:U-oncall")("/scorecard")
    assert address is not None
    page = get(address).text
    assert "1 incident in the last 28 d, 0 before: nothing to compare" in page
    assert "Time to detect, v2: from the onset to the alarm" in page
    (picture,) = re.findall(r'src="([^"]*/pictures/[^"]+)"', page)
    drawn = get(urljoin(web, unescape(picture)))
    assert (drawn.status_code, drawn.content[:4]) == (200, b"\x89PNG")


@pytest.mark.usefixtures("web")
def test_the_answer_in_slack_has_a_line_for_each_component_the_picture_and_the_way_to_all_of_it(
    person: Driver, door: Door, web: str, tmp_path: Path
) -> None:
    assert "None was made yet" in answered(person, "scorecard", user="U-oncall")["text"]
    made(door, tmp_path)
    shown = answered(person, "scorecard", user="U-oncall")
    assert shown["text"].startswith("1 incident in the last 28 d")
    drawn = json.dumps(shown["blocks"], ensure_ascii=False)
    for component in ("Detection", "Prediction", "Diagnosis", "Resolution", "Learning"):
        assert f"*{component}*" in drawn
    assert '"slack_file"' in drawn
    assert f"<{web}/scorecard?link=" in drawn and "|All of it" in drawn

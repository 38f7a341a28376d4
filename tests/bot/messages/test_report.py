"""A report is for people: it calls them by name, and shows no Slack id."""

from __future__ import annotations

import re

import pytest

from bot.messages import report
from domain.incident import commands as c
from tests.bot.stories import STORIES, after_story
from tests.domain.incident.given import DIAGNOSED, ON_CALL, OPEN, SECOND, WORKER, after

NAMES = {ON_CALL.id: "Ada", SECOND.id: "Ben"}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("names", [{}, NAMES], ids=["unknown", "known"])
def test_no_id_reaches_a_reader_whether_or_not_names_are_known(story: str, names: dict[str, str]) -> None:
    content = report.compose(*after_story(story), names=names)
    for text in (report.markdown(content), report.html(content)):
        assert not re.search(r"slack:|\bU-[a-z]+|\bC-[a-z]+", text)


def test_how_an_incident_was_resolved_is_said_in_words() -> None:
    assert "Resolved by the hotfix: The hotfix repaired 94 %" in report.markdown(
        report.compose(*after_story("closed"))
    )
    assert "Resolved as a false alarm: A holiday" in report.markdown(
        report.compose(*after_story("dismissed"))
    )


def test_the_report_of_a_part_points_to_the_incident_that_it_is_part_of() -> None:
    merge = c.MergeInto(into="incident-7", number=7, cause="`language` is not set")
    content = report.compose(*after(OPEN, (merge, WORKER), DIAGNOSED))
    for text in (report.markdown(content), report.html(content)):
        assert "It is part of #7, which has the same cause" in text
        assert "not resolved yet" not in text

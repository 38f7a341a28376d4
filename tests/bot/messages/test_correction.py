"""What can be corrected, in words, and what people enter for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from bot import actions
from bot.messages import report
from bot.messages.correction import STEPS as NAMED
from bot.messages.correction import choices, moment, read_key
from bot.messages.modals import correct
from bot.workspace.block_kit import problems_of_view
from domain.errors import Refused, Stale
from domain.incident import commands as c
from domain.incident.decide import decide
from domain.values import Severity
from tests.bot.stories import WAY, after_story
from tests.domain.incident.given import MORNING, ON_CALL, after
from tests.domain.incident.test_laws import STEPS, walk

LATER = MORNING + timedelta(days=2)
RIGHT = {"time": None, "onset": "2026-02-28 23:00", "note": "It reads so.", "severity": "SEV1"}


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_everything_that_the_form_offers_can_be_corrected(steps: Any) -> None:
    incident, _ = walk(steps)
    assert incident is not None
    assert problems_of_view(correct(incident, "incident-1|1||")) == []
    for choice in choices(incident):
        says = incident.correctable[choice.event]
        assert says.wire_name in NAMED
        right = RIGHT[choice.part] or f"{says.at + timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"
        if choice.part == "severity":
            right = "SEV1" if says.severity != Severity.SEV1 else "SEV4"
        fields = {"what": choice.key, "right": right, "reason": "I looked it up"}
        _, command = actions.command_of("correct", "incident-1|1||", fields, LATER)
        try:
            assert len(decide(incident, command, ON_CALL, LATER)) == 1
        except Refused as refusal:
            assert "order of the steps" in str(refusal)


def test_where_the_events_are_in_an_archive_it_is_said_that_nothing_can_be_corrected() -> None:
    incident, _ = after(*WAY)
    with pytest.raises(Refused, match="in an archive"):
        correct(incident.model_copy(update={"correctable": {}}), "incident-1|1||")


def test_the_report_shows_the_line_as_corrected_who_corrected_it_and_what_it_said() -> None:
    right = c.CorrectTime(
        event="incident-1:4", at=MORNING + timedelta(minutes=1), reason="I was called | paged"
    )
    incident, log = after(*WAY, right)
    text = report.markdown(report.compose(incident, log))
    line = next(one for one in text.splitlines() if "| Acknowledged" in one)
    assert line.startswith("| 03-01 02:41:00 |")
    assert "corrected by" in line
    assert "at 03-01 02:51: was 2026-03-01 02:43 UTC; I was called ¦ paged" in line
    page = report.html(report.compose(incident, log))
    assert "was 2026-03-01 02:43 UTC" in page


def test_a_corrected_onset_is_what_the_report_says() -> None:
    right = c.CorrectOnset(event="incident-1:2", since=MORNING - timedelta(minutes=40), reason="the log")
    incident, log = after(*WAY, right)
    assert "It began 2026-03-01 02:00 UTC" in report.markdown(report.compose(incident, log))


def test_a_time_without_a_zone_is_in_utc() -> None:
    expected = datetime(2026, 3, 1, 2, 41, tzinfo=UTC)
    for entered in (
        "2026-03-01 02:41",
        "2026-03-01 02:41 UTC",
        "2026-03-01T03:41+01:00",
        "2026-03-01T02:41Z",
    ):
        assert moment(entered) == expected


@pytest.mark.parametrize("entered", ["", "yesterday", "25:00", "2026-13-01 00:00"])
def test_what_is_no_time_is_refused_with_the_way_to_write_one(entered: str) -> None:
    with pytest.raises(Refused, match="write it as 2026-03-01 02:41"):
        moment(entered)


def test_a_form_of_another_release_is_refused_in_words() -> None:
    with pytest.raises(Stale, match="earlier release"):
        read_key("weather|incident-1:1")


def test_the_newest_can_be_corrected_first() -> None:
    incident, _ = after_story("closed")
    versions = [int(choice.version) for choice in choices(incident)]
    assert versions == sorted(versions, reverse=True)

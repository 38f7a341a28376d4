"""Follow-ups at the terminal: listed, edited, declined, reported as done."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.incident import commands as c
from tests.bot.cli.test_incident import happen
from tests.bot.slack.test_announce import submit
from tests.bot.stories import OPENED, Step
from tests.bot.terminal import Terminal, holds
from tests.domain.incident.given import TRIED, WORKER
from workers.door import Door
from workers.environment import clock

RESOLVED = (c.Resolve(reason="The feed is back."), WORKER)


@pytest.fixture
def proposed(door: Door) -> None:
    submit(door, OPENED)
    happen(door, RESOLVED, TRIED)


def listed(terminal: Terminal, *words: str) -> list[tuple[str, bool]]:
    found = terminal("follow-up", "list", "--json", *words).json["follow_ups"]
    return [(one["state"], one["overdue"]) for one in found]


@pytest.mark.usefixtures("proposed")
def test_it_is_listed_from_its_proposal_until_it_is_done(terminal: Terminal, door: Door) -> None:
    assert listed(terminal) == [("proposed", False)]
    terminal("follow-up", "accept", "1", "--check", "by_hour")
    written: Step = (c.RecordChangeWritten(check="by_hour", diff="+"), WORKER)
    due: Step = (c.AssignFollowUp(owner="slack:U7", due_at=clock.now()), WORKER)
    happen(door, written, due)
    assert "Follow-up" not in terminal("close", "1").out
    assert listed(terminal) == [("written", True)]
    assert "written, overdue" in terminal("follow-up", "list").out
    done = ("follow-up", "done", "1")
    assert "in what way it is done" in terminal(*done, code=1).err
    assert "Follow-up done, as said: merged by hand" in terminal(*done, "--says", "merged by hand").out
    assert (listed(terminal), listed(terminal, "--all")) == ([], [("done", False)])
    assert "No follow-up is open." in terminal("follow-up", "list").out
    assert "merged by hand" in terminal("follow-up", "show", "1").out


@pytest.mark.usefixtures("proposed")
def test_the_report_says_what_is_not_known_of_what_it_is_worth(
    terminal: Terminal, door: Door, tmp_path: Path
) -> None:
    (tmp_path / "recsysops.toml").unlink()
    assert terminal("report", "1", "--json").json["since"] is None
    terminal("follow-up", "accept", "1", "--check", "by_hour")
    happen(door, (c.RecordChangeWritten(check="by_hour", diff="+[checks.by_hour]\n"), WORKER))
    unknown = "Nothing is known of what it is worth: the declaration cannot be read"
    holds(terminal("report", "1").out, "+[checks.by_hour]", unknown)
    assert terminal("report", "1", "--json").json["since"]["declared"] is None


@pytest.mark.usefixtures("proposed")
def test_a_pull_request_that_was_closed_is_listed_until_somebody_says_what_now(
    terminal: Terminal, door: Door
) -> None:
    terminal("follow-up", "accept", "1", "--check", "by_hour")
    url = "https://hub.example/shop/pull/1"
    happen(door, (c.RecordChangeProposed(check="by_hour", diff="+", url=url), WORKER))
    happen(door, (c.RecordPullRequestClosed(check="by_hour", url=url), WORKER))
    assert listed(terminal) == [("pull request closed", False)]
    assert "Follow-up answered (" in terminal("follow-up", "accept", "1").out
    assert listed(terminal) == [("accepted", False)]


@pytest.mark.usefixtures("proposed")
def test_edited_it_keeps_what_was_not_said_anew(terminal: Terminal) -> None:
    edited = terminal(
        "follow-up", "edit", "1", "--detail", "by hour and quay", "--check", "by_hour", "--json"
    )
    answer = edited.json["incident"]["follow_up"]
    assert (answer["detail"], answer["detect_faster"]) == ("by hour and quay", "Yes: at the delivery.")
    assert edited.json["incident"]["change"]["name"] == "by_hour"


@pytest.mark.usefixtures("proposed")
def test_declined_in_words_and_dropped_once_it_is_followed(terminal: Terminal) -> None:
    assert "why does nothing change" in terminal("follow-up", "decline", "1", code=1).err
    declined = terminal("follow-up", "decline", "1", "--reason", "a holiday", "--json").json
    assert declined["incident"]["follow_up"]["change"] == "nothing"
    assert listed(terminal, "--all") == [("declined", False)]
    terminal("follow-up", "accept", "1")
    terminal("close", "1")
    dropped = terminal("follow-up", "decline", "1", "--reason", "the table goes", "--json").json
    assert dropped["events"] == ["follow_up.dropped"]
    assert listed(terminal, "--all") == [("dropped", False)]


def test_without_a_proposal_there_is_nothing_to_edit(terminal: Terminal, door: Door) -> None:
    submit(door, OPENED)
    assert "nothing is proposed yet" in terminal("follow-up", "edit", "1", code=1).err

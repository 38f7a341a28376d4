"""A follow-up's pull request that people close unmerged is noticed and reported, and may come back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bot.messages.follow_up import row
from domain.improvement.shown import lacking
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.followed import FollowUpStanding, standing
from domain.incident.state import Incident
from tests.workers.deployers.hub import REPOSITORY, TOKEN, Hub
from tests.workers.respond.ferries import (
    DECLARED,
    PERSON,
    accepted,
    by_quay,
    card,
    declares,
    practice,
    says,
    settles,
)
from workers.declaration.declare import load
from workers.environment import clock
from workers.environment.settings import Settings, settings
from workers.process.schedule import PULL_REQUESTS_SECONDS, declared_ticks
from workers.respond.unmerged import look_at_pull_requests
from workers.store.log.events import read_stream

PAGE = f"https://hub.example/{REPOSITORY}/pull/"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = declares(tmp_path)
    monkeypatch.setenv("RECSYSOPS_CONFIG", str(made))
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    settings.cache_clear()
    yield made
    settings.cache_clear()


@pytest.fixture
def hub(tmp_path: Path, file: Path) -> Iterator[Hub]:
    with practice(tmp_path, file) as running:
        yield running


@pytest.fixture
def proposed(log: Engine, hub: Hub) -> str:
    """The stream of an incident whose check is in a pull request."""
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "assign")
    settles(log, stream, "change")
    return stream


def look(log: Engine, file: Path, times: int = 2) -> None:
    """The clock's looks; the second finds nothing that the first did not say."""
    for _ in range(times):
        look_at_pull_requests(log, load(file), {"HUB_TOKEN": TOKEN})


def stands(incident: Incident) -> FollowUpStanding:
    found = standing(incident, clock.now())
    assert found is not None
    return found


def change_events(log: Engine, stream: str) -> list[str]:
    """What stands in the log of its change."""
    with log.connect() as connection:
        names = [one.event.wire_name for one in read_stream(connection, stream)]
    return [name for name in names if name.startswith("change.")]


def test_closed_without_being_merged_it_is_said_once_with_what_to_do(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    look(log, file)
    assert change_events(log, proposed) == ["change.proposed"]
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    assert change_events(log, proposed) == ["change.proposed", "change.pull_request_closed"]
    found = stands(card(log, proposed))
    assert (found.state, found.overdue, found.url) == ("pull request closed", False, f"{PAGE}1")
    assert row(found)[-1] == (
        "closed without being merged: edit the follow-up, decline it, or have it opened again " + f"{PAGE}1"
    )


def test_it_counts_as_not_done_and_its_reminder_says_what_is_lacking(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    incident = card(log, proposed)
    assert incident.followed is not None
    assert incident.followed.due_at is not None
    late = standing(incident, incident.followed.due_at + timedelta(days=1))
    assert late is not None
    assert (late.state, late.overdue) == ("pull request closed", True)
    assert lacking(incident, None, None) == f"its pull request was closed without being merged: {PAGE}1"


def test_merged_nothing_is_said_also_where_somebody_edited_what_it_brought(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    sha = hub.git("rev-parse", f"refs/heads/{hub.pulls[0]['head']}")
    hub.merge_pull("1", {"sha": sha})
    hub.commit("ops/recsysops.toml", DECLARED)
    look(log, file)
    assert change_events(log, proposed) == ["change.proposed"]
    assert stands(card(log, proposed)).state == "in a pull request"


def test_put_in_by_hand_a_closed_pull_request_is_no_trouble(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    hub.commit("ops/recsysops.toml", f"{DECLARED}\n{by_quay().change.lines}")
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    assert change_events(log, proposed) == ["change.proposed"]


@pytest.mark.parametrize("how", ["reopened", "merged after all", "another one by hand"])
def test_opened_again_where_it_was_closed_it_goes_on(
    log: Engine, hub: Hub, file: Path, proposed: str, how: str
) -> None:
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    if how == "another one by hand":
        hub.open_pull({"title": "Once more", "head": hub.pulls[0]["head"], "base": "main", "body": ""})
    else:
        hub.change_pull("1", {"state": "open"})
    if how == "merged after all":
        hub.merge_pull("1", {"sha": hub.git("rev-parse", f"refs/heads/{hub.pulls[0]['head']}")})
    look(log, file)
    found = stands(card(log, proposed))
    number = 2 if how == "another one by hand" else 1
    assert (found.state, found.url) == ("in a pull request", f"{PAGE}{number}")
    hub.change_pull(str(number), {"state": "closed"})
    look(log, file)
    again = [] if how == "merged after all" else ["change.pull_request_closed"]
    first = ["change.proposed", "change.pull_request_closed", "change.proposed"]
    assert change_events(log, proposed) == [*first, *again]


def test_accepted_once_more_another_pull_request_is_opened_with_the_words_that_were_agreed_on(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    before = card(log, proposed).follow_up
    says(log, proposed, c.AcceptFollowUp(), by=PERSON)
    after = settles(log, proposed, "change")
    assert after.follow_up == before
    assert (stands(after).state, stands(after).url) == ("in a pull request", f"{PAGE}2")
    assert [one["state"] for one in hub.pulls] == ["closed", "open"]
    look(log, file)
    assert stands(card(log, proposed)).state == "in a pull request"


def test_one_that_was_declined_or_taken_back_is_not_asked_for_any_more(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    says(log, proposed, c.RequestTakeBack(check="boarded_by_quay", reason="3 false alarms a week"))
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    assert e.PullRequestClosed.wire_name not in change_events(log, proposed)
    settles(log, proposed, "take_back")
    asked = len(hub.requests)
    look(log, file)
    assert (len(hub.requests), stands(card(log, proposed)).state) == (asked, "taken back")


def test_where_github_does_not_answer_the_next_look_asks_again(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    hub.change_pull("1", {"state": "closed"})
    look_at_pull_requests(log, load(file), {"HUB_TOKEN": "a wrong one"})
    look_at_pull_requests(log, load(file), {})
    assert stands(card(log, proposed)).state == "in a pull request"
    look(log, file)
    assert stands(card(log, proposed)).state == "pull request closed"


def test_another_follow_up_may_say_something_else_of_the_same_check_once_it_was_closed(
    log: Engine, hub: Hub, file: Path, proposed: str
) -> None:
    other = accepted(log, by_quay(window="2d"), genre="Comedy").stream
    hub.change_pull("1", {"state": "closed"})
    look(log, file)
    assert stands(settles(log, other, "change")).state == "in a pull request"


def test_the_clock_looks_only_where_follow_ups_are_pull_requests(
    hub: Hub, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.declaration.current.settings", lambda: Settings(config=file))
    assert declared_ticks().every["recsysops.pull_requests"] == PULL_REQUESTS_SECONDS
    file.write_text(DECLARED)
    assert "recsysops.pull_requests" not in declared_ticks().every

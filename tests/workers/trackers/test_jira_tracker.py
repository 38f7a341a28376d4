"""Tickets as issues, behind the requests that Jira answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.errors import TrackerError
from tests.workers.trackers.jira import STATUSES, TOKEN, USER, Jira
from tests.workers.trackers.site import listening
from workers.trackers.jira import KIND, JiraOptions
from workers.trackers.kind import Draft, Tracker, open_tracker

KEY = "incident-1:9"
DRAFT = Draft("Alarm on unset language", ("To do: check.", "What happened."))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(params=[True, False], ids=["cloud", "data center"])
def jira(request: pytest.FixtureRequest) -> Iterator[Jira]:
    cloud = bool(request.param)
    authorization = Jira.authorization if cloud else f"Bearer {TOKEN}"
    with listening(Jira(cloud=cloud, authorization=authorization)) as running:
        yield running


def declared(jira: Jira, **keys: Any) -> JiraOptions:
    given = {"name": "board", "kind": "jira", "url": jira.url, "project": "REC", "token_env": "BOARD_TOKEN"}
    user = {"user": USER} if jira.cloud else {}
    return JiraOptions.model_validate({**given, **user, **keys})


def tracker(jira: Jira, token: str = TOKEN, **keys: Any) -> Tracker:
    return open_tracker(declared(jira, **keys), {"BOARD_TOKEN": token})


def test_a_ticket_is_opened_commented_on_and_closed(jira: Jira) -> None:
    one = tracker(jira, labels=["recommender"], done="Done")
    opened = one.open(KEY, DRAFT, NOW)
    assert opened == ("REC-1", f"{jira.url}/browse/REC-1")
    issue = jira.issues["REC-1"]
    assert (issue["summary"], issue["description"]) == (DRAFT.title, "To do: check.\n\nWhat happened.")
    assert issue["labels"][1] == "recommender"
    assert one.state("REC-1") == "open"
    one.tell("REC-1", "incident-1:12", "Reverted.", closes=False)
    assert one.state("REC-1") == "open"
    one.tell("REC-1", "incident-1:14", "Nothing is left to do.", closes=True)
    assert one.state("REC-1") == "done"
    assert issue["status"]["name"] == "Done"
    assert [text.partition("\n")[0] for text in jira.comments["REC-1"]] == [
        "Reverted.",
        "Nothing is left to do.",
    ]


def test_the_same_key_twice_is_one_ticket_one_comment_and_one_move(jira: Jira) -> None:
    one = tracker(jira)
    assert one.open(KEY, DRAFT, NOW) == one.open(KEY, DRAFT, NOW)
    for number in range(130):
        one.tell("REC-1", f"incident-1:{number + 20}", "Renewed.", closes=False)
    for _ in range(2):
        one.tell("REC-1", "incident-1:12", "Reverted.", closes=True)
    assert (len(jira.issues), len(jira.comments["REC-1"])) == (1, 131)
    assert jira.count("POST", "/transitions") == 1


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_a_ticket_whose_answer_did_not_come_in_time_is_found_again(jira: Jira, fault: Any) -> None:
    one = tracker(jira, timeout="1s")
    jira.faults.append(("POST", "/issue", fault))
    with pytest.raises(TrackerError, match=r"Jira: 127.0.0.1 gave no"):
        one.open(KEY, DRAFT, NOW)
    assert one.open(KEY, DRAFT, NOW).ticket == "REC-1"
    assert len(jira.issues) == 1


def test_a_status_that_is_declared_as_dropped_is_not_closed_with_and_says_that_nothing_was_done(
    jira: Jira,
) -> None:
    one = tracker(jira, dropped=["Rejected"])
    one.open(KEY, DRAFT, NOW)
    jira.issues["REC-1"]["status"] = STATUSES["21"]
    assert (one.state("REC-1"), tracker(jira).state("REC-1")) == ("dropped", "done")
    jira.issues["REC-1"]["status"] = STATUSES["11"]
    one.tell("REC-1", "incident-1:14", "Nothing is left to do.", closes=True)
    assert jira.issues["REC-1"]["status"] == STATUSES["31"]


def test_a_status_that_it_cannot_be_moved_to_is_said_with_those_that_it_can(jira: Jira) -> None:
    one = tracker(jira, done="Shipped")
    one.open(KEY, DRAFT, NOW)
    with pytest.raises(TrackerError, match=r"be moved to “Shipped” .* but to: In Progress, Rejected, Done"):
        one.tell("REC-1", "incident-1:12", "Reverted.", closes=True)
    jira.transitions = ("11",)
    with pytest.raises(TrackerError, match="to a status that is done from where it is, but to: In Progress"):
        tracker(jira).tell("REC-1", "incident-1:12", "Reverted.", closes=True)
    assert len(jira.comments["REC-1"]) == 1


def test_what_it_refuses_is_said_by_field_and_a_wrong_token_by_its_variable(jira: Jira) -> None:
    with pytest.raises(TrackerError, match=r"answered 400, about issuetype"):
        tracker(jira, issue_type="Epic").open(KEY, DRAFT, NOW)
    with pytest.raises(TrackerError, match=r"secret in BOARD_TOKEN .*; set that variable anew") as raised:
        tracker(jira, "a-wrong-token-99").open(KEY, DRAFT, NOW)
    assert "a-wrong-token-99" not in str(raised.value)
    assert jira.issues == {}


def test_a_deleted_ticket_is_dropped_and_a_hidden_one_is_not(jira: Jira) -> None:
    one = tracker(jira)
    one.open(KEY, DRAFT, NOW)
    jira.hidden = True
    with pytest.raises(TrackerError, match="answered 404"):
        one.state("REC-1")
    jira.hidden = False
    jira.issues.clear()
    assert one.state("REC-1") == "dropped"
    one.tell("REC-1", "incident-1:12", "Reverted.", closes=True)
    assert jira.comments == {}


def test_the_doctor_says_what_is_wrong_and_writes_nothing(jira: Jira) -> None:
    def said(**keys: Any) -> list[str]:
        return [one.says for one in KIND.examine(declared(jira, **keys), {"BOARD_TOKEN": TOKEN})]

    assert said() == []
    assert said(issue_type="Epic") == ["REC has no issue type “Epic”, but: Task, Bug"]
    assert {method for method, _ in jira.requests} == {"GET"}


def test_a_label_with_a_space_and_plain_http_elsewhere_are_errors(jira: Jira) -> None:
    with pytest.raises(ValueError, match="Jira takes none with a space: 'two words'"):
        declared(jira, labels=["two words"])
    with pytest.raises(ValueError, match="it needs https"):
        declared(jira, url="http://jira.example")

"""Tickets as issues, behind the requests that GitHub answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import ConfigurationError, TrackerError
from tests.workers.trackers.github import REPOSITORY, TOKEN, Github
from tests.workers.trackers.site import listening
from workers.trackers.github import KIND, GithubOptions
from workers.trackers.kind import Draft, Tracker, open_tracker

KEY = "incident-1:9"
DRAFT = Draft("Alarm on unset language", ("To do: check.", "What happened."))


@pytest.fixture
def github() -> Iterator[Github]:
    with listening(Github()) as running:
        yield running


def declared(github: Github, **keys: Any) -> GithubOptions:
    given = {"name": "issues", "kind": "github", "url": github.url, "repository": REPOSITORY}
    return GithubOptions.model_validate({**given, "token_env": "ISSUES_TOKEN", **keys})


def tracker(github: Github, token: str = TOKEN, **keys: Any) -> Tracker:
    return open_tracker(declared(github, **keys), {"ISSUES_TOKEN": token})


def since() -> datetime:
    return datetime.now(UTC)


def test_a_ticket_is_opened_commented_on_and_closed_and_says_whose_it_is(github: Github) -> None:
    one = tracker(github, labels=["recommender"])
    opened = one.open(KEY, DRAFT, since())
    assert opened == (f"{REPOSITORY}#1", f"https://github.example/{REPOSITORY}/issues/1")
    assert github.issues[1]["body"] == f"To do: check.\n\nWhat happened.\n\n<!-- recsysops {KEY} -->"
    assert github.issues[1]["labels"] == ["recommender"]
    assert one.state(opened.ticket) == "open"
    one.tell(opened.ticket, "incident-1:12", "Reverted.", closes=False)
    assert one.state(opened.ticket) == "open"
    one.tell(opened.ticket, "incident-1:14", "Nothing is left to do.", closes=True)
    assert one.state(opened.ticket) == "done"
    assert github.issues[1]["state_reason"] == "completed"
    assert [text.partition("\n")[0] for text in github.comments[1]] == ["Reverted.", "Nothing is left to do."]


def test_the_same_key_twice_is_one_ticket_and_one_comment(github: Github) -> None:
    one = tracker(github)
    github.write("Somebody else's", "a body", pull_request={})
    opened = [one.open(KEY, DRAFT, since()) for _ in range(2)]
    assert opened[0] == opened[1]
    assert one.open("incident-1:90", DRAFT, since()) != opened[0]
    for _ in range(2):
        one.tell(opened[0].ticket, "incident-1:12", "Reverted.", closes=True)
    assert (len(github.issues), len(github.comments[2])) == (3, 1)


@pytest.mark.parametrize("fault", ["late", "lost"])
def test_a_ticket_whose_answer_did_not_come_in_time_is_found_again(github: Github, fault: Any) -> None:
    one = tracker(github, timeout="1s")
    github.faults.append(("POST", "/issues", fault))
    with pytest.raises(TrackerError, match=r"GitHub: 127.0.0.1 gave no"):
        one.open(KEY, DRAFT, since())
    assert one.open(KEY, DRAFT, since()).ticket == f"{REPOSITORY}#1"
    assert len(github.issues) == 1


def test_a_ticket_is_found_behind_many_newer_issues_and_not_looked_for_among_old_ones(github: Github) -> None:
    one = tracker(github)
    old = (since() - timedelta(days=3)).isoformat()
    for number in range(250):
        github.write(f"an old one {number}", "", created_at=old)
    opened = one.open(KEY, DRAFT, since())
    assert github.count("GET", "/issues") == 1
    for number in range(130):
        github.write(f"a newer one {number}", "")
    assert one.open(KEY, DRAFT, since()) == opened
    assert github.count("GET", "/issues") == 3


@pytest.mark.parametrize(
    ("status", "refusal", "says"),
    [
        (500, {"message": "Server Error"}, "GitHub answered 500"),
        (429, {"message": "slow down"}, r"asks to wait \(429\)"),
        (403, {"message": "API rate limit exceeded for user"}, "asks to wait"),
        (403, {"message": "Resource not accessible"}, "does not let the account of ISSUES_TOKEN do that"),
        (200, None, "GitHub answered 200"),
        (301, {"message": "Moved Permanently"}, "answered 301"),
    ],
)
def test_what_goes_wrong_is_said_in_words(github: Github, status: int, refusal: object, says: str) -> None:
    github.refusal = refusal
    github.faults.append(("POST", "/issues", status))
    with pytest.raises(TrackerError, match=says):
        tracker(github).open(KEY, DRAFT, since())
    assert github.issues == {}


def test_a_wrong_token_is_named_by_its_variable_and_not_shown(github: Github) -> None:
    with pytest.raises(TrackerError, match="secret in ISSUES_TOKEN \\(401\\)") as raised:
        tracker(github, "a-wrong-token-99").open(KEY, DRAFT, since())
    assert "a-wrong-token-99" not in str(raised.value)
    with pytest.raises(ConfigurationError, match="variable ISSUES_TOKEN is not set"):
        open_tracker(declared(github), {})


def test_a_deleted_ticket_is_dropped_and_a_hidden_one_is_not(github: Github) -> None:
    one = tracker(github)
    opened = one.open(KEY, DRAFT, since())
    github.hidden = True
    with pytest.raises(TrackerError, match="answered 404"):
        one.state(opened.ticket)
    github.hidden = False
    github.issues.clear()
    assert one.state(opened.ticket) == "dropped"
    one.tell(opened.ticket, "incident-1:12", "Reverted.", closes=True)
    assert github.comments == {}


@pytest.mark.parametrize(
    ("reason", "state"), [("completed", "done"), (None, "done"), ("not_planned", "dropped")]
)
def test_why_it_was_closed_says_whether_it_was_done(github: Github, reason: str | None, state: str) -> None:
    one = tracker(github)
    opened = one.open(KEY, DRAFT, since())
    github.issues[1] |= {"state": "closed", "state_reason": reason}
    assert one.state(opened.ticket) == state


def test_the_ticket_of_another_tracker_is_not_asked_for(github: Github) -> None:
    with pytest.raises(TrackerError, match="REC-12 is no issue of GitHub's"):
        tracker(github).state("REC-12")
    assert github.requests == []


def test_the_doctor_says_what_is_wrong_and_writes_nothing(github: Github) -> None:
    def said(token: str = TOKEN) -> list[tuple[str, str]]:
        found = KIND.examine(declared(github), {"ISSUES_TOKEN": token} if token else {})
        return [(one.level, one.says) for one in found]

    assert said() == []
    assert said("") == [("error", "the variable ISSUES_TOKEN is not set: GitHub could not be asked")]
    assert said("wrong")[0][0] == "warning"
    github.has_issues = False
    assert said() == [("error", f"{REPOSITORY} has its issues turned off")]
    assert {method for method, _ in github.requests} == {"GET"}


def test_it_is_spoken_to_by_https_alone(github: Github) -> None:
    with pytest.raises(ValueError, match="it needs https"):
        declared(github, url="http://github.example")

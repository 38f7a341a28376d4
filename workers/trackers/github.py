"""A ticket as a GitHub issue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

from pydantic import Field

from domain.answer import Advice
from domain.errors import TrackerError
from domain.recommender.practice.tracker import Tracker
from workers.environment.service import SafeAddress, examined, secret_of
from workers.trackers.kind import Draft, Environment, Kind, Opened, State
from workers.trackers.service import TrackerService

HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "recsysops"}
FIX = "correct repository, url or the token"
PAGE = 100
CLOCKS_DIFFER = timedelta(hours=1)
"""How far GitHub's clock may be behind ours, when looking for a ticket that was opened before."""

GONE = (404, 410)
DROPPED = ("not_planned", "duplicate")
"""Reasons for closing an issue that mean nothing was done."""


class GithubOptions(Tracker):
    """
    `repository` is `owner/name`. `token_env` names the variable with a token that may write issues; `labels`
    are added to each of them. `url` is needed for servers other than github.com.
    """

    kind: Literal["github"]
    url: SafeAddress = "https://api.github.com"
    """Address of the REST interface, of another server than github.com."""
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository, as `owner/name`."""
    token_env: str = Field(min_length=1)
    """Variable with a token that may write issues."""
    labels: tuple[str, ...] = ()
    """Labels of each issue."""


class GithubTracker:
    """
    Recognises what it wrote by a hidden comment in the text, because GitHub stores no keys of its callers.

    It looks through the newest issues instead of using GitHub's search, whose index lags behind.
    """

    def __init__(self, declared: GithubOptions, token: str) -> None:
        self._declared = declared
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}

    def open(self, key: str, draft: Draft, since: datetime) -> Opened:
        """The issue with this key; opened if there is none."""
        service, repository = self._service(), self._declared.repository
        found = self._found(service, key, since)
        if found is None:
            body = "\n\n".join((*draft.paragraphs, _mark(key)))
            asked = {"title": draft.title, "body": body, "labels": list(self._declared.labels)}
            found = service.ask("POST", f"/repos/{repository}/issues", asked, (201,)).document
        return Opened(f"{repository}#{found['number']}", str(found["html_url"]))

    def tell(self, ticket: str, key: str, text: str, *, closes: bool) -> None:
        """Add a comment, once for each key, and close the issue as completed if the ticket closes."""
        service, path = self._service(), _path(ticket)
        if self._issue(service, ticket) is None:
            return
        if not any(_mark(key) in str(one["body"]) for one in _comments(service, path)):
            service.ask("POST", f"{path}/comments", {"body": f"{text}\n\n{_mark(key)}"}, (201,))
        if closes:
            service.ask("PATCH", path, {"state": "closed", "state_reason": "completed"})

    def state(self, ticket: str) -> State:
        """The ticket's state, from the issue's state and, if it is closed, the reason."""
        issue = self._issue(self._service(), ticket)
        if issue is None:
            return "dropped"
        if issue["state"] == "open":
            return "open"
        return "dropped" if issue.get("state_reason") in DROPPED else "done"

    def wrong(self) -> Iterator[str]:
        """What keeps it from writing issues, as far as the repository says so."""
        held = self._service().ask("GET", f"/repos/{self._declared.repository}").document
        if not held.get("has_issues", True):
            yield f"{self._declared.repository} has its issues turned off"

    def _found(self, service: TrackerService, key: str, since: datetime) -> dict[str, Any] | None:
        asked = f"state=all&sort=created&direction=desc&per_page={PAGE}"
        for page in count(1):
            path = f"/repos/{self._declared.repository}/issues?{asked}&page={page}"
            issues: list[dict[str, Any]] = service.ask("GET", path).document
            for issue in issues:
                if "pull_request" not in issue and _mark(key) in str(issue.get("body")):
                    return issue
            if len(issues) < PAGE or _created(issues[-1]) < since - CLOCKS_DIFFER:
                break
        return None

    def _issue(self, service: TrackerService, ticket: str) -> dict[str, Any] | None:
        """The issue; None if it was deleted, and is not only hidden from us."""
        reply = service.ask("GET", _path(ticket), accept=(200, *GONE))
        if reply.status in GONE:
            service.ask("GET", f"/repos/{ticket.partition('#')[0]}")
            return None
        found: dict[str, Any] = reply.document
        return found

    def _service(self) -> TrackerService:
        declared = self._declared
        seconds = declared.timeout.total_seconds()
        return TrackerService(
            "GitHub", declared.url, self._headers, variable=declared.token_env, seconds=seconds
        )


def _comments(service: TrackerService, path: str) -> Iterator[dict[str, Any]]:
    for page in count(1):
        found = service.ask("GET", f"{path}/comments?per_page={PAGE}&page={page}").document
        yield from found
        if len(found) < PAGE:
            return


def _path(ticket: str) -> str:
    repository, _, number = ticket.partition("#")
    if not number.isdecimal():
        raise TrackerError(
            f"{ticket} is no issue of GitHub's: was its tracker declared anew as another kind?"
        )
    return f"/repos/{repository}/issues/{number}"


def _mark(key: str) -> str:
    return f"<!-- recsysops {key} -->"


def _created(issue: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(issue["created_at"]).astimezone(UTC)


def _opened(declared: GithubOptions, environment: Environment) -> GithubTracker:
    return GithubTracker(declared, secret_of(environment, declared.token_env, "GitHub"))


def _looked(declared: GithubOptions, environment: Environment) -> Iterator[Advice]:
    for says in _opened(declared, environment).wrong():
        yield Advice(level="error", where=f"trackers.{declared.name}", says=says, fix=FIX)


def _examine(declared: GithubOptions, environment: Environment) -> Iterator[Advice]:
    yield from examined(f"trackers.{declared.name}", None, _looked(declared, environment), FIX)


KIND = Kind(
    "github",
    GithubOptions,
    _opened,
    _examine,
    needs="`repository`, `token_env` (may write issues); `labels`, `url`",
    done="the issue is closed as completed",
    dropped="it is closed as not planned or a duplicate, or deleted",
)

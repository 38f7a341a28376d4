"""A ticket as an issue in Jira: Cloud, or a self-hosted Data Center."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import Field, model_validator

from domain.answer import Advice
from domain.errors import TrackerError
from domain.recommender.practice.tracker import Tracker
from workers.environment.service import SafeAddress, examined, secret_of
from workers.trackers.kind import Draft, Environment, Kind, Opened, State
from workers.trackers.service import TrackerService

FIX = "correct url, project, issue_type or the token"
REST = "/rest/api/2"
SUMMARY_CHARACTERS = 255
NEWEST_COMMENTS = 100
NOT_HERE = (404, 405, 410)


class JiraOptions(Tracker):
    """
    `url` is the site's, `project` its key. `token_env` names the variable with a token: that of `user` (an
    e-mail address, Jira Cloud), otherwise a Data Center token. `done` is the status to close with if the
    project has several; `dropped` are those that mean the work will not be done.
    """

    kind: Literal["jira"]
    url: SafeAddress
    """Address of the site."""
    project: str = Field(pattern=r"^[A-Z][A-Z0-9_]+$")
    """Key of the project."""
    issue_type: str = Field(default="Task", min_length=1)
    """Type of the issues."""
    user: str | None = None
    """E-mail address of the account (Jira Cloud); without it the token is a Data Center token."""
    token_env: str = Field(min_length=1)
    """Variable with the token."""
    labels: tuple[str, ...] = ()
    """Labels of each issue."""
    done: str | None = None
    """Status to close with if the project has several."""
    dropped: tuple[str, ...] = ()
    """Statuses that mean the work will not be done."""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if wrong := next((label for label in self.labels if " " in label), None):
            raise ValueError(f"labels: Jira takes none with a space: {wrong!r}")
        return self


class JiraTracker:
    """
    Recognises its issues by a label derived from their key, and its comments by their last line.

    It uses version 2 of the API: both Cloud and Data Center have it, and it takes text as plain text.
    """

    def __init__(self, declared: JiraOptions, token: str) -> None:
        self._declared = declared
        basic = base64.b64encode(f"{declared.user}:{token}".encode()).decode()
        authorization = f"Basic {basic}" if declared.user else f"Bearer {token}"
        self._headers = {"Authorization": authorization}

    def open(self, key: str, draft: Draft, since: datetime) -> Opened:
        """The issue labelled with this key; opened if there is none."""
        service, label = self._service(), _label(key)
        ticket = _found(service, label)
        if ticket is None:
            fields = {
                "project": {"key": self._declared.project},
                "issuetype": {"name": self._declared.issue_type},
                "summary": draft.title[:SUMMARY_CHARACTERS],
                "description": "\n\n".join(draft.paragraphs),
                "labels": [label, *self._declared.labels],
            }
            ticket = str(service.ask("POST", f"{REST}/issue", {"fields": fields}, (201,)).document["key"])
        return Opened(ticket, f"{self._declared.url.rstrip('/')}/browse/{ticket}")

    def tell(self, ticket: str, key: str, text: str, *, closes: bool) -> None:
        """Add a comment, once for each key, and move the issue to a done status if the ticket closes."""
        service = self._service()
        status = self._status(service, ticket)
        if status is None:
            return
        if not any(_label(key) in str(one.get("body")) for one in _comments(service, ticket)):
            service.ask("POST", f"{_path(ticket)}/comment", {"body": f"{text}\n\n{_label(key)}"}, (201,))
        if closes and not _is_done(status):
            self._close(service, ticket)

    def state(self, ticket: str) -> State:
        """The ticket's state, from its status category or status name."""
        status = self._status(self._service(), ticket)
        if status is None or status["name"] in self._declared.dropped:
            return "dropped"
        return "done" if _is_done(status) else "open"

    def wrong(self) -> Iterator[str]:
        """What keeps it from writing issues, as far as the project says so."""
        held = self._service().ask("GET", f"{REST}/project/{self._declared.project}").document
        kinds = [str(one.get("name")) for one in held.get("issueTypes", ())]
        if kinds and self._declared.issue_type not in kinds:
            yield f"{self._declared.project} has no issue type “{self._declared.issue_type}”, but: " + (
                ", ".join(kinds)
            )

    def _close(self, service: TrackerService, ticket: str) -> None:
        done = self._declared.done
        offered = service.ask("GET", f"{_path(ticket)}/transitions").document["transitions"]
        for one in offered:
            if self._ends_in(one["to"]):
                asked = {"transition": {"id": one["id"]}}
                service.ask("POST", f"{_path(ticket)}/transitions", asked, (204,))
                return
        known = ", ".join(str(one["to"]["name"]) for one in offered) or "none"
        wanted = f"“{done}”" if done else "a status that is done"
        raise TrackerError(
            f"Jira does not let {ticket} be moved to {wanted} from where it is, but to: {known}; name one of "
            "these as `done`, or move it there by hand"
        )

    def _ends_in(self, status: dict[str, Any]) -> bool:
        """Whether moving a ticket to this status closes it."""
        declared = self._declared
        if declared.done is not None:
            return bool(status["name"] == declared.done)
        return _is_done(status) and status["name"] not in declared.dropped

    def _status(self, service: TrackerService, ticket: str) -> dict[str, Any] | None:
        """The issue's status; None if it was deleted, and is not only hidden from us."""
        reply = service.ask("GET", f"{_path(ticket)}?fields=status", accept=(200, 404))
        if reply.status == 404:
            service.ask("GET", f"{REST}/project/{ticket.rpartition('-')[0]}")
            return None
        status: dict[str, Any] = reply.document["fields"]["status"]
        return status

    def _service(self) -> TrackerService:
        declared = self._declared
        seconds = declared.timeout.total_seconds()
        return TrackerService(
            "Jira", declared.url, self._headers, variable=declared.token_env, seconds=seconds
        )


def _found(service: TrackerService, label: str) -> str | None:
    asked = urlencode({"jql": f'labels = "{label}"', "fields": "status", "maxResults": 1})
    reply = service.ask("GET", f"{REST}/search/jql?{asked}", accept=(200, *NOT_HERE))
    if reply.status in NOT_HERE:  # a Data Center; of Cloud, which has this one, the other is gone
        reply = service.ask("GET", f"{REST}/search?{asked}")
    issues = reply.document["issues"]
    return str(issues[0]["key"]) if issues else None


def _comments(service: TrackerService, ticket: str) -> list[dict[str, Any]]:
    """The newest comments."""
    path = f"{_path(ticket)}/comment"
    total = int(service.ask("GET", f"{path}?maxResults=1").document["total"])
    start = max(0, total - NEWEST_COMMENTS)
    found: list[dict[str, Any]] = service.ask(
        "GET", f"{path}?startAt={start}&maxResults={NEWEST_COMMENTS}"
    ).document["comments"]
    return found


def _is_done(status: dict[str, Any]) -> bool:
    return bool(status["statusCategory"]["key"] == "done")


def _path(ticket: str) -> str:
    return f"{REST}/issue/{quote(ticket, safe='')}"


def _label(key: str) -> str:
    return f"recsysops-{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def _opened(declared: JiraOptions, environment: Environment) -> JiraTracker:
    return JiraTracker(declared, secret_of(environment, declared.token_env, "Jira"))


def _looked(declared: JiraOptions, environment: Environment) -> Iterator[Advice]:
    for says in _opened(declared, environment).wrong():
        yield Advice(level="error", where=f"trackers.{declared.name}", says=says, fix=FIX)


def _examine(declared: JiraOptions, environment: Environment) -> Iterator[Advice]:
    yield from examined(f"trackers.{declared.name}", None, _looked(declared, environment), FIX)


KIND = Kind(
    "jira",
    JiraOptions,
    _opened,
    _examine,
    needs="`url`, `project`, `token_env`; `user` (Cloud), `issue_type`, `labels`, `done`, `dropped`",
    done="its status is of the category *done*",
    dropped="its status is among those that `dropped` names, or it is deleted",
)

"""The part of Jira's REST interface, version 2, that is about issues: as in Cloud, or in a Data Center."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from tests.workers.trackers.site import Answer, Site

TOKEN = "a-token-of-the-tests-2"
USER = "recsys@example.org"
STATUSES = {
    "11": {"name": "In Progress", "statusCategory": {"key": "indeterminate"}},
    "21": {"name": "Rejected", "statusCategory": {"key": "done"}},
    "31": {"name": "Done", "statusCategory": {"key": "done"}},
}
TO_DO = {"name": "To Do", "statusCategory": {"key": "new"}}


@dataclass
class Jira(Site):
    """`cloud`: the search at the newer address only; a Data Center has the older one only."""

    authorization: str = f"Basic {base64.b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"
    cloud: bool = True
    transitions: tuple[str, ...] = ("11", "21", "31")
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[str]] = field(default_factory=dict)
    hidden: bool = False

    def answer(self, method: str, path: str, asked: dict[str, str], document: Any) -> Answer:
        rest = path.removeprefix("/rest/api/2")
        if self.hidden:
            return 404, {"errorMessages": ["It does not exist or you do not have permission to see it."]}
        if rest == "/project/REC":
            return 200, {"key": "REC", "issueTypes": [{"name": "Task"}, {"name": "Bug"}]}
        if rest in ("/search", "/search/jql"):
            return self._search(rest, asked)
        if (method, rest) == ("POST", "/issue"):
            return self._create(document["fields"])
        found = re.fullmatch(r"/issue/(REC-\d+)(/\w+)?", rest)
        if found is None or found[1] not in self.issues:
            return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
        return self._about(method, found[1], found[2], asked, document)

    def _search(self, rest: str, asked: dict[str, str]) -> Answer:
        if (rest == "/search/jql") != self.cloud:
            return (410 if self.cloud else 404), {"errorMessages": ["The requested API has been removed."]}
        label = re.fullmatch(r'labels = "([\w-]+)"', asked["jql"])
        assert label is not None
        found = [key for key, one in self.issues.items() if label[1] in one["labels"]]
        return 200, {"issues": [{"key": key} for key in found]}

    def _create(self, fields: dict[str, Any]) -> Answer:
        if fields["issuetype"]["name"] not in ("Task", "Bug"):
            return 400, {"errorMessages": [], "errors": {"issuetype": "Specify a valid issue type"}}
        key = f"{fields['project']['key']}-{len(self.issues) + 1}"
        self.issues[key] = {**fields, "status": TO_DO}
        return 201, {"id": "10001", "key": key}

    def _about(self, method: str, key: str, what: str | None, asked: dict[str, str], document: Any) -> Answer:
        if what is None:
            return 200, {"key": key, "fields": {"status": self.issues[key]["status"]}}
        comments = self.comments.setdefault(key, [])
        match method, what:
            case "POST", "/comment":
                comments.append(document["body"])
                return 201, {"body": document["body"]}
            case "GET", "/comment":
                start, most = int(asked.get("startAt", "0")), int(asked["maxResults"])
                page = [{"body": one} for one in comments[start : start + most]]
                return 200, {"total": len(comments), "comments": page}
            case "GET", "/transitions":
                return 200, {"transitions": [{"id": one, "to": STATUSES[one]} for one in self.transitions]}
            case _:
                self.issues[key]["status"] = STATUSES[document["transition"]["id"]]
                return 204, None

"""The part of GitHub's REST interface that is about issues."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.workers.trackers.site import Answer, Site

TOKEN = "a-token-of-the-tests-1"
REPOSITORY = "shop/serving"


@dataclass
class Github(Site):
    """`issues` by their number; pull requests are among them, as they are at GitHub's."""

    authorization: str = f"Bearer {TOKEN}"
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    hidden: bool = False
    has_issues: bool = True

    def write(self, title: str, body: str, **more: Any) -> dict[str, Any]:
        """An issue of whoever asks."""
        number = len(self.issues) + 1
        issue = {"number": number, "title": title, "body": body, "state": "open"}
        issue["created_at"] = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        issue["html_url"] = f"https://github.example/{REPOSITORY}/issues/{number}"
        self.issues[number] = {**issue, **more}
        return self.issues[number]

    def answer(self, method: str, path: str, asked: dict[str, str], document: Any) -> Answer:
        if self.hidden or not path.startswith(f"/repos/{REPOSITORY}"):
            return 404, {"message": "Not Found"}
        rest = path.removeprefix(f"/repos/{REPOSITORY}")
        if (method, rest) == ("GET", ""):
            return 200, {"full_name": REPOSITORY, "has_issues": self.has_issues}
        if rest == "/issues":
            if method == "POST":
                return 201, self.write(document["title"], document["body"], labels=document["labels"])
            return 200, _page(list(self.issues.values())[::-1], asked)
        found = re.fullmatch(r"/issues/(\d+)(/comments)?", rest)
        number = int(found[1]) if found else 0
        if found is None or number not in self.issues:
            return 404, {"message": "Not Found"}
        if not found[2]:
            self.issues[number] |= document if method == "PATCH" else {}
            return 200, self.issues[number]
        comments = self.comments.setdefault(number, [])
        if method == "POST":
            comments.append(document["body"])
            return 201, {"body": document["body"]}
        return 200, _page([{"body": one} for one in comments], asked)


def _page(found: list[Any], asked: dict[str, str]) -> list[Any]:
    size, page = int(asked.get("per_page", "30")), int(asked.get("page", "1"))
    return found[size * (page - 1) : size * page]

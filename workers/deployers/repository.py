"""Files in a GitHub repository, changed by pull requests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from domain.errors import DeployError
from domain.inert import markup
from workers.deployers.api import Api
from workers.environment.service import Reply

HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "recsysops"}


class Head(NamedTuple):
    """The newest commit of the branch that pull requests go to, and its tree."""

    commit: str
    tree: str


class Proposal(NamedTuple):
    """A change to one file: its branch, and what its commit and pull request say, in words from anywhere."""

    branch: str
    title: str
    paragraphs: tuple[str, ...]

    def words(self) -> tuple[str, str]:
        """Title and body in which nothing mentions, links, or closes an issue once it is merged."""
        return markup(self.title), "\n\n".join(map(markup, filter(None, self.paragraphs)))


class Repository:
    """
    A repository and its branch `base`, for one operation within a deadline.

    Args:
        url: the REST API's.
        name: `owner/name`.
        token: may write contents and pull requests.
        seconds: for all requests together.

    Every method raises DeployError, or DeployUncertain once something may have been changed.
    """

    def __init__(self, url: str, name: str, base: str, token: str, *, seconds: float) -> None:
        self.name, self._base = name, base
        headers: Mapping[str, str] = {**HEADERS, "Authorization": f"Bearer {token}"}
        self._api = Api(url, headers, seconds=seconds)

    @property
    def left_seconds(self) -> float:
        """How much time is left."""
        return self._api.left_seconds

    def may_write(self) -> bool:
        """Whether the token may change it, as far as the server says so."""
        held = self._api.get(self._path("").rstrip("/")).document
        return bool(held.get("permissions", {}).get("push", True))

    def head(self) -> Head:
        """The branch as it is now."""
        commit = self._api.get(self._path(f"git/ref/heads/{self._base}")).document["object"]["sha"]
        tree = self._api.get(self._path(f"git/commits/{commit}")).document["tree"]["sha"]
        return Head(commit, tree)

    def read(self, head: Head, file: str) -> bytes | None:
        """A file's content at that commit; None if there is no such file."""
        held = self._api.get(self._path(f"contents/{quote(file)}?ref={head.commit}"), (200, 404))
        return None if held.status == 404 else self._text(held.document, file)

    def _text(self, held: Any, file: str) -> bytes:
        if not isinstance(held, dict) or held.get("type") != "file":
            raise DeployError(f"{file} in {self.name} is no file")
        if held.get("encoding") != "base64":
            raise DeployError(f"{file} in {self.name} is longer than the 1 MB that GitHub shows")
        return base64.b64decode(held["content"])

    def commit(self, proposal: Proposal, head: Head, file: str, text: str) -> str:
        """Commit the file's new text on top of `head`, and move the proposal's branch there."""
        entry = {"path": file, "mode": "100644", "type": "blob", "content": text}
        tree = {"base_tree": head.tree, "tree": [entry]}
        made = self._api.change("POST", self._path("git/trees"), tree, (201,)).document["sha"]
        title, body = proposal.words()
        message = f"{title}\n\n{body}\n"
        commit = {"message": message, "tree": made, "parents": [head.commit]}
        sha = str(self._api.change("POST", self._path("git/commits"), commit, (201,)).document["sha"])
        ref = {"ref": f"refs/heads/{proposal.branch}", "sha": sha}
        if self._api.change("POST", self._path("git/refs"), ref, (201, 422)).status == 422:
            moved = {"sha": sha, "force": True}
            self._api.change("PATCH", self._path(f"git/refs/heads/{proposal.branch}"), moved)
        return sha

    def propose(self, proposal: Proposal) -> dict[str, Any]:
        """The open pull request of the proposal's branch; opened if there is none."""
        for one in self.pulls(proposal.branch, "open"):
            return one
        title, body = proposal.words()
        asked = {"title": title, "body": body, "head": proposal.branch, "base": self._base}
        made: dict[str, Any] = self._api.change("POST", self._path("pulls"), asked, (201,)).document
        return made

    def pulls(self, branch: str, state: str) -> list[dict[str, Any]]:
        """The pull requests of a branch in a state: open, closed or all."""
        owner = self.name.partition("/")[0]
        asked = f"state={state}&head={owner}:{branch}&base={quote(self._base, safe='')}"
        found: list[dict[str, Any]] = self._api.get(self._path(f"pulls?{asked}")).document
        return found

    def close(self, number: int) -> None:
        """Close a pull request; a merged one stays merged."""
        self._api.change("PATCH", self._path(f"pulls/{number}"), {"state": "closed"})

    def merge(self, number: int, commit: str, method: str, not_yet: tuple[int, ...]) -> Reply:
        """Merge it as it is at `commit`; the answer's status is 200, or one of `not_yet`."""
        asked = {"sha": commit, "merge_method": method}
        return self._api.change("PUT", self._path(f"pulls/{number}/merge"), asked, (200, *not_yet))

    def drop_branch(self, branch: str) -> None:
        """Delete a branch if it exists."""
        self._api.change("DELETE", self._path(f"git/refs/heads/{branch}"), None, (204, 404, 422))

    def _path(self, rest: str) -> str:
        return f"/repos/{self.name}/{rest}"

"""The part of GitHub's REST interface that a deployer uses, over HTTP, on a real Git repository."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from tests.listening import Quiet, listening_as

TOKEN = "a token of the tests"
REPOSITORY = "shop/serving"
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "recsysops"), ("EMAIL", "recsysops@localhost"))
}
Answer = tuple[int, object]


class NoSuch(Exception):
    """Git does not have it."""


@dataclass
class Hub:
    """
    Attributes:
        merged: how often each branch was merged.
        requests: (method, path) in the order in which they came.
        refuses: how many more merges are answered with 405, as while a check runs.
    """

    git_folder: Path
    url: str = ""
    merged: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuses: int = 0
    pulls: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.git_folder))
        self.commit("README.md", "what serving reads\n")

    def git(self, *arguments: str, given: str = "", environment: Mapping[str, str] | None = None) -> str:
        """Git's answer; it knows nothing of whoever runs the tests."""
        around = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        command = ["git", "--git-dir", str(self.git_folder), *arguments]
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**around, **WHO, **(environment or {})},
        )
        if done.returncode:
            raise NoSuch(done.stderr or done.stdout)
        return done.stdout.strip()

    def commit(self, path: str, text: str, branch: str = "main") -> str:
        """A commit of somebody else's."""
        parents = self._known(branch)
        tree = self._tree(parents[0] if parents else None, path, text)
        made = self._commit_tree(tree, parents, "by hand")
        self.git("update-ref", f"refs/heads/{branch}", made)
        return made

    def read(self, path: str, branch: str = "main") -> str:
        """What a file holds."""
        return self.git("show", f"{branch}:{path}")

    def branches(self) -> set[str]:
        """All there are."""
        return set(self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split())

    def answer(self, method: str, target: str, document: Any) -> Answer:
        """GitHub's answer, one request at a time."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(f"/repos/{REPOSITORY}").removeprefix("/")
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.requests.append((method, path))
            for verb, pattern, doing in ROUTES:
                if verb == method and (found := re.fullmatch(pattern, path)):
                    try:
                        return self._doing(doing)(
                            *map(unquote, found.groups()), {**asked, **(document or {})}
                        )
                    except NoSuch as error:
                        return 404, {"message": f"Not Found: {error}"}
        return 404, {"message": "Not Found"}

    def _doing(self, name: str) -> Callable[..., Answer]:
        found: Callable[..., Answer] = getattr(self, name)
        return found

    def about(self, _asked: Any) -> Answer:
        return 200, {"full_name": REPOSITORY, "permissions": {"push": True}}

    def ref(self, branch: str, _asked: Any) -> Answer:
        return 200, {"object": {"sha": self._head(branch)}}

    def a_commit(self, sha: str, _asked: Any) -> Answer:
        return 200, {"sha": sha, "tree": {"sha": self.git("rev-parse", f"{sha}^{{tree}}")}}

    def contents(self, path: str, asked: Any) -> Answer:
        if self.git("cat-file", "-t", f"{asked['ref']}:{path}") != "blob":
            return 200, [{"type": "dir"}]
        text = self.git("show", f"{asked['ref']}:{path}").encode()
        return 200, {"type": "file", "encoding": "base64", "content": base64.encodebytes(text).decode()}

    def make_tree(self, asked: Any) -> Answer:
        (entry,) = asked["tree"]
        return 201, {"sha": self._tree(asked["base_tree"], entry["path"], entry["content"])}

    def make_commit(self, asked: Any) -> Answer:
        return 201, {"sha": self._commit_tree(asked["tree"], asked["parents"], asked["message"])}

    def make_ref(self, asked: Any) -> Answer:
        if asked["ref"].removeprefix("refs/heads/") in self.branches():
            return 422, {"message": "Reference already exists"}
        self.git("update-ref", asked["ref"], asked["sha"])
        return 201, {"ref": asked["ref"]}

    def move_ref(self, branch: str, asked: Any) -> Answer:
        if branch not in self.branches():
            return 422, {"message": "Reference does not exist"}
        self.git("update-ref", f"refs/heads/{branch}", asked["sha"])
        return 200, {"ref": f"refs/heads/{branch}"}

    def delete_ref(self, branch: str, _asked: Any) -> Answer:
        if branch not in self.branches():
            return 422, {"message": "Reference does not exist"}
        self.git("update-ref", "-d", f"refs/heads/{branch}")
        for one in self.pulls:
            if one["head"] == branch and one["state"] == "open":
                one["state"] = "closed"
        return 204, None

    def list_pulls(self, asked: Any) -> Answer:
        head, state = asked["head"].partition(":")[2], asked["state"]
        return 200, [one for one in self.pulls if one["head"] == head and state in ("all", one["state"])]

    def open_pull(self, asked: Any) -> Answer:
        if any(one["head"] == asked["head"] and one["state"] == "open" for one in self.pulls):
            return 422, {"message": "A pull request already exists"}
        if self._head(asked["head"]) == self._head(asked["base"]):
            return 422, {"message": "No commits between"}
        number = len(self.pulls) + 1
        page = {"html_url": f"https://hub.example/{REPOSITORY}/pull/{number}"}
        one = {"number": number, "state": "open", "merged_at": None, **page, **asked}
        self.pulls.append(one)
        return 201, one

    def change_pull(self, number: str, asked: Any) -> Answer:
        one = self.pulls[int(number) - 1]
        if one["merged_at"] is None:
            one["state"] = asked["state"]
        return 200, one

    def merge_pull(self, number: str, asked: Any) -> Answer:
        one = self.pulls[int(number) - 1]
        self.refuses -= 1
        if one["state"] != "open" or self.refuses >= 0:
            return 405, {"message": "Pull Request is not mergeable"}
        if asked["sha"] != self._head(one["head"]):
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        base = self._head(one["base"])
        try:
            tree = self.git("merge-tree", "--write-tree", base, asked["sha"])
        except NoSuch:
            return 405, {"message": "Pull Request is not mergeable: conflicts"}
        made = self._commit_tree(tree, [base], one["title"])
        self.git("update-ref", f"refs/heads/{one['base']}", made, base)
        self.merged[one["head"]] += 1
        one.update(state="closed", merged_at="now")
        return 200, {"merged": True, "sha": made}

    def _head(self, branch: str) -> str:
        return self.git("rev-parse", "--verify", f"refs/heads/{branch}")

    def _known(self, branch: str) -> list[str]:
        return [self._head(branch)] if branch in self.branches() else []

    def _tree(self, base: str | None, path: str, text: str) -> str:
        blob = self.git("hash-object", "-w", "--stdin", given=text)
        index = {"GIT_INDEX_FILE": str(self.git_folder / "index-of-the-hub")}
        self.git("read-tree", base or "--empty", environment=index)
        self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", environment=index)
        return self.git("write-tree", environment=index)

    def _commit_tree(self, tree: str, parents: list[str], message: str) -> str:
        named = [part for parent in parents for part in ("-p", parent)]
        return self.git("commit-tree", tree, *named, given=message)


ROUTES: tuple[tuple[str, str, str], ...] = (
    ("GET", "", "about"),
    ("GET", r"git/ref/heads/(.+)", "ref"),
    ("GET", r"git/commits/(\w+)", "a_commit"),
    ("GET", r"contents/(.+)", "contents"),
    ("POST", r"git/trees", "make_tree"),
    ("POST", r"git/commits", "make_commit"),
    ("POST", r"git/refs", "make_ref"),
    ("PATCH", r"git/refs/heads/(.+)", "move_ref"),
    ("DELETE", r"git/refs/heads/(.+)", "delete_ref"),
    ("GET", r"pulls", "list_pulls"),
    ("POST", r"pulls", "open_pull"),
    ("PATCH", r"pulls/(\d+)", "change_pull"),
    ("PUT", r"pulls/(\d+)/merge", "merge_pull"),
)


@contextmanager
def listening(hub: Hub) -> Iterator[Hub]:
    """The hub behind HTTP while the block lasts."""

    class Called(Quiet):
        def answer(self) -> None:
            body = self.body()
            status, said = 401, b'{"message": "Bad credentials"}'
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                document = orjson.loads(body) if body else None
                status, answer = hub.answer(self.command, self.path, document)
                said = orjson.dumps(answer) if answer is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    with listening_as(Called) as hub.url:
        yield hub

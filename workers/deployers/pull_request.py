"""A hotfix as a pull request on GitHub that changes a file of overrides, and is merged."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from domain.answer import Advice
from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.recommender.deployer import Deployer
from domain.recommender.keys.duration import Duration
from domain.values import Option
from workers.deployers import overrides
from workers.deployers.api import Api
from workers.deployers.kind import Environment, Kind, unset
from workers.environment.exchange import is_safe

HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "recsysops"}
PAUSE_SECONDS = 1.0
NOT_YET = (405, 409)
"""Not merged now: GitHub has not made up its mind, a check runs, or somebody else merged meanwhile."""

Change = Callable[[overrides.Document], overrides.Document]


class PullRequestOptions(Deployer):
    """
    `repository` is `owner/name`, `file` the overrides in it, on the branch `base` that serving is deployed
    from. `token_env` names the variable with a token that may write contents and pull requests; they are
    merged by `merge`. `url` is of another server than github.com.
    """

    kind: Literal["pull_request"]
    url: str = "https://api.github.com"
    """Address of the REST interface, of another server than github.com."""
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository, as `owner/name`."""
    base: str = Field(default="main", min_length=1)
    """Branch that serving is deployed from."""
    file: str = Field(default="overrides.json", min_length=1)
    """File of overrides in the repository."""
    token_env: str = Field(min_length=1)
    """Variable with a token that may write contents and pull requests."""
    merge: Literal["merge", "squash", "rebase"] = "squash"
    """How pull requests are merged."""
    timeout: Duration = timedelta(seconds=60)
    """Longest time until a pull request is merged; after it, it is closed again."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not is_safe(self.url):
            raise ValueError("GitHub needs https, or http on this machine (127.0.0.1, ::1, localhost)")
        if self.file.startswith("/") or ".." in self.file.split("/"):
            raise ValueError("file: write it from the top of the repository, as in config/overrides.json")
        return self


class Base(NamedTuple):
    """The newest commit of the branch that serving is deployed from, its tree, and its overrides."""

    commit: str
    tree: str
    document: overrides.Document


class PullRequestDeployer:
    """
    Keeps a hotfix under its key in the document of overrides in a repository (`workers.deployers.overrides`).

    Each change is one commit on the newest one of `base`, on a branch named after the key, so that whoever
    comes after a death finds it. A pull request that was closed or taken back is never merged again.
    """

    def __init__(self, declared: PullRequestOptions, token: str) -> None:
        self._declared = declared
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Propose the entries and merge them; what `base` holds already keeps its end."""
        entries = overrides.entries(key, option, expires_at)
        api, branch = self._api(), _branch(key)
        base = self._base(api)
        if key in overrides.keys(base.document):
            return f"{self._about} already holds {key}"
        former = next((one for one in self._pulls(api, branch, "all") if one["state"] == "closed"), None)
        if former is not None:
            raise DeployError(
                f"#{former['number']} was taken back; a new approval is needed to apply it again"
            )
        body = f"{option.does}\n\nUntil {expires_at:%Y-%m-%d %H:%M %Z}. " if expires_at else option.does
        proposal = _Proposal(branch, f"{option.label} ({option.hotfix})", f"{body}\n\nHotfix: {key}")
        number = self._merged(api, proposal, base, lambda document: overrides.with_entries(document, entries))
        return f"{self._about} holds {key}: {overrides.summary(entries)}, merged as #{number}"

    def revert(self, key: str, option: Option) -> str:
        """Close what was proposed; where it was merged, merge another one that takes the entries out."""
        api, branch = self._api(), _branch(key)
        for one in self._pulls(api, branch, "open"):
            api.change("PATCH", self._path(f"pulls/{one['number']}"), {"state": "closed"})
        # Looked at after that: what could still be merged is merged by now, or never.
        base = self._base(api)
        if key not in overrides.keys(base.document):
            return f"{self._about} does not hold {key} (any more)"
        title = f"Revert: {option.label} ({option.hotfix})"
        proposal = _Proposal(f"{branch}-revert", title, f"Taken back.\n\nHotfix: {key}")
        number = self._merged(api, proposal, base, lambda document: overrides.without(document, key))
        return f"{self._about} no longer holds {key}, merged as #{number}"

    def serving(self) -> frozenset[str]:
        """What the file holds on `base`; that serving is deployed from there is seen by the watch."""
        return overrides.keys(self._base(self._api()).document)

    def may_write(self) -> bool:
        """Whether the token may change the repository, as far as the server says so."""
        held = self._api().get(self._path("").rstrip("/")).document
        return bool(held.get("permissions", {}).get("push", True))

    def _merged(self, api: Api, proposal: _Proposal, base: Base, change: Change) -> int:
        """
        The number of the pull request that brought the change into `base`.

        Raises:
            DeployUncertain: it cannot be merged within the time, and stays open.
        """
        commit = self._committed(api, proposal, base, change)
        number = self._proposed(api, proposal)
        while True:
            asked = {"sha": commit, "merge_method": self._declared.merge}
            answer = api.change("PUT", self._path(f"pulls/{number}/merge"), asked, (200, *NOT_YET))
            if answer.status == 200:
                api.change("DELETE", self._path(f"git/refs/heads/{proposal.branch}"), None, (204, 404, 422))
                return number
            if api.left_seconds < PAUSE_SECONDS:
                said = answer.document.get("message", "")
                raise DeployUncertain(
                    f"#{number} of {self._declared.repository} cannot be merged yet: {said}"
                )
            time.sleep(PAUSE_SECONDS)
            if (newest := self._base(api)).commit != base.commit:
                base, commit = newest, self._committed(api, proposal, newest, change)

    def _base(self, api: Api) -> Base:
        commit = api.get(self._path(f"git/ref/heads/{self._declared.base}")).document["object"]["sha"]
        tree = api.get(self._path(f"git/commits/{commit}")).document["tree"]["sha"]
        held = api.get(self._path(f"contents/{quote(self._declared.file)}?ref={commit}"), (200, 404))
        text = None if held.status == 404 else self._text(held.document)
        return Base(commit, tree, overrides.parse(text, self._about))

    def _text(self, held: Any) -> bytes:
        if not isinstance(held, dict) or held.get("type") != "file":
            raise DeployError(f"{self._about} is no file")
        if held.get("encoding") != "base64":
            raise DeployError(f"{self._about} is longer than the 1 MB that GitHub shows")
        return base64.b64decode(held["content"])

    def _committed(self, api: Api, proposal: _Proposal, base: Base, change: Change) -> str:
        """The commit of the change on `base`, which the proposal's branch is at from now on."""
        text = overrides.written(change(base.document)).decode() + "\n"
        entry = {"path": self._declared.file, "mode": "100644", "type": "blob", "content": text}
        tree = {"base_tree": base.tree, "tree": [entry]}
        made = api.change("POST", self._path("git/trees"), tree, (201,)).document["sha"]
        message = f"{proposal.title}\n\n{proposal.body}\n"
        commit = {"message": message, "tree": made, "parents": [base.commit]}
        sha = str(api.change("POST", self._path("git/commits"), commit, (201,)).document["sha"])
        ref = {"ref": f"refs/heads/{proposal.branch}", "sha": sha}
        if api.change("POST", self._path("git/refs"), ref, (201, 422)).status == 422:
            moved = {"sha": sha, "force": True}
            api.change("PATCH", self._path(f"git/refs/heads/{proposal.branch}"), moved)
        return sha

    def _proposed(self, api: Api, proposal: _Proposal) -> int:
        for one in self._pulls(api, proposal.branch, "open"):
            return int(one["number"])
        asked = {"title": proposal.title, "body": proposal.body, "head": proposal.branch}
        asked["base"] = self._declared.base
        return int(api.change("POST", self._path("pulls"), asked, (201,)).document["number"])

    def _pulls(self, api: Api, branch: str, state: str) -> list[dict[str, Any]]:
        owner = self._declared.repository.partition("/")[0]
        asked = f"state={state}&head={owner}:{branch}&base={quote(self._declared.base, safe='')}"
        found: list[dict[str, Any]] = api.get(self._path(f"pulls?{asked}")).document
        return found

    @property
    def _about(self) -> str:
        return f"{self._declared.file} in {self._declared.repository}"

    def _path(self, rest: str) -> str:
        return f"/repos/{self._declared.repository}/{rest}"

    def _api(self) -> Api:
        seconds = self._declared.timeout.total_seconds()
        return Api(self._declared.url, self._headers, seconds=seconds)


class _Proposal(NamedTuple):
    branch: str
    title: str
    body: str


def _branch(key: str) -> str:
    return f"recsysops/{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def _opened(declared: PullRequestOptions, environment: Environment) -> PullRequestDeployer:
    token = environment.get(declared.token_env)
    if not token:
        raise ConfigurationError(f"the variable {declared.token_env} with GitHub's token is not set")
    return PullRequestDeployer(declared, token)


def _examine(declared: PullRequestOptions, environment: Environment) -> Iterator[Advice]:
    where = f"deployers.{declared.name}"
    not_set = list(unset(where, "token_env", declared.token_env, environment, "GitHub could not be asked"))
    if not_set:
        yield from not_set
        return
    opened = _opened(declared, environment)
    try:
        opened.serving()
        may_write = opened.may_write()
    except DeployError as error:
        mend = "correct repository, base, file or the token"
        yield Advice(level="warning", where=where, says=str(error), mend=mend)
        return
    if not may_write:
        says = f"its token may not write to {declared.repository}"
        mend = "let it write contents and pull requests"
        yield Advice(level="error", where=f"{where}.token_env", says=says, mend=mend)


KIND = Kind(
    "pull_request",
    PullRequestOptions,
    _opened,
    _examine,
    overrides.carries,
    needs="`repository`, `token_env` (may write contents and pull requests, and merge); `base`, `file`, "
    "`merge`, `url`",
    confirms="the file on `base`, read back",
    reverts="what is open is closed; what was merged is taken out by another pull request",
    renews=False,
)

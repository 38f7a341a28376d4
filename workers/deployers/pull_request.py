"""A hotfix as a GitHub pull request that changes an overrides file, and is then merged."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from domain.answer import Advice
from domain.errors import DeployError, DeployUncertain
from domain.recommender.deployer import Deployer
from domain.recommender.keys.duration import Duration
from domain.values import Option
from workers.deployers import overrides
from workers.deployers.kind import Environment, Kind
from workers.deployers.repository import Head, Proposal, Repository
from workers.environment.service import SafeAddress, examined, secret_of

PAUSE_SECONDS = 1.0
NOT_YET = (405, 409)
"""Not mergeable now: GitHub is still deciding, a check runs, or somebody else merged meanwhile."""

Change = Callable[[overrides.Document], overrides.Document]


class PullRequestOptions(Deployer):
    """
    `repository` is `owner/name`, `file` its overrides file, on the branch `base` that serving is deployed
    from. `token_env` names the variable with a token that may write contents and pull requests; these are
    merged by the method `merge`. `url` is needed for servers other than github.com.
    """

    kind: Literal["pull_request"]
    url: SafeAddress = "https://api.github.com"
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
    def _within(self) -> Self:
        if self.file.startswith("/") or ".." in self.file.split("/"):
            raise ValueError("file: write it from the top of the repository, as in config/overrides.json")
        return self


class Base(NamedTuple):
    """The newest commit of the branch that serving is deployed from, and the overrides in it."""

    head: Head
    document: overrides.Document


class PullRequestDeployer:
    """
    Keeps a hotfix under its key in the overrides document of a repository (`workers.deployers.overrides`).

    Each change is one commit on top of `base`, on a branch named after the key, so that it can be found
    after a crash. A pull request that was closed or reverted is never merged again.
    """

    def __init__(self, declared: PullRequestOptions, environment: Environment) -> None:
        self._declared, self._environment = declared, environment

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Propose the entries and merge them; entries already in `base` keep their end."""
        entries = overrides.entries(key, option, expires_at)
        repository, branch = opened(self._declared, self._environment), branch_of(key)
        base = self._base(repository)
        if key in overrides.keys(base.document):
            return f"{self._about} already holds {key}"
        former = next((one for one in repository.pulls(branch, "all") if one["state"] == "closed"), None)
        if former is not None:
            raise DeployError(
                f"#{former['number']} was taken back; a new approval is needed to apply it again"
            )
        said = (option.does, f"Until {expires_at:%Y-%m-%d %H:%M %Z}.", f"Hotfix: {key}")
        proposal = Proposal(branch, f"{option.label} ({option.hotfix})", said)
        change = partial(overrides.with_entries, entries=entries)
        number = self._merged(repository, proposal, base, change)
        return f"{self._about} holds {key}: {overrides.summary(entries)}, merged as #{number}"

    def revert(self, key: str, option: Option) -> str:
        """Close the proposal; if it was merged, merge another one that removes the entries."""
        repository, branch = opened(self._declared, self._environment), branch_of(key)
        for one in repository.pulls(branch, "open"):
            repository.close(one["number"])
        # Read after that: whatever could still be merged is merged by now, or never will be.
        base = self._base(repository)
        if key not in overrides.keys(base.document):
            return f"{self._about} does not hold {key} (any more)"
        title = f"Revert: {option.label} ({option.hotfix})"
        proposal = Proposal(f"{branch}-revert", title, ("Taken back.", f"Hotfix: {key}"))
        number = self._merged(repository, proposal, base, lambda document: overrides.without(document, key))
        return f"{self._about} no longer holds {key}, merged as #{number}"

    def serving(self) -> frozenset[str]:
        """The keys in the file on `base`; whether serving is deployed from there is left to the watch."""
        return overrides.keys(self._base(opened(self._declared, self._environment)).document)

    def may_write(self) -> bool:
        """Whether the token may change the repository, as far as the server says so."""
        return opened(self._declared, self._environment).may_write()

    def _merged(self, repository: Repository, proposal: Proposal, base: Base, change: Change) -> int:
        """
        The number of the pull request that brought the change into `base`.

        Raises:
            DeployUncertain: it cannot be merged in time, and stays open.
        """
        commit = self._committed(repository, proposal, base, change)
        number = int(repository.propose(proposal)["number"])
        while True:
            answer = repository.merge(number, commit, self._declared.merge, NOT_YET)
            if answer.status == 200:
                repository.drop_branch(proposal.branch)
                return number
            if repository.left_seconds < PAUSE_SECONDS:
                said = answer.document.get("message", "")
                raise DeployUncertain(
                    f"#{number} of {self._declared.repository} cannot be merged yet: {said}"
                )
            time.sleep(PAUSE_SECONDS)
            if (newest := self._base(repository)).head.commit != base.head.commit:
                base, commit = newest, self._committed(repository, proposal, newest, change)

    def _base(self, repository: Repository) -> Base:
        head = repository.head()
        text = repository.read(head, self._declared.file)
        return Base(head, overrides.parse(text, self._about))

    def _committed(self, repository: Repository, proposal: Proposal, base: Base, change: Change) -> str:
        text = overrides.written(change(base.document)).decode() + "\n"
        return repository.commit(proposal, base.head, self._declared.file, text)

    @property
    def _about(self) -> str:
        return f"{self._declared.file} in {self._declared.repository}"


def opened(declared: PullRequestOptions, environment: Environment) -> Repository:
    """
    The declared repository, for one operation within its `timeout`.

    Raises:
        ConfigurationError: the variable of its token is not set.
    """
    token, seconds = secret_of(environment, declared.token_env, "GitHub"), declared.timeout.total_seconds()
    return Repository(declared.url, declared.repository, declared.base, token, seconds=seconds)


def branch_of(key: str) -> str:
    """The branch for everything done under this key."""
    return f"recsysops/{hashlib.sha256(key.encode()).hexdigest()[:20]}"


def _opened(declared: PullRequestOptions, environment: Environment) -> PullRequestDeployer:
    opened(declared, environment)
    return PullRequestDeployer(declared, environment)


def _examine(declared: PullRequestOptions, environment: Environment) -> Iterator[Advice]:
    fix = "correct repository, base, file or the token"
    yield from examined(f"deployers.{declared.name}", "token_env", _looked(declared, environment), fix)


def _looked(declared: PullRequestOptions, environment: Environment) -> Iterator[Advice]:
    deployer = _opened(declared, environment)
    deployer.serving()
    if not deployer.may_write():
        where = f"deployers.{declared.name}.token_env"
        says = f"its token may not write to {declared.repository}"
        yield Advice(level="error", where=where, says=says, fix="let it write contents and pull requests")


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

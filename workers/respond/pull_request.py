"""Proposes an agreed check as a pull request to the declaration's repository, which people merge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from domain.errors import ConfigurationError, Refused
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import AddedCheck
from workers.declaration.addition import added_to, as_added, difference, removed_from
from workers.deployers.pull_request import PullRequestOptions, branch_of, opened
from workers.deployers.repository import Head, Proposal, Repository

Environment = Mapping[str, str]
BACK = "-back"
"""Suffix of the branch that takes a check out again."""


class Standing(NamedTuple):
    """How far the pull request at `url` has come."""

    state: Literal["open", "merged", "closed"]
    url: str


def propose_addition(
    recommender: Recommender, environment: Environment, incident: Incident, change: AddedCheck, key: str
) -> c.Command:
    """
    A pull request that adds the check; found again by the branch of its `key`, however often it is requested.

    Raises:
        Refused: it does not apply to the file in the repository, or its pull request was closed.
        ConfigurationError: the repository is not declared.
        DeployError: GitHub refuses it. DeployUncertain: asked again, it is found out how far it came.
    """
    repository, file = repository_of(recommender, environment), recommender.follow_ups.file
    head = repository.head()
    text = _text(repository, head, file)
    after = added_to(text, change)
    if after == text:  # merged meanwhile, or put in by somebody
        return c.RecordChangeWritten(check=change.name, diff=as_added(change))
    branch = branch_of(key)
    if closed := [one for one in repository.pulls(branch, "closed") if not one.get("merged_at")]:
        raise Refused(f"its pull request {_address(closed[0])} was closed without being merged")
    taken = next((one for one in incident.changes if one.change.name == change.name), None)
    why = (taken.says, taken.proof) if taken else ()
    whose = f"The follow-up of incident {incident.number}: {incident.called}"
    proposal = Proposal(branch, f"Check {change.name}, in shadow mode", (*why, whose, f"Follow-up: {key}"))
    repository.commit(proposal, head, file, after)
    url = _address(repository.propose(proposal))
    return c.RecordChangeProposed(check=change.name, diff=difference(text, after, file), url=url)


def propose_removal(
    recommender: Recommender, environment: Environment, incident: Incident, change: AddedCheck
) -> c.Command:
    """
    Close the pull request that adds the check; if it was merged, open one that takes the check out.

    Raises: as `propose_addition`.
    """
    repository, file = repository_of(recommender, environment), recommender.follow_ups.file
    branch = branch_of(_asked_by(incident))
    for one in repository.pulls(branch, "open"):
        repository.close(int(one["number"]))
    # Read only after that: what could still be merged is merged by now, or never will be.
    head = repository.head()
    text = _text(repository, head, file)
    after = removed_from(text, change)
    if after == text:
        return c.RecordChangeTakenBack(check=change.name, diff="")
    harm = incident.followed.harm if incident.followed else None
    proposal = Proposal(
        f"{branch}{BACK}", f"Take out check {change.name}", (f"It made something worse: {harm}",)
    )
    repository.commit(proposal, head, file, after)
    url = _address(repository.propose(proposal))
    return c.RecordChangeTakenBack(check=change.name, diff=difference(text, after, file), url=url)


def repository_of(recommender: Recommender, environment: Environment) -> Repository:
    """
    The repository that checks are proposed in.

    Raises:
        ConfigurationError: it is not declared, or its token is not there.
    """
    name = recommender.follow_ups.deployer
    declared = recommender.deployers.get(name or "")
    if not isinstance(declared, PullRequestOptions):
        raise ConfigurationError("[follow_ups] deployer names none of kind pull_request")
    return opened(declared, environment)


def standing_of(repository: Repository, incident: Incident) -> Standing | None:
    """
    How far the pull request that adds an incident's check has come; None if there is none.

    If there are several on its branch, as when one was closed and another opened by hand, a merged one counts
    first, then an open one.

    Raises:
        DeployError: GitHub does not tell.
    """
    pulls = repository.pulls(branch_of(_asked_by(incident)), "all")
    for one in pulls:
        if one.get("merged_at"):
            return Standing("merged", _address(one))
    for one in sorted(pulls, key=lambda one: str(one["state"]) != "open"):
        return Standing("open" if one["state"] == "open" else "closed", _address(one))
    return None


def is_held(repository: Repository, file: str, change: AddedCheck) -> bool:
    """
    Whether the file in the repository contains the check, however it got there.

    Raises:
        DeployError: GitHub does not tell.
    """
    try:
        text = _text(repository, repository.head(), file)
        return added_to(text, change) == text
    except Refused:
        return False


def _text(repository: Repository, head: Head, file: str) -> str:
    held = repository.read(head, file)
    if held is None:
        raise Refused(f"there is no {file} in {repository.name}; name it in [follow_ups] file")
    return held.decode("utf-8")


def _address(pull: Mapping[str, Any]) -> str:
    return str(pull.get("html_url") or f"#{pull['number']}")


def _asked_by(incident: Incident) -> str:
    return incident.followed.answered_by if incident.followed else ""

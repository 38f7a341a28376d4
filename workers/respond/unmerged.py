"""
Looks at the pull requests of follow-ups on a schedule: one closed without being merged is recorded once, and
so is its being opened again.

A merge is not recorded: the check is then in the declaration, where the nightly replay finds it.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy import Engine

from domain.errors import ConfigurationError, DeployError, Refused
from domain.incident import commands as c
from domain.incident.followed import closed_unmerged, in_pull_request
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor
from workers.deployers.repository import Repository
from workers.environment import redaction
from workers.log.handle import handle
from workers.respond.pull_request import is_held, repository_of, standing_of
from workers.store import cards
from workers.store.lock import alone

WORKER = Actor(kind="worker", id="worker:pull-requests")

_log = structlog.get_logger(__name__)


def look_at_pull_requests(log: Engine, recommender: Recommender, environment: Mapping[str, str]) -> None:
    """
    Ask GitHub about each pull request of a follow-up that is not done, and record what people did with it.

    If GitHub does not answer, the next look asks again.

    Args:
        environment: the variables that a declaration may name.
    """
    if recommender.follow_ups.apply != "pull_request":
        return
    with alone(log, "tick:pull-requests") as mine:
        if not mine:
            return
        with log.connect() as connection:
            proposed = [
                one for one in cards.followed(connection) if in_pull_request(one) or closed_unmerged(one)
            ]
        try:
            repository = repository_of(recommender, environment) if proposed else None
            for incident in proposed:
                if repository is not None and (command := _said(recommender, repository, incident)):
                    _record(log, incident, command)
        except (DeployError, ConfigurationError) as error:
            _log.warning("pull_requests_not_looked_at", error=redaction.prose(str(error)))


def _said(recommender: Recommender, repository: Repository, incident: Incident) -> c.Command | None:
    """What its pull request says that the log does not."""
    change, came = incident.change, incident.change_came
    found = standing_of(repository, incident)
    if change is None or came is None or found is None or came.closed == (found.state == "closed"):
        return None
    if found.state == "closed":
        if is_held(repository, recommender.follow_ups.file, change):
            return None  # added by hand, or by another pull request: nothing to do about this one
        return c.RecordPullRequestClosed(check=change.name, url=found.url)
    return c.RecordChangeProposed(check=change.name, diff=came.diff, url=found.url)


def _record(log: Engine, incident: Incident, command: c.Command) -> None:
    # Closed, opened again and closed once more are three answers: each builds on what the log said before.
    key = f"{incident.last_event_id}:{type(command).__name__}"
    cause = incident.followed.answered_by if incident.followed else incident.last_event_id
    try:
        handle(incident.stream, command, actor=WORKER, key=key, cause=cause, log=log)
    except Refused as error:
        _log.info("pull_request_not_recorded", number=incident.number, reason=str(error))

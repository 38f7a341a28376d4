"""Merges an incident into the open one with the same cause: one cause has one message and one menu."""

from __future__ import annotations

import structlog

from domain.detection.correlate.merging import part_of
from domain.incident import commands as c
from domain.values import Actor, Diagnosis
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.store import cards
from workers.store.related import of_one_cause

ACTOR = Actor(kind="worker", id="worker:diagnose")

_log = structlog.get_logger(__name__)


def merge(work: Work, found: Diagnosis) -> None:
    """
    Have the incident's findings join the one that it is part of, and say so in it; each once, however often
    it is tried. Nobody else may open, join or merge incidents meanwhile.
    """
    event_id = work.obligation.event_id
    with work.log.connect() as connection:
        incident = cards.find(connection, work.incident.stream)  # a person may have taken it meanwhile
    one = part_of(incident, found, of_one_cause(work.log, found)) if incident is not None else None
    if incident is None or one is None:
        return
    own = [incident.finding] if incident.finding is not None else []
    for finding in (*own, *incident.also):
        join, key = c.JoinFinding(finding=finding, shares="cause"), f"{event_id}:joins:{finding.fingerprint}"
        handle(one.stream, join, actor=ACTOR, key=key, cause=event_id, log=work.log)
    cause = found.title or found.cause or one.called
    work.tell(c.MergeInto(into=one.stream, number=one.number, cause=cause), "merge")
    _log.info("merged", number=incident.number, into=one.number)

"""What tables tell about a finding and an incident being one thing: where they cross, and which items."""

from __future__ import annotations

import structlog

from domain.detection.correlate.joining import MOST_OF_IT, Shares, seen_until
from domain.detection.correlate.same_cause import crossing
from domain.detection.judge.excluded import Past
from domain.errors import RecsysopsError, sanitized
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.measure import measure
from workers.sources.aggregate.items import items_of

_log = structlog.get_logger(__name__)


def explained_by(recommender: Recommender, finding: Finding) -> Shares:
    """The items that a finding comes from, where they can be counted."""
    try:
        return items_of(recommender, finding)
    except RecsysopsError as error:
        _log.info("items_not_counted", finding=finding.title, error=str(error))
        return {}


def mostly_there(recommender: Recommender, incident: Incident, finding: Finding, made_from: Lineage) -> bool:
    """Whether most of what `finding` lacks lies where its slice crosses an upstream incident's slice."""
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None:
        return False
    where = crossing(first, latest, seen_until(incident, latest), finding, made_from)
    if where is None:
        return False
    both = finding.model_copy(update={"slice": where})
    past = Past(before=min(first.window_start, finding.window_start))
    try:
        there = measure(recommender, both, finding.window_start, finding.window_end, past)
    except (RecsysopsError, ValueError) as error:
        _log.info("crossing_not_measured", finding=finding.title, error=sanitized(error))
        return False
    return there.expected - there.observed >= MOST_OF_IT * (finding.expected - finding.observed)

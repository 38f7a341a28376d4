"""The job of proposing what to change after an incident, tried on the past before anybody sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from domain.errors import RecsysopsError
from domain.improvement.follow_up import propose
from domain.improvement.replay import Proof, replay_unset_alarm
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from workers.environment.settings import settings
from workers.log.obligations import Work
from workers.respond.diagnose.reading import Reader
from workers.respond.trial import try_changes
from workers.sources.engines.source import TIME, open_source


def settle(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Propose the follow-up of a resolved incident."""
    tried = try_changes(settings().config, recommender, work.incident)
    proof = None if tried.changes else prove(recommender, work.incident)
    improvement = propose(work.incident, proof, tried.changes)
    return (c.ProposeFollowUp(improvement=improvement, changes=tried.changes, note=tried.note),)


def prove(recommender: Recommender, incident: Incident) -> Proof | None:
    """The alarm on unset values over all kept deliveries; null for another cause, or if none are kept."""
    found, finding = incident.diagnosis, incident.first_finding
    if incident.resolved_how == "false_alarm":
        return None
    if found is None or finding is None or found.cause_kind != "feature" or found.feature is None:
        return None
    try:
        shares = unset_shares(recommender, incident, found.feature)
        return None if shares is None else replay_unset_alarm(shares, incident.opened_at, incident.onset_at)
    except RecsysopsError:
        return None  # the proposal stands without a proof, and then carries none


def unset_shares(recommender: Recommender, incident: Incident, feature: str) -> pd.DataFrame | None:
    """One row per kept delivery: `delivered_at`, `share` of items without the feature."""
    finding = incident.first_finding
    if finding is None:
        return None
    name = Reader(recommender, finding, _until(incident)).snapshot_table()
    if name is None:
        return None
    source = open_source(recommender, name)
    source.require(feature)
    rows = source.timed()
    counted = rows.group_by(delivered_at=rows[TIME]).aggregate(share=rows[feature].isnull().mean())
    frame = source.fetch(counted)
    return frame.assign(delivered_at=pd.to_datetime(frame["delivered_at"], utc=True))


def _until(incident: Incident) -> datetime:
    return incident.resolved_at or incident.opened_at

"""What the log knows about the past of a recommender's tables: when something was wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.detection.judge.excluded import Past, excluded_for, past_of, planned_for, suspect_launches
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from workers.checks.measure import MOST_LOST
from workers.checks.plan import Plan, plans_of
from workers.checks.run import Wrong
from workers.declaration.check_kinds import found
from workers.store import cards

LONGEST = timedelta(days=60)
"""An incident opened and closed this long before the start of all history is no longer read."""


def wrong_times(
    log: Engine, recommender: Recommender, at: datetime, plans: Iterable[Plan] | None = None
) -> Wrong:
    """
    Check → the times up to `at` that it learns nothing from.

    Args:
        plans: of the checks to answer for; of all that are declared if not given.
    """
    plans = tuple(plans_of(recommender) if plans is None else plans)
    reach = max((planned.history for planned in plans), default=timedelta(0))
    incidents = known_since(log, at - (1 + MOST_LOST) * reach - LONGEST)
    kinds = {name: found(check.kind) for name, check in recommender.checks.items()}
    rows = {name: kind.rows if kind else None for name, kind in kinds.items()}
    return {planned.check.name: excluded_for(planned.check, incidents, rows, at) for planned in plans}


def past_before(log: Engine, recommender: Recommender, incident: Incident, at: datetime) -> Past | None:
    """The past to compare an incident's metric with; None if no check found it, or its check is gone."""
    check: Check | None = recommender.checks.get(incident.finding.check) if incident.finding else None
    if check is None:
        return None
    wrong = wrong_times(log, recommender, at).get(check.name, ())
    return past_of(incident, (*planned_for(recommender, check), *wrong))


def suspects(log: Engine, at: datetime) -> frozenset[str]:
    """Items whose launch was an incident, as far back as a forecast remembers launches."""
    from workers.sources.launches import MEMORY  # noqa: PLC0415 - most incidents need no forecast

    return suspect_launches(known_since(log, at - MEMORY))


def known_since(log: Engine, since: datetime) -> list[Incident]:
    """Incidents that are open, and those opened after `since`."""
    with log.connect() as connection:
        return cards.open_or_opened_since(connection, since)

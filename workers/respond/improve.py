"""The job of proposing what to change after an incident, tried on the past before anybody sees it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.improvement.follow_up import propose
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from workers.environment.settings import settings
from workers.log.obligations import Work
from workers.respond.trial import try_changes


def settle(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Propose the follow-up of a resolved incident."""
    tried = try_changes(settings().config, recommender, work.incident)
    improvement = propose(work.incident, tried.changes)
    return (c.ProposeFollowUp(improvement=improvement, changes=tried.changes, note=tried.note),)

"""Why nobody is told about a finding: it was announced beforehand, or an item ended everywhere."""

from __future__ import annotations

from collections.abc import Container

import structlog

from domain.detection.correlate.same_cause import lacks
from domain.errors import RecsysopsError
from domain.recommender.recommender import SHADOW, Recommender
from domain.values import Finding
from workers.sources.aggregate.items import item_end

_log = structlog.get_logger(__name__)


def quiet(recommender: Recommender, finding: Finding, known: Container[str] = ()) -> str | None:
    """
    Why nobody is told about `finding`, in words; None if somebody is.

    Args:
        known: fingerprints that people already know about: that goes on, and the table is not asked again.
    """
    why = recommender.quiet(finding)
    return _ended(recommender, finding) if why is None and finding.fingerprint not in known else why


def quiet_on_trial(recommender: Recommender, finding: Finding, known: Container[str] = ()) -> bool:
    """Whether nobody would be told even if no check were in shadow mode."""
    if recommender.quiet(finding) not in (None, SHADOW):
        return True
    return finding.fingerprint not in known and _ended(recommender, finding) is not None


def _ended(recommender: Recommender, finding: Finding) -> str | None:
    """
    The reason, if what a slice lacks is one item that came and went: the item has hardly a row anywhere
    since, so nothing is wrong with the slice, which is back to how it was before. An item that was there all
    along and is gone, or is gone only in this slice, or together with others, still raises an alert.
    """
    check = recommender.checks.get(finding.check)
    rows_of_a_slice = finding.slice and finding.subject is None and finding.unit == "rows"
    if check is None or not rows_of_a_slice or not lacks(finding):
        return None
    try:
        end = item_end(recommender, finding)
    except RecsysopsError as error:
        _log.info("item_not_followed", finding=finding.title, error=str(error))
        return None
    explained = end is not None and end.explains(finding, check.least_change)
    return f"ended everywhere: {end.item}" if end is not None and explained else None

"""
Whether a finding opens an incident or belongs to a known one: the same rules apply live and in a backtest.

    finding ──▶ joined_by    an open incident with the same cause, seen elsewhere
            └─▶ over_already its window reaches back into an incident that has ended since
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from domain.detection.correlate.same_cause import SILENT, Link, crossing, lacks, same_cause
from domain.detection.judge.state import CLEAR_AFTER
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage
from domain.values import Finding

HOUR = timedelta(hours=1)
REPEAT_AFTER = timedelta(minutes=1)
"""An open incident records the same finding at most this often: the log is for people too."""
LONGEST_OVER = timedelta(days=7)
"""How long before a window an incident may have been opened, or last seen, and still be related to it."""
MOST_MEASURED = 20
"""How many open incidents are measured for one finding, the newest: each takes a query of the tables."""
MOST_OF_IT = 0.5
"""Share of a finding's deviation that something has to explain to be its cause."""

Shares = Mapping[str, float]
"""Item → its share of a finding's deviation."""


def link_to(incident: Incident, finding: Finding, made_from: Lineage) -> Link | None:
    """What `finding` shares with `incident` if the incident already reports its cause; else None."""
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None:
        return None
    return same_cause(first, latest, seen_until(incident, latest), finding, made_from)


def seen_until(incident: Incident, latest: Finding) -> datetime:
    """
    An ongoing incident was seen later than its latest finding says: findings are recorded only now and then,
    and with short windows a look or two may be silent before it counts as over.
    """
    if incident.cleared_at is not None:
        return latest.window_end
    width = latest.window_end - latest.window_start
    return latest.window_end + (width if width >= HOUR else REPEAT_AFTER + CLEAR_AFTER * width)


def joined_by(
    finding: Finding,
    linked: Iterable[Incident],
    near: Iterable[Incident],
    made_from: Lineage,
    since: datetime | None,
    mostly_there: Callable[[Incident], bool],
    explained_by: Callable[[Finding], Shares],
) -> tuple[Incident, Link] | None:
    """
    The incident with the same cause as `finding`, and what they share; None if the finding has its own cause.

    A finding that has joined an incident stays with it until the finding is over, even if the incident's own
    metric recovers earlier; but what continues after the incident was fixed is reported separately, or nobody
    would hear of it.

    Args:
        linked: the open incidents that may report the same cause; none of them about this finding itself.
        near: those, newest first, of which only a measurement tells; asked only if no other joins.
        since: when the unbroken run of sightings of the finding began, if its check remembers.
        mostly_there: whether most of what the finding lacks lies where it crosses that incident.
        explained_by: the items behind a finding; asked only if nothing else joins.
    """
    for incident in linked:
        if _outlived(incident, finding):
            continue
        joined = any(one.fingerprint == finding.fingerprint for one in incident.also)
        if joined and since is not None and (incident.cleared_at is None or since < incident.cleared_at):
            return incident, "table"
        if shares := link_to(incident, finding, made_from):
            return incident, shares
    measured = (one for one in near if not _outlived(one, finding) and _may_be(one, finding, made_from))
    incidents = list(islice(measured, MOST_MEASURED))[::-1]
    if upstream := next(filter(mostly_there, incidents), None):
        return upstream, "downstream"
    return _of_the_same_items(finding, incidents, explained_by)


def _may_be(incident: Incident, finding: Finding, made_from: Lineage) -> bool:
    """Whether a measurement may show the same cause: the slices cross, or both may be of the same items."""
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None:
        return False
    crosses = crossing(first, latest, seen_until(incident, latest), finding, made_from) is not None
    return crosses or _may_share_items(incident, finding)


def _outlived(incident: Incident, finding: Finding) -> bool:
    """Whether the finding's window began after the incident was fixed, by a hotfix or by people."""
    fixed_at = incident.resolved_at if incident.resolved_how in ("hotfix", "elsewhere") else None
    return fixed_at is not None and finding.kind == "detected" and finding.window_start >= fixed_at


def _of_the_same_items(
    finding: Finding, incidents: list[Incident], explained_by: Callable[[Finding], Shares]
) -> tuple[Incident, Link] | None:
    """One film's release is one incident, whichever of its genres is reported and on whichever day."""
    near = [incident for incident in incidents if _may_share_items(incident, finding)]
    own = explained_by(finding) if near else {}
    for incident in near if own else ():
        if any(
            same_items(explained_by(one), own) for one in (incident.first_finding, incident.finding) if one
        ):
            return incident, "items"
    return None


def _may_share_items(incident: Incident, finding: Finding) -> bool:
    """Whether both are slices of one table with more rows, or with fewer, within a week of each other."""
    first, latest = incident.first_finding, incident.finding
    if first is None or latest is None or finding.subject or first.subject:
        return False
    counted = (
        first.table == finding.table and first.unit == finding.unit and bool(first.slice and finding.slice)
    )
    near = finding.window_start - LONGEST_OVER <= latest.window_end
    return counted and near and finding.kind == first.kind == "detected" and lacks(latest) == lacks(finding)


def same_items(one: Shares, other: Shares) -> bool:
    """
    Whether the same items make up most of both.

    >>> same_items({"film": 0.7, "other": 0.1}, {"film": 0.6}), same_items({"film": 0.7}, {"other": 0.6})
    (True, False)
    """
    both = one.keys() & other.keys()
    return min(sum(one[item] for item in both), sum(other[item] for item in both)) >= MOST_OF_IT


def fingerprints(*incidents: Incident) -> frozenset[str]:
    """The fingerprints of everything that these incidents report, including the findings that joined them."""
    joined = (also.fingerprint for one in incidents for also in one.also)
    return frozenset((*(one.fingerprint for one in incidents), *joined))


def over_already(finding: Finding, known: Iterable[Incident], made_from: Lineage) -> bool:
    """
    True if the window reaches back into an incident of the same cause that has ended since.

    A check with long windows still sees what a fix has repaired; what continues after the fix is found again
    in the first window that begins after it. A silence begins with the delivery that ended the previous one,
    which people close later: it is already over only if nothing has come since that one was last seen. A
    forecast belongs to its day, whenever it is made.
    """

    def same(one: Incident) -> bool:
        return finding.fingerprint in fingerprints(one) or link_to(one, finding, made_from) is not None

    return finding.kind == "detected" and any(
        one.status == "closed" and finding.window_start < _until(one, finding) and same(one) for one in known
    )


def _until(incident: Incident, finding: Finding) -> datetime:
    """The moment before which whatever begins is still what that incident reported."""
    latest = incident.finding
    if latest is not None and latest.unit == finding.unit == SILENT:
        return latest.window_end
    return incident.mitigated_at or incident.last_at

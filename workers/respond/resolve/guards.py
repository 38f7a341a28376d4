"""The guards of a hotfix: checks that alarm on what it touches while it is in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from domain.errors import ConfigurationError
from domain.incident import commands as c
from domain.incident.numbers import minute
from domain.incident.state import Hotfix, Incident
from domain.values import Finding, Option, Slice, name_slice
from workers.declaration.hotfix_kinds import find
from workers.detect.past import known_since
from workers.log.obligations import Work


def new_alarm(work: Work, hotfix: Hotfix, applied_at: datetime) -> c.RecordHarm | None:
    """
    The first alarm of a guard in a window after the deployment, on what the hotfix touches; else None. What
    fell with the original alarm and is not back is reported separately: the hotfix did not do that.
    """
    option = work.incident.option(hotfix.option)
    if option is None or not option.guards:
        return None
    before = {one.fingerprint for one in work.incident.also if one.window_start < applied_at}
    for incident in known_since(work.log, applied_at):
        for finding in _new(incident, applied_at):
            if finding.fingerprint in before or finding.check not in option.guards:
                continue
            if touches(option, work.incident, finding):
                place = f" in {name_slice(finding.slice)}" if finding.slice else ""
                reason = (
                    f"its guard {finding.check} alarmed{place} at {minute(finding.window_end)} "
                    f"(#{incident.number}): {finding.title}"
                )
                return c.RecordHarm(option=hotfix.option, reason=reason)
    return None


def _new(incident: Incident, applied_at: datetime) -> Iterator[Finding]:
    """An incident's findings in windows after the deployment that were not seen before it."""
    if incident.resolved_how == "false_alarm":
        return
    found = incident.also
    if incident.finding is not None and incident.opened_at > applied_at:
        found = (incident.finding, *found)
    yield from (finding for finding in found if finding.window_start >= applied_at)


def touches(option: Option, incident: Incident, finding: Finding) -> bool:
    """
    Whether a finding is about what the option acts on: one of its items, or rows that it may change.

    Most kinds may change any row: showing more of one means showing less of another. A hotfix that changes
    nothing outside its slice shares rows with another slice unless both give a dimension different values.
    """
    items = option.parameters.get("items")
    if finding.item is not None and isinstance(items, list | tuple):
        return finding.item in items
    if not _within_slice(option):
        return True
    acts_in = dict(_slice_of(option, incident))
    return all(acts_in.get(dimension, value) == value for dimension, value in finding.slice)


def _within_slice(option: Option) -> bool:
    try:
        return find(option.kind or str(option.parameters.get("kind"))).within_slice
    except ConfigurationError:
        return False  # no longer installed: it may be anything


def _slice_of(option: Option, incident: Incident) -> Slice:
    """Where it acts: as its deployer is told, else where the alarm was."""
    given = option.parameters.get("slice")
    if isinstance(given, dict):
        return tuple((str(dimension), str(value)) for dimension, value in given.items())
    return incident.finding.slice if incident.finding else ()

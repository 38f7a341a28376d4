"""What the practice should learn from one incident: a proposal for people to accept, edit or decline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from domain.incident.state import Incident
from domain.incident.times import Durations, durations
from domain.values import Improvement, TriedChange, name_slice


def propose(incident: Incident, changes: Sequence[TriedChange] = ()) -> Improvement:
    """
    The best change that a replay supports; without one, what follows from the incident's cause. For a false
    alarm, that it should not be raised.

    Args:
        changes: those that were tried and found worth having, best first.
    """
    took = durations(incident)
    if incident.resolved_how == "false_alarm":
        return _no_incident(incident, took)
    if changes:
        return _tried(took, changes[0])
    kind = incident.diagnosis.cause_kind if incident.diagnosis else "unknown"
    if incident.kind == "predicted":
        return _launch(incident, took)
    if kind == "feature" and incident.diagnosis is not None and incident.diagnosis.feature:
        return _feature(incident, took, incident.diagnosis.feature)
    if kind == "feed":
        return _feed(incident, took)
    return _not_established(incident, took)


def _no_incident(incident: Incident, took: Durations) -> Improvement:
    """For a false alarm: there was nothing to find sooner; what is wrong is that it was raised."""
    finding = incident.first_finding
    check = f"`{finding.check}`" if finding else "the check"
    return Improvement(
        detect_faster="It was no incident: nothing is to be found sooner",
        diagnose_faster=f"The first evidence was there {_evidence(took)}; it is to say so by itself",
        change="threshold",
        detail=f"What {check} takes for an incident: {incident.resolution or 'why it was none'}",
    )


def _tried(took: Durations, best: TriedChange) -> Improvement:
    return Improvement(
        detect_faster=best.faster,
        diagnose_faster=f"The first evidence was there {_evidence(took)}",
        change="check",
        detail=best.detail,
        proof=best.proof,
    )


def _feature(incident: Incident, took: Durations, feature: str) -> Improvement:
    return Improvement(
        detect_faster=f"Yes: at the delivery itself, before anybody is shown less{_after_onset(incident)}",
        diagnose_faster=f"The first evidence was there {_evidence(took)}; an alarm at delivery names it",
        change="check",
        detail=f"Alarm on the share of items with `{feature}` not set, at each catalogue delivery",
    )


def _feed(incident: Incident, took: Durations) -> Improvement:
    finding = incident.first_finding
    table = finding.table if finding else "the feed"
    where = f" ({name_slice(finding.slice)})" if finding and finding.slice else ""
    return Improvement(
        detect_faster=f"Yes: against its standby a lost slice shows within a window{_after_onset(incident)}",
        diagnose_faster=f"The first evidence was there {_evidence(took)}; the comparison names it by itself",
        change="check",
        detail=f"Compare `{table}` with its standby by slice{where} in each window, half as long as now",
    )


def _launch(incident: Incident, took: Durations) -> Improvement:
    feature = incident.diagnosis.feature if incident.diagnosis else None
    what = f"`{feature}` is set and " if feature else ""
    return Improvement(
        detect_faster="It was predicted; a gate at the entry to the calendar finds it on the first day",
        diagnose_faster=f"The first evidence was there {_evidence(took)}",
        change="check",
        detail=f"A gate in the launch calendar: {what}the dry run shows the item as often as comparable ones",
    )


def _not_established(incident: Incident, took: Durations) -> Improvement:
    return Improvement(
        detect_faster=f"Not known while the cause is not established{_after_onset(incident)}",
        diagnose_faster="No: the evidence at hand did not establish the cause",
        change="log",
        detail="Log what would have shown the cause: write down here what was found by hand, and where",
    )


def _after_onset(incident: Incident) -> str:
    """How long it took from the onset, in words; empty where no onset was dated."""
    took = durations(incident).to_detect
    return f" (it took {_words(took)} from the onset)" if took and incident.onset_at is not None else ""


def _evidence(took: Durations) -> str:
    if took.to_evidence is None:
        return "when it was gathered by hand"
    return f"{_words(took.to_evidence)} after the opening"


def _words(span: timedelta) -> str:
    """
    >>> _words(timedelta(minutes=220)), _words(timedelta(seconds=42))
    ('3 h 40 min', '42 s')
    """
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"

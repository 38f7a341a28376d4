"""
Folds a walk's findings into the incidents that the log would have held: which open, join, end and reopen.

The rules are those of the live path (`correlate.joining`, `checks.elsewhere`, `checks.over`). One thing is
assumed about people: that they close an incident once its metric is back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from domain.detection.correlate.joining import (
    LONGEST_OVER,
    Shares,
    fingerprints,
    joined_by,
    link_to,
    over_already,
)
from domain.detection.judge.excluded import Past, excluded_for, past_of, planned_for
from domain.errors import RecsysopsError, Unmeasurable
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage, lineage
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.checks.elsewhere import explained_by, mostly_there
from workers.checks.over import back, first_look, look_again
from workers.declaration.check_kinds import found

WORST = (Severity.SEV1, Severity.SEV2, Severity.SEV3, Severity.SEV4)


@dataclass
class Folded:
    """One incident so far, the findings that it explains, and when it ended."""

    incident: Incident
    findings: list[Finding]
    ended_at: datetime | None = None

    @property
    def severity(self) -> Severity:
        """The worst severity of any of its findings."""
        return min((finding.severity for finding in self.findings), key=WORST.index)


@dataclass
class Fold:
    """Incidents being folded, by number; `due` says when to check whether a finding is over."""

    recommender: Recommender
    incidents: list[Folded] = field(default_factory=list)
    due: dict[str, datetime] = field(default_factory=dict)
    _since: dict[str, datetime] = field(default_factory=dict)
    _items: dict[tuple[str, datetime], Shares] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Work out once which tables are made from which: that does not change during the walk."""
        self._made_from: Lineage = lineage(self.recommender.tables, self.recommender.models.values())

    def take(self, finding: Finding, at: datetime) -> None:
        """Add to a known incident, also if seen elsewhere; ignore what is already over; else open one."""
        since = self._since.setdefault(finding.fingerprint, finding.window_start)
        own = self._unclosed(finding.fingerprint)
        if own is not None:
            own.findings.append(finding)
            own.incident = own.incident.model_copy(update={"finding": finding})
            return
        near = [one for one in self.incidents if one.ended_at is None or one.ended_at >= at - LONGEST_OVER]
        newest_first = [one.incident for one in reversed(near)]
        shared = joined_by(
            finding,
            newest_first,
            newest_first,
            self._made_from,
            since,
            lambda incident: mostly_there(self.recommender, incident, finding, self._made_from),
            self._explained_by,
        )
        if shared is not None:
            self._join(self.incidents[shared[0].number], finding)
            return
        closed = [one.incident for one in near if one.ended_at is not None]
        if over_already(finding, closed, self._made_from) or self._closed_lately(finding):
            return
        self._open(finding, at)

    def clear(self, cleared: Iterable[str], findings: Iterable[Finding], at: datetime) -> None:
        """End what is no longer reported once its metric is back, unless another finding continues it."""
        standing, gone = tuple(findings), set(cleared)
        still = {finding.fingerprint for finding in standing}
        for fingerprint in gone:
            self._since.pop(fingerprint, None)
        for fingerprint in dict.fromkeys((*self.due, *gone)):
            folded = self._unclosed(fingerprint)
            due = self.due.pop(fingerprint, at)
            if folded is None or folded.incident.finding is None:
                continue
            finding = folded.incident.finding
            width = finding.window_end - finding.window_start
            if fingerprint in gone:
                due = first_look(self.recommender, finding, at)
            elif fingerprint in still:
                due = at + width
            elsewhere = any(
                one.table == finding.table and link_to(folded.incident, one, self._made_from)
                for one in standing
            )
            if elsewhere or due > at:
                self.due[fingerprint] = due
            elif not self._over(folded, finding, at):
                self.due[fingerprint] = look_again(finding, at, width)

    def _over(self, folded: Folded, finding: Finding, at: datetime) -> bool:
        until = at
        try:
            command = back(self.recommender, finding, at, self._past(folded.incident, at))
        except Unmeasurable:
            command = None  # it can never be measured: people decide when it is over
        except (RecsysopsError, ValueError):
            return False
        else:
            if command is None:
                return False
            until = command.window_end
        folded.ended_at = at
        ended = {"cleared_at": at, "mitigated_at": until, "closed_at": at, "status": "closed"}
        folded.incident = folded.incident.model_copy(update=ended)
        return True

    def _past(self, incident: Incident, at: datetime) -> Past | None:
        check = self.recommender.checks.get(incident.finding.check) if incident.finding else None
        if check is None:
            return None
        known = [one.incident for one in self.incidents]
        kinds = {name: found(one.kind) for name, one in self.recommender.checks.items()}
        rows = {name: kind.rows if kind else None for name, kind in kinds.items()}
        wrong = excluded_for(check, known, rows, at)
        return past_of(incident, (*planned_for(self.recommender, check), *wrong))

    def _join(self, folded: Folded, finding: Finding) -> None:
        """Add a finding seen elsewhere; an incident of the same items that ended within the week goes on."""
        folded.findings.append(finding)
        also = folded.incident.also
        if all(one.fingerprint != finding.fingerprint for one in also):
            also = (*also, finding)
        folded.incident = folded.incident.model_copy(update={"also": also})

    def _closed_lately(self, finding: Finding) -> bool:
        """Whether the same was closed only lately: as its check declares, it is ignored, or reopens."""
        check = self.recommender.checks.get(finding.check)
        last = next(
            (one for one in reversed(self.incidents) if one.incident.fingerprint == finding.fingerprint), None
        )
        if check is None or last is None or last.ended_at is None:
            return False
        if finding.window_end < last.ended_at + check.cool_down:
            return True
        if finding.window_end >= last.ended_at + check.reopen_within:
            return False
        last.ended_at = None
        last.findings.append(finding)
        again = {
            "finding": finding,
            "status": "open",
            "closed_at": None,
            "cleared_at": None,
            "mitigated_at": None,
        }
        last.incident = last.incident.model_copy(update=again)
        return True

    def _open(self, finding: Finding, at: datetime) -> None:
        number = len(self.incidents)
        incident = Incident(
            stream=str(number),
            number=number,
            title=finding.title,
            kind=finding.kind,
            severity=finding.severity,
            fingerprint=finding.fingerprint,
            first_finding=finding,
            finding=finding,
            findings_count=1,
            opened_at=at,
            opened_by="worker:detect",
            version=1,
            last_event_id=str(number),
            last_at=at,
        )
        self.incidents.append(Folded(incident, [finding]))

    @property
    def reported(self) -> frozenset[str]:
        """Fingerprints that people already know about through an incident that is still open."""
        return fingerprints(*(one.incident for one in self.incidents if one.ended_at is None))

    def _unclosed(self, fingerprint: str) -> Folded | None:
        return next(
            (
                one
                for one in reversed(self.incidents)
                if one.ended_at is None and one.incident.fingerprint == fingerprint
            ),
            None,
        )

    def _explained_by(self, finding: Finding) -> Shares:
        """The items that a finding comes from, counted only once."""
        key = (finding.fingerprint, finding.window_end)
        if key not in self._items:
            self._items[key] = explained_by(self.recommender, finding)
        return self._items[key]

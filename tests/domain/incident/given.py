"""Given these commands: the shortest way to an incident in a test. Uses the real rules, no shortcuts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.incident import commands as c
from domain.incident.codec import decode_text, encode
from domain.incident.decide import decide
from domain.incident.events import IncidentEvent, Recorded
from domain.incident.menu import digest_of
from domain.incident.state import Incident, evolve
from domain.values import (
    Actor,
    AddedCheck,
    Diagnosis,
    Estimate,
    Evidence,
    Finding,
    Improvement,
    Option,
    Piece,
    Severity,
    TriedChange,
)

MORNING = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
ON_CALL = Actor(kind="person", id="slack:U-oncall", groups=("oncall",))
SECOND = Actor(kind="person", id="slack:U-ml", groups=("ml",))
WORKER = Actor(kind="worker", id="detect")

FINDING = Finding(
    check="impressions_by_slice",
    table="impressions",
    slice=(("country", "France"),),
    window_start=MORNING - timedelta(minutes=1),
    window_end=MORNING,
    observed=29,
    expected=100,
    p_value=1e-9,
    severity=Severity.SEV2,
    title="impressions where country = France: 71 % fewer rows",
)
LESSON = Improvement(
    detect_faster="Yes: at the delivery.",
    diagnose_faster="No: it took 4 s.",
    change="check",
    detail="Alarm when language is not set at a delivery.",
)


def option(key: str = "fill", *, second_person: bool = False, stages: tuple[float, ...] = ()) -> Option:
    """An option of the menu."""
    number = Estimate(value=0.96, low=0.93, high=0.98, unit="share", basis="replay of 41,000 requests")
    costs = Estimate(value=-0.3, low=-0.4, high=-0.2, unit="% plays", basis="replay of 41,000 requests")
    return Option(
        key=key,
        hotfix=key,
        label=f"Do {key}",
        does="Fills the language in.",
        repairs=number,
        costs=costs,
        deploy_seconds=5,
        undo="1 click",
        expires_after=timedelta(days=7),
        blast_share=0.05,
        needs_second_person=second_person,
        break_glass=second_person,
        deployer="overrides",
        stages=stages,
    )


def after(*steps: c.Command | tuple[c.Command, Actor]) -> tuple[Incident, list[Recorded]]:
    """The incident after these commands, a minute apart, and its events."""
    incident: Incident | None = None
    log: list[Recorded] = []
    for number, step in enumerate(steps):
        command, actor = step if isinstance(step, tuple) else (step, ON_CALL)
        at = MORNING + timedelta(minutes=number)
        incident, log = append(incident, log, decide(incident, command, actor, at), actor, at)
    assert incident is not None
    return incident, log


def append(
    incident: Incident | None,
    log: list[Recorded],
    events: Sequence[IncidentEvent],
    actor: Actor,
    at: datetime,
) -> tuple[Incident | None, list[Recorded]]:
    """The incident and its log with these events at the end."""
    for event in events:
        version = len(log) + 1
        record = Recorded(
            position=version,
            stream="incident-1",
            version=version,
            at=at,
            actor_kind=actor.kind,
            actor=actor.id,
            cause=None,
            key=f"key-{version}",
            event=event,
        )
        incident, log = evolve(incident, record), [*log, record]
    return incident, log


def reread(record: Recorded) -> Recorded:
    """The same after it was written and read."""
    event = record.event
    return record._replace(
        event=decode_text(event.wire_name, event.schema_version, json.dumps(encode(event)))
    )


OPEN = (c.OpenIncident(number=1, finding=FINDING), WORKER)
PIECE = (
    c.AddEvidence(
        piece=Piece(
            stage="metric",
            lines=(Evidence(kind="onset", statement="Since 02:02; last right at 02:01"),),
            since=MORNING,
            picture="0" * 64,
            seconds=1.4,
        )
    ),
    WORKER,
)
"""The first part of the evidence, while the rest is still gathered."""

DIAGNOSED = (
    c.RecordDiagnosis(diagnosis=Diagnosis(cause="language is not set", cause_kind="feature")),
    WORKER,
)
OFFERED = (
    c.PrepareMenu(options=(option(), option("rollback", second_person=True, stages=(0.05, 1.0)))),
    WORKER,
)
MENU = digest_of(OFFERED[0].options)
REPRICED = (
    c.PrepareMenu(
        options=tuple(
            one.model_copy(update={"repairs": one.repairs.model_copy(update={"value": 0.61, "low": 0.52})})
            for one in OFFERED[0].options
        )
    ),
    WORKER,
)
"""The same hotfixes with other numbers."""

DEPLOYED = c.ChooseHotfix(option="fill", menu=MENU)
ASKED = c.ChooseHotfix(option="rollback", menu=MENU)
"""For a second person to approve."""

APPROVED = (c.ApproveHotfix(option="rollback", menu=MENU), SECOND)
APPLIED = (c.RecordHotfixApplied(option="fill", receipt="ok"), WORKER)
USELESS = (
    c.RefuteHotfix(
        option="fill",
        reason="40 rows where 100 are expected: 15 % of the gap is closed",
        repaired_share=0.15,
        low=-0.02,
        high=0.32,
    ),
    WORKER,
)
"""Measured, and it did not help."""

REVERTED = (c.RecordHotfixReverted(option="fill", receipt="ok"), WORKER)
VERIFIED = (c.VerifyHotfix(option="fill", observed=96, expected=100, repaired_share=0.94), WORKER)
PROPOSED = (c.ProposeFollowUp(improvement=LESSON), WORKER)


def tried(name: str) -> TriedChange:
    """A check that a replay speaks for."""
    return TriedChange(
        change=AddedCheck(name=name, lines=f'[checks.{name}]\nkind = "volume"\nshadow = true\n'),
        says=f"{name} by device",
        saved_seconds=5400.0,
        alarms=Estimate(value=0.0, low=0.0, high=0.5, unit="alarms a week", basis="replay of 6.0 weeks"),
        weeks=6.0,
    )


TRIED = (c.ProposeFollowUp(improvement=LESSON, changes=(tried("by_device"), tried("by_hour"))), WORKER)

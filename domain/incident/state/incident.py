"""What an incident is, at one moment of its life."""

from __future__ import annotations

from datetime import UTC
from typing import Literal

from pydantic import Field

from domain.incident.events.hotfix import RevertCause
from domain.incident.events.ticket import Outstanding
from domain.incident.menu import Former, digest_of
from domain.values import (
    AddedCheck,
    Diagnosis,
    Estimate,
    Finding,
    Improvement,
    LeftOut,
    Moment,
    Option,
    Piece,
    Severity,
    Share,
    TriedChange,
    Value,
)

Status = Literal["open", "acknowledged", "resolved", "closed"]
Stage = Literal[
    "chosen",
    "approved",
    "rejected",
    "applied",
    "widening",
    "failed",
    "verified",
    "refuted",
    "reverting",
    "reverted",
    "revert_failed",
    "expired",
]
Part = Literal["time", "onset", "note", "severity"]
"""What a correction may be about."""

TimeField = Literal["opened_at", "acknowledged_at", "diagnosed_at", "mitigated_at", "resolved_at"]
"""The times of an incident that an event gives and a correction can move."""


class LastMeasurement(Value):
    """What the last look at a hotfix in force saw: `low`–`high` is the interval of `repaired_share`."""

    at: Moment
    repaired_share: float
    low: float | None = None
    high: float | None = None


class Worth(Value):
    """
    What a hotfix was worth at the last comparison with members held out: the share of the gap that it closed,
    and what everybody gained by it (below 0: lost).
    """

    at: Moment
    repaired: Estimate
    gained: Estimate


class Promise(Value):
    """
    What the menu promised for a hotfix when it was chosen: `shown`, and what the log alone promised
    (`from_log`) where past promises widened that. `kind` is empty where the menu did not give it.
    """

    hotfix: str
    kind: str = ""
    label: str
    shown: Estimate
    from_log: Estimate | None = None
    whole: Estimate | None = None
    whole_from_log: Estimate | None = None

    @property
    def own(self) -> Estimate:
        """What the log alone promised."""
        return self.from_log or self.shown

    @property
    def own_whole(self) -> Estimate | None:
        """The same for what everybody gains or loses."""
        return self.whole_from_log or self.whole


class Outcome(Value):
    """
    What was measured for a promise: the share of the gap that was closed, below 0 where it grew, with its
    interval at `confidence`; and, for the `whole`, what everybody gained or lost (`cost`).
    """

    promise: Promise
    at: Moment
    repaired_share: float
    low: float
    high: float
    confidence: Share
    cost: Estimate | None = None


class Hotfix(Value):
    """
    The option that a person chose, and how far it has come. The event `event_id` put it in its stage, at
    `at`. `menu` is the digest of the menu that it was chosen from; None where it was chosen before there were
    digests. `promise` is what that menu promised for it. `break_glass` is why it was deployed without the
    second person it needs, where it was. `share` of members have been served with it since `stage_at`, except
    `hold_out` of them, who never are. `because` says why it is reverted, once it is. `repaired_share` is the
    outcome once there is one; `seen` is what the last look saw, also after the outcome. `cost` is what
    everybody gained or lost while it was in force, as last measured, `worth` what it does today, where
    members are held out. The event `expiry_set_by` set its expiry; `reminded_of` is the expiry that people
    were reminded of; `renewing_until` the one that its deployer has yet to be told.
    """

    option: str
    menu: str | None = None
    stage: Stage
    event_id: str
    at: Moment
    chosen_by: str
    promise: Promise | None = None
    approved_by: str | None = None
    break_glass: str | None = None
    applied_at: Moment | None = None
    share: float = 1.0
    hold_out: float = 0.0
    stage_at: Moment | None = None
    watch_until: Moment | None = None
    expires_at: Moment | None = None
    receipt: str | None = None
    repaired_share: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    because: RevertCause | None = None
    seen: LastMeasurement | None = None
    cost: Estimate | None = None
    worth: Worth | None = None
    expiry_set_by: str | None = None
    reminded_of: Moment | None = None
    renewing_until: Moment | None = None


class Spent(Value):
    """An option that was in force in this incident and was found not to work or to do harm."""

    option: str
    hotfix: str
    label: str
    at: Moment
    because: RevertCause

    @property
    def words(self) -> str:
        """What was found about it, and when; completes “it was …”."""
        what = "found to do harm here" if self.because == "harm" else "found not to work here"
        return f"{what} at {self.at.astimezone(UTC):%H:%M} UTC"


class Score(Value):
    """How a prediction turned out."""

    observed: float
    forecast: float
    low: float
    high: float
    came_true: bool


class Bundle(Value):
    """The bundle of what a diagnosis (the id of its event) read: its root, None where keeping it failed."""

    diagnosis: str
    root: str | None


class Ticket(Value):
    """
    The incident's newest ticket, asked for by the event `asked_by`. `id` is None until it is open;
    `outstanding` is what it says is left to do, `before` what it said before that. `closed_by_somebody`:
    closed in the tracker, not by this program; `dropped`: as not to be done.
    """

    tracker: str
    asked_by: str
    outstanding: Outstanding
    before: Outstanding = Outstanding()
    id: str | None = None
    url: str = ""
    closed_at: Moment | None = None
    closed_by_somebody: bool = False
    dropped: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it exists and is not closed."""
        return self.id is not None and self.closed_at is None


class ChangeCame(Value):
    """
    What became of the check that was agreed on: `written`, put in a pull request (`url`), or handed to a
    person for this `reason`. `closed`: the pull request was closed without being merged.
    """

    written: bool
    diff: str
    reason: str = ""
    url: str = ""
    closed: bool = False


class ChangeGone(Value):
    """
    What became of a check that made something worse: `taken_back`, by a pull request where there is a `url`,
    or left to a person for this `reason`.
    """

    taken_back: bool
    diff: str
    reason: str = ""
    url: str = ""


class Followed(Value):
    """
    A follow-up that changes something, from its answer (the event `answered_by`) until it is done.
    `assigned_by` is the event that named the owner, a person's pseudonym, and when it is due. `dropped` is
    why it will not be done; `earned` the record by which its check may leave shadow mode, `harm` what it made
    worse.
    """

    answered_by: str = ""
    assigned_by: str | None = None
    owner: str | None = None
    due_at: Moment | None = None
    reminded_at: Moment | None = None
    done_at: Moment | None = None
    done_by: Literal["replay", "person"] | None = None
    done_says: str = ""
    dropped: str | None = None
    earned: str | None = None
    harm: str | None = None
    gone: ChangeGone | None = None


class Correctable(Value):
    """The current values of an event that may be corrected, and which `parts` of it may be."""

    wire_name: str
    parts: tuple[Part, ...]
    at: Moment
    onset_at: Moment | None = None
    text: str | None = None
    severity: Severity | None = None


class Incident(Value):
    """
    One incident, as corrected.

    `awaits` maps what is owed to the event that asked for it (id, when). `correctable` maps the id of each
    event that may be corrected to its current values, oldest first: only corrections need it, so it is then
    folded from the events and not stored. `given_by` maps a time of this incident to the id of the event it
    comes from. `former` are the menus before the current one, by digest. `onset_at` is when the harm began,
    where known. `also` are findings elsewhere that belong to the same problem, in the order they joined.
    `judged`: a person set the severity. `evidence_so_far` is what the diagnosis under way has found;
    `evidenced_at` is when the first evidence was available. `bundle` is what was kept of the newest
    diagnosis. `drawn_again` is the newest picture of the metric, if it was redrawn since that diagnosis.
    `spent` are the hotfixes that turned out to be of no use in this incident, in that order; `outcomes` is
    what was measured for each that was in force, whatever was tried after it. `glass_broken` counts those
    deployed without the second person they need. `follow_up_ended_at` is when nothing was left to do for the
    follow-up, or its ticket was closed in its tracker. `changes` are those that were proposed with their
    replays, `change` the one that was agreed on, `change_came` what became of it; `followed` is the
    follow-up's progress, where it changes something. `merged_into` is the number of the incident that it is
    part of, which is where its time and its cost are counted; `kept_apart`: it was, and a person reopened it.
    """

    stream: str
    number: int
    title: str
    kind: Literal["detected", "predicted", "declared"]
    status: Status = "open"
    severity: Severity
    judged: bool = False
    fingerprint: str
    description: str = ""
    first_finding: Finding | None = None
    finding: Finding | None = None
    findings_count: int = 0
    also: tuple[Finding, ...] = ()
    opened_at: Moment
    opened_by: str
    acknowledged_at: Moment | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    silenced_until: Moment | None = None
    messages: tuple[tuple[str, str], ...] = ()
    evidence_so_far: tuple[Piece, ...] = ()
    evidenced_at: Moment | None = None
    diagnosis: Diagnosis | None = None
    diagnosed_at: Moment | None = None
    diagnosis_failure: str | None = None
    bundle: Bundle | None = None
    drawn_again: str | None = None
    menu: tuple[Option, ...] | None = None
    menu_note: str = ""
    left_out: tuple[LeftOut, ...] | None = None
    former: Former = Field(default_factory=dict)
    hotfix: Hotfix | None = None
    spent: tuple[Spent, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    glass_broken: int = 0
    onset_at: Moment | None = None
    cleared_at: Moment | None = None
    score: Score | None = None
    mitigated_at: Moment | None = None
    resolved_at: Moment | None = None
    resolved_how: Literal["hotfix", "by_itself", "elsewhere", "false_alarm"] | None = None
    resolution: str | None = None
    proposed: Improvement | None = None
    changes: tuple[TriedChange, ...] = ()
    proposed_note: str = ""
    follow_up: Improvement | None = None
    follow_up_by: str | None = None
    follow_up_ended_at: Moment | None = None
    change: AddedCheck | None = None
    change_came: ChangeCame | None = None
    followed: Followed | None = None
    ticket: Ticket | None = None
    closed_at: Moment | None = None
    merged_into: int | None = None
    kept_apart: bool = False
    awaits: dict[str, tuple[str, Moment]] = Field(default_factory=dict)
    correctable: dict[str, Correctable] = Field(default_factory=dict, exclude=True)
    given_by: dict[TimeField, str] = Field(default_factory=dict)
    version: int
    last_event_id: str
    last_at: Moment

    @property
    def picture(self) -> str | None:
        """The digest of the newest picture of the metric; before a diagnosis, from the evidence so far."""
        if self.drawn_again is not None or self.diagnosis is not None:
            return self.drawn_again or (self.diagnosis.picture if self.diagnosis else None)
        return next((piece.picture for piece in self.evidence_so_far if piece.picture), None)

    @property
    def called(self) -> str:
        """The culprit once it is known; until then, and for a launch, what was found first."""
        known = self.diagnosis
        named = known.title if known is not None and self.kind == "detected" else None
        return named or self.title

    def option(self, key: str) -> Option | None:
        """The option on the menu with this key."""
        return next((option for option in self.menu or () if option.key == key), None)

    def spent_on(self, option: Option) -> Spent | None:
        """
        What was found about this option here, or about the same hotfix under the same name with other
        numbers: another menu gives it another key. None where it was not in force here, or helped.
        """
        same = (option.hotfix, option.label)
        found = (one for one in self.spent if one.option == option.key or (one.hotfix, one.label) == same)
        return next(found, None)

    @property
    def menu_digest(self) -> str:
        """The digest that a press carries to say it means the current menu; empty where there is none."""
        return digest_of(self.menu or ())


DRAW = "draw"
"""The obligation to redraw the metric."""

TICKET, TICKET_UPDATE = "ticket", "ticket_update"
"""The obligations to open a ticket, and to have it say what is outstanding."""


def drawing(incident: Incident, asked: tuple[str, Moment]) -> dict[str, tuple[str, Moment]]:
    """The redrawing owed once something shows in the metric; none where none was drawn, as for a launch."""
    diagnosis = incident.diagnosis
    drawn = incident.kind == "detected" and diagnosis is not None and diagnosis.picture is not None
    return {DRAW: asked} if drawn else {}


def without(incident: Incident, *kinds: str) -> dict[str, tuple[str, Moment]]:
    """What is still owed once these kinds of obligation are settled."""
    return {kind: asked for kind, asked in incident.awaits.items() if kind not in kinds}

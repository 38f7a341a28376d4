"""What an incident is, at one moment of its life."""

from __future__ import annotations

from datetime import UTC
from typing import Literal

from pydantic import AliasChoices, Field

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
    What a hotfix was worth at the last look at members who are held out: the share of the gap that it closed,
    and what everybody gained by it, below 0 lost.
    """

    at: Moment
    repaired: Estimate
    gained: Estimate


class Promise(Value):
    """
    What the menu promised of a hotfix when it was chosen: `shown`, and what the log alone promised
    (`from_log`) where that was widened by past promises. `kind` is empty where the menu did not give it.
    """

    hotfix: str
    kind: str = ""
    label: str
    # What was kept before it was called so is read under its former name.
    shown: Estimate = Field(validation_alias=AliasChoices("shown", "told"))
    from_log: Estimate | None = None
    whole: Estimate | None = None
    whole_from_log: Estimate | None = None

    @property
    def own(self) -> Estimate:
        """What the log alone promised."""
        return self.from_log or self.shown

    @property
    def own_whole(self) -> Estimate | None:
        """The same of what everybody gains or loses."""
        return self.whole_from_log or self.whole


class Outcome(Value):
    """
    What was measured of a promise: the share of the gap that is closed, below 0 where it grew, with the
    interval of that at `confidence`; and of the `whole` what everybody gained or lost (`cost`).
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
    The option that a person chose, and how far it has come. `event_id` put it in its stage, at `at`. `menu`
    is the digest of the menu that it was chosen from; None where it was chosen before there were digests.
    `promise` is what that menu said of it.
    `break_glass` is why it was deployed without the second person that it needs, where it was.
    `share` of members are served with it since `stage_at`, but for `hold_out` of them, who never are.
    `because` says why it is taken back, once it is. `repaired_share` is the outcome once there is one; `seen`
    is of the last look, also after it. `cost` is what everybody gained or lost while it was in force, as last
    measured, `worth` what it does today, where members are held out. The event `expiry_set_by` said when it
    expires; `reminded_of` is the end that people were reminded of; `renewing_until` the one that its deployer
    is to be told.
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
    """An option that was in force in this incident and found not to work, or to do harm."""

    option: str
    hotfix: str
    label: str
    at: Moment
    because: RevertCause

    @property
    def words(self) -> str:
        """What was found of it, and when: completes “it was …”."""
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
    """What came of keeping what a diagnosis (the id of its event) read: a root; None where it failed."""

    diagnosis: str
    root: str | None


class Ticket(Value):
    """
    The newest ticket about it: asked for by the event `asked_by`; `id` is None until it is open, and
    `outstanding` what it says is left to do, `before` what it said before that. `closed_by_somebody`: in the
    tracker, and not by this program; `dropped` as what is not to be done.
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
        """Whether it is there, and not closed."""
        return self.id is not None and self.closed_at is None


class ChangeCame(Value):
    """
    What became of the check that was agreed on: `written`, in a pull request (`url`), or handed to a person
    for this `reason`. `closed`: the pull request was closed without being merged.
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
    why it is not to be done; `earned` by what record its check may leave shadow mode, `harm` what it made
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
    """What holds now of an event that may be corrected, and which `parts` of it may."""

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
    event that may be corrected to what holds of it now, oldest first: only a correction asks for it, so it is
    folded from the events then and kept nowhere. `given_by` maps a time of this incident to the id of the
    event it is from. `former` are the menus before the one of now, by digest. `onset_at` is when the harm
    began, where that is known. `also` are the findings elsewhere that are the same thing, as they joined.
    `judged`: a person said how bad it is. `evidence_so_far` is what the looking that is going on has found;
    `evidenced_at` when the first evidence was there. `bundle` is what was kept of the newest diagnosis.
    `drawn_again` is the newest picture of the metric, where it was drawn since that diagnosis.
    `spent` are the hotfixes that this incident has shown to be of no use, as they were found so; `outcomes`
    what was measured of each that was in force, whatever was tried after it. `glass_broken` counts those that
    were deployed without the second person that they need. `follow_up_ended_at` is when nothing was left to
    do of the follow-up, or its ticket was closed in its tracker. `changes` are those that were proposed with
    their replays, `change` the one that was agreed on, `change_came` what became of it; `followed` is how far
    it has come, where it changes something.
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
    menu_picture: str | None = None
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
    awaits: dict[str, tuple[str, Moment]] = Field(default_factory=dict)
    correctable: dict[str, Correctable] = Field(default_factory=dict, exclude=True)
    given_by: dict[TimeField, str] = Field(default_factory=dict)
    version: int
    last_event_id: str
    last_at: Moment

    @property
    def picture(self) -> str | None:
        """The digest of the newest picture of the metric; while the cause is looked into, of that."""
        if self.drawn_again is not None or self.diagnosis is not None:
            return self.drawn_again or (self.diagnosis.picture if self.diagnosis else None)
        return next((piece.picture for piece in self.evidence_so_far if piece.picture), None)

    @property
    def called(self) -> str:
        """The culprit once it is known; until then, and of a launch, what was found first."""
        known = self.diagnosis
        named = known.title if known is not None and self.kind == "detected" else None
        return named or self.title

    def option(self, key: str) -> Option | None:
        """The option on the menu with this key."""
        return next((option for option in self.menu or () if option.key == key), None)

    def spent_on(self, option: Option) -> Spent | None:
        """
        What was found of this option here, or of the same hotfix by the same name with other numbers: another
        menu gives it another key. None where it was not in force here, or helped.
        """
        same = (option.hotfix, option.label)
        found = (one for one in self.spent if one.option == option.key or (one.hotfix, one.label) == same)
        return next(found, None)

    @property
    def menu_digest(self) -> str:
        """What a press states to say that it means the menu of now; empty where there is none."""
        return digest_of(self.menu or ())


DRAW = "draw"
"""The obligation to draw the metric again."""

TICKET, TICKET_UPDATE = "ticket", "ticket_update"
"""The obligations to open a ticket, and to have it say what is outstanding."""


def drawing(incident: Incident, asked: tuple[str, Moment]) -> dict[str, tuple[str, Moment]]:
    """What is owed once something shows in the metric; nothing where none was drawn, as for a launch."""
    diagnosis = incident.diagnosis
    drawn = incident.kind == "detected" and diagnosis is not None and diagnosis.picture is not None
    return {DRAW: asked} if drawn else {}


def without(incident: Incident, *kinds: str) -> dict[str, tuple[str, Moment]]:
    """What is still owed once these kinds of obligation are settled."""
    return {kind: asked for kind, asked in incident.awaits.items() if kind not in kinds}

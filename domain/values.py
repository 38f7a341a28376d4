"""Values shared by every room: who, how bad, how sure, what was found. All are frozen."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Moment = AwareDatetime
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Value(BaseModel):
    """Base of all values: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """How bad, 1 the worst. SEV1 wakes people, SEV4 waits for the morning."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"


class Actor(Value):
    """
    Who did it: a person by mapped id, or a worker by its job's name.

    `id` is what the log holds: a person's pseudonym once they have come through the door; `known_as` is then
    their external id (`slack:U123`, `terminal:root`), by which events from before pseudonyms name them.
    `also` are further ids and pseudonyms of the same person.
    """

    kind: Literal["person", "worker"]
    id: str
    groups: tuple[str, ...] = ()
    known_as: str | None = None
    also: tuple[str, ...] = ()

    def is_(self, person: str | None) -> bool:
        """Whether an event that names `person` means this one."""
        return person is not None and person in (self.id, self.known_as, *self.also)


class Estimate(Value):
    """A number with its interval, and how it is known. `value` is null where it could not be established."""

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str
    confidence: Share = 0.9
    basis: str


How = Literal["manual", "automatic"]
"""How a test is done: by people now and then, or automatically again and again."""

Slice = tuple[tuple[str, str], ...]
"""Pairs (dimension, value), sorted by dimension; empty means the whole table."""


def slice_of(**values: str) -> Slice:
    """
    >>> slice_of(device="tv", country="France")
    (('country', 'France'), ('device', 'tv'))
    """
    return tuple(sorted(values.items()))


def name_slice(where: Slice) -> str:
    """
    Words for a slice.

    >>> name_slice((("country", "France"), ("device", "tv")))
    'country = France, device = tv'
    """
    return ", ".join(f"{dimension} = {value}" for dimension, value in where) or "everything"


def share_rows(one: Slice, other: Slice) -> bool:
    """
    Whether a row can be in both slices.

    >>> share_rows(slice_of(device="tv"), slice_of(country="France"))
    True
    >>> share_rows(slice_of(device="tv"), slice_of(country="France", device="web"))
    False
    """
    values = dict(one)
    return all(values.get(dimension, value) == value for dimension, value in other)


ROWS = "rows"
"""The unit of a table's rows, which add up over slices; the first word of the unit for some of them."""


class Finding(Value):
    """
    One thing a check saw in one window that its own history does not explain.

    `observed` and `expected` are in `unit` for the window; `low`–`high` is the band that history gives;
    `p_value` is two-sided unless the check says otherwise. `subject` is the item a prediction is about, or
    the column that something is wrong with. `rows_are` is what the team calls the table's rows: a word for
    people, whereas `unit` tells one measure from another.
    """

    check: str
    table: str
    kind: Literal["detected", "predicted"] = "detected"
    slice: Slice = ()
    subject: str | None = None
    window_start: Moment
    window_end: Moment
    observed: float
    expected: float
    low: float | None = None
    high: float | None = None
    unit: str = ROWS
    rows_are: str | None = None
    p_value: Share
    severity: Severity
    affected_share: Share | None = None
    title: str

    @property
    def fingerprint(self) -> str:
        """Identifies check, table, slice and subject: the same thing going wrong."""
        parts = (self.check, self.table, *(f"{d}={v}" for d, v in self.slice), self.subject or "")
        return sha256("\x1f".join(parts).encode()).hexdigest()[:16]

    @property
    def counted_in(self) -> str:
        """The unit as people read it: rows by the table's own name for them, where it has one."""
        rows, rest = self.unit.partition(" ")[::2]
        return " ".join(filter(None, (self.rows_are, rest))) if self.rows_are and rows == ROWS else self.unit

    def is_of(self, column: str | None) -> bool:
        """Whether something is wrong with this column, whatever else the subject says."""
        return column is not None and f"{self.subject or ''} ".startswith(f"{column} ")

    @property
    def item(self) -> str | None:
        """The one item that this is about; None for a finding about many."""
        return self.subject if self.kind == "predicted" else None

    @property
    def change(self) -> float:
        """Relative change against the expected: -0.71 is 71 % less. 0 where nothing was expected."""
        return self.observed / self.expected - 1.0 if self.expected else 0.0


CauseKind = Literal[
    "feature",
    "feed",
    "duplicate",
    "time_shift",
    "renaming",
    "logging",
    "filter",
    "model",
    "training_data",
    "serving",
    "launch",
    "world",
    "unknown",
]
"""What is at fault; `world` is a holiday, a release, a campaign or a backfill: nothing is wrong."""


class Evidence(Value):
    """
    One line of a diagnosis: what was looked at, what it says, and a share (0–1) where one was measured.

    A `precedent` is a past incident with a similar signature: it is no evidence for this one's cause.
    """

    kind: Literal[
        "onset",
        "size",
        "slices",
        "history",
        "change",
        "feature",
        "attribution",
        "reproduction",
        "serving",
        "model",
        "candidate",
        "precedent",
        "other",
    ]
    statement: str
    strength: Share | None = None
    table: tuple[tuple[str, ...], ...] = ()
    picture: str | None = None


EvidenceStage = Literal["metric", "slices", "items", "tables", "requests"]
"""The stages of a diagnosis, in the order in which evidence comes in."""


class Piece(Value):
    """
    What one stage of a diagnosis found, reported while the others continue.

    `since` is the onset as far as known then; `seconds` is the time since the diagnosis began; `picture`
    names an attachment in the store.
    """

    stage: EvidenceStage
    lines: tuple[Evidence, ...]
    since: Moment | None = None
    picture: str | None = None
    seconds: float = 0.0


class Answer(Value):
    """
    The answer to one question about a candidate cause.

    `when`: it came before the onset. `where`: its scope explains the slice, and only that. `how_much`:
    undoing it, or adding back what is missing, closes the gap; `share` is how much of it, which may exceed 1.
    `which_way`: it lies upstream of the symptom. `holds` is null where it is not known.
    """

    question: Literal["when", "where", "how_much", "which_way"]
    holds: bool | None = None
    share: float | None = None
    words: str = ""


class CandidateCause(Value):
    """One explanation that competed. `object` is a column, table, delivery, version or item."""

    kind: CauseKind
    object: str | None = None
    place: Slice = ()
    since: Moment | None = None
    statement: str
    answers: tuple[Answer, ...] = ()


class Diagnosis(Value):
    """
    What is known about the cause. `cause` is one sentence, or null where it is not established yet.

    `cause_kind` selects the hotfixes that fit; `object` (a column, table, delivery, version or item) and
    `place` (a slice, empty: everywhere) are the culprit's, `slices` the symptom's; `title` names the culprit
    in a few words. `feature`, `items`, `suggested_value` and `lacking` (rows of `place` are missing, rather
    than wrong or too many) are what a hotfix needs. `candidates` are the explanations that competed, best
    first, and `discriminating_test` says what would tell them apart where none is named. `picture` names an
    attachment in the store.
    """

    cause: str | None
    cause_kind: CauseKind = "unknown"
    object: str | None = None
    place: Slice = ()
    title: str | None = None
    since: Moment | None = None
    slices: tuple[Slice, ...] = ()
    items: tuple[str, ...] = ()
    feature: str | None = None
    suggested_value: str | None = None
    lacking: bool = False
    candidates: tuple[CandidateCause, ...] = ()
    discriminating_test: str | None = None
    evidence: tuple[Evidence, ...] = ()
    picture: str | None = None
    seconds: float = 0.0


NO_DEPLOYER = "none"


REMIND_MOST = timedelta(hours=1)
REMIND_SHARE = 0.1
"""People are reminded an hour before a hotfix expires, or a tenth of its time if that is less."""


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Hours(Value):
    """
    Hours of the week in a `zone`: on `days` (0 is Monday) from `start` up to, not including, `end`. Where
    `end` is not later than `start` they run past midnight and belong to the day on which they began.
    """

    start: time
    end: time
    days: tuple[int, ...]
    zone: str

    def hold(self, at: datetime) -> bool:
        """Whether `at` is within these hours."""
        local = at.astimezone(ZoneInfo(self.zone))
        now, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        return (today in self.days and now >= self.start) or ((today - 1) % 7 in self.days and now < self.end)

    @property
    def words(self) -> str:
        """
        >>> Hours(start=time(9), end=time(18), days=(0, 1, 2, 3, 4), zone="Europe/Lisbon").words
        'Mon–Fri 09:00–18:00 (Europe/Lisbon)'
        """
        days = sorted(self.days)
        row = len(days) > 2 and days == list(range(days[0], days[-1] + 1))
        named = [WEEKDAYS[day] for day in days]
        said = f"{named[0]}–{named[-1]}" if row else ", ".join(named)
        return f"{said} {self.start:%H:%M}–{self.end:%H:%M} ({self.zone})"


class Option(Value):
    """
    One line of the menu. `key` is opaque and stable; `parameters` go to the deployer as they are.

    `costs` is what those lose that the incident does not touch, `whole` what everybody gains or loses;
    `worst` names whom it hits hardest. `blast_share` is the share of requests that are shown something else,
    `blast_members` that of the members of a day. `variety` is how the effective number of different items
    that are shown changes, `others` how the exposure of all other items; None where that was not replayed.
    `guards` are checks whose alarm takes it back; `stages` the shares of members whom it serves one after the
    other, ascending to 1; all at once where there are none. `hold_out` is the share of members who are never
    served it. `remind` is how long before its end people are reminded, where that was declared. `kind` is the
    hotfix's; empty on menus from before it was recorded. Where past promises of that kind widened `repairs`,
    `from_log` is what the log alone promised; `whole_from_log` the same of `whole`.
    `by_slice`: it changes only what lies in the slice that its parameters name. `own`: its receiver alone
    knows what two calls of it do to each other.
    `break_glass`: somebody is declared who may deploy it without the second person that it needs, saying why.
    `alone`: in these hours one person may deploy it, outside of them it takes a second one; None where the
    hour does not matter.
    """

    key: str
    hotfix: str
    kind: str = ""
    label: str
    does: str
    repairs: Estimate
    from_log: Estimate | None = None
    costs: Estimate
    deploy_seconds: float
    undo: str
    expires_after: timedelta | None
    watch: timedelta = timedelta(minutes=15)
    blast_share: Share
    blast_members: Share | None = None
    whole: Estimate | None = None
    whole_from_log: Estimate | None = None
    worst: str = ""
    variety: Estimate | None = None
    others: Estimate | None = None
    needs_second_person: bool = False
    deployer: str
    parameters: dict[str, object] = Field(default_factory=dict)
    guards: tuple[str, ...] = ()
    stages: tuple[Share, ...] = ()
    hold_out: Share = 0.0
    remind: timedelta | None = None
    by_slice: bool = False
    own: bool = False
    break_glass: bool = False
    alone: Hours | None = None

    def takes_two(self, at: datetime) -> bool:
        """Whether a second person has to approve it if it is asked for at `at`."""
        return self.needs_second_person or (self.alone is not None and not self.alone.hold(at))

    @property
    def reminds(self) -> timedelta:
        """How long before it expires people are reminded."""
        if self.remind is not None:
            return self.remind
        return min(REMIND_MOST, REMIND_SHARE * (self.expires_after or timedelta(0)))

    @property
    def first_stage(self) -> float:
        """The share of members that it is put in force for first."""
        return self.stages[0] if self.stages else 1.0

    def served(self, share: float) -> float:
        """The share of all members who are served it at a stage of this share."""
        return min(share, 1.0 - self.hold_out)

    def stage_after(self, share: float) -> float | None:
        """The next larger share of members; None where it already serves all of them."""
        return next((stage for stage in self.stages if stage > share), None)

    @property
    def deployable(self) -> bool:
        """False for the line that says what doing nothing costs."""
        return self.deployer != NO_DEPLOYER


class LeftOut(Value):
    """A declared hotfix that is not on the menu, and the reason in words."""

    hotfix: str
    label: str
    why: str


class Improvement(Value):
    """What the practice learns: answers to the three questions, and the change that follows."""

    detect_faster: str
    diagnose_faster: str
    change: Literal["check", "threshold", "log", "hotfix", "nothing"]
    detail: str
    proof: str | None = None


class AddedCheck(Value):
    """
    A check to be added to the declaration: its `lines` of TOML, in shadow mode.

    `beside` is the declared check that it varies, and `stood` how that was written at the time: if it has
    been changed by hand since, the variation is not added.
    """

    name: str
    lines: str
    beside: str | None = None
    stood: str = ""


class TriedChange(Value):
    """
    A change to the declaration that was replayed on an incident and the time before it.

    `says` is what is new, `saved_seconds` how much sooner the incident would have been found, and `alarms`
    how many per week it adds to those of existing checks, over the `weeks` in which it could judge.
    """

    change: AddedCheck
    says: str
    saved_seconds: float
    alarms: Estimate
    weeks: float

    @property
    def sooner(self) -> str:
        """How much sooner it would find the incident, in minutes and hours."""
        return _in_hours(self.saved_seconds / 60)

    @property
    def faster(self) -> str:
        """The answer to whether it could have been detected faster."""
        return f"Yes: {self.sooner} sooner, by {self.says}"

    @property
    def detail(self) -> str:
        """What exactly changes."""
        return f"A check in shadow mode, `{self.change.name}`: {self.says}"

    @property
    def proof(self) -> str:
        """What the replay found, with its interval."""
        rate = self.alarms
        if rate.value is None or rate.low is None or rate.high is None:
            return f"Replayed: {self.sooner} sooner; how often it alarms is not established"
        looked = self.weeks >= 1 / 7  # at all of that time; else at stretches of it
        time = f"{self.weeks:.1f} weeks" if looked else f"{_in_hours(self.weeks * 7 * 24 * 60)} of the time"
        return (
            f"Replayed: {self.sooner} sooner; {rate.value:.1f} alarms a week more "
            f"[{rate.low:.1f}–{rate.high:.1f}] in {time} before it"
        )


def _in_hours(minutes: float) -> str:
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"

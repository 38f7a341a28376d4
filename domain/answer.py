"""Answers to what people ask: about an item, about unforeseen choices, about how well all is tested."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.values import Estimate, How, Moment, Share, Slice, Value

Verdict = Literal["less", "more", "fair", "unknown"]
Section = Literal["data", "model", "infra", "monitor"]
Lacks = Literal["time", "health", "voice", "renewal"]
"""What it lacks to count in full: time to judge, looks that work, people who are notified, a new date."""


Level = Literal["ok", "note", "warning", "error"]


class Advice(Value):
    """One line of the doctor: how bad, which key of the declaration, what is so, and what to do."""

    level: Level
    where: str
    says: str
    fix: str = ""


class Compared(Value):
    """An item that another one is compared with; `bias` is null where it is not known."""

    item: str
    title: str | None = None
    bias: float | None = None


class Launch(Value):
    """How a launch goes against others at the same age; impressions, and their ratio less 1."""

    age_hours: float
    shown: float
    expected: float
    ratio: Estimate
    p_value: Share
    compared: tuple[Compared, ...] = ()


class ItemAnswer(Value):
    """
    Is it happening to this item, since when, compared with what?

    `bias` is what production shows it over its expected exposure, less 1 (−0.62: 62 % less), now; `before`
    the same until `since`. `in_question` is how much less or more often it is eligible since then, as chance
    shows it, less 1, where that is the better part of what changed; `bias` is then against its expected
    exposure at how often it is eligible now. `usual` holds nine in ten of all items or, of one that has only
    just launched, all other `launches` of these days as well. `unbiased` says whether chance showed items, so
    that merit is known from that. `headline` is the whole answer in one sentence, `basis` how it is known.
    """

    item: str
    title: str | None = None
    about: tuple[tuple[str, str], ...] = ()
    at: Moment
    learned_since: Moment
    verdict: Verdict
    headline: str
    since: Moment | None = None
    launched_at: Moment | None = None
    shown: float = 0.0
    merited: float | None = None
    measured_since: Moment | None = None
    bias: Estimate | None = None
    before: Estimate | None = None
    in_question: Estimate | None = None
    usual: tuple[float, float] | None = None
    usual_of: Literal["items", "launches"] = "items"
    launch: Launch | None = None
    compared: tuple[Compared, ...] = ()
    unbiased: bool = False
    basis: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    picture: str | None = None


class Candidate(Value):
    """One item that the model scored for a request: its place by score (1 the best), and whether it was
    shown."""

    item: str
    title: str | None = None
    rank: int
    score: float | None = None
    shown: bool | None = None
    chosen: bool = False
    features: dict[str, float | str | None] = Field(default_factory=dict)


class Miss(Value):
    """
    One choice of an item that was ranked low, with all that is needed to look at it.

    `member` is the id that the table has; `slice` the request's and the item's dimensions, the context;
    `model` the one that ranked, and its `version` where the table says it. `candidates` are the first few by
    rank, and the chosen one; it was at `rank` of `ranked` in all.
    """

    check: str
    at: Moment
    request: str
    member: str | None = None
    item: str
    title: str | None = None
    rank: int
    ranked: int
    slice: Slice = ()
    model: str
    version: str | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def surprise(self) -> float:
        """How low it was ranked: 1 is the last of all candidates."""
        return self.rank / max(self.ranked, 1)

    @property
    def key(self) -> str:
        """The same choice is the same miss, however often it is looked at."""
        return f"{self.check}:{self.request}:{self.item}"


class Criterion(Value):
    """One test of the ML Test Score, by an id such as `data-1`; what it `asks` is a claim that may hold."""

    id: str
    section: Section
    name: str
    asks: str


class Proof(Value):
    """
    One thing that speaks for a test, or would: `how` is null where it does not count, and `lacks` says what
    keeps it from counting in full. `name` is the check's or the hotfix's, `by` the id of who vouches.
    """

    test: str
    source: Literal["check", "incidents", "rehearsals", "person"]
    how: How | None
    says: str
    lacks: Lacks | None = None
    name: str | None = None
    link: str | None = None
    by: str | None = None
    until: Moment | None = None


class ScoredTest(Value):
    """One test with all that speaks for it, the strongest first; `points` (0, 0.5 or 1) are that one's."""

    test: Criterion
    points: float
    proofs: tuple[Proof, ...]


class Part(Value):
    """One section: its tests in order, and their sum (0 to 7)."""

    section: Section
    name: str
    points: float
    tests: tuple[ScoredTest, ...]


class Step(Value):
    """
    One thing to do: the `tests` for which it would speak, and the `score` there would be then.

    `does` is what to do, in one sentence; `command` is what to type for it, where there is something.
    """

    does: str
    command: str | None
    tests: tuple[str, ...]
    how: How
    score: float


class Audit(Value):
    """
    The ML Test Score: `reading` is what it means in words, `lowest` are the sections that hold it down, and
    `step` is what would raise it most; null where nothing is left.
    """

    at: Moment
    score: float
    reading: str
    parts: tuple[Part, ...]
    lowest: tuple[Section, ...]
    step: Step | None


class Watched(Value):
    """A check of a table, and from when on it has seen enough to judge."""

    check: str
    kind: str
    since: Moment
    shadow: bool = False


class Newcomer(Value):
    """What came to a table later than its first row: a column's value, or (without `value`) a column."""

    column: str
    value: str | None = None
    since: Moment
    share: Share
    through: bool


class BurnIn(Value):
    """
    The first days of a table, looked through `at` a moment.

    `through` says that it has rows enough to be judged, from `through_at` on. `holds` is what is in it, `odd`
    what does not fit what its team declared or the tables beside it, each as a sentence.
    """

    table: str
    at: Moment
    first: Moment
    last: Moment
    rows: int
    through: bool
    through_at: Moment
    holds: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    newcomers: tuple[Newcomer, ...] = ()
    watched: tuple[Watched, ...] = ()


class BurnInNote(Value):
    """That a table, or something new in one, is through; `told_at` is when that was found, by itself."""

    table: str
    what: str
    told_at: Moment
    burn_in: BurnIn

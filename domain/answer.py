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


WATCH = "watch"
"""Where the doctor puts why nothing is watched."""


class Advice(Value):
    """One line of the doctor: how bad it is, which key of the declaration, what is found, and what to do."""

    level: Level
    where: str
    says: str
    fix: str = ""


class Compared(Value):
    """An item that another is compared with; `bias` is null where unknown."""

    item: str
    title: str | None = None
    bias: float | None = None


class Launch(Value):
    """How a launch compares with others at the same age: impressions, and their ratio less 1."""

    age_hours: float
    shown: float
    expected: float
    ratio: Estimate
    p_value: Share
    compared: tuple[Compared, ...] = ()


class ItemAnswer(Value):
    """
    Is it happening to this item, since when, compared with what?

    `bias` is how often production shows it now over its expected exposure, less 1 (−0.62: 62 % less);
    `before` is the same until `since`. `in_question` is how much more or less often it has been eligible
    since then, by the items shown at random, less 1, where that explains most of the change; `bias` is then
    relative to the exposure expected at its present eligibility. `usual` holds nine in ten of all items, and
    for an item that has only just launched also all other `launches` of these days. `unbiased` says whether
    items were shown at random, so that merit is known from that. `headline` is the whole answer in one
    sentence, `basis` how it is known.
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
    """One item that the model scored for a request: its rank by score (1: best), and whether it was shown."""

    item: str
    title: str | None = None
    rank: int
    score: float | None = None
    shown: bool | None = None
    chosen: bool = False
    features: dict[str, float | str | None] = Field(default_factory=dict)


class Miss(Value):
    """
    One choice of an item that was ranked low, with everything needed to look into it.

    `member` is the id in the table; `slice` holds the dimensions of the request and the item, the context;
    `model` is the one that ranked, and `version` its version where the table has it. `candidates` are the
    first few by rank and the chosen one, which came at `rank` out of `ranked`.
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
        """How low it was ranked: 1 is last of all candidates."""
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
    One piece of evidence for a test, or what would be: `how` is null where it does not count, and `lacks`
    says what keeps it from counting in full. `name` is the check's or hotfix's, `by` the id of whoever
    vouches.
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
    """One test with all its proofs, strongest first; `points` (0, 0.5 or 1) are those of the strongest."""

    test: Criterion
    points: float
    proofs: tuple[Proof, ...]


class Part(Value):
    """One section: its tests in order, and their sum (0 to 7)."""

    section: Section
    name: str
    points: float
    tests: tuple[ScoredTest, ...]


class Audit(Value):
    """
    The ML Test Score: `reading` is what it means in words, `lowest` are the sections that hold it down.
    """

    at: Moment
    score: float
    reading: str
    parts: tuple[Part, ...]
    lowest: tuple[Section, ...]


class Watched(Value):
    """A check of a table, and when it will have seen enough to judge."""

    check: str
    kind: str
    since: Moment
    shadow: bool = False


class Newcomer(Value):
    """What appeared in a table after its first row: a value of a column, or (without `value`) a column."""

    column: str
    value: str | None = None
    since: Moment
    share: Share
    through: bool


class BurnIn(Value):
    """
    The first days of a table, as inspected `at` a moment.

    `through` says that it has had enough rows to be judged since `through_at`. `odd` is what does not fit the
    team's declaration, its checks or the tables beside it, each as a sentence.
    """

    table: str
    at: Moment
    first: Moment
    last: Moment
    rows: int
    through: bool
    through_at: Moment
    odd: tuple[str, ...] = ()
    newcomers: tuple[Newcomer, ...] = ()
    watched: tuple[Watched, ...] = ()

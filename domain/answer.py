"""What a person is told who asks about one item, or about choices that the model did not foresee."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from domain.values import Estimate, Moment, Share, Slice, Value

Verdict = Literal["less", "more", "fair", "unknown"]


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

    `bias` is what production shows it over what it merits, less 1 (−0.62: 62 % less), now; `before` the same
    until `since`. `usual` holds nine in ten of all items. `unbiased` says whether chance showed items, so
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
    usual: tuple[float, float] | None = None
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

"""
A kind of hotfix, ours or a team's own: one value in one file that says everything the rest needs to know.

    hotfix as declared ─▶ `given`, handed to its deployer ─▶ `price` by its replay ─▶ a line of the menu
                              └── `changes`: what is declared otherwise by the time that it is deployed

A kind is found by its entry point in the group `recsysops.hotfixes`, ours like everyone else's. No other file
names a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from domain.answer import Advice
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Circumstances
from domain.resolution.price import Price
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.replays.registry import REPLAYS
from domain.resolution.way import NOT_KNOWN, Parameters, Unfit, Way, no_stage, unknown
from domain.values import Value

K = TypeVar("K", bound=Value)


NOTHING_NAMED = Unfit("the diagnosis names nothing to act on")


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[K]):
    """
    One kind of hotfix.

    Args:
        name: as used in declarations, for its entry point, and towards its deployer.
        purpose: what it is for, in one line of the reference.
        options: its own keys under [hotfixes.NAME], with their types.
        example: those keys, as they may be declared.
        given: what its deployer is handed besides the kind; or, where it cannot act on this cause, why not.
        way: how it is priced where no `replay` is declared; null: only by what is declared.
        label: what its line on the menu is called, from what is declared and what is handed over.
        called: the name by which its deployer knows it.
        changes: what is now declared differently from what was offered, in words.
        examine: what it needs from the rest of the declaration that is missing.
        within_slice: whether it changes nothing outside the requests of the slice that its deployer is given.
        by_slice: whether it acts only on the slice that its deployer is given, so that two of them in slices
            that share no rows do not interfere.
        own: whether only its receiver knows what it does and what two calls of it do together; where it
            undoes a delivery or a version, that is known here too.
        rehearse: how it is rehearsed, or why it cannot be; null where the kind does not say.
    """

    name: str
    purpose: str
    options: type[K]
    given: Callable[[DeclaredHotfix, K, Circumstances], dict[str, object] | Unfit]
    example: Mapping[str, Any] = field(default_factory=dict)
    way: Way | None = None
    label: Callable[[str, Parameters], str] = field(default=lambda label, _given: label)
    called: Callable[[DeclaredHotfix, K], str] = field(default=lambda hotfix, _options: hotfix.name)
    changes: Callable[[K, Parameters], Iterable[str]] = field(default=lambda _options, _given: ())
    examine: Callable[[DeclaredHotfix, K, Recommender], Iterable[Advice]] = field(
        default=lambda _hotfix, _options, _recommender: ()
    )
    within_slice: bool = False
    by_slice: bool = False
    own: bool = False
    rehearse: Callable[[DeclaredHotfix, K], Rehearsal | Unfit] | None = None

    @property
    def on_items(self) -> bool:
        """Whether it only changes how the named items are served."""
        return self.way is not None and self.way.on_items

    def read(self, hotfix: DeclaredHotfix) -> K:
        """
        Its own keys as typed values.

        Raises:
            pydantic.ValidationError: one is unknown, missing or of another type.
        """
        return self.options.model_validate(hotfix.options)

    def parameters(self, hotfix: DeclaredHotfix, around: Circumstances) -> dict[str, object] | Unfit:
        """What the deployer gets; or, where the hotfix cannot act on this cause, why not."""
        given = self.given(hotfix, self.read(hotfix), around)
        return given if isinstance(given, Unfit) else {"kind": self.name, **given}

    def way_of(self, hotfix: DeclaredHotfix) -> Way | None:
        """How it is priced: by the replay declared for it, else by its own."""
        return self.way if hotfix.replay is None else REPLAYS[hotfix.replay.kind]

    def is_own(self, hotfix: DeclaredHotfix) -> bool:
        """Whether only its receiver knows how two calls of it interact."""
        way = self.way_of(hotfix)
        return self.own and (way is None or way.undoes is None)

    def rehearsal(self, hotfix: DeclaredHotfix) -> Rehearsal | Unfit:
        """How it is rehearsed; or why it cannot be, also where the kind does not say."""
        if self.rehearse is None:
            return Unfit(f"its kind, {self.name}, says not how")
        return self.rehearse(hotfix, self.read(hotfix))

    def price(self, hotfix: DeclaredHotfix, parameters: Parameters, around: Circumstances) -> Price:
        """Its trade-off by the replay declared for it, or by its own; unknown where neither works."""
        replay, way = hotfix.replay, self.way_of(hotfix)
        if way is not None:
            promised = {"amount": replay.amount} if replay is not None else {}
            return way.priced({**promised, **parameters}, around)
        if around.finding.kind == "predicted":
            return unknown(around, NOT_KNOWN, blast=1.0)
        return unknown(around, NOT_KNOWN) if around.stage is not None else no_stage(around)

    def lasts(self, hotfix: DeclaredHotfix, around: Circumstances) -> timedelta | None:
        """
        How long it stays in force: as declared. One for a launch stays at least to the end of the launch's
        first day, or it would be gone before the day that it is for.
        """
        launch = around.finding.kind == "predicted" and self.on_items
        if hotfix.expires is None or around.at is None or not launch:
            return hotfix.expires
        return max(hotfix.expires, around.finding.window_end - around.at)


Find = Callable[[str], Kind[Any]]
"""Gives the kind with a name. Raises ConfigurationError where there is none here."""

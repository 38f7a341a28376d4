"""Shows the most popular items in a slice of requests, instead of what the model ranks there."""

from __future__ import annotations

from collections.abc import Iterator

from domain.answer import Advice
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.replays.logged_slice import in_slice, whole_requests
from domain.resolution.replays.popularity import POPULARITY
from domain.resolution.way import Parameters, Unfit


class Keys(Hook):
    """`column`: how popular an item is, highest first; a column of the items or of the candidates' log."""

    column: str
    """Column, of the items or of the candidates' log, that says how popular an item is."""


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """Unfit where the slice is one of items: a request cannot be partly ranked by popularity."""
    inside = in_slice(around.stage.traffic, around.slice) if around.stage is not None else None
    if around.stage is not None and inside is not None and not whole_requests(around.stage.traffic, inside):
        return Unfit("its slice is one of items, and a request is ranked as a whole")
    return {"hook": called(hotfix, keys), "slice": dict(around.slice), "column": keys.column}


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that the column is not the one that was offered."""
    if keys.column != parameters.get("column"):
        yield f"it ranks by {keys.column}, not {parameters.get('column')}"


def examine(hotfix: DeclaredHotfix, keys: Keys, recommender: Recommender) -> Iterator[Advice]:
    """Advise on a column that neither items nor models have."""
    items = recommender.items.features if recommender.items else ()
    known = {*items, *(name for model in recommender.models.values() for name in model.features)}
    if known and keys.column not in known:
        where, says = f"hotfixes.{hotfix.name}.column", f'"{keys.column}" is no feature of items or models'
        yield Advice(level="error", where=where, says=says, fix=nearest(keys.column, known))


NO_TRUTH = Unfit(
    "it shows what is popular and not what was lost: there is no fault of which it is to repair a known share"
)

KIND = Kind(
    name="popularity_fallback",
    purpose="ranks requests of the symptom's slice by how popular items are",
    options=Keys,
    example={"column": "popularity"},
    given=given,
    way=POPULARITY,
    called=called,
    changes=changes,
    examine=examine,
    within_slice=True,
    by_slice=True,
    rehearse=lambda _hotfix, _keys: NO_TRUTH,
)

"""Takes the items concerned out of what may be shown."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import NOTHING_NAMED, Kind
from domain.resolution.rehearsal import shift
from domain.resolution.rehearsal.planted import Rehearsal
from domain.resolution.replays.block import BLOCK
from domain.resolution.way import Parameters, Unfit


class Keys(Hook):
    """`most`: items that it may take out; it is not offered where more are concerned."""

    most: int = Field(default=100, ge=1)
    """Most items that it may take out; where more are concerned it is not offered."""


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """Unfit where no items are concerned, or more than may be taken out."""
    items = around.items
    if not items:
        return NOTHING_NAMED
    if len(items) > keys.most:
        return Unfit(f"it takes out {keys.most:,} {around.noun} at most, and {len(items):,} are concerned")
    return {"hook": called(hotfix, keys), "items": items}


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that fewer items may be taken out than was offered."""
    items = parameters.get("items")
    if isinstance(items, list | tuple) and len(items) > keys.most:
        yield f"it takes out {keys.most:,} items at most, not {len(items):,}"


KIND = Kind(
    name="block_items",
    purpose="takes the items concerned out of what may be shown",
    options=Keys,
    example={"most": 20},
    given=given,
    way=BLOCK,
    called=called,
    changes=changes,
    rehearse=lambda _hotfix, keys: Rehearsal(shift.too_high(keys.most), shift.blocked),
)

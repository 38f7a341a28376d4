"""A feature that is served with another value than the catalogue holds, or with its former one."""

from __future__ import annotations

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.candidates.kinds.put_back import itself, ranked_again, restored, same_place
from domain.diagnosis.changes.departed import Departed
from domain.diagnosis.changes.stale import LEAST_ROWS, Stale
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.place import NEARLY, inside, named_items
from domain.diagnosis.scene import Scene
from domain.values import Answer, name_slice


def from_catalogue(material: Material, known: Known, scene: Scene, one: Stale) -> Proposal:
    """It is put back to what the catalogue holds; where no slice says which are off, the items are named."""
    place, noun = one.placed.slice, material.noun
    these = f"{noun} where {name_slice(place)}" if place else named_items(one.placed.items or one.items, noun)
    of_requests = any(name in scene.of_requests for name, _ in place)
    who = f"in {name_slice(place)}" if of_requests else f"of {these}"
    is_so = "is stale" if one.of is not None else "is served with another value than the catalogue holds"
    older = f": it is that of {material.clock(one.of)}" if one.of is not None else ""
    return Proposal(
        kind="feature",
        object=one.feature,
        place=place,
        since=one.since,
        title=f"`{one.feature}` {who} {is_so}",
        sentence=f"`{one.feature}` {who} {is_so}{older}; all others match the catalogue",
        undone=ranked_again(material, known, scene, restored(scene, [one])),
        where=_of_these(material, scene, one) or same_place(material, one.feature, place),
        how_much=itself(material, one.feature),
        feature=one.feature,
        items=one.items,
    )


def says_less(one: Departed, old: Stale) -> bool:
    """Whether it departed on single items that are fed what the catalogue does not hold, which says more."""
    return one.feature == old.feature and bool(old.placed.items) and float(old.hit[one.hit].mean()) >= NEARLY


def _of_these(material: Material, scene: Scene, one: Stale) -> Answer | None:
    """A finding about this very column, in a slice where these items are all that differs."""
    own = material.finding.slice
    if not (one.placed.items and own and material.finding.is_of(one.feature)):
        return None
    there = int((one.hit & inside(scene.now.rows, own)).sum())
    if there < LEAST_ROWS:
        return None
    of = named_items(one.placed.items, material.noun)
    words = f"all {there:,} candidates of {name_slice(own)} that differ are of {of}"
    return Answer(question="where", holds=True, words=words)

"""A feature that the last delivery of the items broke: unset, scaled, shifted, another, stale."""

from __future__ import annotations

import pandas as pd

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.kinds.put_back import itself, put, ranked_again, same_place
from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.changes.delivered import MOSTLY, Delivered
from domain.diagnosis.changes.departed import Departed
from domain.diagnosis.changes.shifted import shifted
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.place import Bools
from domain.diagnosis.replay import derived_columns, fill_rows
from domain.diagnosis.scene import Scene
from domain.values import Answer, Slice, name_slice

SAME_ITEMS = 0.9  # share of the rows where a model feature departed that are of the delivery's items


def made_from(scene: Scene, one: Departed, change: Delivered) -> bool:
    """Whether a model feature departed on exactly the items that the delivery changed."""
    items = scene.now.rows.loc[one.hit, scene.now.columns.item].astype(str)
    return bool(len(items)) and float(items.isin(set(change.items)).mean()) >= SAME_ITEMS


def from_delivery(material: Material, known: Known, change: Delivered, mine: list[Departed]) -> Proposal:
    taken, noun = material.snapshots, material.noun
    at = material.clock(taken.delivered_at) if taken is not None else "an unknown time"
    came = taken.name if taken is not None else "catalogue delivery"
    place = change.placed.slice
    who = f"{noun} where {name_slice(place)}" if place else noun
    alike, item = _alike(material, known, change), material.finding.item
    was = _was(change, item)
    if item is not None:
        sentence = f"`{change.feature}` of this launch {change.words} since the {came} at {at}{was}{alike}"
    else:
        sentence = (
            f"`{change.feature}` {change.words} for {change.count:,} of {change.size:,} {noun}"
            f"{f' where {name_slice(place)}' if place and not change.unset else ''} since the "
            f"{came} at {at}{was}{alike}"
        )
    undone, unknown = _served_as_before(material, known, change, mine)
    where, how_much = _plainly(material, change)
    return Proposal(
        kind="feature",
        object=change.feature,
        place=place or _of_the_feature(material, known, change),
        since=taken.delivered_at if taken is not None else None,
        title=f"`{change.feature}` of {who} {change.words} since the delivery at {at}",
        sentence=sentence,
        undone=undone,
        unknown=unknown,
        where=_of_the_launch(material, change)
        or where
        or (_of_the_catalogue(material, change, mine) and same_place(material, change.feature, place))
        or _broken_alike(material, known, change, undone),
        how_much=_of_the_catalogue(material, change, mine)
        or how_much
        or _nothing_to_serve(known, change, undone),
        feature=change.feature,
        value=change.right.get(item or "", change.former),
        items=(item,) if item is not None else change.items,
    )


def _of_the_catalogue(material: Material, change: Delivered, mine: list[Departed]) -> Answer | None:
    """
    For a finding about the column as delivered. What the model is fed may be off for another reason, unless
    it departed on the items that the delivery changed, or where the delivery changed these and not others.
    """
    place = set(change.placed.slice)
    theirs = bool(mine) or (bool(place) and set(material.finding.slice) <= place)
    if material.finding.table == material.candidates_table and not theirs:
        return None
    return itself(material, change.feature)


def _plainly(material: Material, change: Delivered) -> tuple[Answer | None, Answer | None]:
    """The answers to "where" and "how much" that the delivery alone shows, however its items are ranked."""
    words = _exchanged(material, change) or _made_of_it(material, change)
    if words is None:
        return None, None
    where, how_much = words
    return (
        Answer(question="where", holds=True, words=where),
        Answer(question="how_much", holds=True, words=how_much),
    )


def _exchanged(material: Material, change: Delivered) -> tuple[str, str] | None:
    """For a finding about a slice that has held other items since: it is a different slice."""
    values = (value for name, value in material.finding.slice if name == change.feature)
    share = max((change.exchanged.get(value, 0.0) for value in values), default=0.0)
    if share < SAME_ITEMS or change.unset or change.stale:
        return None
    moved = f"the delivery brought in or took out {100 * share:.0f} % of the {material.noun} of this slice"
    return moved, "the slice holds other ones since, however they are ranked"


def _made_of_it(material: Material, change: Delivered) -> tuple[str, str] | None:
    """
    For a finding about a column named after the feature, in the slice that lost it: the requests since may
    still be too few to show the effect.
    """
    own, place = set(material.finding.slice), set(change.placed.slice)
    fed = material.columns.features if material.columns is not None else ()
    made = (name for name in fed if name.startswith(f"{change.feature}_"))
    column = next(filter(material.finding.is_of, made), None)
    if column is None or not (change.unset and own and place) or not (own <= place or place <= own):
        return None
    return "it lies where the finding lies", f"the finding is of `{column}`, which is made from it"


def _of_the_feature(material: Material, known: Known, change: Delivered) -> Slice:
    """For items that no slice tells apart: the symptom's own slice, where it is one of this very feature."""
    return tuple(pair for pair in symptom_of(material, known) if pair[0] == change.feature)


def _was(change: Delivered, item: str | None) -> str:
    """What it was before, where many of them had one value; for stale ones, that others' values changed."""
    if change.stale:
        return "; that of comparable ones changed"
    if item is not None:
        return f"; before it was {change.right.get(item, change.former)}"
    if change.former_share < MOSTLY or change.words.endswith(f"instead of {change.former}"):
        return ""
    return f"; before it was {change.former} for {100 * change.former_share:.0f} %"


def _alike(material: Material, known: Known, change: Delivered) -> str:
    odd = known.oddity
    if odd is None or odd.feature != change.feature or not change.unset:
        return ""
    return f"; {odd.comparables_unset:,} of {odd.comparables:,} comparable {material.noun} lack it"


def _served_as_before(
    material: Material, known: Known, change: Delivered, mine: list[Departed]
) -> tuple[Undone | None, str]:
    """The requests since the onset, ranked by the same model with the feature as it was."""
    scene = known.scene
    if scene is None:
        return None, "no requests are logged that could be ranked again"
    rows, columns = scene.now.rows, scene.now.columns
    hit = rows[columns.item].astype(str).isin(set(change.items)).to_numpy(bool)
    derived = derived_columns(rows, columns, change.feature, hit)
    made = shifted(scene, hit, change.items) if hit.any() else {}
    labels = _labelled_as_before(scene, change, hit)
    if not (derived or mine or made or labels):
        return None, f"`{change.feature}` does not reach the model by what is logged"
    pool = pd.concat([rows, scene.before.rows], ignore_index=True)
    fixed = fill_rows(rows, pool, columns, change.feature, change.right, derived)
    for name, values in made.items():
        if name not in derived:
            fixed[name] = values
    for one in mine:
        held = fixed[one.feature]
        fixed[one.feature] = put(
            held, one.hit & held.isna() if one.feature in derived else one.hit, one.should
        )
    return ranked_again(material, known, scene, fixed, labels), ""


def _labelled_as_before(scene: Scene, change: Delivered, hit: Bools) -> tuple[str, pd.Series] | None:
    """The feature's former values, if items are sliced by it: what changed was counted under those."""
    name, rows = change.feature, scene.now.rows
    if name not in scene.of_items or change.unset or change.stale or not hit.any():
        return None
    if not rows.loc[hit, name].isin(scene.before.rows[name].unique()).all():
        return None  # a name that nothing had before: it is the same slice under another name
    right = rows[scene.now.columns.item].astype(str).map(change.right)
    return name, rows[name].astype(object).where(~(hit & right.notna().to_numpy(bool)), right)


def _of_the_launch(material: Material, change: Delivered) -> Answer | None:
    """A launch is about one item: a change of that item lies where the symptom lies."""
    item = material.finding.item
    if item is None:
        return None
    mine = item in change.items
    words = "it is a feature of this very item" if mine else "it is a feature of other items"
    return Answer(question="where", holds=mine, words=words)


def _broken_alike(
    material: Material, known: Known, change: Delivered, undone: Undone | None
) -> Answer | None:
    """Where nothing can be ranked again: whether the items hit are those of the symptom."""
    if undone is not None or not known.concerned or material.finding.item is not None:
        return None
    mine, hit = set(known.concerned), set(change.items)
    share = len(mine & hit) / max(len(mine | hit), 1)
    words = (
        f"{len(mine & hit):,} of the {len(mine):,} {material.noun} concerned and {len(hit - mine):,} others"
    )
    return Answer(question="where", holds=share > 0.5, share=share, words=words)


def _nothing_to_serve(known: Known, change: Delivered, undone: Undone | None) -> Answer | None:
    """
    Without requests to rank again, a value that was lost, or is of another order of magnitude, is visibly
    broken; its effect on the metric is not measured, and the answer says so.
    """
    if undone is not None or not change.broken or known.scene is not None:
        return None
    seen = "what was lost" if change.unset else f"that it {change.words}"
    words = f"no requests are logged that could be ranked again; {seen} is visible in the delivery"
    return Answer(question="how_much", holds=True, words=words)

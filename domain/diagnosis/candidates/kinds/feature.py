"""A feature that is unset, scaled, shifted, another, or stale: in the catalogue, or only in what serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from domain.detection.judge.wrong_rows import listed
from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.plays import or_plays
from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.changes.constant import constant
from domain.diagnosis.changes.delivered import MOSTLY, Delivered
from domain.diagnosis.changes.departed import Departed, departed
from domain.diagnosis.changes.shifted import shifted
from domain.diagnosis.changes.stale import Stale, stale
from domain.diagnosis.items.concerned import unset_alone, usual_value
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.place import Bools
from domain.diagnosis.replay import derived_columns, fill_rows
from domain.diagnosis.scene import Scene
from domain.values import Answer, Slice, name_slice

Question = Literal["where", "how_much"]
SAME_ITEMS = 0.9  # of the rows where a model feature departed, that lie on the items of a delivery


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    scene = known.scene
    changes = known.delivered
    gone = _in_the_log(material, departed)
    told: set[str] = set()
    for change in changes:
        mine = [one for one in gone if scene is not None and _made_from(scene, one, change)]
        told |= {one.feature for one in mine}
        yield _from_delivery(material, known, change, mine)
    fed = [one for one in gone if one.feature not in told]
    older = tuple(stale(scene, material)) if scene is not None and material.items is not None else ()
    for old in older:
        if scene is not None and old.feature not in told:
            yield _from_store(material, known, scene, old)
    told |= {one.feature for found in (changes, gone, older) for one in found}
    fed += [one for one in _in_the_log(material, constant) if one.feature not in told]
    alone = [(one, _from_log(material, known, one)) for one in fed]
    yield from (told_of for _one, told_of in alone)
    yield from _of_one_source(material, known, alone)
    if known.oddity is not None and not any(one.feature == known.oddity.feature for one in changes):
        yield from _unlike_comparable(material, known)


def _in_the_log(material: Material, find: Callable[..., tuple[Departed, ...]]) -> tuple[Departed, ...]:
    rows, before, columns = material.candidates, material.candidates_before, material.columns
    if rows is None or before is None or columns is None or rows.empty or before.empty:
        return ()
    names = [name for name in material.sliceable(rows) if name in before]
    return find(rows.reset_index(drop=True), before, columns, names)


def _made_from(scene: Scene, one: Departed, change: Delivered) -> bool:
    """Whether a model feature departed on the very items that the delivery changed."""
    items = scene.now.rows.loc[one.hit, scene.now.columns.item].astype(str)
    return bool(len(items)) and float(items.isin(set(change.items)).mean()) >= SAME_ITEMS


# ── from the last delivery ────────────────────────────────────────────────────────────────────────────────


def _from_delivery(material: Material, known: Known, change: Delivered, mine: list[Departed]) -> Proposal:
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
        or _exchanged(material, change, "where")
        or _made_of_it(material, change, "where")
        or (_of_the_catalogue(material, change, mine) and _same_place(material, change.feature, place))
        or _broken_alike(material, known, change, undone),
        how_much=_of_the_catalogue(material, change, mine)
        or _exchanged(material, change, "how_much")
        or _made_of_it(material, change, "how_much")
        or _nothing_to_serve(known, change, undone),
        feature=change.feature,
        value=change.right.get(item or "", change.former),
        items=(item,) if item is not None else change.items,
    )


def _of_the_catalogue(material: Material, change: Delivered, mine: list[Departed]) -> Answer | None:
    """
    A finding of the column as it is delivered. What the model is fed may be off for another reason, unless it
    departed on the items that the delivery changed, or where it changed them and others not.
    """
    place = set(change.placed.slice)
    theirs = bool(mine) or (bool(place) and set(material.finding.slice) <= place)
    if material.finding.table == material.candidates_table and not theirs:
        return None
    return _itself(material, change.feature)


def _exchanged(material: Material, change: Delivered, question: Question) -> Answer | None:
    """A finding of a slice that holds other items since: however these are ranked, it is another slice."""
    values = (value for name, value in material.finding.slice if name == change.feature)
    share = max((change.exchanged.get(value, 0.0) for value in values), default=0.0)
    if share < SAME_ITEMS or change.unset or change.stale:
        return None
    moved = f"{100 * share:.0f} % of the {material.noun} of this slice came into it, or left it, with it"
    words = {"where": moved, "how_much": "it counts others since, however they are ranked"}
    return Answer(question=question, holds=True, words=words[question])


def _made_of_it(material: Material, change: Delivered, question: Question) -> Answer | None:
    """
    A finding that a column named after the feature is not set, in the very slice that lost it: the requests
    since may yet be too few to show what that does.
    """
    finding, place = material.finding, set(change.placed.slice)
    fed = material.columns.features if material.columns is not None else ()
    made = (name for name in fed if name.startswith(f"{change.feature}_") and finding.is_of(name))
    column = next(made, None)
    if column is None or not change.unset or not finding.slice or not set(finding.slice) <= place:
        return None
    if finding.unit.partition(" ")[2] != f"without {column}":
        return None
    where, of_it = "it lies where the finding lies", f"the finding is of `{column}`, which is made from it"
    return Answer(question=question, holds=True, words=where if question == "where" else of_it)


def _of_the_feature(material: Material, known: Known, change: Delivered) -> Slice:
    """Of items that no slice tells apart: the symptom's own, where it is one of the very feature."""
    return tuple(pair for pair in symptom_of(material, known) if pair[0] == change.feature)


def _was(change: Delivered, item: str | None) -> str:
    """What it was before, where that is one value for many of them; of what is stale, that others' is not."""
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
        fixed[one.feature] = _put(
            held, one.hit & held.isna() if one.feature in derived else one.hit, one.should
        )
    return _ranked_again(material, known, scene, fixed, labels), ""


def _labelled_as_before(scene: Scene, change: Delivered, hit: Bools) -> tuple[str, pd.Series] | None:
    """The feature by which items are sliced, too, as it was: what has another value now was counted there."""
    name, rows = change.feature, scene.now.rows
    if name not in scene.of_items or change.unset or change.stale or not hit.any():
        return None
    if not rows.loc[hit, name].isin(scene.before.rows[name].unique()).all():
        return None  # a name that nothing had before: the slice is the same, and is called otherwise
    right = rows[scene.now.columns.item].astype(str).map(change.right)
    return name, rows[name].astype(object).where(~(hit & right.notna().to_numpy(bool)), right)


def _put(held: pd.Series, where: Any, should: Any) -> pd.Series:
    """The feature with what it should be `where` it is not; numbers or texts, as it is."""
    return held.where(~np.asarray(where, dtype=bool), pd.Series(should, index=held.index))


def _ranked_again(
    material: Material,
    known: Known,
    scene: Scene,
    fixed: pd.DataFrame,
    labels: tuple[str, pd.Series] | None = None,
) -> Undone:
    scores, symptom = scene.now.scores(fixed), symptom_of(material, known)
    if labels is not None:
        return scene.undone_with(*labels, symptom, material.finding.item, scores)
    found = scene.undone(symptom, material.finding.item, scores)
    return or_plays(scene, material, found, scores)


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
    """Where nothing can be ranked again: whether those that lost it are those of the symptom."""
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
    Without requests to rank again, a value that was lost is broken by what can be seen; what it does to the
    metric is not measured, and the answer says so.
    """
    if undone is not None or not change.unset or known.scene is not None:
        return None
    words = "no requests are logged that could be ranked again; what was lost is visible in the delivery"
    return Answer(question="how_much", holds=True, words=words)


# ── from the candidates' log ──────────────────────────────────────────────────────────────────────────────


def _from_log(material: Material, known: Known, one: Departed) -> Proposal:
    scene, place = known.scene, one.placed.slice
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    where = f" in {name_slice(place)}" if place else ""
    undone = None
    if scene is not None:
        fixed = scene.now.rows[list(scene.now.columns.features)].copy()
        fixed[one.feature] = _put(fixed[one.feature], one.hit, one.should)
        undone = _ranked_again(material, known, scene, fixed)
    table = material.candidates_table
    return Proposal(
        kind="feature",
        object=one.feature,
        place=place,
        since=since,
        title=f"`{one.feature}` {one.words}{where}{when}",
        sentence=f"`{one.feature}`, as served to the model, {one.words} for {100 * one.placed.purity:.0f} % "
        f"of the candidates{where}{when}",
        undone=undone,
        unknown="no model is there to rank again",
        where=_same_place(material, one.feature, place),
        how_much=_itself(material, one.feature),
        table=table,
        feature=one.feature,
    )


def _of_one_source(
    material: Material, known: Known, alone: Sequence[tuple[Departed, Proposal]]
) -> Iterator[Proposal]:
    """
    Features that departed in the very same slice, as those of one vector or one join do: what each of them
    does by itself says little of what they do together.
    """
    scene = known.scene
    if scene is None:
        return
    for place in dict.fromkeys(one.placed.slice for one, _alone in alone if one.placed.slice):
        mine = [pair for pair in alone if pair[0].placed.slice == place]
        if len(mine) == 1:
            continue
        fixed = scene.now.rows[list(scene.now.columns.features)].copy()
        for one, _alone in mine:
            fixed[one.feature] = _put(fixed[one.feature], one.hit, one.should)
        first, *others = sorted((told for _one, told in mine), key=_closes, reverse=True)
        names = listed([f"`{one.object}`" for one in others])
        undone = _ranked_again(material, known, scene, fixed)
        yield replace(first, sentence=f"{first.sentence}, and so departed {names}", undone=undone)


def _closes(one: Proposal) -> float:
    return (one.undone.symptom.closed or 0.0) if one.undone is not None else 0.0


def _itself(material: Material, feature: str) -> Answer | None:
    """A finding of the very column is no symptom of something else: what it measures is the fault."""
    if not material.finding.is_of(feature):
        return None
    words = f"the finding is of `{feature}` itself"
    return Answer(question="how_much", holds=True, words=words)


def _same_place(material: Material, feature: str, place: Slice) -> Answer | None:
    """A finding of the very column lies where its fault lies, or holds it."""
    own = set(material.finding.slice)
    if not material.finding.is_of(feature):
        return None
    if own <= set(place):
        return Answer(question="where", holds=True, words="it lies where the finding lies")
    words = f"it lies in {name_slice(place)}, the finding in {name_slice(material.finding.slice)}"
    # of what is wrong everywhere a check tells everywhere
    return Answer(question="where", holds=None if set(place) <= own else False, words=words)


# ── from what the store holds ─────────────────────────────────────────────────────────────────────────────


def _from_store(material: Material, known: Known, scene: Scene, one: Stale) -> Proposal:
    fixed = scene.now.rows[list(scene.now.columns.features)].copy()
    fixed[one.feature] = _put(fixed[one.feature], one.hit, one.should)
    place = one.placed.slice
    of = (
        f"of {material.noun} where {name_slice(place)}" if place else f"of {len(one.items):,} {material.noun}"
    )
    who = f"in {name_slice(place)}" if any(name in scene.of_requests for name, _ in place) else of
    is_so = "is stale" if one.of is not None else "is served with another value than the catalogue holds"
    older = f": it is that of {material.clock(one.of)}" if one.of is not None else ""
    return Proposal(
        kind="feature",
        object=one.feature,
        place=place,
        since=one.since,
        title=f"`{one.feature}` {who} {is_so}",
        sentence=f"`{one.feature}` {who} {is_so}{older}; all others match the catalogue",
        undone=_ranked_again(material, known, scene, fixed),
        where=_same_place(material, one.feature, place),
        how_much=_itself(material, one.feature),
        feature=one.feature,
        items=one.items,
    )


# ── from comparable items ─────────────────────────────────────────────────────────────────────────────────


def _unlike_comparable(material: Material, known: Known) -> Iterator[Proposal]:
    """No delivery shows the change, but comparable items all have what these lack."""
    odd = known.oddity
    if odd is None or not unset_alone(odd):
        return
    single = material.finding.item is not None
    noun = material.noun
    who = f"this one of the {noun}" if single else f"{odd.unset:,} of {odd.concerned:,} {noun}"
    value, basis = usual_value(material, known, odd.feature)
    lack = f"{odd.comparables_unset:,} of {odd.comparables:,} comparable {noun} lack it"
    share = odd.unset / odd.concerned
    undone, unknown = _filled(material, known, odd.feature, value)
    measured = undone is not None or known.scene is not None
    yield Proposal(
        kind="feature",
        object=odd.feature,
        place=() if single else symptom_of(material, known),
        since=None,
        title=f"`{odd.feature}` is not set for {who}",
        sentence=f"`{odd.feature}` is not set for {who}; {lack}{basis}",
        undone=undone,
        unknown=unknown,
        where=Answer(question="where", holds=share > 0.5, share=share, words=f"{who} lack it; {lack}"),
        how_much=None
        if measured
        else Answer(
            question="how_much",
            holds=True,
            words="no requests are logged that could be ranked again; that it is not set is visible",
        ),
        feature=odd.feature,
        value=value,
        items=known.concerned,
    )


def _filled(material: Material, known: Known, feature: str, value: str | None) -> tuple[Undone | None, str]:
    scene = known.scene
    if scene is None or value is None:
        return None, "no requests are logged that could be ranked again"
    rows, columns = scene.now.rows, scene.now.columns
    mine: Bools = rows[columns.item].astype(str).isin(set(known.concerned)).to_numpy(bool)
    derived = derived_columns(rows, columns, feature, mine)
    if not derived:
        return None, f"`{feature}` does not reach the model by what is logged"
    values = dict.fromkeys(known.concerned, value)
    pool = pd.concat([rows, scene.before.rows], ignore_index=True)
    return _ranked_again(material, known, scene, fill_rows(rows, pool, columns, feature, values, derived)), ""


def _of_the_column(material: Material, _known: Known) -> Named | None:
    """The feature, of items or of the model, that the finding is of; a column may be none."""
    columns = material.columns
    known = (*material.features, *(columns.features if columns is not None else ()))
    feature = next(filter(material.finding.is_of, known), None)
    return Named(feature, table=material.finding.table, feature=feature) if feature is not None else None


FEATURE = CandidateKind(
    "feature", _propose, 1, "the feature put back in logged requests, and ranked again", _of_the_column
)

"""A feature that is unset, scaled, shifted, another, or stale: in the catalogue, or only in what serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from domain.detection.judge.title import listed
from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.kinds.feature_delivered import from_delivery, made_from
from domain.diagnosis.candidates.kinds.feature_stale import from_catalogue, says_less
from domain.diagnosis.candidates.kinds.put_back import (
    input_alone,
    itself,
    lies_there,
    ranked_again,
    restored,
    same_place,
)
from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.changes.constant import constant
from domain.diagnosis.changes.departed import Departed, departed
from domain.diagnosis.changes.stale import stale
from domain.diagnosis.items.concerned import unset_alone, usual_value
from domain.diagnosis.items.unset import unset_items
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.place import Bools
from domain.diagnosis.replay import derived_columns, fill_rows
from domain.values import Answer, name_slice


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    scene = known.scene
    changes = known.delivered
    gone = _in_the_log(material, departed)
    proposed: set[str] = set()
    for change in changes:
        mine = [one for one in gone if scene is not None and made_from(scene, one, change)]
        proposed |= {one.feature for one in mine}
        yield from_delivery(material, known, change, mine)
    older = tuple(stale(scene, material)) if scene is not None and material.items is not None else ()
    fed = [
        one for one in gone if one.feature not in proposed and not any(says_less(one, old) for old in older)
    ]
    for old in older:
        if scene is not None and old.feature not in proposed:
            yield from_catalogue(material, known, scene, old)
    proposed |= {one.feature for found in (changes, gone, older) for one in found}
    fed += [one for one in _in_the_log(material, constant) if one.feature not in proposed]
    alone = len({one.feature for found in (fed, older) for one in found}) == 1 and not changes
    each = [(one, _from_log(material, known, one, alone)) for one in fed]
    yield from (proposal for _one, proposal in each)
    yield from _of_one_source(material, known, each)
    if known.oddity is not None and not any(one.feature == known.oddity.feature for one in changes):
        yield from _unlike_comparable(material, known)


def _in_the_log(material: Material, find: Callable[..., tuple[Departed, ...]]) -> tuple[Departed, ...]:
    rows, before, columns = material.candidates, material.candidates_before, material.columns
    if rows is None or before is None or columns is None or rows.empty or before.empty:
        return ()
    names = [name for name in material.sliceable(rows) if name in before]
    return find(rows.reset_index(drop=True), before, columns, names)


# ── from the candidates' log ──────────────────────────────────────────────────────────────────────────────


def _from_log(material: Material, known: Known, one: Departed, alone: bool) -> Proposal:
    """`alone`: no other input is another."""
    scene, place = known.scene, one.placed.slice
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    where = f" in {name_slice(place)}" if place else ""
    by_input = input_alone(material, place) if alone and one.guessed else None
    undone = None
    if scene is not None and by_input is None:
        undone = ranked_again(material, known, scene, restored(scene, [one]))
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
        where=same_place(material, one.feature, place) or (lies_there(material, place) if by_input else None),
        how_much=itself(material, one.feature) or by_input,
        table=table,
        feature=one.feature,
    )


def _of_one_source(
    material: Material, known: Known, each: Sequence[tuple[Departed, Proposal]]
) -> Iterator[Proposal]:
    """
    Features that departed in the very same slice, as those of one vector or one join do: the effect of each
    alone says little about their joint effect.
    """
    scene = known.scene
    if scene is None:
        return
    for place in dict.fromkeys(one.placed.slice for one, _proposal in each if one.placed.slice):
        mine = [pair for pair in each if pair[0].placed.slice == place]
        if len(mine) == 1:
            continue
        first, *others = sorted((proposal for _one, proposal in mine), key=_closes, reverse=True)
        names = listed([f"`{one.object}`" for one in others])
        undone = ranked_again(material, known, scene, restored(scene, (one for one, _proposal in mine)))
        yield replace(first, sentence=f"{first.sentence}; so did {names}", undone=undone)


def _closes(one: Proposal) -> float:
    return (one.undone.symptom.closed or 0.0) if one.undone is not None else 0.0


# ── from comparable items ─────────────────────────────────────────────────────────────────────────────────


def _unlike_comparable(material: Material, known: Known) -> Iterator[Proposal]:
    """No delivery shows the change, but all comparable items have what these lack."""
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
    return ranked_again(material, known, scene, fill_rows(rows, pool, columns, feature, values, derived)), ""


def _of_the_column(material: Material, _known: Known) -> Named | None:
    """The item or model feature that the finding is about; its column may be neither."""
    columns = material.columns
    known = (*material.features, *(columns.features if columns is not None else ()))
    feature = next(filter(material.finding.is_of, known), None)
    if feature is None:
        return None
    if (unset := unset_items(material, feature)) is None:
        return Named(feature, table=material.finding.table, feature=feature)
    where = f", all where {name_slice(unset.place)}" if unset.place else ""
    count = f"{len(unset.items):,} of {unset.of:,} {material.noun}"
    sentence = f"`{feature}` is not set for {count} in `{material.catalogue}`{where}"
    return Named(feature, unset.place or None, sentence, material.catalogue, feature, unset.items)


FEATURE = CandidateKind(
    "feature", _propose, 1, "the feature put back in logged requests, and ranked again", _of_the_column
)

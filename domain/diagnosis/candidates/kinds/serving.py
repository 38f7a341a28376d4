"""What serving adds to the model's score (an adjustment, a boost, a bug), or shows regardless of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.judge import TOO_MUCH, verdict_on
from domain.diagnosis.candidates.kinds.itself import measured_itself
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.changes.begun import since_first
from domain.diagnosis.changes.order import OutOfOrder, out_of_order
from domain.diagnosis.changes.other_model import by_another_file
from domain.diagnosis.known import Known
from domain.diagnosis.material import RANKED_AT, Material
from domain.diagnosis.place import inside, named_items, place_or_items, there
from domain.diagnosis.scene import Scene
from domain.values import Answer, Slice, name_slice

PURE = 0.5  # of a slice's candidates whose score was changed, from which on the slice is named
MOST_BEFORE = 0.5  # of that share before the onset: then it is how serving has always been


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    scene = known.scene
    if scene is None:
        return
    yield from _shifted(material, known, scene)
    turned = out_of_order(scene)
    if turned is not None:
        yield _out_of_order(material, known, scene, turned)


def _shifted(material: Material, known: Known, scene: Scene) -> Iterator[Proposal]:
    skew = scene.skew()
    if not skew.now.any() or by_another_file(material, skew):
        return
    rows, item = scene.now.rows, scene.now.columns.item
    begun = since_first(rows, skew.now)
    placed = place_or_items(rows[begun], skew.now[begun], scene.dimensions, item)
    usual = skew.before[there(scene.before.rows, placed, item)]
    if placed.purity < PURE or (len(usual) and usual.mean() > MOST_BEFORE * placed.purity):
        return
    hit = skew.now & there(rows, placed, item)
    amount = float(np.median(scene.now.adjustment[hit]))
    scores = scene.logged() - np.where(hit, scene.now.adjustment, 0.0)
    items = tuple(sorted(rows.loc[hit, item].astype(str).unique()))
    where = named_items(placed.items, material.noun) if placed.items else name_slice(placed.slice)
    earlier = there(rows, placed, item) & ~begun
    shows = f" since {material.clock(rows.loc[begun, RANKED_AT].min())}" if earlier.any() else ""
    since = known.onset.since if known.onset is not None else None
    unit = " log-odds" if scene.now.model.kind == "log_odds" else ""
    yield Proposal(
        kind="serving",
        object=material.model_name,
        place=placed.slice,
        since=since,
        title=f"Serving shifts the score of {where} by {amount:+.2f}",
        sentence=f"What serves ranks {where} by another score than the model's{shows}: logged minus computed "
        f"is {amount:+.2f}{unit} for {100 * placed.purity:.0f} % of these candidates, and 0 for the others",
        undone=scene.undone(symptom_of(material, known), material.finding.item, scores),
        how_much=measured_itself(material, "serving", placed.slice),
        items=items if placed.items or any(name in scene.of_items for name, _ in placed.slice) else (),
    )


def _out_of_order(material: Material, known: Known, scene: Scene, one: OutOfOrder) -> Proposal:
    """Whatever is shown there instead, by their scores other candidates would be."""
    place, since = one.placed.slice, known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    title = f"What is shown{f' in {name_slice(place)}' if place else ''} does not follow the scores{when}"
    better = f"in {100 * one.now:.0f} % of pairs, {100 * one.before:.0f} % before"
    return Proposal(
        kind="serving",
        object=material.model_name,
        place=place,
        since=since,
        title=title,
        sentence=f"{title}: of {one.requests:,} logged requests, what is shown has a better score than what "
        f"is not {better}",
        undone=_by_scores(scene, symptom_of(material, known), place),
        how_much=measured_itself(material, "serving", place) or _ordered_again(material, known, scene, place),
    )


def _by_scores(scene: Scene, symptom: Slice, place: Slice) -> Undone:
    """What is shown of each slice, what would be by scores, and what if only `place` followed them."""
    rows = scene.now.rows.assign(**{str(name): scene.labels[name] for name in scene.labels})
    shown = scene.now.row_weights * scene.now.shown()
    due = scene.now.row_weights * scene.now.exposure(scene.logged())
    repaired = np.where(inside(rows, place), due, shown)
    amounts = pd.DataFrame({"shown": shown, "due": due, "repaired": repaired}, index=rows.index)
    splits = [
        [*within, name] for name in scene.of_items for within in ([], *([r] for r in scene.of_requests))
    ]
    sums = pd.concat([_summed(amounts, [rows[name] for name in names]) for names in splits] or [amounts[:0]])
    o, e, u = (sums[name].to_numpy(float) for name in amounts)
    here = amounts[inside(rows, symptom)].sum()
    spread = float(np.sqrt(here["shown"] + here["due"] + 1))
    gap = Gap(here["shown"], here["due"], here["repaired"], spread)
    return Undone(o, e, u, o + e + 1, gap, len(splits))


def _summed(amounts: pd.DataFrame, keys: list[pd.Series]) -> pd.DataFrame:
    return amounts.groupby(keys, observed=True).sum().reset_index(drop=True)


def _ordered_again(material: Material, known: Known, scene: Scene, place: Slice) -> Answer | None:
    """What the symptom's slice lacks, or has too much of, by its own scores, compared with the finding."""
    off, rows = material.finding.change, scene.now.rows
    here = inside(rows, symptom_of(material, known))
    due = scene.now.row_weights * scene.now.exposure(scene.logged())
    shown = scene.now.row_weights * scene.now.shown()
    moved = float((shown - due)[here & inside(rows, place)].sum()) / max(float(due[here].sum()), 1e-9)
    if not off or not moved:
        return None
    closes = moved / off
    words = f"shown by their scores they would close {100 * closes:.0f} % of the gap"
    return Answer(
        question="how_much", holds=verdict_on(closes, TOO_MUCH), share=round(closes, 4), words=words
    )


def _itself(material: Material, known: Known) -> Named | None:
    """Scores that the model's file does not compute, unless they are those of another file."""
    if known.scene is None or by_another_file(material, known.scene.skew()):
        return None
    return Named(material.model_name)


SERVING = CandidateKind("serving", _propose, 3, "logged scores beside those that the model computes", _itself)

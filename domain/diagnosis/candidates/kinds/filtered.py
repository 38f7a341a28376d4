"""Items that no longer come up to be ranked, or are ranked and not shown, or less than their scores say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import poisson

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.capped import Limits
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.judge import TOO_MUCH, verdict_on
from domain.diagnosis.candidates.kinds.along import not_shown
from domain.diagnosis.candidates.kinds.itself import measured_itself
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.place import Bools, Floats, inside
from domain.diagnosis.replay import Traffic
from domain.diagnosis.scene import Scene, requests_by
from domain.values import Answer, Slice, name_slice

LEFT = 0.2  # share of the usual that may be left where something is kept out
LESS = 0.7  # share of what its scores say, up to which something that is ranked is held back
SURE = 1e-6  # chance of so few, before allowing for the number of items and slices looked at
LESS_TOO, SURE_TOO = 0.9, 1e-3  # of what its scores say, and the chance of so few, where it is held back too
LEAST = 12.0  # expected count from which on it is surprising to see none
DEVIATIONS = 2.0  # standard deviations of what is due to an item, which few logged requests leave open
MOST_PROPOSED = 3


@dataclass(frozen=True)
class _KeptOut:
    """
    One item, or all of a slice of items, in one slice of requests; or in all of them, more strongly in some
    values of `over` than in others. `most` of them are shown in a request, where there is such a limit.
    """

    item: str | None
    place: Slice
    seen: float
    usual: float
    ranked: bool
    over: str | None = None
    most: int | None = None


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    scene = known.scene
    if scene is None:
        yield from not_shown(material, known)
        return
    own = item_of(material, scene)
    found = _widest(list(_everywhere(scene, _kept_out(scene, own)))) or list(_as_found(material, scene, own))
    symptom = set(symptom_of(material, known))
    found.sort(key=lambda one: (set(one.place) != symptom, -one.usual, len(one.place)))
    for one in found[:MOST_PROPOSED]:
        yield _proposal(material, known, scene, one)


def _widest(found: list[_KeptOut]) -> list[_KeptOut]:
    """Each once, without those gone from a part of a wider place that they are gone from altogether."""
    gone = [one for one in found if one.seen <= LEFT * one.usual]
    by_place = {(one.item, one.ranked, one.place): one for one in found}  # the last says where by how much

    def is_part(one: _KeptOut) -> bool:
        return any(
            (one.item, one.ranked) == (other.item, other.ranked) and set(other.place) < set(one.place)
            for other in gone
        )

    return [one for one in by_place.values() if not is_part(one)]


def _everywhere(scene: Scene, found: Iterable[_KeptOut]) -> Iterator[_KeptOut]:
    """
    Turns what is held back a lot in one slice of requests and less in the others (a shelf may hold only so
    many of it, say) into something held back in all of them; anything else stays as it is.
    """

    @cache
    def shown(name: str) -> pd.DataFrame:
        parts = pd.concat(_shown(scene, (name,)), axis=1, keys=["seen", "usual", "scale"])
        return parts.set_axis(parts.index.astype(str))

    limits = Limits(scene)
    for held_back in found:
        over, of_items = (_of(held_back.place, names) for names in (scene.of_requests, scene.of_items))
        limit = limits.of(of_items, over) if held_back.ranked and held_back.item is None else None
        one = replace(held_back, most=limit.most if limit is not None else None)
        if not over or not one.ranked or (limit is None and one.seen <= LEFT * one.usual):
            yield one
            continue
        name, value = of_items[0] if one.item is None else (scene.now.columns.item, one.item)
        seen, usual, scale = map(float, shown(name).loc[value])
        whole = replace(one, place=of_items, seen=seen, usual=usual, over=over[0][0])
        if limit is not None and limit.everywhere:
            yield whole
        elif _held_back_too(scale * (seen - one.seen), scale * (usual - one.usual)):
            yield replace(whole, most=None)
        else:
            yield one


def _held_back_too(seen: float, usual: float) -> bool:
    return usual >= LEAST and seen <= LESS_TOO * usual and bool(poisson.cdf(seen, usual) <= SURE_TOO)


def item_of(material: Material, scene: Scene) -> str | None:
    """The one item that the finding is about, as its slice or its subject names it."""
    finding = material.finding
    named = finding.item or dict(finding.slice).get(scene.now.columns.item) or finding.subject
    known = scene.before.rows[scene.before.columns.item].astype(str)
    return named if named is not None and bool((known == named).any()) else None


def _proposal(material: Material, known: Known, scene: Scene, one: _KeptOut) -> Proposal:
    since = known.onset.since if known.onset is not None else None
    when = f" since {material.clock(since)}" if since is not None else ""
    what = f"item {one.item}" if one.item is not None else name_slice(_of(one.place, scene.of_items))
    where = _of(one.place, scene.of_requests if one.item is None else scene.dimensions)
    at = f" in {name_slice(where)}" if where else ""
    how = _how(one)
    return Proposal(
        kind="filter",
        object=one.item or (one.place[0][0] if one.place else None),
        place=where if one.item is not None else one.place,
        since=since,
        title=f"{what} {how}{at}{when}",
        sentence=f"{what} {how}{at}{when}: {one.seen:,.0f} times where {one.usual:,.0f} were usual",
        where=_where(one, material, scene),
        undone=(_shown_by_scores if one.ranked else _put_upon)(material, known, scene, one),
        how_much=(_shown_again(one, material, known, scene) if one.ranked else None)
        or measured_itself(material, "filter", one.place),
        items=(one.item,) if one.item is not None else (),
    )


def _how(one: _KeptOut) -> str:
    if not one.ranked:
        return "no longer comes up to be ranked"
    less = f"{100 * (1 - one.seen / one.usual):.0f} % less than its scores say"
    if one.most is not None:
        times = "once" if one.most == 1 else f"{one.most} times"
        return f"is shown at most {times} a request, {less},"
    return "is ranked and not shown" if one.seen <= LEFT * one.usual else f"is shown {less}"


def _where(one: _KeptOut, material: Material, scene: Scene) -> Answer | None:
    """For a finding about one item: whether it is that item, in that slice, that is kept out."""
    own = item_of(material, scene)
    if own is None:
        return None
    elsewhere = set(material.finding.slice) - set(one.place) - {(scene.now.columns.item, own)}
    fits = one.item == own and not {name for name, _ in elsewhere} & {name for name, _ in one.place}
    words = f"it is item {own} that is kept out" if fits else "another item, or another slice, is kept out"
    return Answer(question="where", holds=fits, words=words)


def _of(place: Slice, names: tuple[str, ...]) -> Slice:
    return tuple(pair for pair in place if pair[0] in names)


def _put_upon(material: Material, known: Known, scene: Scene, one: _KeptOut) -> Undone:
    """Keeps the same out of the requests before the onset: what is then missing is what is missing now."""
    turned = scene.turned
    gone = _kept_rows(turned.now.rows, turned.now.columns.item, one)
    return turned.undone(symptom_of(material, known), item_of(material, scene), turned.logged(), gone)


def _kept_rows(rows: pd.DataFrame, item: str, one: _KeptOut) -> Bools:
    held: Bools = inside(rows, one.place)
    return held if one.item is None else held & (rows[item].astype(str) == one.item).to_numpy(bool)


def _shown_by_scores(material: Material, known: Known, scene: Scene, one: _KeptOut) -> Undone:
    """
    What was shown of each slice, what should have been by its scores, and what would be if those held back
    were shown: by scores alone nothing is off, since they are ranked as usual.
    """
    labels, columns = {str(name): scene.labels[name] for name in scene.labels}, scene.now.columns
    rows = scene.now.rows.assign(**labels)
    held = _kept_rows(rows, columns.item, one)
    due = scene.now.row_weights * scene.now.exposure(scene.logged())
    lacks = due * held * _missing(scene, one)
    splits = [
        (name, *within) for name in scene.of_items for within in ((), *((r,) for r in scene.of_requests))
    ]
    o, e, u = map(np.concatenate, zip(*(_split(scene, names, due, lacks) for names in splits), strict=True))
    here = inside(rows, symptom_of(material, known))
    if (own := item_of(material, scene)) is not None:
        here &= (rows[columns.item].astype(str) == own).to_numpy(bool)
    was = float((scene.now.row_weights * rows[str(columns.shown)].astype(bool).to_numpy(float))[here].sum())
    should = float(due[here].sum())
    gap = Gap(was, should, was + float(lacks[here].sum()), float(np.sqrt(was + should + 1)))
    return Undone(o, e, u, o + e + 1, gap, len(splits))


def _missing(scene: Scene, one: _KeptOut) -> Floats:
    """(rows,) the share of its due exposure that what is kept out does not get."""
    if one.over is None:
        return np.full(len(scene.now.rows), 1 - one.seen / one.usual)
    name, value = one.place[0] if one.item is None else (scene.now.columns.item, one.item)
    shown, due, _ = _shown(scene, (one.over, name))
    own = shown.index.get_level_values(1).astype(str) == value
    missing = (1 - shown[own] / due[own].clip(lower=1e-9)).clip(lower=0.0).droplevel(1)
    return scene.labels[one.over].map(missing.to_dict()).fillna(0.0).to_numpy(float)


def _split(scene: Scene, names: tuple[str, ...], due: Floats, lacks: Floats) -> tuple[Floats, Floats, Floats]:
    """(n_cells,) what was shown, what should have been, and what would be if the held-back were shown."""
    was, usual, _ = _shown(scene, names)
    keys = _keys(scene, scene.now.rows, scene.labels, names)
    part = _summed(scene.now.rows, keys, lacks) / _summed(scene.now.rows, keys, due).clip(lower=1e-9)
    shown, should = was.to_numpy(float), usual.to_numpy(float)
    return shown, should, shown + should * part.reindex(usual.index).fillna(0.0).to_numpy(float)


def _shown_again(one: _KeptOut, material: Material, known: Known, scene: Scene) -> Answer | None:
    """What the symptom's slice lacks by its own scores, compared with what the finding says it lost."""
    lost, symptom = -material.finding.change, symptom_of(material, known)
    rows = scene.now.rows
    here = inside(rows, symptom)
    held = here & inside(rows, one.place)
    if one.item is not None:
        held &= (rows[scene.now.columns.item].astype(str) == one.item).to_numpy(bool)
    due = scene.now.row_weights * scene.now.exposure(scene.logged())
    share = float((due * _missing(scene, one))[held].sum() / max(due[here].sum(), 1e-9))
    if lost <= 0 or not share:
        return None
    closes = share / lost
    words = f"shown by their scores they would close {100 * closes:.0f} % of the gap"
    holds = verdict_on(closes, TOO_MUCH)
    return Answer(question="how_much", holds=holds, share=round(closes, 4), words=words)


def _kept_out(scene: Scene, own: str | None) -> Iterator[_KeptOut]:
    """Items and slices that hardly come up where they used to, in all requests or in one slice of them."""
    columns = scene.now.columns
    splits: list[tuple[str, ...]] = [(), *((name,) for name in scene.of_requests)]
    for split in splits:
        for names in ((columns.item,), *((name,) for name in scene.of_items)):
            yield from _rare(scene, (*split, *names), columns.item in names, own, shown=False)
            if columns.shown is not None:
                yield from _rare(scene, (*split, *names), columns.item in names, own, shown=True)


def _as_found(material: Material, scene: Scene, own: str | None) -> Iterator[_KeptOut]:
    """
    The item of the finding in its slice of requests, where all rows show that it is not shown there, and the
    logged ones, too few to show that themselves, show that it comes up and do not show that its scores fell.
    """
    finding, columns = material.finding, scene.now.columns
    where = tuple(pair for pair in finding.slice if pair[0] != columns.item)
    if own is None or not where or finding.observed > LESS * finding.expected or columns.shown is None:
        return
    if not {name for name, _ in where} <= set(scene.of_requests):
        return
    now = _due_there(scene.now, scene.labels, own, where)
    before = _due_there(scene.before, scene.labels_before, own, where)
    hidden = now.shown <= LESS * now.due
    if hidden and min(now.times, before.times) >= LEAST and now.most >= LESS * before.due:
        yield _KeptOut(own, where, finding.observed, finding.expected, ranked=True)


@dataclass(frozen=True)
class _Due:
    """
    How many `times` an item came up in a slice of requests; how often it was `shown` per request, and the
    exposure `due` to its scores.

    `off` is the standard deviation of `due`: a sum of as many parts as chance made it come up.
    """

    times: float
    shown: float
    due: float
    off: float

    @property
    def most(self) -> float:
        """The most exposure that chance leaves room for."""
        return self.due + DEVIATIONS * self.off


def _due_there(traffic: Traffic, labels: pd.DataFrame, item: str, where: Slice) -> _Due:
    rows = traffic.rows
    there = inside(rows.assign(**{name: labels[name] for name, _ in where}), where)
    own = there & (rows[traffic.columns.item].astype(str) == item).to_numpy(bool)
    weights, requests = traffic.row_weights, max(rows.loc[there, traffic.columns.request].nunique(), 1)
    due = (weights * traffic.exposure(traffic.scores(rows)))[own]
    shown = (weights * rows[str(traffic.columns.shown)].astype(bool).to_numpy(float))[own]
    return _Due(
        times=float(own.sum()),
        shown=float(shown.sum()) / requests,
        due=float(due.sum()) / requests,
        off=float(np.sqrt((due**2).sum())) / requests,
    )


def _rare(
    scene: Scene, names: tuple[str, ...], of_item: bool, own: str | None, *, shown: bool
) -> Iterator[_KeptOut]:
    seen, usual, scale = _shown(scene, names) if shown else _come_up(scene, names)
    p = poisson.cdf(seen * scale, np.maximum(usual * scale, 1e-9))
    left = LESS if shown else LEFT
    rare = (usual * scale >= LEAST) & (seen <= left * usual) & (p * len(usual) < SURE)
    for at in map(int, np.flatnonzero(rare.to_numpy(bool))):
        label = usual.index[at]
        values = label if isinstance(label, tuple) else (label,)
        pairs = dict(zip(names, map(str, values), strict=True))
        item = pairs.pop(scene.now.columns.item) if of_item else None
        if own is None or item in (None, own):
            yield _KeptOut(
                item, tuple(sorted(pairs.items())), float(seen.iloc[at]), float(usual.iloc[at]), shown
            )


def _come_up(scene: Scene, names: tuple[str, ...]) -> tuple[pd.Series, pd.Series, pd.Series]:
    """
    In how many requests each came up to be ranked: now, and before for as many requests; and a scale.

    Counts requests, not candidates: where one of a slice comes up, many do, and chance would look like a
    filter. But where one of them came up in nearly all requests and is gone, the others have to be gone, too.
    """

    def count(traffic: Traffic, labels: pd.DataFrame, power: int = 1, *, once: bool = True) -> pd.Series:
        keys, weights = _keys(scene, traffic.rows, labels, names), traffic.row_weights**power
        if once:
            again = pd.concat([*keys, traffic.rows[traffic.columns.request]], axis=1).duplicated()
            weights = np.where(again, 0.0, weights)
        return _summed(traffic.rows, keys, weights)

    before, squares = (count(scene.before, scene.labels_before, power) for power in (1, 2))
    now = count(scene.now, scene.labels).reindex(before.index).fillna(0.0)
    rows, then = (
        count(scene.now, scene.labels, once=False),
        count(scene.before, scene.labels_before, once=False),
    )
    others = _others(scene, names, before)
    left = (rows / (then * others).clip(lower=1e-9)).reindex(before.index).fillna(0.0)
    usual = before * others
    return now.where(left <= LEFT, np.maximum(now, left * usual)), usual, _scale(before, squares)


def _shown(scene: Scene, names: tuple[str, ...]) -> tuple[pd.Series, pd.Series, pd.Series]:
    """
    How often each is shown now, and how often its scores would have it shown, to the extent that they did
    before (what serving has always moved up or down is no fault); and a scale.
    """
    was, due, squares = _by_scores(scene.now, scene.labels, scene, names)
    shown, due_then, _ = _by_scores(scene.before, scene.labels_before, scene, names)
    part = (shown / due_then.where(due_then >= LEAST)).clip(upper=1.0).reindex(due.index).fillna(1.0)
    return was, due * part, _scale(due, squares)


def _by_scores(
    traffic: Traffic, labels: pd.DataFrame, scene: Scene, names: tuple[str, ...]
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """How often each was shown, or would have been by its scores, and the latter with squared weights."""
    rows, shown, weights = traffic.rows, traffic.columns.shown, traffic.row_weights
    keys, exposure = _keys(scene, rows, labels, names), traffic.exposure(traffic.scores(rows))
    was = _summed(rows, keys, weights * rows[str(shown)].astype(bool).to_numpy(float))
    due, squares = (_summed(rows, keys, weights**power * exposure) for power in (1, 2))
    return was, due, squares


def _summed(rows: pd.DataFrame, keys: list[pd.Series], values: Floats) -> pd.Series:
    return pd.Series(values, index=rows.index).groupby(keys, observed=True).sum()


def _scale(sums: pd.Series, squares: pd.Series) -> pd.Series:
    """
    The factor that makes a weighted count as uncertain as a plain count of its size.

    Source:
        Bohm & Zech (2014), Statistics of weighted Poisson events, Nucl. Instrum. Methods A 748.
    """
    return (sums / squares.where(squares > 0, 1.0)).where(squares > 0, 1.0)


def _keys(scene: Scene, rows: pd.DataFrame, labels: pd.DataFrame, names: tuple[str, ...]) -> list[pd.Series]:
    item = scene.now.columns.item
    return [labels[name] if name in labels else rows[item].astype("category") for name in names]


def _others(scene: Scene, names: tuple[str, ...], due: pd.Series) -> pd.Series:
    """How many requests there are now for each one before, in the slice of requests concerned."""
    if names[0] not in scene.of_requests:
        return pd.Series(scene.now.request_count / scene.before.request_count, index=due.index)
    now = requests_by(scene.now, scene.labels[names[0]])
    then = requests_by(scene.before, scene.labels_before[names[0]])
    ratio = (now / then.reindex(now.index)).to_dict()
    first = due.index.get_level_values(0)
    return pd.Series([ratio.get(value, 0.0) for value in first], index=due.index).fillna(0.0)


def _itself(material: Material, _known: Known) -> Named:
    """The item, in the slice of requests that it is not shown in; else the slice of items."""
    where = material.finding.slice
    item = material.columns.item if material.columns is not None else material.key
    requests = tuple(pair for pair in where if pair[0] != item)
    return Named(dict(where).get(item) or (where[0][0] if where else None), requests)


FILTER = CandidateKind(
    "filter", _propose, 3, "the reasons for which candidates are left out, logged", _itself
)

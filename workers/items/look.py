"""
A look at one item: whether it is shown as expected, since when not, compared with what, with a picture.

    engine ─▶ engagement of all items ─▶ expected exposure ──┐
           └▶ this item and its like over time ─▶ since when ┼─▶ answer, picture
           └▶ launches by age ─▶ how this launch goes ───────┘
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches

import numpy as np
import pandas as pd

from domain.detection.exposure.cold_start import LEAST_LAUNCHES, ColdStart, alike, cold_start
from domain.detection.exposure.eligibility import Eligibility, chance_of, eligibility_change
from domain.detection.exposure.expected_exposure import (
    Deserved,
    comparables,
    deserve,
    production_bias,
    reweighted,
)
from domain.diagnosis.onset import WINDOWS, Onset, find_onset
from domain.errors import Refused, SourceError, TooFewRows
from domain.recommender.recommender import Recommender
from workers.sources.aggregate import exposure as read

BINS = 288  # of the history, to locate the moment of change
LEAST_BIN, LAUNCH_BIN = timedelta(minutes=1), timedelta(hours=1)
RECENT = timedelta(days=1)  # what "now" means if nothing changed
LEAST_CHANGE = 0.25  # of what the item was shown: a smaller change is not reported
WHOLE = 0.99  # share of the history that an item must have existed for, to be compared with others
BATCH = LAUNCH_BIN
"""Launches closer together than this are one batch: what keeps one item of it from being shown keeps all."""
COMPARED = 20
CONFIDENCE = 0.9


@dataclass
class ItemEvidence:
    """What was read and computed on the way to an answer; what could not be computed is None, and `notes`
    say why."""

    item: str
    at: datetime
    start: datetime
    end: datetime
    items: pd.DataFrame
    deserved: Deserved | None = None
    available: pd.Series | None = None
    whole: pd.DataFrame | None = None
    series: pd.DataFrame | None = None
    compared: list[str] = field(default_factory=list)
    onset: Onset | None = None
    steady: datetime | None = None
    recent: datetime | None = None
    now: pd.DataFrame | None = None
    before: pd.DataFrame | None = None
    question: Eligibility | None = None
    ages: pd.DataFrame | None = None
    launch: ColdStart | None = None
    launched_at: datetime | None = None
    notes: list[str] = field(default_factory=list)


def look_at_item(recommender: Recommender, item: str, at: datetime) -> ItemEvidence:
    """
    A look at one item, by its key or its exact title, as of `at` (aware).

    Raises:
        Refused: there is no such item; the message names the nearest one.
        SourceError: no exposure is declared, or a table cannot be read.
    """
    exposure = read.declared(recommender)
    items = read.items_beside(recommender)
    key = find_item(recommender, items, item)
    end = (at - recommender.tables[exposure.shown].settle).replace(second=0, microsecond=0)
    first = read.first_shown(recommender, end - exposure.history, end)
    if first is None:
        raise SourceError(f'table "{exposure.shown}": nothing was shown in {exposure.history} up to {end}')
    seen = ItemEvidence(key, at, first.replace(second=0, microsecond=0), end, items)
    column = recommender.items.launch if recommender.items else None
    if column and pd.notna(items[column].get(key)):
        seen.launched_at = items[column][key].floor("us").to_pydatetime()
    if seen.launched_at and seen.launched_at >= end:
        seen.notes.append("It has not launched yet; `launch_forecast` looks ahead.")
        return seen
    _expected_exposure(recommender, seen)
    _since(recommender, seen)
    _bias(recommender, seen)
    _launch(recommender, seen)
    return seen


def find_item(recommender: Recommender, items: pd.DataFrame, asked: str) -> str:
    """
    The key of the item that was asked for.

    Raises:
        Refused: there is no such item.
    """
    named = asked.strip().strip('"“”')
    if named in items.index:
        return named
    title = recommender.items.title if recommender.items else None
    titles = items[title].astype(str) if title else pd.Series(dtype=str)
    same = titles[titles.str.casefold() == named.casefold()]
    if len(same) == 1:
        return str(same.index[0])
    if len(same) > 1:
        keys = ", ".join(map(str, same.index[:5]))
        raise Refused(f"{len(same)} items are called {named}: {keys}. Which one?")
    near = get_close_matches(named.casefold(), [*items.index, *titles.str.casefold()], n=1, cutoff=0.6)
    raise Refused(f"There is no item {named}.{f' Did you mean {near[0]}?' if near else ''}")


def _expected_exposure(recommender: Recommender, seen: ItemEvidence) -> None:
    """Compute the expected exposure of every item, from the whole history."""
    exposure = read.declared(recommender)
    seen.whole = read.engagement(recommender, seen.start, seen.end)
    seen.available = _available(recommender, seen)
    production = seen.whole[~seen.whole["explored"]]
    by_chance = seen.whole[seen.whole["explored"]] if exposure.explored else None
    try:
        seen.deserved = deserve(production, by_chance, seen.available)
    except TooFewRows as error:
        seen.notes.append(f"The expected exposure of items is not known: {error}.")
        return
    if seen.item not in seen.deserved.items:
        seen.notes.append("It was never shown by chance, so its expected exposure is not known.")


def _available(recommender: Recommender, seen: ItemEvidence) -> pd.Series | None:
    """The share of the history in which each item could be shown, that is since its launch."""
    column = recommender.items.launch if recommender.items else None
    if column is None:
        return None
    span = (seen.end - seen.start).total_seconds()
    left = (pd.Timestamp(seen.end) - seen.items[column]).dt.total_seconds() / span
    return pd.Series(left.clip(0.0, 1.0).fillna(1.0))


def _since(recommender: Recommender, seen: ItemEvidence) -> None:
    """Track the item and similar ones over time, and find the moment when its exposure changed."""
    deserved = seen.deserved
    known = deserved is not None and seen.item in deserved.items
    if deserved is not None and known:
        there = np.ones(len(deserved.items), dtype=bool)
        if seen.available is not None:
            there = np.asarray(seen.available.reindex(deserved.items).fillna(1.0)) >= WHOLE
        seen.compared = comparables(deserved, seen.item, there, COMPARED)
    begin = max(seen.start, seen.launched_at or seen.start)
    width = max(LEAST_BIN, timedelta(minutes=int((seen.end - begin).total_seconds() / 60 / BINS)))
    wide = read.exposure_series(recommender, (seen.item, *seen.compared), begin, seen.end, width)
    others = wide[seen.compared].sum(axis=1) if seen.compared else wide[read.TOTAL]
    starts = pd.DatetimeIndex([begin + n * width for n in range(len(wide))])
    observed, total = wide[seen.item].to_numpy(), wide[read.TOTAL].to_numpy(np.float64)
    frame = pd.DataFrame({"window_start": starts, "observed": observed})
    frame["expected"] = (others * frame["observed"].sum() / max(others.sum(), 1.0)).to_numpy()
    frame["merited"] = _due(seen, total) if known else np.nan
    seen.series = frame
    try:
        seen.onset, seen.steady = _latest(frame)
    except TooFewRows as error:
        seen.notes.append(f"Since when is not known: {error}.")


def _latest(frame: pd.DataFrame) -> tuple[Onset | None, datetime | None]:
    """
    The moment since which the item is shown as it is now, and the start of the state before that.

    After a larger change the search continues for the next one: otherwise the end of an item's time as a new
    one, shown to everybody, would hide what happened to it since.
    """
    latest, steady = None, None
    while len(frame) >= WINDOWS and (onset := find_onset(frame)) is not None and _matters(onset):
        steady = latest.since if latest else None
        latest = onset
        if onset.last_right is None:
            break
        frame = frame[frame["window_start"] >= onset.since]
    return latest, steady


def _due(seen: ItemEvidence, total: np.ndarray) -> np.ndarray:
    """The item's expected share of each bin's impressions while it is available."""
    assert seen.deserved is not None  # noqa: S101 - asked for only where it is known
    place = int(np.flatnonzero(seen.deserved.items == seen.item)[0])
    there = np.ones(len(seen.deserved.items))
    if seen.available is not None:
        there = np.clip(np.asarray(seen.available.reindex(seen.deserved.items).fillna(1.0)), 1e-3, 1.0)
    return np.asarray(total * seen.deserved.share[place] / float(seen.deserved.share @ there))


def _matters(onset: Onset) -> bool:
    change = onset.change
    if change.value is None or change.low is None or change.high is None:
        return False
    return abs(change.value) >= 100 * LEAST_CHANGE and (change.low > 0 or change.high < 0)


def _bias(recommender: Recommender, seen: ItemEvidence) -> None:
    """Compute production against expected exposure, now and before the change."""
    if seen.deserved is None or seen.whole is None:
        return
    lately = max(seen.start, seen.end - RECENT, seen.launched_at or seen.start)
    seen.recent = seen.onset.since if seen.onset else lately
    late = read.engagement(recommender, seen.recent, seen.end)
    if seen.steady is not None:
        early = read.engagement(recommender, seen.steady, seen.recent)
    else:
        early = seen.whole.assign(shown=seen.whole["shown"] - _matched(late, seen.whole)).query("shown > 0")
    late_span = _over(seen, seen.recent, seen.end)
    early_span = _over(seen, seen.steady or seen.start, seen.recent)
    deserved = then = seen.deserved
    if seen.onset is not None and seen.item in deserved.items:
        parts = ((seen.whole, seen.available), (early, early_span), (late, late_span))
        ever, before, since = (chance_of(part, [seen.item], span) for part, span in parts)
        seen.question = eligibility_change(ever, before, since, CONFIDENCE)
    if seen.question is not None:
        own = seen.deserved.items == seen.item
        then = reweighted(then, own, seen.question.then)
        deserved = reweighted(deserved, own, seen.question.now, seen.question.blur)
        _redraw(seen, seen.question)
    late, early = late.query("not explored"), early.query("not explored")
    seen.now = production_bias(deserved, late, late_span, CONFIDENCE)
    if seen.recent > seen.start and len(early):
        seen.before = production_bias(then, early, early_span, CONFIDENCE)


def _redraw(seen: ItemEvidence, question: Eligibility) -> None:
    """Redraw its expected exposure over time, by how often it was eligible then and is now."""
    if seen.series is None or seen.recent is None:
        return
    starts = seen.series["window_start"]
    times = np.where(starts >= (seen.steady or seen.start), question.then, 1.0)
    times = np.where(starts >= seen.recent, question.now, times)
    seen.series["merited"] = seen.series["merited"] * times


def _matched(late: pd.DataFrame, whole: pd.DataFrame) -> np.ndarray:
    key = ["item", "position", "explored"]
    found = late.set_index(key)["shown"]
    return np.asarray(found.reindex(pd.MultiIndex.from_frame(whole[key]), fill_value=0.0), dtype=np.float64)


def _over(seen: ItemEvidence, start: datetime, end: datetime) -> pd.Series | None:
    """The share of [start, end) in which each item could be shown."""
    if seen.available is None:
        return None
    lived = seen.available * (seen.end - seen.start).total_seconds()  # seconds until the end, for new items
    left = lived - (seen.end - end).total_seconds()
    share = (left / max((end - start).total_seconds(), 1.0)).clip(0.0, 1.0)
    return share.where(seen.available < 1.0, 1.0)


def _launch(recommender: Recommender, seen: ItemEvidence) -> None:
    """Work out how its launch goes, as long as the log reaches back to it."""
    if seen.launched_at is None or seen.launched_at < seen.start:
        return
    out, others = _launches(recommender, seen), other_launches(recommender, seen)
    if len(others) > len(_of_other_batches(others, seen)):
        seen.notes.append(
            "Launches that came together with it are among those that it is compared with, as too few others "
            "are in the log: what went wrong with all of them would not show in its start."
        )
    seen.ages = read.exposure_by_age(recommender, out, seen.start, seen.end, LAUNCH_BIN)
    names = [seen.item, *map(str, others.index)]
    declared = recommender.items.features if recommender.items else ()
    features = [name for name in declared if name in seen.items]
    like = alike(seen.item, seen.items[features], names) if features else names
    rows = [seen.item, *(one for one in like if one != seen.item and one in seen.ages.index)]
    try:
        seen.launch = cold_start(seen.item, seen.ages.loc[rows], LAUNCH_BIN / timedelta(hours=1), CONFIDENCE)
    except TooFewRows as error:
        seen.notes.append(f"How its launch goes is not known: {error}.")


def _launches(recommender: Recommender, seen: ItemEvidence) -> pd.Series:
    """Item → its launch, for those that the log reaches back to; empty if no launch is declared."""
    column = recommender.items.launch if recommender.items else None
    if column is None:
        return pd.Series(dtype="datetime64[us, UTC]")
    launches = seen.items[column]
    return launches[(launches >= pd.Timestamp(seen.start)) & (launches < pd.Timestamp(seen.end))]


def other_launches(recommender: Recommender, seen: ItemEvidence) -> pd.Series:
    """The launches to compare a launched item with: those of other batches, or all if these are too few."""
    launches = _launches(recommender, seen).drop(seen.item)
    apart = _of_other_batches(launches, seen)
    return apart if len(apart) >= LEAST_LAUNCHES else launches


def _of_other_batches(launches: pd.Series, seen: ItemEvidence) -> pd.Series:
    if seen.launched_at is None:
        return launches
    away = np.abs((pd.DatetimeIndex(launches) - pd.Timestamp(seen.launched_at)).total_seconds())
    return launches[away >= BATCH.total_seconds()]

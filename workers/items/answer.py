"""Turns the evidence about an item into the answer that a person reads."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from domain.answer import Compared, ItemAnswer, Launch
from domain.detection.exposure.cold_start import range_of_launches
from domain.recommender.recommender import Recommender
from domain.values import Estimate
from workers.items.look import COMPARED, CONFIDENCE, ItemEvidence, other_launches
from workers.items.words import headline_of, verdict_of

LEAST_DUE = 20.0  # expected impressions that an item needs to help define what is usual
LEAST_USUAL = 20  # items needed before anything is called usual
MOST_OF_IT = 0.5  # of a change of exposure, on a log scale
NOTHING_LEFT = -0.999  # a change of −100 % has no logarithm


def answer_for(recommender: Recommender, seen: ItemEvidence) -> ItemAnswer:
    """The evidence about an item, as the answer that a person reads."""
    bias, before, usual, p_value = _numbers(seen)
    among = _among_launches(recommender, seen)
    if usual is not None and among is not None:
        usual = (min(usual[0], among[0]), max(usual[1], among[1]))
    launch = _launch_answer(recommender, seen)
    question = _in_question(seen)
    change = None if seen.onset is None else seen.onset.change
    verdict = verdict_of(bias, usual, launch, change, p_value, question)
    row = _row(seen.now, seen.item)
    answer = ItemAnswer(
        item=seen.item,
        title=title_of(recommender, seen.items, seen.item),
        about=_about(recommender, seen),
        at=seen.at,
        learned_since=seen.start,
        verdict=verdict,
        headline="",
        since=seen.onset.since if seen.onset and verdict in ("less", "more") else None,
        launched_at=seen.launched_at,
        shown=float(seen.series["observed"].sum()) if seen.series is not None else 0.0,
        merited=None if row is None else float(row["deserved"]),
        measured_since=seen.recent,
        bias=bias,
        before=before if seen.onset else None,
        in_question=question,
        usual=usual,
        usual_of="items" if among is None else "launches",
        launch=launch,
        compared=_compared(recommender, seen),
        unbiased=bool(seen.deserved and seen.deserved.unbiased),
        basis=_basis(seen),
        notes=tuple(seen.notes),
    )
    return answer.model_copy(update={"headline": headline_of(answer)})


def _numbers(
    seen: ItemEvidence,
) -> tuple[Estimate | None, Estimate | None, tuple[float, float] | None, float | None]:
    """The bias now and before, what is usual among items, and how unusual this one is now."""
    row = _row(seen.now, seen.item)
    yardstick = seen.before if seen.before is not None else seen.now
    usual = None
    if yardstick is not None:
        many = yardstick.loc[yardstick["deserved"] >= LEAST_DUE, "bias"]
        usual = (float(many.quantile(0.05)), float(many.quantile(0.95))) if len(many) >= LEAST_USUAL else None
    p_value = None if row is None else float(row["p_value"])
    return _estimate(row), _estimate(_row(seen.before, seen.item)), usual, p_value


def _among_launches(recommender: Recommender, seen: ItemEvidence) -> tuple[float, float] | None:
    """
    What the log's other launches say about the bias of one more launch, if the item is one.

    A new item is eligible for everybody, and picked for few: every launch is shown less than its expected
    exposure among all items, which says nothing about this one.
    """
    if seen.now is None or seen.launched_at is None or seen.launched_at < seen.start:
        return None
    new = set(other_launches(recommender, seen).index)
    others = seen.now[seen.now["item"].isin(new) & (seen.now["deserved"] >= LEAST_DUE)]["bias"]
    return range_of_launches(others.to_numpy(np.float64), CONFIDENCE)


def _row(frame: pd.DataFrame | None, item: str) -> pd.Series | None:
    if frame is None:
        return None
    found = frame[frame["item"] == item]
    return found.iloc[0] if len(found) else None


def _estimate(row: pd.Series | None) -> Estimate | None:
    if row is None:
        return None
    low, value, high = sorted(float(row[name]) for name in ("low", "bias", "high"))
    basis = f"{row['shown']:,.0f} impressions in production, {row['deserved']:,.0f} expected"
    return Estimate(value=value, low=low, high=high, unit="share", confidence=CONFIDENCE, basis=basis)


def _in_question(seen: ItemEvidence) -> Estimate | None:
    """How much less or more often the item is eligible, if that explains most of what changed."""
    found, moved = seen.question, seen.onset.change.value if seen.onset else None
    if found is None or not moved:
        return None
    if np.log1p(found.change) / np.log1p(max(moved / 100, NOTHING_LEFT)) < MOST_OF_IT:
        return None
    return Estimate(
        value=found.change,
        low=found.low,
        high=found.high,
        unit="share",
        confidence=CONFIDENCE,
        basis="how often chance shows it, of all that chance shows",
    )


def _launch_answer(recommender: Recommender, seen: ItemEvidence) -> Launch | None:
    found = seen.launch
    if found is None:
        return None
    ratio = Estimate(
        value=found.ratio,
        low=found.low,
        high=found.high,
        unit="share",
        confidence=CONFIDENCE,
        basis=f"{len(found.compared)} launches at the same age",
    )
    named = tuple(
        Compared(item=one, title=title_of(recommender, seen.items, one)) for one in found.compared[:COMPARED]
    )
    return Launch(
        age_hours=found.age_hours,
        shown=found.shown,
        expected=found.expected,
        ratio=ratio,
        p_value=found.p_value,
        compared=named,
    )


def _compared(recommender: Recommender, seen: ItemEvidence) -> tuple[Compared, ...]:
    now = {} if seen.now is None else dict(zip(seen.now["item"], seen.now["bias"], strict=True))
    return tuple(
        Compared(item=one, title=title_of(recommender, seen.items, one), bias=now.get(one))
        for one in seen.compared
    )


def title_of(recommender: Recommender, items: pd.DataFrame, item: str) -> str | None:
    """The item's title, if one is declared and known."""
    column = recommender.items.title if recommender.items else None
    found = None if column is None else items[column].get(item)
    return None if found is None or pd.isna(found) else str(found)


def _about(recommender: Recommender, seen: ItemEvidence) -> tuple[tuple[str, str], ...]:
    features = recommender.items.features if recommender.items else ()
    row = seen.items.loc[seen.item]
    said = []
    for name in features:
        if name in row.index:
            value = row[name]
            unset = bool(pd.isna(value))
            text = "not set" if unset else f"{value:,.4g}" if isinstance(value, float) else str(value)
            said.append((name, text))
    return tuple(said)


def _basis(seen: ItemEvidence) -> tuple[str, ...]:
    if seen.deserved is None or seen.whole is None:
        return ()
    chance = seen.whole[seen.whole["explored"]]
    own = chance[chance["item"] == seen.item]
    span = (seen.end - seen.start) / timedelta(hours=1)
    if seen.deserved.unbiased:
        said = (
            f"Expected exposure from randomly filled traffic over {span:,.0f} h: this one was shown "
            f"{own['shown'].sum():,.0f} times and chosen {own['chosen'].sum():,.0f} times; all together "
            f"{chance['shown'].sum():,.0f} impressions."
        )
    else:
        said = (
            "No traffic is filled at random. Expected exposure follows the item's own engagement over "
            f"{span:,.0f} h, "
            "corrected for its places and for how often it was shown; who was shown it is not looked at."
        )
    return (said, f"Production usually rewards engagement with its power of {seen.deserved.reward:.1f}.")

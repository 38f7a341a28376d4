"""Whether another model has ranked since the onset, and its effect: one is run on the other's requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.plays import or_plays, or_plays_of_before
from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.changes.begun import since_first
from domain.diagnosis.inclusion import weights_of
from domain.diagnosis.known import Known
from domain.diagnosis.material import RANKED_AT, Material
from domain.diagnosis.place import Bools, place_of
from domain.diagnosis.scene import Scene, Skew
from domain.values import Answer, Slice

ROSE = 0.2  # share of requests by which a version has to have risen


@dataclass(frozen=True)
class OtherModel:
    """
    `now` has ranked since the onset where `before` used to: versions, where the log holds them. `share` is of
    the requests in `place`; `undone` is null where neither model can be run on the other's requests.
    `claimed` is the version that the log names, where its scores are not those of that version.
    """

    now: str | None
    before: str | None
    place: Slice
    share: float
    undone: Undone | None
    unknown: str
    where: Answer | None = None
    claimed: str | None = None


def other_model(material: Material, known: Known) -> OtherModel | None:
    """Found by the version in the log; if that is unchanged, by scores that the file no longer computes."""
    rows, before = material.candidates, material.candidates_before
    version = material.columns.version if material.columns is not None else None
    if rows is None or before is None:
        return None
    logged = version is not None and version in rows and version in before
    if logged and version is not None:
        found = _by_version(material, known, rows.reset_index(drop=True), before, version)
        if found is not None:
            return found
    claimed = str(rows[version].astype("string").mode().iloc[0]) if logged and len(rows) else None
    return _by_scores(material, known, claimed)


def took_its_place(material: Material) -> str | None:
    """The version that ranked last, where another one did before; null where the log does not say."""
    rows, before, columns = material.candidates, material.candidates_before, material.columns
    version = columns.version if columns is not None else None
    if rows is None or before is None or version is None or rows.empty or before.empty:
        return None
    if version not in rows or version not in before:
        return None
    last = rows[rows[RANKED_AT] == rows[RANKED_AT].max()] if RANKED_AT in rows else rows
    now, then = (frame[version].astype("string").fillna("").mode().iloc[0] for frame in (last, before))
    return str(now) if now != then else None


def took_over(before: pd.DataFrame, version: str | None) -> datetime | None:
    """
    When the version that ranked last took over from those before it.

    Args:
        before: logged candidates, with the column `version` where it is logged.

    Returns:
        Null where one version ranked all the time, or several side by side.
    """
    if version is None or version not in before or before.empty:
        return None
    groups = before.groupby(before[version].astype("string").fillna(""))[RANKED_AT]
    begins, ends = groups.min(), groups.max()
    start = pd.Timestamp(begins.iloc[int(np.argmax(ends.to_numpy()))])
    return start.floor("us").to_pydatetime() if bool((ends < start).any()) else None


def _by_scores(material: Material, known: Known, claimed: str | None) -> OtherModel | None:
    """Nearly all scores differ from what the file computes, each by another amount; before, they did not."""
    scene = known.scene
    if scene is None:
        return None
    skew = scene.skew()
    if not (by_another_file(material, skew) and skew.now.mean() > skew.before.mean() + ROSE):
        return None
    undone, unknown = _undone(material, known, scene, skew.now)
    share = float(skew.now.mean())
    where = _where(material, undone, ())
    return OtherModel(None, None, (), share, undone, unknown, where, claimed=claimed)


def by_another_file(material: Material, skew: Skew) -> bool:
    """Whether scores that the declared file does not compute are those of another file."""
    rerun = material.rerun
    return skew.elsewhere or (rerun is not None and any(not one.where for one in rerun.of("model")))


def _by_version(
    material: Material, known: Known, rows: pd.DataFrame, before: pd.DataFrame, version: str
) -> OtherModel | None:
    now, then = (_shares(frame, version, material) for frame in (rows, before))
    rise = (now - then.reindex(now.index).fillna(0.0)).sort_values()
    if rise.empty or rise.iloc[-1] < ROSE:
        return None
    name = str(rise.index[-1])
    hit = (rows[version].astype("string").fillna("") == name).to_numpy(bool)
    since = since_first(rows, hit)
    placed = place_of(rows[since], hit[since], material.sliceable(rows))
    undone, unknown, where = None, "the model's log holds too little to rank it again", None
    if known.scene is not None:
        undone, unknown = _undone(material, known, known.scene, hit)
        where = _where(material, undone, placed.slice)
    others = then.drop(index=name, errors="ignore")
    former = str(others.index[0]) if len(others) else None
    return OtherModel(name, former, placed.slice, placed.purity, undone, unknown, where)


def _shares(rows: pd.DataFrame, version: str, material: Material) -> pd.Series:
    """Version → its share of what was scored."""
    columns = material.columns
    if columns is None or columns.inclusion is None:
        return rows[version].astype("string").fillna("").value_counts(normalize=True)
    requests = pd.factorize(rows[columns.request])[0].astype(np.intp)
    weights = pd.Series(weights_of(rows, requests, columns.inclusion)[requests])
    sums = weights.groupby(rows[version].astype("string").fillna("").to_numpy()).sum()
    return (sums / sums.sum()).sort_values(ascending=False)


def _where(material: Material, undone: Undone | None, place: Slice) -> Answer | None:
    """For a finding about exactly the slice that the model ranks."""
    if undone is None or undone.explained is not None or material.finding.slice != place:
        return None
    return Answer(question="where", holds=True, words="it ranks all that the finding is about")


def _undone(material: Material, known: Known, scene: Scene, hit: Bools) -> tuple[Undone | None, str]:
    """
    The declared file run on what the other model ranked. If it is the former model, on the present requests;
    if it is the present one, on the former requests, with the change turned round.
    """
    symptom, item = symptom_of(material, known), material.finding.item
    skew = scene.skew()
    of_before = not skew.before.mean() > ROSE
    of_now = not skew.now[hit].mean() > ROSE
    if of_before and not of_now:
        scores = np.where(hit, scene.now.scores(scene.now.rows) - scene.now.adjustment, scene.logged())
        found = scene.undone(symptom, item, scores)
        return or_plays(scene, material, found, scores), ""
    if of_now and not of_before:
        turned = scene.turned
        scores = turned.now.scores(turned.now.rows) - turned.now.adjustment
        found = turned.undone(symptom, item, scores)
        return or_plays_of_before(turned, material, found, scores), ""
    if of_now and of_before:
        return None, "both models score alike"
    return None, "the declared file is neither the model of before nor the one of now"

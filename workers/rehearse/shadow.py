"""The shadow of a log: what was logged and delivered, with a planted fault in it, as separate files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from domain.diagnosis.material import RANKED_AT
from domain.diagnosis.probabilities import are_probabilities
from domain.diagnosis.replay import Floats
from domain.errors import CannotRehearse
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.rehearsal.planted import Planted
from domain.values import CauseKind, Diagnosis, Finding
from workers.models.planted_file import END, write_planted
from workers.rehearse.healthy import Read
from workers.respond.diagnose.deliveries import delivery_table

BAND = 1.645  # standard deviations on each side of a 90 % interval


@dataclass(frozen=True)
class Shadow:
    """A declaration whose log, deliveries and model are the shadow's files, and the finding in them."""

    recommender: Recommender
    finding: Finding
    diagnosis: Diagnosis


def cast_shadow(read: Read, planted: Planted, cause: CauseKind, seed: int, folder: Path) -> Shadow:
    """
    Write what an incident's menu reads into `folder`, including the fault; nothing else is written to.

    Members' choices are left out: nobody knows what they would have chosen from what the fault shows instead.

    Raises:
        CannotRehearse: the exploration of the ranking cannot be inferred from the log.
    """
    recommender, table = read.reader.recommender, read.log.table
    tables = dict(recommender.tables)
    logged = _logged(read, planted, np.random.default_rng(seed))
    tables[table] = _as_file(tables[table], logged, folder)
    kept = delivery_table(recommender)
    if kept is not None and planted.feature is not None and len(planted.healthy.deliveries):
        tables[kept] = _as_file(tables[kept], _delivered(read, planted, str(tables[kept].time)), folder)
    shadow = recommender.model_copy(
        update={"tables": tables, "models": _models(read, planted, folder), "exposure": None}
    )
    return Shadow(shadow, _finding(read, planted), _diagnosis(read, planted, cause))


def _as_file(table: Table, rows: pd.DataFrame, folder: Path) -> Table:
    path = folder / f"{table.name}.parquet"
    rows.to_parquet(path, index=False)
    elsewhere = {"url": None, "table": None, "select": None, "files": (), "functions": (), "csv": None}
    return table.model_copy(update={**elsewhere, "path": str(path)})


def _logged(read: Read, planted: Planted, chance: np.random.Generator) -> pd.DataFrame:
    """The candidates' log: unchanged until the fault, and re-ranked with the fault since."""
    columns, traffic = read.log.columns, planted.healthy.traffic
    rows = traffic.rows.copy()
    for name in columns.features:
        if not planted.features[name].equals(rows[name]):
            rows[name] = planted.features[name]
    if planted.feature is not None and planted.feature in rows and planted.feature not in columns.features:
        rows[planted.feature] = rows[planted.feature].mask(planted.concerned)
    changed = planted.scores != planted.healthy.scores
    score = rows[columns.score].to_numpy(np.float64)
    rows[columns.score] = np.where(changed, _as_logged(planted, score), score)
    touched = np.isin(traffic.requests, np.unique(traffic.requests[changed]))
    rows = _shown_anew(rows, planted, touched, chance)
    before = read.before.copy()
    versions = planted.healthy.versions
    if planted.segment is not None and versions is not None:
        before, rows = (
            part.assign(**{str(columns.version): name})
            for part, name in ((before, versions.was), (rows, versions.now))
        )
    return _timed(pd.concat([before, rows], ignore_index=True), RANKED_AT, _time_of(read))


def _time_of(read: Read) -> str:
    return str(read.reader.recommender.tables[read.log.table].time)


def _timed(rows: pd.DataFrame, since: str, time: str) -> pd.DataFrame:
    at = pd.to_datetime(rows[since], utc=True).dt.as_unit("us")
    return rows.drop(columns=[since]).assign(**{time: at})


def _as_logged(planted: Planted, logged: Floats) -> Floats:
    """(rows,) scores in the log's unit."""
    if planted.healthy.traffic.model.kind == "log_odds" and are_probabilities(logged):
        return np.asarray(1.0 / (1.0 + np.exp(-planted.scores)))
    return planted.scores


def _shown_anew(
    rows: pd.DataFrame, planted: Planted, touched: np.ndarray, chance: np.random.Generator
) -> pd.DataFrame:
    """Requests with changed scores, shown as serving would: with its exploration, if it explores."""
    traffic, columns = planted.healthy.traffic, planted.healthy.traffic.columns
    likely, noisy = planted.faulty, planted.scores
    if columns.propensity is not None and columns.propensity in rows:
        if traffic.temperature is None:
            raise CannotRehearse(
                f"column `{columns.propensity}` does not say how the ranking explores, so what it would "
                "show with a fault cannot be drawn"
            )
        before = rows[columns.propensity].to_numpy(np.float64)
        rows = rows.assign(**{columns.propensity: np.where(touched, likely, before)})
        noisy = planted.scores / traffic.temperature + chance.gumbel(size=len(rows))
    if columns.shown is not None and columns.shown in rows:
        place = pd.Series(-noisy).groupby(traffic.requests).rank(method="first").to_numpy()
        before = rows[columns.shown].to_numpy()
        drawn = (place <= columns.top).astype(before.dtype if before.dtype != object else float)
        rows = rows.assign(**{columns.shown: np.where(touched, drawn, before)})
    return rows


def _delivered(read: Read, planted: Planted, time: str) -> pd.DataFrame:
    """The kept deliveries, unchanged but for the newest, which brings the fault."""
    healthy, since = planted.healthy, read.since
    *former, newest = healthy.deliveries.items()
    width = read.reader.finding.window_end - read.reader.finding.window_start
    parts = []
    for age, (at, frame) in enumerate(reversed(former), start=1):
        came = min(datetime.fromisoformat(at), since - age * width)
        parts.append(frame.assign(**{time: came}))
    faulty = newest[1].copy()
    if planted.feature in faulty:
        hit = faulty[healthy.key].astype(str).isin(planted.items)
        faulty[planted.feature] = faulty[planted.feature].mask(hit)
    parts.append(faulty.assign(**{time: since}))
    every = pd.concat(parts, ignore_index=True)
    return every.assign(**{time: pd.to_datetime(every[time], utc=True).dt.as_unit("us")})


def _models(read: Read, planted: Planted, folder: Path) -> dict[str, Model]:
    """The declared models; if the newest version is at fault, its file is one of the shadow's."""
    models, own = dict(read.reader.recommender.models), read.log.declared
    if planted.segment is not None:
        path = folder / f"{own.name}{END}"
        write_planted(path, Path(own.path), planted.segment)
        update = {"path": str(path), "registry": None, "digest": None}
        models[own.name] = own.model_copy(update=update)
    return models


def _finding(read: Read, planted: Planted) -> Finding:
    """The finding that a check counting how often items are shown would have made since the fault began."""
    usual = planted.exposures(planted.healthy.traffic.exposure(planted.healthy.scores))
    chance = BAND * float(np.sqrt(max(usual, 1.0)))
    found, width = read.reader.finding, read.reader.finding.window_end - read.reader.finding.window_start
    update = {
        "window_start": read.since,
        "window_end": read.since + width,
        "observed": planted.exposures(planted.faulty),
        "expected": usual,
        "low": max(usual - chance, 0.0),
        "high": usual + chance,
        "p_value": 0.0,
        "title": planted.says,
    }
    return found.model_copy(update=update)


def _diagnosis(read: Read, planted: Planted, cause: CauseKind) -> Diagnosis:
    """The diagnosis with the known cause: it was planted."""
    return Diagnosis(
        cause=planted.says,
        cause_kind=cause,
        since=read.since,
        items=planted.items,
        feature=planted.feature,
        suggested_value=planted.usual,
    )

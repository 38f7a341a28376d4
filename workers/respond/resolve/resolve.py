"""The job of preparing the menu: prices the declared hotfixes on the logged traffic of this incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd

from domain.diagnosis.material import Standby
from domain.diagnosis.replay import CandidateColumns
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Circumstances
from domain.resolution.menu import NO_PAST, Menu, build_menu
from domain.resolution.stage import REWARD, Stage, set_stage
from domain.resolution.track_record import TrackRecord
from domain.values import Diagnosis, Finding
from workers.declaration.hotfix_kinds import find
from workers.log.obligations import Work
from workers.models.logged import load_logged
from workers.predict.launch import repaired
from workers.respond.diagnose.diagnose import LEAST_SPAN, SEED
from workers.respond.diagnose.reading import Reader, before_onset
from workers.respond.diagnose.replaced import with_former_scores, with_replaced
from workers.respond.diagnose.rerun import require_right_model
from workers.respond.resolve import conflicts
from workers.respond.resolve.track_record import record_before
from workers.sources.launches import noun_of
from workers.sources.logged.rewards import daily_totals, rewards_of, unit_of

NO_FINDING = (
    "No check raised this incident, so no hotfix can be priced; see what is declared in recsysops.toml."
)


def settle(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Prepare the menu for the incident's finding and diagnosis."""
    finding = work.incident.finding
    if finding is None:
        return (c.PrepareMenu(options=(), note=NO_FINDING),)
    diagnosis = work.incident.diagnosis or Diagnosis(cause=None)
    record = record_before(work, recommender)
    menu = prepare_menu(recommender, finding, diagnosis, work.incident.stream, work.at, record)
    beside = conflicts.noted(work.log, work.incident, menu.options)
    note = "; ".join(part for part in (menu.note, *beside) if part)
    return (c.PrepareMenu(options=menu.options, note=note, left_out=menu.left_out),)


def prepare_menu(
    recommender: Recommender,
    finding: Finding,
    diagnosis: Diagnosis,
    incident: str,
    at: datetime,
    record: TrackRecord = NO_PAST,
) -> Menu:
    """
    The options for one finding, their promises as wide as the track record demands.

    If something cannot be read, its options have no numbers, and the note says why.
    """
    reader = Reader(recommender, finding, at)
    since = min(diagnosis.since or finding.window_start, reader.end - LEAST_SPAN)
    around = Circumstances(
        finding=finding,
        diagnosis=diagnosis,
        noun=noun_of(recommender),
        zone=ZoneInfo(recommender.timezone),
        key=recommender.item_key,
        at=at,
        break_glass=bool(recommender.permissions.break_glass),
        alone=recommender.permissions.alone,
    )
    around = with_replaced(reader, around)
    if finding.kind == "predicted":
        around = _forecast(reader, around)
    elif diagnosis.cause_kind == "feed":
        around = _feed(reader, around, since)
    else:
        around = _replayable(reader, around, since)
    around = with_former_scores(reader, around)
    menu = build_menu(recommender.hotfixes.values(), around, incident, find, record)
    return replace(menu, note="; ".join(part for part in (menu.note, *reader.problems) if part))


def _forecast(reader: Reader, around: Circumstances) -> Circumstances:
    found = around.diagnosis
    if found.feature is None or found.suggested_value is None:
        return around
    feature, value = found.feature, found.suggested_value
    answer = reader.attempt(
        "The launch forecast", lambda: repaired(reader.recommender, reader.finding, feature, value, reader.at)
    )
    return replace(around, repaired=answer)


def _feed(reader: Reader, around: Circumstances, since: datetime) -> Circumstances:
    spare: Standby | None = reader.attempt("The standby", lambda: reader.standby(since))
    return replace(around, standby=spare)


def _replayable(reader: Reader, around: Circumstances, since: datetime) -> Circumstances:
    former: dict[str, str] = {}
    feature, previous = around.diagnosis.feature, around.previous
    if previous is not None and feature is not None and feature in previous:
        known = previous.drop_duplicates(around.key).set_index(around.key)[feature].dropna()
        mine = known[known.index.astype(str).isin(set(around.diagnosis.items))]
        former = {str(item): str(value) for item, value in mine.items()}
    if not former and around.diagnosis.suggested_value is not None:
        former = dict.fromkeys(around.diagnosis.items, around.diagnosis.suggested_value)
    stage = reader.attempt("The logged traffic", lambda: _stage(reader, around, since, former))
    if stage is not None and reader.recommender.exposure is not None:
        day = reader.attempt("What is chosen in a day", lambda: daily_totals(reader.recommender, reader.end))
        around = replace(around, rewards_a_day=day.rewards, visits=day.visits) if day else around
    return replace(
        around,
        stage=stage,
        no_stage="" if stage else "; ".join(reader.problems[-1:]) or "no candidates are logged",
        former=former,
    )


def _stage(reader: Reader, around: Circumstances, since: datetime, former: dict[str, str]) -> Stage | None:
    log = reader.log()
    if log is None:
        return None
    columns, table, loaded = log.columns, log.table, load_logged(log)
    found = around.diagnosis
    rows = reader.candidates(table, columns, since, reader.end, SEED)
    earlier = before_onset(around.finding, since)
    before = reader.candidates(table, columns, earlier, since, SEED)
    require_right_model(reader, loaded, rows if len(rows) else before)
    return set_stage(
        _rewarded(reader, columns, rows, (since, reader.end)),
        _rewarded(reader, columns, before, (earlier, since)),
        columns,
        loaded.model,
        found.items,
        feature=found.feature if found.cause_kind == "feature" else None,
        former=former,
        finding=around.finding,
        unit=unit_of(reader.recommender),
        seed=SEED,
    )


def _rewarded(
    reader: Reader, columns: CandidateColumns, rows: pd.DataFrame, span: tuple[datetime, datetime]
) -> pd.DataFrame:
    """The candidates with what members chose of them in `REWARD`; unchanged if that is not declared."""
    if reader.recommender.exposure is None or rows.empty:
        return rows
    requests, items = rows[columns.request].astype(str), rows[columns.item].astype(str)
    chosen = reader.attempt(
        "What members chose", lambda: rewards_of(reader.recommender, requests.unique().tolist(), *span)
    )
    if chosen is None:
        return rows
    found = chosen.reindex(pd.MultiIndex.from_arrays([requests, items])).fillna(0.0)
    return rows.assign(**{REWARD: found.to_numpy()})

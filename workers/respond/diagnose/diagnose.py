"""The diagnosis job: tables → material → diagnosis, with a picture kept in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from domain.diagnosis.changes.other_model import took_over
from domain.diagnosis.diagnose import STAGES, Inquiry
from domain.diagnosis.material import Material, OtherFinding
from domain.diagnosis.onset import Onset, alarm_of, find_onset, outside_since
from domain.diagnosis.precedent import Past, past_of
from domain.errors import LogError, SourceError
from domain.incident import commands as c
from domain.recommender.lineage import lineage
from domain.recommender.model import Launches
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, EvidenceStage, Finding, Piece
from workers.bundle.keep import Looked
from workers.bundle.record import keep_bundle
from workers.detect.record import read_alarms
from workers.log.obligations import Work
from workers.models.logged import Log, LoggedModel, load_logged
from workers.models.process import warm_up
from workers.pictures.launch import draw_launch
from workers.pictures.metric import draw_finding
from workers.replay.freeze import freeze
from workers.respond.diagnose import related
from workers.respond.diagnose.members import members_of
from workers.respond.diagnose.merge import merge
from workers.respond.diagnose.reading import BACK, Reader, copied_feed, lacking
from workers.respond.diagnose.rerun import models_of, run_again, split_between
from workers.respond.diagnose.training_rows import training_rows_of
from workers.respond.diagnose.written import written_of
from workers.sources.engines.files import kept_open
from workers.sources.launches import columns_of, noun_of, read_launches
from workers.store import attachments, cards
from workers.store.lock import in_turn

SEED = 7
LEAST_SPAN = timedelta(minutes=1)
REMEMBERED = 500  # newest incidents that are over, searched for one like this
LEAST_RANKED = timedelta(minutes=30)  # by one version before the onset, to be compared with
LEAST_TO_SHOW = timedelta(minutes=30)  # in short windows, for what a delivery broke to leave its band
AROUND = timedelta(days=1)  # before the diagnosis: what another check found within it may be the cause

Keep = Callable[[bytes], str]
StageRead = Callable[[EvidenceStage, Material], None]


@dataclass(frozen=True)
class Context:
    """What the log holds: what other checks found around then, and the newest incidents that are over."""

    others: tuple[OtherFinding, ...] = ()
    past: tuple[Past, ...] = ()


def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Diagnose the incident's finding, and keep what the diagnosis was made from once it is recorded.

    Without a finding (a person declared the incident) there is nothing to measure, and the diagnosis says so.
    """
    finding = work.incident.finding
    if finding is None:
        reason = (
            "No check raised this incident, so there is no metric to look into; add what you know as a note."
        )
        yield c.RecordDiagnosisFailure(reason=reason)
        return

    def keep(picture: bytes) -> str:
        return attachments.keep(work.log, picture)

    def on_piece(piece: Piece) -> None:
        work.tell(c.AddEvidence(piece=piece), piece.stage)

    context = Context(seen_around(work, recommender), seen_before(work))
    looked = look_into(recommender, finding, work.at, keep=keep, context=context, on_piece=on_piece)
    with in_turn(work.log, "incidents"):
        # Before it is recorded: what dies in between is diagnosed again, and merged then.
        merge(work, looked.diagnosis)
        yield c.RecordDiagnosis(diagnosis=looked.diagnosis)
    beside = freeze(work, recommender, looked.diagnosis.since)
    yield from keep_bundle(work, recommender, replace(looked, beside=beside))


def seen_before(work: Work) -> tuple[Past, ...]:
    """The newest incidents that are over."""
    with work.log.connect() as connection:
        over = cards.page(connection, statuses=("resolved", "closed"), limit=REMEMBERED)
    past = (past_of(one) for one in over if one.stream != work.incident.stream)
    return tuple(one for one in past if one is not None)


def seen_around(work: Work, recommender: Recommender) -> tuple[OtherFinding, ...]:
    """What other checks found in the last day: joined findings, other incidents, and what paged nobody."""
    since = work.at - AROUND
    with work.log.connect() as connection:
        incidents = cards.open_or_opened_since(connection, since)
    findings = [*work.incident.also]
    for one in incidents:
        if one.stream != work.incident.stream and one.first_finding is not None:
            findings += [one.first_finding, *one.also]
    seen = [OtherFinding(f.check, f.table, f.slice, f.title, f.window_start, f.subject) for f in findings]
    alarms = [pair for pair in read_alarms(work.log, recommender) if pair[1].until >= since]
    seen += [OtherFinding(check, one.table, one.slice, one.title, one.since) for check, one in alarms]
    return tuple(seen)


def diagnose(
    recommender: Recommender,
    finding: Finding,
    at: datetime,
    *,
    keep: Keep | None = None,
    seed: int = SEED,
    others: tuple[OtherFinding, ...] = (),
    on_piece: Callable[[Piece], None] | None = None,
) -> Diagnosis:
    """What is known about the finding's cause at `at`; see `look_into`."""
    context = Context(others)
    return look_into(
        recommender, finding, at, keep=keep, seed=seed, context=context, on_piece=on_piece
    ).diagnosis


@kept_open()
def look_into(
    recommender: Recommender,
    finding: Finding,
    at: datetime,
    *,
    keep: Keep | None = None,
    seed: int = SEED,
    context: Context = Context(),
    on_piece: Callable[[Piece], None] | None = None,
) -> Looked:
    """
    What is known about the finding's cause at `at`, and what that was made from.

    Args:
        keep: stores a picture and returns its name; without it none is drawn.
        context: what the log knows.
        on_piece: given what each stage found while the next ones are still being read.

    Returns:
        Whatever could be established; what could not be read becomes a line of evidence.
    """
    began = time.monotonic()
    reader, inquiry = Reader(recommender, finding, at), Inquiry(seed)
    drawn: bytes | None = None
    picture: str | None = None

    def looked(stage: EvidenceStage, material: Material) -> None:
        nonlocal drawn, picture
        lines = inquiry.look(stage, replace(material, problems=tuple(reader.problems)))
        if stage == "metric" and keep is not None:
            drawn = reader.attempt("The picture", lambda: _draw(reader, material, inquiry.known.onset))
            try:
                picture = keep(drawn) if drawn else None
            except LogError as error:
                reader.problems.append(str(error))
        if on_piece is not None and lines:
            onset, seconds = inquiry.known.onset, round(time.monotonic() - began, 2)
            since = onset.since if onset is not None else None
            on_piece(Piece(stage=stage, lines=lines, since=since, picture=picture, seconds=seconds))

    material, _ = gather(reader, seed, looked)
    material = replace(material, others=context.others, past=context.past)
    found = inquiry.conclude(material)
    diagnosis = found.model_copy(update={"picture": picture, "seconds": round(time.monotonic() - began, 2)})
    return Looked(diagnosis, material, drawn, seed)


def gather(
    reader: Reader, seed: int = SEED, looked: StageRead = lambda stage, material: None
) -> tuple[Material, Onset | None]:
    """
    Read everything declared that bears on the finding; `looked` is called whenever all that a stage of the
    search needs has been read.
    """
    finding = reader.finding
    if reader.log() is not None and finding.kind != "predicted":
        warm_up()  # takes seconds, while tables are read
    series = reader.attempt("The metric", reader.series)
    material = _begun(reader, series)
    if finding.kind == "predicted":
        material = _launch(reader, material)
        for stage in STAGES:
            looked(stage, material)
        return material, None
    onset, outside = None, None
    if series is not None:
        onset = reader.attempt("When it began", lambda: find_onset(series, alarm_of(finding)))
    else:
        outside = reader.attempt("When it began", lambda: _outside_since(reader))
    material = replace(material, outside_since=outside)
    looked("metric", material)
    begun = onset.since if onset else outside or finding.window_start
    since = min(begun, reader.end - LEAST_SPAN)
    latest = max(since, onset.latest) if onset else since
    snapshots = reader.attempt("The deliveries", lambda: reader.snapshots(latest))
    if onset is None and snapshots is not None and _may_date_it(reader, snapshots.delivered_at, outside):
        since = min(since, snapshots.delivered_at)  # else “before” would contain the fault, too
    material = _with_slices(reader, material, since)
    looked("slices", material)
    items = reader.attempt("The items", reader.items)
    feeds = reader.attempt("Feeds of items", lambda: reader.feeds(latest)) or ()
    material = replace(material, items=items, snapshots=snapshots, feeds=feeds)
    looked("items", material)
    material = _with_tables(reader, material, since)
    looked("tables", material)
    material = replace(_with_model(reader, material, since, seed), problems=tuple(reader.problems))
    looked("requests", material)
    return material, onset


def _outside_since(reader: Reader) -> datetime | None:
    """When what the check measures left its band; None where its windows do not say so."""
    return None if reader.judged is None else outside_since(reader.judged, reader.finding)


def _may_date_it(reader: Reader, delivered_at: datetime, outside: datetime | None) -> bool:
    """
    Whether the fault may have begun with a delivery of items: shortly before it showed, or hours ago where
    nobody knows since when it shows. A feed does not lose its rows with one.
    """
    if copied_feed(reader.recommender, reader.finding) is not None:
        return False
    if outside is None:
        return reader.end - delivered_at < BACK
    window = reader.finding.window_end - reader.finding.window_start
    return outside - delivered_at < max(window, LEAST_TO_SHOW)


def _begun(reader: Reader, series: pd.DataFrame | None) -> Material:
    recommender = reader.recommender
    return Material(
        finding=reader.finding,
        noun=noun_of(recommender),
        zone=ZoneInfo(recommender.timezone),
        series=series,
        key=recommender.item_key,
        features=recommender.items.features if recommender.items else (),
        catalogue=recommender.items.table if recommender.items else None,
        lineage=lineage(recommender.tables, recommender.models.values()),
        of_members=frozenset(name for name, one in recommender.tables.items() if one.member and one.item),
    )


def _with_slices(reader: Reader, material: Material, since: datetime) -> Material:
    cells = reader.attempt("The slices", lambda: reader.cells(since))
    return replace(
        material,
        cells=cells[0] if cells else None,
        dimensions=cells[1] if cells else (),
        exploded=reader.exploded,
    )


def _with_tables(reader: Reader, material: Material, since: datetime) -> Material:
    fault, benign = related.fault_of(reader.recommender, reader.finding)
    return replace(
        material,
        standby=reader.attempt("The standby", lambda: reader.standby(since)),
        beside=reader.attempt("Other tables", lambda: reader.beside(since)) or (),
        events=reader.attempt("Deliveries and trainings", lambda: reader.events(since)) or (),
        rows=reader.attempt("The table's own rows", lambda: related.rows_of(reader, since)),
        lacking=lacking(reader.recommender, reader.finding),
        item_feature=reader.attempt("What is lacking", lambda: related.item_feature(reader)) or False,
        fault=fault,
        benign=benign,
        pairs=reader.attempt("Related tables", lambda: related.pairs_of(reader, since)) or (),
        planned=related.planned_around(reader, since),
        releases=reader.attempt("Releases", lambda: related.releases(reader, since)) or (),
        members=reader.attempt("The members", lambda: members_of(reader, since)),
        written=reader.attempt("What was written", lambda: written_of(reader, since)) or (),
        training_rows=reader.attempt("What was learned from", lambda: training_rows_of(reader, since)) or (),
    )


def _with_model(reader: Reader, material: Material, since: datetime, seed: int) -> Material:
    log = reader.log()
    if log is None:
        return material
    columns, table = log.columns, log.table
    rows = reader.attempt(
        "The candidates", lambda: reader.candidates(table, columns, since, reader.end, seed)
    )
    before = reader.attempt("The candidates before", lambda: _before(reader, log, since, seed))
    material = replace(
        material,
        columns=columns,
        candidates=rows,
        candidates_before=before,
        model_name=log.declared.name,
        candidates_table=table,
        expects=log.declared.expects,
        logged_dimensions=reader.recommender.tables[table].dimensions,
        registered=reader.attempt("The model's registry", lambda: related.registered(log)),
    )
    try:
        loaded = load_logged(log)
    except SourceError as error:
        reader.problems.append(f"The model could not be loaded: {error}")
        return _run_again(reader, log, None, material, since, seed)
    if loaded.model.note:
        reader.problems.append(f"The model file: {loaded.model.note}")
    return _run_again(reader, log, loaded, replace(material, model=loaded.model), since, seed)


def _before(reader: Reader, log: Log, since: datetime, seed: int) -> pd.DataFrame:
    """
    The candidates to compare with: those of the hours before, or of as many of these as one version ranked.

    Otherwise the former version would count as how things were, and hide that another one has ranked since.
    """
    before = reader.candidates(log.table, log.columns, since - BACK, since, seed)
    start = took_over(before, log.columns.version)
    window = reader.finding.window_end - reader.finding.window_start
    if start is None or since - start < max(2 * window, LEAST_RANKED):
        return before  # so recent that it may be the cause
    return reader.candidates(log.table, log.columns, start, since, seed)


def _run_again(
    reader: Reader, log: Log, loaded: LoggedModel | None, material: Material, since: datetime, seed: int
) -> Material:
    """Leaves out what rests on a model that did not give the logged scores: it would prove nothing."""
    rows, before = material.candidates, material.candidates_before
    if rows is None or not len(rows):
        return material
    with models_of(reader, log, loaded, rows, before) as models:
        found = reader.attempt(
            "The logged requests run again",
            lambda: run_again(reader, log, models, rows, before, since, seed),
        )
        if found is None or found.refused is not None:
            return replace(material, rerun=found, model=None)
        whose = reader.attempt(
            "Whether it is the input or the model",
            lambda: split_between(reader, log, models, found, rows, before, seed),
        )
    return replace(material, rerun=found, two_by_two=whose)


def _launch(reader: Reader, material: Material) -> Material:
    launches = reader.recommender.launches
    if launches is None:
        return material
    rows = reader.attempt("The launch calendar", lambda: read_launches(reader.recommender, reader.at))
    if rows is not None:
        rows = _equally_far(rows, launches, reader.finding.subject)
    snapshots = reader.attempt("The deliveries", lambda: reader.snapshots(None))
    features = tuple(dict.fromkeys((*launches.features, *material.features)))
    return replace(
        material,
        key=launches.item,
        features=features,
        launches=rows,
        launch_columns=columns_of(launches),
        snapshots=snapshots,
        problems=tuple(reader.problems),
    )


def _equally_far(rows: pd.DataFrame, launches: Launches, subject: str | None) -> pd.DataFrame:
    """For each item, the snapshot taken about as long before its launch as the subject's last one."""
    ahead = rows[launches.launch] - rows[launches.snapshot]
    mine = rows[launches.item].astype(str) == subject
    own = ahead[mine].min() if mine.any() else ahead.median()
    return (
        rows.assign(__off=(ahead - own).abs())
        .sort_values("__off", kind="stable")
        .drop_duplicates(launches.item)
        .drop(columns="__off")
    )


def _draw(reader: Reader, material: Material, onset: Onset | None) -> bytes | None:
    """A picture of what could be read; None if there is nothing to see."""
    finding = material.finding
    if finding.kind == "predicted" and material.launches is not None and material.launch_columns is not None:
        return draw_launch(material.launches, material.launch_columns, finding, material.zone)
    series = material.series if material.series is not None else reader.judged
    if series is None:
        return None
    return draw_finding(finding, series, material.zone, onset=onset.since if onset else None)

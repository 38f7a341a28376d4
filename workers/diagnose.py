"""The job of diagnosing: tables → material → diagnosis, with a picture kept in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from domain.diagnosis.diagnose import diagnose as conclude
from domain.diagnosis.material import Material
from domain.diagnosis.onset import Onset, find_onset
from domain.incident import commands as c
from domain.recommender.model import Launches
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Finding
from workers.debts import Work
from workers.launch_picture import draw_launch
from workers.launches import columns_of, noun_of, read_launches
from workers.pictures import draw_metric
from workers.reading import BACK, Reader
from workers.store import attachments

SEED = 7
LEAST_SPAN = timedelta(minutes=1)

Keep = Callable[[bytes], str]


def settle(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """
    Diagnose the incident's finding.

    Without one (a person declared it) there is nothing to measure, which is said.
    """
    finding = work.incident.finding
    if finding is None:
        reason = (
            "No check raised this incident, so there is no metric to look into; add what you know as a note."
        )
        return (c.RecordDiagnosisFailure(reason=reason),)

    def keep(picture: bytes) -> str:
        return attachments.keep(work.log, picture)

    return (c.RecordDiagnosis(diagnosis=diagnose(recommender, finding, work.at, keep=keep)),)


def diagnose(
    recommender: Recommender, finding: Finding, at: datetime, *, keep: Keep | None = None, seed: int = SEED
) -> Diagnosis:
    """
    What is known of the finding's cause at `at`.

    Args:
        keep: stores a picture and returns its name; without it none is drawn.

    Returns:
        Whatever could be established; what could not be read is a line of evidence.
    """
    began = time.monotonic()
    reader = Reader(recommender, finding, at)
    material, onset = gather(reader, seed)
    found = conclude(material, seed)
    picture = None
    if keep is not None and (drawn := reader.attempt("The picture", lambda: _draw(material, onset))):
        picture = keep(drawn)
    return found.model_copy(update={"picture": picture, "seconds": round(time.monotonic() - began, 2)})


def gather(reader: Reader, seed: int = SEED) -> tuple[Material, Onset | None]:
    """Read everything that is declared and bears on the finding."""
    recommender, finding = reader.recommender, reader.finding
    series = reader.attempt("The metric", reader.series)
    onset = None
    if series is not None:
        onset = reader.attempt("When it began", lambda: find_onset(series, finding.change))
    since = min(onset.since if onset else finding.window_start, reader.end - LEAST_SPAN)
    material = Material(
        finding=finding,
        noun=noun_of(recommender),
        zone=ZoneInfo(recommender.timezone),
        series=series,
        key=recommender.items.key if recommender.items else "item_id",
        features=recommender.items.features if recommender.items else (),
    )
    if finding.kind == "predicted":
        return _launch(reader, material), None
    snapshots = reader.attempt("The deliveries", lambda: reader.snapshots(since))
    if onset is None and snapshots is not None and reader.end - snapshots.delivered_at < BACK:
        since = min(since, snapshots.delivered_at)  # else what is called “before” would hold the fault, too
    cells = reader.attempt("The slices", lambda: reader.cells(since))
    material = replace(
        material,
        cells=cells[0] if cells else None,
        dimensions=cells[1] if cells else (),
        exploded=reader.exploded,
        items=reader.attempt("The items", reader.items),
        snapshots=snapshots,
        standby=reader.attempt("The standby", lambda: reader.standby(since)),
        beside=reader.attempt("Other tables", lambda: reader.beside(since)) or (),
        events=reader.attempt("Deliveries and trainings", lambda: reader.events(since)) or (),
    )
    return replace(_with_model(reader, material, since, seed), problems=tuple(reader.problems)), onset


def _with_model(reader: Reader, material: Material, since: datetime, seed: int) -> Material:
    loaded = reader.attempt("The model", reader.model)
    if loaded is None:
        return material
    model, columns, table = loaded

    return replace(
        material,
        model=model,
        columns=columns,
        candidates=reader.attempt(
            "The candidates", lambda: reader.candidates(table, columns, since, reader.end, seed)
        ),
        candidates_before=reader.attempt(
            "The candidates before", lambda: reader.candidates(table, columns, since - BACK, since, seed)
        ),
    )


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
    """Of each item the snapshot taken about as long before its launch as the subject's last one."""
    ahead = rows[launches.launch] - rows[launches.snapshot]
    mine = rows[launches.item].astype(str) == subject
    own = ahead[mine].min() if mine.any() else ahead.median()
    return (
        rows.assign(__off=(ahead - own).abs())
        .sort_values("__off", kind="stable")
        .drop_duplicates(launches.item)
        .drop(columns="__off")
    )


def _draw(material: Material, onset: Onset | None) -> bytes | None:
    """What there is to see; None where nothing could be read."""
    finding = material.finding
    if finding.kind == "predicted" and material.launches is not None and material.launch_columns is not None:
        return draw_launch(material.launches, material.launch_columns, finding, material.zone)
    if material.series is None:
        return None
    return draw_metric(
        material.series,
        title=finding.title,
        unit=finding.unit,
        zone=material.zone,
        onset=onset.since if onset else None,
    )

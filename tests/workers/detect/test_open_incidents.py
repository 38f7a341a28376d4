"""Which of a look's findings are new where slices of two tables cross: counted, not guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident.commands import ClearFinding
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Actor, Finding, Severity, Slice, slice_of
from workers.detect.open_incidents import open_incidents
from workers.log.handle import handle
from workers.store import cards

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
END = START + 73 * HOUR
FRANCE, PARIS = slice_of(country="France"), slice_of(region="paris")
DETECTOR = Actor(kind="worker", id="detector")


def plays(lost: str) -> pd.DataFrame:
    """Three days of plays, French films mostly played in Paris; of the last hour's there, some are lost."""
    chance = np.random.default_rng(4)
    rows = 73 * 1_000
    at = pd.Series(START + pd.to_timedelta(np.sort(chance.uniform(0, 73 * 3_600, rows)), unit="s"))
    region = chance.choice(["paris", "rome", "madrid"], rows)
    french = chance.random(rows) < np.where(region == "paris", 0.4, 0.1)
    frame = pd.DataFrame({"at": at, "region": region, "country": np.where(french, "France", "Italy")})
    last = (frame["at"] >= END - HOUR) & (frame["region"] == "paris")
    gone = {
        "films of France": last & (frame["country"] == "France") & (chance.random(rows) < 0.8),
        "films of any country": last & (chance.random(rows) < 0.32),
    }
    return frame[~gone[lost]]


def declared(folder: Path, frame: pd.DataFrame) -> Recommender:
    file = folder / "plays.parquet"
    frame.to_parquet(file, coerce_timestamps="us", allow_truncated_timestamps=True)
    tables = {
        name: {
            **{"name": name, "path": str(file), "time": "at", "window": "1h", "upstream": upstream},
            "dimensions": ("country", "region"),
        }
        for name, upstream in (("impressions", ()), ("plays", ("impressions",)))
    }
    checks = {name: {"name": name, "kind": "slice_volume", "table": name, "history": "3d"} for name in tables}
    return Recommender.model_validate(
        {"name": "t", "folder": str(folder), "tables": tables, "checks": checks}
    )


def lacks(table: str, where: Slice, observed: float, expected: float) -> Finding:
    return Finding(
        check=table,
        table=table,
        slice=where,
        window_start=END - HOUR,
        window_end=END,
        observed=observed,
        expected=expected,
        p_value=1e-6,
        severity=Severity.SEV2,
        title=f"{table}: fewer rows",
    )


def incidents(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


@pytest.mark.parametrize(("lost", "opened"), [("films of France", 1), ("films of any country", 2)])
def test_what_a_region_lacks_joins_the_incident_of_a_country_where_most_of_it_is_of_that_country(
    log: Engine, tmp_path: Path, lost: str, opened: int
) -> None:
    frame = plays(lost)
    recommender = declared(tmp_path, frame)
    there = frame[frame["region"] == "paris"]
    now = float((there["at"] >= END - HOUR).sum())
    before = float((there["at"] < END - HOUR).sum() / 72)
    assert now < 0.8 * before
    open_incidents(log, [lacks("impressions", FRANCE, 100, 400)], DETECTOR, recommender=recommender)
    open_incidents(log, [lacks("plays", PARIS, now, before)], DETECTOR, recommender=recommender)
    found = incidents(log)
    assert len(found) == opened
    joined = [one.slice for incident in found for one in incident.also]
    assert joined == ([PARIS] if opened == 1 else [])


@pytest.mark.parametrize(("lost", "opened"), [("films of France", 1), ("films of any country", 2)])
def test_what_a_region_lacks_joins_the_incident_of_a_column_that_most_of_it_had_unset(
    log: Engine, tmp_path: Path, lost: str, opened: int
) -> None:
    frame = plays(lost)
    recommender = declared(tmp_path, frame)
    there = frame[frame["region"] == "paris"]
    now, before = (float((there["at"] >= END - HOUR).sum()), float((there["at"] < END - HOUR).sum() / 72))
    changes = {"check": "unset", "subject": "language", "unit": "rows without language", "p_value": 1e-9}
    unset = lacks("impressions", FRANCE, 90, 1).model_copy(update=changes)
    open_incidents(log, [unset], DETECTOR, recommender=recommender)
    open_incidents(log, [lacks("plays", PARIS, now, before)], DETECTOR, recommender=recommender)
    assert len(incidents(log)) == opened


@pytest.mark.parametrize(("minutes", "count"), [(0, 1), (2, 1), (10, 2)])
def test_a_wider_slice_found_while_that_within_it_may_still_go_on_joins_its_incident(
    log: Engine, minutes: int, count: int
) -> None:
    first = lacks("impressions", tuple(sorted({*FRANCE, *PARIS})), 40.0, 100.0)
    first = first.model_copy(update={"window_start": END - MINUTE})
    end = END + (minutes + 1) * MINUTE
    wider = first.model_copy(update={"slice": FRANCE, "window_start": end - MINUTE, "window_end": end})
    open_incidents(log, [first], DETECTOR)
    open_incidents(log, [wider], DETECTOR)
    assert len(incidents(log)) == count


def seen_later(by: timedelta, width: timedelta = HOUR, **more: object) -> Finding:
    """What France lacks, seen in a window that ends so much later than the first."""
    moved = {"window_start": END + by - width, "window_end": END + by, **more}
    return lacks("impressions", FRANCE, 100.0, 400.0).model_copy(update=moved)


def counted(log: Engine) -> int:
    """How often its finding was recorded on the one incident."""
    (one,) = incidents(log)
    return one.findings_count


@pytest.mark.parametrize(("severity", "count"), [(Severity.SEV3, 1), (Severity.SEV2, 1), (Severity.SEV1, 2)])
def test_an_open_incident_repeats_at_once_only_what_is_worse(
    log: Engine, severity: Severity, count: int
) -> None:
    open_incidents(log, [seen_later(0 * HOUR)], DETECTOR)
    open_incidents(log, [seen_later(MINUTE, severity=severity)], DETECTOR)
    assert counted(log) == count


@pytest.mark.parametrize(
    ("width", "later", "count"),
    [
        (HOUR, 59 * MINUTE, 1),
        (HOUR, HOUR, 2),
        (MINUTE / 6, MINUTE / 2, 1),  # of windows of seconds a minute is soon enough
        (MINUTE / 6, MINUTE, 2),
    ],
)
def test_an_open_incident_repeats_the_same_after_a_window_and_a_minute_at_the_earliest(
    log: Engine, width: timedelta, later: timedelta, count: int
) -> None:
    open_incidents(log, [seen_later(0 * HOUR, width)], DETECTOR)
    open_incidents(log, [seen_later(later, width)], DETECTOR)
    assert counted(log) == count


def test_a_metric_that_was_back_and_is_off_again_is_reported_at_once(log: Engine) -> None:
    open_incidents(log, [seen_later(0 * HOUR)], DETECTOR)
    (one,) = incidents(log)
    handle(
        one.stream,
        ClearFinding(observed=400.0, expected=400.0, window_end=END),
        actor=DETECTOR,
        key="back",
        log=log,
    )
    open_incidents(log, [seen_later(MINUTE)], DETECTOR)
    assert counted(log) == 2

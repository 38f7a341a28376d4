"""Members determine severity; what was closed lately is ignored at first, then goes on under its number."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident.commands import AnswerFollowUp, Close, Command, Resolve
from domain.incident.state import Incident
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Finding, Improvement, Severity
from tests.workers.conftest import NOON, make_finding
from workers.detect.open_incidents import open_incidents
from workers.detect.severity import graded
from workers.environment import clock
from workers.log.handle import handle
from workers.store import cards

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LEARNED = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a cable")


def declared(folder: Path, **more: object) -> Recommender:
    table = Table(
        name="impressions", path=str(folder / "*.parquet"), time="at", member="member_id", window=MINUTE
    )
    check = Check.model_validate(
        {"name": "impressions_by_slice", "kind": "slice_volume", "table": "impressions", **more}
    )
    return Recommender(name="cinema", tables={"impressions": table}, checks={check.name: check})


def write(folder: Path, drama: int, every: int) -> None:
    """In the minute before the finding's: each of `every` members sees something, the first ones dramas."""
    at = NOON - 1.5 * MINUTE
    genres = ["Drama"] * drama + ["Crime"] * (every - drama)
    pd.DataFrame({"at": at, "member_id": range(every), "genre": genres}).to_parquet(folder / "rows.parquet")


def found(share: float = 0.03, **more: object) -> Finding:
    return make_finding().model_copy(update={"affected_share": share, "severity": Severity.SEV4, **more})


@pytest.mark.parametrize(
    ("drama", "share", "severity"),
    [
        (4, 0.04, Severity.SEV2),
        (40, 0.005, Severity.SEV3),
        (90, 0.03, Severity.SEV2),
        (4, 0.01, Severity.SEV3),
    ],
)
def test_the_members_in_the_slice_say_how_bad_it_is(
    tmp_path: Path, drama: int, share: float, severity: Severity
) -> None:
    write(tmp_path, drama, 100)
    assert graded(declared(tmp_path), found(share), None).severity == severity


def test_a_declared_severity_and_what_cannot_be_counted_stay(tmp_path: Path) -> None:
    write(tmp_path, 4, 100)
    assert graded(declared(tmp_path, severity="SEV4"), found(), None).severity == Severity.SEV4
    assert graded(declared(tmp_path), found(unit="seconds"), None).severity == Severity.SEV4
    assert graded(declared(tmp_path), found(slice=(("nothing", "x"),)), None).severity == Severity.SEV4
    (tmp_path / "rows.parquet").unlink()
    assert graded(declared(tmp_path), found(), None).severity == Severity.SEV4


@pytest.mark.parametrize(
    ("shares", "severity"),
    [
        ((0.001, 0.007, 0.007), Severity.SEV3),  # the first window held some of the time before
        ((0.001, 0.002, 0.0075), Severity.SEV2),  # half as much again in a window of its own
        ((0.006, 0.050, 0.050), Severity.SEV2),  # its full size is known in the second window
        ((0.006, 0.006, 0.001), Severity.SEV3),  # what is less now was as bad as it was
    ],
)
def test_what_grows_within_its_incident_is_a_step_worse(
    tmp_path: Path, log: Engine, shares: tuple[float, ...], severity: Severity
) -> None:
    write(tmp_path, 40, 100)
    recommender = declared(tmp_path)
    for minutes, share in enumerate(shares):
        times = {"window_start": NOON + (minutes - 1) * MINUTE, "window_end": NOON + minutes * MINUTE}
        open_incidents(log, [found(share, **times)], WORKER, recommender=recommender)
    (incident,) = every(log)
    assert incident.first_finding is not None
    assert (incident.first_finding.severity, incident.severity) == (Severity.SEV3, severity)


WORKER = Actor(kind="worker", id="worker:detect")


def every(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.every(connection)


def at(moment_after: timedelta) -> Finding:
    """The finding in a window that ends so long after now, when the incident was closed."""
    end = clock.now() + moment_after
    return found(window_start=end - MINUTE, window_end=end)


@pytest.fixture
def closed(log: Engine, on_call: Actor, tmp_path: Path) -> str:
    open_incidents(log, [at(-HOUR)], WORKER, recommender=declared(tmp_path))
    stream = every(log)[0].stream
    steps: list[Command] = [
        Resolve(how="elsewhere", reason="fixed"),
        AnswerFollowUp(improvement=LEARNED),
        Close(),
    ]
    for step in steps:
        handle(stream, step, actor=on_call, key=type(step).__name__, log=log)
    return stream


def test_what_was_closed_just_now_is_ignored_until_it_has_cooled_down(
    log: Engine, closed: str, tmp_path: Path
) -> None:
    recommender = declared(tmp_path, cool_down="10m")
    open_incidents(log, [at(5 * MINUTE)], WORKER, recommender=recommender)
    assert [one.status for one in every(log)] == ["closed"]
    open_incidents(log, [at(11 * MINUTE)], WORKER, recommender=recommender)
    assert [one.status for one in every(log)] == ["open", "closed"]


def test_what_comes_back_within_the_declared_time_goes_on_under_its_number(
    log: Engine, closed: str, tmp_path: Path
) -> None:
    recommender = declared(tmp_path, cool_down="10m", reopen_within="1d")
    for _ in range(2):
        open_incidents(log, [at(HOUR)], WORKER, recommender=recommender)
    (incident,) = every(log)
    assert (incident.stream, incident.status) == (closed, "open")
    assert incident.findings_count == 2
    assert incident.finding is not None
    assert incident.finding.window_end > clock.now()


def test_what_comes_back_later_is_a_new_incident(log: Engine, closed: str, tmp_path: Path) -> None:
    recommender = declared(tmp_path, reopen_within="1d")
    open_incidents(log, [at(25 * HOUR)], WORKER, recommender=recommender)
    assert [(one.status, one.stream == closed) for one in every(log)] == [("open", False), ("closed", True)]

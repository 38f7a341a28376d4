"""A launch from its prediction to its day: read from files, written into a real log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.obligations import Obligation
from domain.incident.state import Hotfix, Incident
from domain.recommender.recommender import Recommender
from tests.domain.prediction.test_launch import AT, calendar
from tests.workers.predict.test_launch import declared
from workers.log.obligations import Work
from workers.predict.look_ahead import prediction_run
from workers.respond.resolve.watch import guard, watch
from workers.store import cards

HOUR = timedelta(hours=1)
FILM = "film-153"


def the_incident(log: Engine) -> Incident:
    with log.connect() as connection:
        (incident,) = cards.every(connection)
    return incident


def with_a_later_look(at: datetime, *, well: bool) -> pd.DataFrame:
    """The calendar with one more look at the film that is to be missed."""
    rows = calendar(faulty=(3,))
    later = rows[rows["item_id"] == FILM].assign(snapshot_at=pd.Timestamp(at))
    if well:
        healthy = calendar()
        share = healthy.loc[healthy["item_id"] == FILM, "dry_run_share"]
        later = later.assign(language="French", dry_run_share=share)
    return pd.concat([rows, later], ignore_index=True)


@pytest.fixture
def predicted(log: Engine, tmp_path: Path) -> Incident:
    assert prediction_run(log, declared(tmp_path, calendar(faulty=(3,))), AT) == 1
    return the_incident(log)


def test_a_prediction_is_scored_on_its_day_once_and_not_before(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    finding = predicted.finding
    assert finding is not None
    assert predicted.kind == "predicted"
    assert finding.window_start - AT >= timedelta(days=7)
    prediction_run(log, declared(tmp_path, calendar(faulty=(3,))), finding.window_end + HOUR)
    assert the_incident(log).score is None  # the day is over, what came of it not yet written
    rows = calendar(faulty=(3,))
    rows.loc[rows["item_id"] == FILM, "first_day"] = finding.observed
    known = declared(tmp_path, rows)
    for n in (2, 3):
        prediction_run(log, known, finding.window_end + n * HOUR)
    incident = the_incident(log)
    assert incident.score is not None
    assert (incident.score.observed, incident.score.forecast) == (finding.observed, finding.observed)
    assert incident.score.came_true


def test_a_launch_that_others_put_right_is_recorded_on_its_incident(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    still_ill = declared(tmp_path, with_a_later_look(AT + HOUR, well=False))
    prediction_run(log, still_ill, AT + 2 * HOUR)
    assert the_incident(log).cleared_at is None
    well = declared(tmp_path, with_a_later_look(AT + HOUR, well=True))
    prediction_run(log, well, AT + 3 * HOUR)
    incident = the_incident(log)
    assert incident.cleared_at is not None
    assert (incident.status, incident.number) == ("open", predicted.number)


def watched(
    log: Engine,
    incident: Incident,
    recommender: Recommender,
    at: datetime,
    watch_for: timedelta = timedelta(minutes=3),
    room: Callable[[Work, Recommender], Sequence[c.Command]] = watch,
) -> c.Command | None:
    """What the watch makes of a hotfix that was deployed at `AT`, or what is looked for after it."""
    hotfix = Hotfix(
        option="fill", stage="applied", event_id="e", at=AT, chosen_by="terminal:on-call",
        applied_at=AT, watch_until=AT + watch_for,
    )  # fmt: skip
    obligation = Obligation(kind="watch", event_id="e", since=AT)
    work = Work(log, incident.model_copy(update={"hotfix": hotfix}), obligation, at)
    return next(iter(room(work, recommender)), None)


def test_a_forecast_that_knows_nothing_of_the_hotfix_neither_proves_nor_refutes_it(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    as_before = declared(tmp_path, calendar(faulty=(3,)))
    assert watched(log, predicted, as_before, AT + 20 * HOUR) is None
    well = declared(tmp_path, with_a_later_look(AT + 21 * HOUR, well=True))
    verified = watched(log, predicted, well, AT + 22 * HOUR)
    assert isinstance(verified, c.VerifyHotfix)
    assert verified.low is not None
    assert 0 < verified.low < verified.repaired_share


def test_a_forecast_that_is_as_bad_after_the_hotfix_refutes_it(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    ill = declared(tmp_path, with_a_later_look(AT + 21 * HOUR, well=False))
    refuted = watched(log, predicted, ill, AT + 22 * HOUR)
    assert isinstance(refuted, c.RefuteHotfix)
    assert "of the gap is closed" in refuted.reason


def test_a_forecast_that_knows_of_the_hotfix_is_judged_without_waiting_for_a_window(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    well = declared(tmp_path, with_a_later_look(AT + HOUR, well=True))
    verdict = watched(log, predicted, well, AT + 2 * HOUR, watch_for=timedelta(days=3))
    assert isinstance(verdict, c.VerifyHotfix)


def test_after_the_verdict_each_forecast_that_knows_of_the_hotfix_is_looked_at_and_no_other(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    as_before = declared(tmp_path, calendar(faulty=(3,)))
    assert watched(log, predicted, as_before, AT + 48 * HOUR, room=guard) is None
    well = declared(tmp_path, with_a_later_look(AT + HOUR, well=True))
    assert isinstance(watched(log, predicted, well, AT + 2 * HOUR, room=guard), c.RecordWatch)


def test_a_forecast_waits_for_no_rows_to_settle(log: Engine, predicted: Incident, tmp_path: Path) -> None:
    ill = declared(tmp_path, with_a_later_look(AT + HOUR, well=False))
    settling = ill.tables["prelaunch"].model_copy(update={"settle": 3 * HOUR})
    late = ill.model_copy(update={"tables": {**ill.tables, "prelaunch": settling}})
    look = watched(log, predicted, late, AT + 2 * HOUR, watch_for=timedelta(days=3))
    assert isinstance(look, c.RecordWatch)
    assert (look.window_start, look.window_end) == (AT, AT + 2 * HOUR)


def test_a_launch_whose_calendar_is_written_no_more_is_looked_at_when_it_begins(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    finding = predicted.finding
    assert finding is not None
    silent = declared(tmp_path, calendar(faulty=(3,)))
    assert watched(log, predicted, silent, finding.window_start - HOUR) is None
    assert isinstance(watched(log, predicted, silent, finding.window_start), c.RefuteHotfix)


def test_a_launch_that_the_calendar_never_names_is_waited_for(
    log: Engine, predicted: Incident, tmp_path: Path
) -> None:
    rows = calendar(faulty=(3,))
    assert watched(log, predicted, declared(tmp_path, rows[rows["item_id"] != FILM]), AT + HOUR) is None

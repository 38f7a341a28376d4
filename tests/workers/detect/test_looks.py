"""How each check looked is counted with its memory, day by day, and forgotten after four weeks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from domain.improvement.evidenced import LOOKED_BACK, Looks
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.conftest import NOON
from tests.workers.detect.test_tick import write
from workers.detect.detection_run import detection_run
from workers.detect.run_outcomes import MEMORY, RunOutcome, count_runs, read_runs
from workers.environment import clock
from workers.store.memory import recall_beginning

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WELL, BLIND = RunOutcome("one", failed=False, judged=True), RunOutcome("one", failed=True, judged=False)


def declared(folder: Path) -> Recommender:
    table = Table(name="impressions", path=str(folder / "*.parquet"), time="at", window=MINUTE)
    check = Check(name="total", kind="volume", table="impressions")
    return Recommender(name="cinema", tables={"impressions": table}, checks={"total": check})


def runs(log: Engine, minutes: int = 0) -> dict[str, Looks]:
    with log.connect() as connection:
        return read_runs(connection, NOON + minutes * MINUTE)


def test_each_look_is_counted_once_however_often_it_is_asked_for(log: Engine, tmp_path: Path) -> None:
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20)
    for minutes in (-2, -1, -1, 0, 0):
        detection_run(log, declared(tmp_path), NOON + minutes * MINUTE)
    counted = {"count": 3, "judged": 3, "failed": 0, "failing": False}
    between = {"since": NOON - 2 * MINUTE, "last_at": NOON}
    looks = runs(log)["total"]
    assert looks.seconds > 0
    assert looks == Looks.model_validate({**counted, **between, "seconds": looks.seconds})


def test_a_look_that_cannot_be_taken_counts_as_failed_until_one_can_be_again(
    log: Engine, tmp_path: Path
) -> None:
    detection_run(log, declared(tmp_path), NOON - MINUTE)
    (blind,) = runs(log).values()
    assert (blind.count, blind.judged, blind.failed, blind.failing) == (1, 0, 1, True)
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20)
    detection_run(log, declared(tmp_path), NOON)
    (seeing,) = runs(log).values()
    assert (seeing.count, seeing.judged, seeing.failed, seeing.failing) == (2, 1, 1, False)


def test_a_look_without_enough_history_is_taken_and_judges_nothing(log: Engine, tmp_path: Path) -> None:
    write(tmp_path, [60, 58, 63])
    detection_run(log, declared(tmp_path), NOON)
    (young,) = runs(log).values()
    assert (young.count, young.judged, young.failed) == (1, 0, 0)


def test_days_are_added_up_as_far_as_is_looked_back_and_older_ones_are_forgotten(log: Engine) -> None:
    now = clock.now()
    with log.begin() as connection:
        for days, look in ((40, BLIND), (2, BLIND), (1, WELL), (0, WELL)):
            count_runs(connection, "detect", [look], now - days * DAY)
        count_runs(connection, "detect", [], now)
        (looks,) = read_runs(connection, now).values()
        assert (looks.count, looks.failed, looks.failing) == (3, 1, False)
        assert (looks.since, looks.last_at) == (now - 2 * DAY, now)
        count_runs(connection, "detect", [WELL], now + LOOKED_BACK + DAY)
        assert len(recall_beginning(connection, MEMORY)) == 1


def test_two_jobs_that_count_on_one_day_are_both_read(log: Engine) -> None:
    with log.begin() as connection:
        count_runs(connection, "detect", [WELL], NOON)
        count_runs(connection, "predict", [RunOutcome("two", failed=False, judged=True)], NOON)
    assert runs(log).keys() == {"one", "two"}

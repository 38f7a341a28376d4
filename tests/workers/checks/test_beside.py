"""One more check beside the declared ones: when it would have reported, and how often alarmed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.detection.judge.state import Verdict
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.checks.backtest_check import Fault, Look, backtest_check, ends_of
from workers.checks.beside import FINELY, Alarmed, OutOfTime, alarms_before, first_reported, sees_it
from workers.checks.plan import Plan, plan
from workers.checks.tape import Tape, taped
from workers.declaration.declare import load

START = datetime(2026, 2, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LOST_AT, AGAIN_AT = START + 12 * DAY + 9 * HOUR, START + 18 * DAY + 9 * HOUR
MISSPELT_AT = START + 16 * DAY + 9 * HOUR
END = START + 20 * DAY
FOREVER = float("inf")
DECLARED = """
[recommender]
name = "ferry"
[tables.tickets]
path = "tickets.parquet"
time = "sold_at"
window = "1h"
[checks.usual]
kind = "volume"
table = "tickets"
history = "8d"
shadow = {usual_in_shadow}
[checks.more]
kind = "volume"
table = "tickets"
history = "8d"
least_change = 0.2
shadow = true
[tables.manifests]
path = "manifests.parquet"
time = "sold_at"
window = "1h"
[checks.nightly]
kind = "domain"
table = "manifests"
columns = ["quay"]
history = "3d"
shadow = true
[checks.quays]
kind = "domain"
table = "tickets"
columns = ["quay"]
window = "10m"
history = "6h"
shadow = true
"""

DRIFT = """
[checks.drift]
kind = "drift"
table = "tickets"
columns = ["quay"]
window = "30m"
history = "6h"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Some 200 tickets an hour; for five hours of two days the most of them are lost, and for five of a third
    their quay is misspelt. `manifests` has those from three to four in the night alone.
    """
    folder, chance = tmp_path_factory.mktemp("ferry"), np.random.default_rng(3)
    seconds = np.sort(chance.uniform(0, (END - START).total_seconds(), 20 * 24 * 200))
    at = pd.DatetimeIndex(START + pd.to_timedelta(seconds, unit="s")).as_unit("us")
    lost = np.zeros(len(at), dtype=bool)
    for begins in (LOST_AT, AGAIN_AT):
        lost |= np.asarray((at >= pd.Timestamp(begins)) & (at < pd.Timestamp(begins + 5 * HOUR))) & (
            chance.random(len(at)) < 0.8
        )
    quays = chance.choice(["north", "south"], len(at))
    misspelt = (at >= pd.Timestamp(MISSPELT_AT)) & (at < pd.Timestamp(MISSPELT_AT + 5 * HOUR))
    quays[misspelt] = "nroth"
    tickets = pd.DataFrame({"sold_at": at, "quay": quays})[~lost]
    tickets.to_parquet(folder / "tickets.parquet")
    tickets[tickets["sold_at"].dt.hour == 3].to_parquet(folder / "manifests.parquet")
    return folder


def declared(folder: Path, *, beside: bool) -> Recommender:
    """With `more`; and with another one that finds the same, where so."""
    (folder / "recsysops.toml").write_text(DECLARED.format(usual_in_shadow=str(not beside).lower()))
    found = load(folder)
    kept = {name: check for name, check in found.checks.items() if beside or name != "usual"}
    return found.model_copy(update={"checks": kept})


def anything(_where: Slice) -> bool:
    return True


def never(_so_far: Alarmed) -> bool:
    return False


def test_it_says_when_a_check_would_first_have_reported(folder: Path) -> None:
    reported_at = first_reported(declared(folder, beside=False), "more", (AGAIN_AT, END), anything, FOREVER)
    assert reported_at is not None
    assert AGAIN_AT < reported_at <= AGAIN_AT + 2 * HOUR


def test_a_check_that_looks_every_half_minute_is_said_to_report_when_it_does(folder: Path) -> None:
    hourly = declared(folder, beside=False)
    often = hourly.checks["quays"].model_copy(update={"every": timedelta(seconds=30)})
    quays = hourly.model_copy(update={"checks": {"quays": often}})
    planned = plan(quays, often)
    span = (MISSPELT_AT + timedelta(seconds=10), MISSPELT_AT + timedelta(minutes=15))
    looks = backtest_check(quays, planned, ends_of(quays, planned, span[0] - HOUR, span[1]))
    live = next(at for at, came in looks if at > span[0] and isinstance(came, Verdict) and came.findings)
    assert first_reported(quays, "quays", span, anything, FOREVER) == live


def test_what_it_already_reported_before_is_no_answer(folder: Path) -> None:
    span = (AGAIN_AT + 3 * HOUR, AGAIN_AT + 5 * HOUR)
    assert first_reported(declared(folder, beside=False), "more", span, anything, FOREVER) is None


def test_what_is_of_something_else_is_no_answer(folder: Path) -> None:
    span = (AGAIN_AT, END)
    assert first_reported(declared(folder, beside=False), "more", span, lambda _: False, FOREVER) is None


def test_without_time_for_an_answer_there_is_none(folder: Path) -> None:
    with pytest.raises(OutOfTime):
        first_reported(declared(folder, beside=False), "more", (AGAIN_AT, END), anything, time.monotonic())


def test_a_walk_that_ends_early_has_asked_no_more_than_it_came_to(folder: Path) -> None:
    hourly, span = declared(folder, beside=False), (AGAIN_AT, AGAIN_AT + 10 * HOUR)
    often = hourly.checks["more"].model_copy(update={"every": HOUR / FINELY})
    more = hourly.model_copy(update={"checks": {**hourly.checks, "more": often}})
    with taped(Tape()) as asked, pytest.raises(OutOfTime):
        first_reported(more, "more", span, anything, time.monotonic())
    assert len(asked.answers) == 1
    with taped(Tape()) as asked:
        first_reported(more, "more", span, lambda _: False, FOREVER)
    assert len(asked.answers) == FINELY


def test_a_fault_that_fills_most_of_the_history_by_now_is_seen_all_the_same(folder: Path) -> None:
    file = folder / "drift.toml"
    file.write_text(DECLARED.format(usual_in_shadow="true") + DRIFT)
    quays = load(file)
    for hours in (1, 3, 5):
        span = (MISSPELT_AT, MISSPELT_AT + hours * HOUR)
        assert sees_it(quays, "drift", span, anything, FOREVER) is True, hours
    before = (MISSPELT_AT - 5 * HOUR, MISSPELT_AT)
    assert sees_it(quays, "drift", before, anything, FOREVER) is False


def test_its_last_look_says_whether_it_sees_something_and_is_not_taken_again(folder: Path) -> None:
    more = declared(folder, beside=False)
    span = (AGAIN_AT, AGAIN_AT + 2 * HOUR)
    with taped(Tape()) as asked:
        assert sees_it(more, "more", span, anything, FOREVER)
        before = set(asked.answers)
        assert first_reported(more, "more", span, anything, FOREVER)
        assert before and before <= set(asked.answers) and len(asked.answers) <= FINELY
    assert not sees_it(more, "more", span, lambda _: False, FOREVER)
    assert not sees_it(more, "more", (AGAIN_AT - 9 * HOUR, AGAIN_AT - 7 * HOUR), anything, FOREVER)


def test_a_walk_on_which_no_look_is_answered_ends_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[datetime]()

    def hangs(_declared: object, planned: Plan, ends: list[datetime], **_: object) -> Iterator[object]:
        for end in ends:
            looks.append(end)
            yield (
                end,
                Fault(check="more", table="tickets", window_start=end - HOUR, window_end=end, says="no"),
            )

    def hang(declared: object, planned: Plan, taken: Iterable[Look], **_: object) -> Iterator[object]:
        return hangs(declared, planned, [end for end, _judged in taken])

    monkeypatch.setattr("workers.checks.beside.backtest_check", hangs)
    monkeypatch.setattr("workers.checks.beside.walk", hang)
    more = declared(folder, beside=False)
    with pytest.raises(OutOfTime):
        first_reported(more, "more", (AGAIN_AT, END), anything, time.monotonic())
    assert len(looks) == 1
    assert alarms_before(more, "more", Alarmed(AGAIN_AT), DAY, FOREVER, never) == Alarmed(AGAIN_AT)


def test_alarms_are_counted_backwards_over_what_could_be_judged(folder: Path) -> None:
    found = alarms_before(declared(folder, beside=False), "more", Alarmed(AGAIN_AT), 14 * DAY, FOREVER, never)
    assert found.alarms == 1
    assert 5 * DAY < found.judged <= 14 * DAY


def test_what_the_others_report_as_well_is_not_added(folder: Path) -> None:
    found = alarms_before(declared(folder, beside=True), "more", Alarmed(AGAIN_AT), 14 * DAY, FOREVER, never)
    assert found.alarms == 0
    assert found.judged > 5 * DAY


def test_it_goes_back_no_further_than_it_takes_to_know(folder: Path) -> None:
    found = alarms_before(declared(folder, beside=False), "more", Alarmed(END), 18 * DAY, FOREVER, alarmed)
    assert found.alarms >= 1
    assert found.judged < 10 * DAY


def alarmed(so_far: Alarmed) -> bool:
    return so_far.alarms > 0


def test_it_goes_on_from_what_is_known(folder: Path) -> None:
    more = declared(folder, beside=False)
    known = alarms_before(more, "more", Alarmed(END), 18 * DAY, FOREVER, alarmed)
    assert END - known.since < 4 * DAY
    whole = alarms_before(more, "more", known, 10 * DAY, FOREVER, never)
    assert whole.since < LOST_AT
    assert (whole.alarms, whole.judged > 10 * DAY) == (known.alarms + 1, True)


def test_without_time_nothing_is_judged(folder: Path) -> None:
    now = time.monotonic()
    found = alarms_before(declared(folder, beside=False), "more", Alarmed(AGAIN_AT), 14 * DAY, now, never)
    assert found == Alarmed(AGAIN_AT)


def test_where_each_look_asks_anew_one_of_every_hour_stands_for_all_of_it(folder: Path) -> None:
    found = alarms_before(
        declared(folder, beside=False), "quays", Alarmed(LOST_AT), 12 * HOUR, FOREVER, never
    )
    assert (found.alarms, found.covered) == (0, 12 * HOUR)
    assert found.judged == 12 * timedelta(minutes=10)


def test_the_look_after_one_that_saw_something_is_taken_too(folder: Path) -> None:
    """For what has to be seen twice has to be looked for twice."""
    by_quay, known = declared(folder, beside=False), Alarmed(MISSPELT_AT + 6 * HOUR)
    found = alarms_before(by_quay, "quays", known, 12 * HOUR, FOREVER, never)
    assert (found.alarms, found.covered) == (1, 12 * HOUR)
    assert 12 * timedelta(minutes=10) < found.judged < 20 * timedelta(minutes=10)


def test_hours_in_which_nothing_is_delivered_are_time_in_which_it_did_not_alarm(folder: Path) -> None:
    known = Alarmed(LOST_AT)
    found = alarms_before(declared(folder, beside=False), "nightly", known, 2 * DAY, FOREVER, never)
    assert (found.alarms, found.judged) == (0, 30 * HOUR)  # from the first of two nights on


def test_before_it_judges_at_all_no_time_has_passed(folder: Path) -> None:
    known = Alarmed(START + 12 * HOUR)
    found = alarms_before(declared(folder, beside=False), "quays", known, 12 * HOUR, FOREVER, never)
    assert timedelta(0) < found.covered < 12 * HOUR

"""The picture of a backtest shows what looks were judged by, of every kind that expects a number."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from domain.detection.judge.comparison import Comparison
from domain.recommender.check import Check
from domain.values import Finding, Severity
from tests.engines import world
from tests.workers.checks.test_walk import write_world
from tests.workers.pictures.test_metric import size
from tests.workers.test_matrix import CHECKS, MADE
from workers.checks.backtest import BacktestIncident, BacktestResult, backtest
from workers.checks.backtest_picture import draw_backtest
from workers.checks.backtest_series import Series, not_drawn, series_of
from workers.conformance.table import DAY, END, NAME, declared, sound

START = datetime(2026, 4, 20, tzinfo=UTC)
FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")

LONG = {"series", "metric", "concentration"}
"""Kinds that judge days only after weeks of them."""
NO_NUMBER = {"schema"}


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    """What matplotlib warns of is not seen as it is meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def with_new_members(frame: pd.DataFrame) -> pd.DataFrame:
    """Half of a day's members were never there before."""
    new = frame["member_id"].str.len() % 2 == 0
    return frame.assign(
        member_id=frame["member_id"].mask(new, frame["at"].dt.strftime("%d ") + frame["member_id"])
    )


@pytest.mark.parametrize("kind", CHECKS)
def test_every_kind_says_what_it_held_against_what_or_that_it_expects_no_number(
    kind: str, tmp_path: Path
) -> None:
    own, days = {"kind": kind, **CHECKS[kind]}, 60 if kind in LONG else 15
    frame = sound(days) if kind != "cold_start" else with_new_members(sound(days))
    frame = MADE[kind](tmp_path)(frame) if kind in MADE else frame
    recommender = declared(own, frame, tmp_path, history=f"{days - 1}d")
    result = backtest(recommender, END - DAY, END, pictured=True)
    assert result.faults == ()
    why = not_drawn(result, {NAME: kind})
    if kind in NO_NUMBER:
        assert why[NAME].endswith(f'a check of kind "{kind}" expects no number that can be drawn')
        assert series_of(result, {NAME: "views"}) == []
        return
    assert why == {}
    for one in result.comparisons[NAME]:
        assert one.low <= one.high
        assert END - 3 * DAY <= one.window_start < one.window_end <= END
    (series,) = series_of(result, {NAME: "views"})
    assert series.comparisons[-1].window_end == END


def test_what_is_drawn_is_what_was_judged_by(tmp_path: Path) -> None:
    recommender = write_world(tmp_path)
    names = ("volume", "slices", "freshness", "missing", "references", "drift", "price")
    checks = {name: recommender.checks[name] for name in names}
    recommender = recommender.model_copy(update={"checks": checks})
    result = backtest(recommender, world.END - 26 * HOUR, world.END, pictured=True)
    compared = [
        (finding, one)
        for finding in result.findings
        for one in result.comparisons[finding.check]
        if (one.slice, one.subject, one.unit) == (finding.slice, finding.subject, finding.unit)
        and one.window_end == finding.window_end
    ]
    assert {finding.check for finding, _one in compared} == set(names)
    for finding, one in compared:
        numbers = (finding.observed, finding.expected, finding.low, finding.high)
        assert (one.observed, one.expected, one.low, one.high) == pytest.approx(numbers, abs=0.06, rel=1e-9)
    plain = backtest(recommender.model_copy(update={"checks": few(checks)}), world.END - 26 * HOUR, world.END)
    assert plain.findings == tuple(one for one in result.findings if one.check in few(checks))
    assert plain.comparisons == {}


def few(checks: Mapping[str, Check]) -> dict[str, Check]:
    return {name: checks[name] for name in ("volume", "slices", "freshness")}


def held(windows: int, lost: slice = slice(0, 0), unit: str = "rows") -> tuple[Comparison, ...]:
    observed = [100.0] * windows
    observed[lost] = [30.0] * len(observed[lost])
    return tuple(
        Comparison(
            unit=unit,
            window_start=START + place * FIVE,
            window_end=START + (place + 1) * FIVE,
            observed=value,
            expected=100.0,
            low=80.0,
            high=120.0,
        )
        for place, value in enumerate(observed)
    )


def incident(begun: datetime, ended: datetime | None, unit: str = "rows") -> BacktestIncident:
    return BacktestIncident(
        check="rows",
        table="plays",
        opened_at=begun + 2 * FIVE,
        ended_at=ended,
        severity=Severity.SEV2,
        title="plays: 70 % fewer rows",
        window_start=begun,
        window_end=begun + FIVE,
        raised_by=(("rows", (), None, unit),),
    )


def finding(begun: datetime) -> Finding:
    return Finding(
        check="rows",
        table="plays",
        window_start=begun,
        window_end=begun + FIVE,
        observed=30.0,
        expected=100.0,
        p_value=0.0,
        severity=Severity.SEV2,
        title="plays: 70 % fewer rows",
    )


def a_week(*incidents: BacktestIncident, comparisons: tuple[Comparison, ...] = held(2_016)) -> BacktestResult:
    return BacktestResult(
        start=START,
        end=START + 7 * DAY,
        findings=tuple(finding(one.window_start) for one in incidents),
        incidents=incidents,
        looks=2_016,
        judged=("rows",),
        comparisons={"rows": comparisons},
    )


def drawn(result: BacktestResult) -> tuple[list[Series], tuple[int, int]]:
    series = series_of(result, {"rows": "plays"})
    return series, size(draw_backtest(result, series, BERLIN))


def test_a_week_without_an_incident_is_one_strip() -> None:
    (series,), (width, height) = drawn(a_week())
    assert series.incidents == ()
    assert (width, height) == (2_200, 640)


def test_an_incident_is_marked_and_drawn_closer_also_while_it_is_open() -> None:
    begun = START + 2 * DAY
    ended, standing = incident(begun, begun + HOUR), incident(START + 7 * DAY - HOUR, None)
    quiet = drawn(a_week())[1]
    (series,), one = drawn(a_week(ended, comparisons=held(2_016, slice(576, 588))))
    assert series.findings
    assert one[1] > quiet[1] + 400
    (series,), two = drawn(a_week(ended, standing))
    assert [number for number, _one in series.incidents] == [1, 2]
    assert two[1] > one[1]  # a line more; close-ups stand side by side


def test_an_incident_as_long_as_all_of_the_time_is_not_drawn_closer() -> None:
    long = a_week(incident(START + HOUR, None))
    assert drawn(long)[1][1] < drawn(a_week(incident(START + HOUR, START + 3 * HOUR)))[1][1]


def test_where_no_look_was_taken_or_nothing_was_there_nothing_is_drawn() -> None:
    whole = held(2_016)
    holes = (*whole[:500], *whole[900:901], whole[901].model_copy(update={"observed": None}), *whole[1_000:])
    assert drawn(a_week(comparisons=holes))[1][0] == 2_200
    assert drawn(a_week(comparisons=whole[:1]))[1][0] == 2_200
    assert drawn(a_week(comparisons=held(2_016, unit="seconds")))[1][0] == 2_200


def test_an_incident_reported_in_another_unit_of_the_same_is_marked_in_it() -> None:
    (series,), _size = drawn(a_week(incident(START + DAY, START + DAY + HOUR, unit="seconds")))
    assert len(series.incidents) == 1


def test_of_many_series_the_first_are_drawn_and_the_others_are_counted() -> None:
    result = a_week()
    series = [Series(f"check {n}", "plays", held(20)) for n in range(9)]
    six = size(draw_backtest(result, series[:6], BERLIN))
    assert size(draw_backtest(result, series, BERLIN)) == six


def test_of_a_check_without_an_incident_the_series_that_came_farthest_out_is_drawn() -> None:
    calm, off = held(50), held(50, slice(20, 21))
    calm = tuple(one.model_copy(update={"subject": "calm"}) for one in calm)
    off = tuple(one.model_copy(update={"subject": "off"}) for one in off)
    (series,), _size = drawn(a_week(comparisons=(*calm, *off)))
    assert series.comparisons[0].subject == "off"


def test_a_check_that_could_not_judge_says_why_it_is_not_in_the_picture() -> None:
    notes = {"rows": "not enough history yet"}
    young = a_week(comparisons=()).model_copy(update={"judged": (), "notes": notes})
    says = "not in the picture: nothing was to be expected yet (not enough history yet)"
    assert not_drawn(young, {"rows": "volume"}) == {"rows": says}

"""Looks that share scores say what each would have said alone; and what is learned from in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from domain.detection.data.metric import Metric
from domain.detection.judge.series.alerting import stand_windows
from domain.detection.judge.series.shared_scores import normal_after, scores_of, usable_windows
from domain.detection.judge.state import CheckState, ExcludedWindow, TrackedFinding, Verdict
from domain.detection.kinds.tables.series import judge_series
from domain.recommender.check import Check
from domain.values import Slice
from tests.domain.detection.judge.series.test_anomaly_score import daily
from tests.domain.detection.traffic import END, HOUR, grid

CHECK = Check(name="wait", kind="series", table="plays", measure="wait", options={"aggregate": "mean"})
HISTORY, FIRST = 24 * 28, 24 * 35
WINDOWS = FIRST + 24 * 9


def metric(*values: np.ndarray, slices: tuple[Slice, ...] = ((),)) -> Metric:
    return Metric(grid(HOUR, len(values[0]), END), np.column_stack(values), slices, np.nan)


def alone(whole: Metric, last: int) -> Metric:
    """What a live look asks for: nothing but its own past."""
    begin = last - HISTORY
    edge = whole.edge(last + 1)
    return Metric(grid(HOUR, HISTORY + 1, edge), whole.held[begin : last + 1], whole.slices, np.nan)


def walked(
    cut: Callable[[int], Metric], known: tuple[ExcludedWindow, ...] = (), until: int = WINDOWS
) -> list[Verdict]:
    verdicts, memory = [], CheckState(known=known)
    for last in range(FIRST, until):
        verdicts.append(judge_series(CHECK, cut(last), memory))
        memory = verdicts[-1].state.model_copy(update={"known": known})
    return verdicts


def quiet(y: np.ndarray) -> None:
    y[FIRST + 30] *= 1.01


def two_incidents(y: np.ndarray) -> None:
    y[FIRST + 10 : FIRST + 14] *= 0.3
    y[FIRST + 50 : FIRST + 60] *= 2.5


def gaps_and_a_step(y: np.ndarray) -> None:
    y[FIRST - 100 : FIRST - 60] = np.nan
    y[FIRST + 20 : FIRST + 24] = np.nan
    y[FIRST + 40 :] += 150


@pytest.mark.parametrize(
    ("fault", "planned"),
    [(quiet, False), (two_incidents, False), (two_incidents, True), (gaps_and_a_step, False)],
)
def test_looks_that_share_their_scores_say_what_each_says_alone(
    fault: Callable[[np.ndarray], None], planned: bool
) -> None:
    y, until = daily(1, WINDOWS), FIRST + 80
    fault(y)
    whole = metric(y + daily(2, WINDOWS), y, slices=((), (("country", "France"),)))
    span = ExcludedWindow(slice=(), since=whole.edge(FIRST + 30), until=whole.edge(FIRST + 55))
    known = (span,) if planned else ()
    together = walked(lambda last: whole.until(last, HISTORY), known, until)
    each = walked(lambda last: alone(whole, last), known, until)
    assert [one.findings for one in together] == [one.findings for one in each]
    assert [one.cleared for one in together] == [one.cleared for one in each]
    assert any(one.findings for one in each) is (fault is not quiet)


def test_scores_are_computed_once_for_many_looks() -> None:
    whole = metric(daily(1, WINDOWS))
    for last in range(FIRST, FIRST + 50):
        assert scores_of(whole.until(last, HISTORY), (), CheckState()) is not None
    first = whole.kept[()]
    for last in range(FIRST + 50, FIRST + 150):
        scores_of(whole.until(last, HISTORY), (), CheckState())
    assert first.first < whole.kept[()].first  # the past has moved on since, by a block at a time
    assert len(first.past.y) > HISTORY


def test_what_stands_is_not_expected_until_it_is_the_new_normal() -> None:
    whole = metric(daily(1, WINDOWS))
    since = whole.edge(FIRST)
    standing = CheckState(seen={"it": TrackedFinding(slice=(), since=since, reported=True)})
    usable, counted = usable_windows(whole, 0, standing)
    normal = normal_after(HOUR) // HOUR
    assert usable[:FIRST].all()
    assert not usable[FIRST : FIRST + normal].any()
    assert usable[FIRST + normal :].all()
    assert not counted[FIRST : FIRST + normal].any()
    assert counted[FIRST + normal :].all()


def test_of_what_is_over_the_first_hours_count_in_the_tail() -> None:
    whole = metric(daily(1, WINDOWS))
    over = ExcludedWindow(slice=(), since=whole.edge(FIRST), until=whole.edge(FIRST + 40))
    usable, counted = usable_windows(whole, 0, CheckState(excluded=(over,)))
    assert not usable[FIRST : FIRST + 40].any()
    first = stand_windows(24) + 1
    assert counted[FIRST : FIRST + first].all()
    assert not counted[FIRST + first : FIRST + 40].any()
    assert counted[FIRST + 40 :].all()


def test_what_somebody_confirmed_is_left_out_of_the_tail_as_well() -> None:
    whole = metric(daily(1, WINDOWS))
    span = {"slice": (), "since": whole.edge(FIRST), "until": whole.edge(WINDOWS)}
    for confirmed in (True, False):
        known = ExcludedWindow(**span, confirmed=confirmed)
        usable, counted = usable_windows(whole, 0, CheckState(known=(known,)))
        assert not usable[FIRST]
        assert bool(usable[-1]) is not confirmed
        assert bool(counted[FIRST:].any()) is not confirmed


def test_a_step_is_reported_once_and_is_the_new_normal_after_three_days() -> None:
    y = daily(1, WINDOWS)
    y[FIRST + 5 :] += 150
    whole = metric(y)
    verdicts = walked(lambda last: whole.until(last, HISTORY))
    reported = [place for place, one in enumerate(verdicts) if one.findings]
    assert reported[0] == 5
    assert sum(len(one.cleared) for one in verdicts) == 1
    titles = [one.findings[0].title for one in verdicts if one.findings]
    assert "new normal" not in titles[0]
    assert titles[-1].endswith(f"the new normal from {whole.edge(FIRST + 5 + 72):%Y-%m-%d %H:%M} UTC on")
    assert 72 <= reported[-1] - 5 <= 72 + 24
    assert not any(one.findings for one in verdicts[reported[-1] + 1 :])


def test_a_rise_where_hardly_anything_is_expected_is_as_bad_as_it_is_large_for_the_metric() -> None:
    chance = np.random.default_rng(1)
    y = np.where(chance.random(WINDOWS) < 0.03, chance.integers(20, 60, WINDOWS), 0).astype(float)
    y[FIRST:] = 0
    y[FIRST + 1] = 400
    (large,) = judge_series(CHECK, metric(y).until(FIRST + 1, HISTORY), CheckState()).findings
    assert (large.severity, large.affected_share) == ("SEV2", 1.0)
    y[:FIRST], y[FIRST + 1] = 0, 1
    for finding in judge_series(CHECK, metric(y).until(FIRST + 1, HISTORY), CheckState()).findings:
        assert finding.severity >= "SEV3"


def test_windows_of_days_and_minutes_have_their_normal_after_a_week_and_three_days() -> None:
    assert normal_after(timedelta(days=1)) == timedelta(days=7)
    assert normal_after(timedelta(minutes=1)) == timedelta(days=3)

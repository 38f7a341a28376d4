from __future__ import annotations

import numpy as np
import pytest

from domain.detection.freshness import Silences, judge_freshness
from domain.detection.state import CheckState, Verdict
from domain.recommender.check import Check

CHECK = Check(name="fresh", kind="freshness", table="deliveries")
HOUR, DAY = 3_600, 86_400


def daily(days: int, missing: tuple[int, ...] = ()) -> np.ndarray:
    return np.array([d * DAY + HOUR for d in range(days) if d not in missing], dtype=np.int64)


def judge(bins: np.ndarray, hours_later: float, check: Check = CHECK, width: float = HOUR) -> Verdict:
    return judge_freshness(check, Silences(bins, width, float(bins[-1] + hours_later * HOUR)), CheckState())


def test_a_daily_delivery_is_not_late_before_its_time() -> None:
    assert judge(daily(40), 24).findings == ()


def test_a_missing_delivery_is_found_within_eight_hours() -> None:
    (finding,) = judge(daily(40), 33).findings
    assert finding.unit == "seconds"
    assert finding.observed == 32 * HOUR
    assert finding.title == "deliveries: nothing new for 1d8h, usually at most 1d"


def test_two_earlier_outages_do_not_excuse_a_third() -> None:
    assert len(judge(daily(60, missing=(20, 21, 40)), 40).findings) == 1


def test_quiet_nights_are_a_habit() -> None:
    busy = [d * DAY + m * 60 for d in range(7) for m in range(8 * 60, 24 * 60)]
    bins = np.array(busy, dtype=np.int64)
    assert judge(bins, 8, width=60).findings == ()
    assert len(judge(bins, 14, width=60).findings) == 1


def test_a_promise_needs_no_history() -> None:
    promise = Check(name="fresh", kind="freshness", table="deliveries", within="2h")
    assert len(judge(daily(2), 4, promise).findings) == 1
    assert judge(daily(2), 2, promise).findings == ()


def test_rows_at_random_rarely_look_silent() -> None:
    chance = np.random.default_rng(8)
    times = np.cumsum(chance.exponential(600, 8_000))
    bins = np.unique(times.astype(np.int64) // 60 * 60)
    alarms = 0
    for at in np.arange(times[2_000], times[-1], 600):
        seen = bins[(bins < at - 60)][-1_500:]
        alarms += len(judge_freshness(CHECK, Silences(seen, 60.0, float(at)), CheckState()).findings)
    weeks = (times[-1] - times[2_000]) / 604_800
    assert alarms / weeks <= 1


@pytest.mark.parametrize("bins", [np.array([], dtype=np.int64), daily(3)])
def test_without_history_nothing_is_judged(bins: np.ndarray) -> None:
    at = 400.0 * DAY
    verdict = judge_freshness(CHECK, Silences(bins, HOUR, at), CheckState())
    assert (verdict.judged, verdict.findings) == (False, ())


def test_the_same_silence_keeps_the_same_fingerprint_and_its_end_is_said() -> None:
    bins = daily(40)
    first = judge_freshness(CHECK, Silences(bins, HOUR, float(bins[-1] + 33 * HOUR)), CheckState())
    second = judge_freshness(CHECK, Silences(bins, HOUR, float(bins[-1] + 34 * HOUR)), first.state)
    assert first.findings[0].fingerprint == second.findings[0].fingerprint
    more = np.append(bins, bins[-1] + 35 * HOUR)
    third = judge_freshness(CHECK, Silences(more, HOUR, float(more[-1] + 2 * HOUR)), second.state)
    assert third.cleared == (first.findings[0].fingerprint,)

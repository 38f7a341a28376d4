from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.detection.data.arrivals import Arrivals, Feeds
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.tables.freshness import arrived_since, judge_freshness
from domain.recommender.check import Check
from domain.values import Slice

CHECK = Check(name="fresh", kind="freshness", table="deliveries")
HOUR, DAY = 3_600, 86_400
EVENINGS = ZoneInfo("UTC")


def daily(days: int, missing: tuple[int, ...] = ()) -> np.ndarray:
    return np.array([d * DAY + HOUR for d in range(days) if d not in missing], dtype=np.float64)


def irregular(seed: int = 1, count: int = 300) -> np.ndarray:
    """A batch two to nine hours after the one before, at any time of the day."""
    return np.cumsum(np.random.default_rng(seed).uniform(2 * HOUR, 9 * HOUR, count))


def arrivals(times: np.ndarray, at: float, width: float = 300, sizes: np.ndarray | None = None) -> Arrivals:
    size = np.full(len(times), 100.0) if sizes is None else sizes
    moments = times.astype(float)
    return Arrivals(moments, moments, size, width, at)


def feeds(at: float, **parts: np.ndarray) -> Feeds:
    whole = np.sort(np.concatenate(list(parts.values())))
    held: dict[Slice, Arrivals] = {(): arrivals(whole, at)}
    return Feeds(held | {(("country", name),): arrivals(one, at) for name, one in parts.items()}, EVENINGS)


def judge(times: np.ndarray, hours_later: float, check: Check = CHECK, width: float = 300) -> Verdict:
    at = float(times[-1] + hours_later * HOUR)
    return judge_freshness(check, Feeds({(): arrivals(times, at, width)}, EVENINGS), CheckState())


def test_a_daily_delivery_is_not_late_before_its_time() -> None:
    assert judge(daily(40), 24.4).findings == ()


def test_a_missing_delivery_is_found_within_the_hour_in_words_that_say_when_it_was_due() -> None:
    (finding,) = judge(daily(40), 24.75).findings
    assert finding.unit == "seconds"
    assert finding.observed == 24.75 * HOUR
    title = "deliveries: due 01:00 UTC (usually 01:00–01:00), nothing since Mon 01:00, 45m late"
    assert finding.title == title


def test_two_earlier_outages_do_not_excuse_a_third() -> None:
    assert len(judge(daily(60, missing=(20, 21, 40)), 25).findings) == 1


def test_however_much_came_yesterday_what_is_due_is_late() -> None:
    extra = np.sort(np.append(daily(40), [39 * DAY + 9 * HOUR, 39 * DAY + 14 * HOUR]))
    assert judge(extra, 10.4).findings == ()
    assert len(judge(extra, 12).findings) == 1


def test_what_comes_at_no_certain_time_is_late_by_its_silences() -> None:
    assert judge(irregular(), 9).findings == ()
    (finding,) = judge(irregular(), 14).findings
    assert finding.title.startswith("deliveries: nothing new for 14h, usually at most ")


def test_quiet_nights_are_a_habit() -> None:
    busy = np.array([d * DAY + m * 60 for d in range(7) for m in range(8 * 60, 24 * 60)])
    assert judge(busy, 8, width=60).findings == ()
    assert len(judge(busy, 14, width=60).findings) == 1


def test_a_promise_needs_no_history() -> None:
    promise = Check(name="fresh", kind="freshness", table="deliveries", within="2h")
    assert len(judge(daily(2), 4, promise).findings) == 1
    assert judge(daily(2), 2, promise).findings == ()


def test_rows_at_random_rarely_look_silent() -> None:
    times = np.cumsum(np.random.default_rng(8).exponential(600, 8_000))
    bins = np.unique(times.astype(np.int64) // 60 * 60)
    alarms = 0
    for at in np.arange(times[2_000], times[-1], 600):
        seen = bins[(bins < at - 60)][-1_500:]
        alarms += len(
            judge_freshness(CHECK, Feeds({(): arrivals(seen, at, 60)}, EVENINGS), CheckState()).findings
        )
    weeks = (times[-1] - times[2_000]) / 604_800
    assert alarms / weeks <= 1


@pytest.mark.parametrize("times", [np.array([], dtype=np.float64), daily(3)])
def test_without_history_nothing_is_judged(times: np.ndarray) -> None:
    verdict = judge_freshness(CHECK, Feeds({(): arrivals(times, 400.0 * DAY)}, EVENINGS), CheckState())
    assert (verdict.judged, verdict.findings) == (False, ())


def test_the_same_silence_keeps_the_same_fingerprint_and_its_end_is_said() -> None:
    times = daily(40)

    def look(times: np.ndarray, hours: float, state: CheckState) -> Verdict:
        at = float(daily(40)[-1] + hours * HOUR)
        return judge_freshness(CHECK, Feeds({(): arrivals(times, at)}, EVENINGS), state)

    first = look(times, 33, CheckState())
    second = look(times, 34, first.state)
    assert first.findings[0].fingerprint == second.findings[0].fingerprint
    third = look(np.append(times, times[-1] + 34.5 * HOUR), 35, second.state)
    assert third.cleared == (first.findings[0].fingerprint,)


def test_an_empty_delivery_is_none_and_said_to_be_empty() -> None:
    times, at = daily(41), float(40 * DAY + 3 * HOUR)
    sizes = np.append(np.full(40, 100.0), 2.0)
    held = Feeds({(): arrivals(times, at, sizes=sizes)}, EVENINGS)
    (finding,) = judge_freshness(CHECK, held, CheckState()).findings
    assert finding.title == (
        "deliveries: due 01:00 UTC (usually 01:00–01:00), only 2 rows came Tue 01:00, 2h late"
    )
    assert finding.window_start == datetime.fromtimestamp(39 * DAY + HOUR, UTC)
    assert arrived_since(CHECK, held, finding) is None
    later = Feeds({(): arrivals(np.append(times, at), at + 600, sizes=np.append(sizes, 90.0))}, EVENINGS)
    assert judge_freshness(CHECK, later, CheckState()).findings == ()
    assert arrived_since(CHECK, later, finding) == at


def test_the_feed_of_one_country_is_late_while_the_others_come() -> None:
    at = float(40 * DAY + 5 * HOUR)
    both = feeds(at, Chile=daily(41) + HOUR, Peru=daily(40))
    (finding,) = judge_freshness(CHECK, both, CheckState()).findings
    assert finding.slice == (("country", "Peru"),)
    assert finding.title.startswith("deliveries where country = Peru: due 01:00 ")


def test_where_the_whole_table_is_late_no_slice_of_it_is_reported() -> None:
    at = float(40 * DAY + 5 * HOUR)
    (finding,) = judge_freshness(CHECK, feeds(at, Chile=daily(40), Peru=daily(40)), CheckState()).findings
    assert finding.slice == ()

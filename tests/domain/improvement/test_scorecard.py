"""How well the practice has worked lately, beside all the time before: no more than so few incidents say."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.messages.practice import scorecard as messages
from domain.improvement.proportion import counted, more_than_before
from domain.improvement.scorecard import score_practice
from domain.incident.state import Incident
from domain.incident.state.incident import Followed
from domain.incident.times import definition
from domain.scored import Counted, Scorecard
from domain.values import Improvement
from tests.domain.improvement.test_follow_up import FINDING, OPENED, diagnosed, incident

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NOW = OPENED + 100 * DAY
SINCE = NOW - 28 * DAY


def one(days_ago: float, **after: float | object) -> Incident:
    """Opened so long ago; steps taken so many minutes after that."""
    at = NOW - days_ago * DAY
    moments = {name: at + MINUTE * took for name, took in after.items() if isinstance(took, int | float)}
    others = {name: said for name, said in after.items() if name not in moments}
    found = FINDING.model_copy(update={"window_start": at - 5 * MINUTE, "window_end": at})
    return incident(opened_at=at, first_finding=found, **{**moments, **others})


def card(*incidents: Incident) -> Scorecard:
    return score_practice(incidents, NOW, SINCE)


def test_times_count_only_what_was_taken_and_false_alarms_count_nowhere_else() -> None:
    found = card(
        one(1, acknowledged_at=2.0, resolved_at=30.0, resolved_how="hotfix"),
        one(2, acknowledged_at=4.0),
        one(3, acknowledged_at=90.0, resolved_how="false_alarm"),
    )
    assert (found.incidents, found.earlier, found.false_alarms) == (2, 0, 1)
    assert found.time("acknowledge").lately.mean == 3 * MINUTE
    assert (found.time("resolve").lately.median, found.time("resolve").lately.count) == (30 * MINUTE, 1)
    assert found.time("mitigate").lately.count == 0
    shares = {of.name: of.lately for of in found.proportions}
    assert (shares["false alarms"].held, shares["false alarms"].of) == (1, 3)


def test_what_is_measured_by_an_earlier_definition_stands_beside_that_of_now() -> None:
    undated = one(1)
    dated = one(1, diagnosis=diagnosed("feed"), onset_at=-9.0)
    asked = [definition("detect=v1"), definition("detect")]
    both = score_practice([undated, dated], NOW, SINCE, beside=asked)
    counts = [(of.version, of.lately.count) for of in both.times if of.step == "detect"]
    assert counts == [(2, 2), (1, 1)]
    assert both.time("detect").version == 2


def test_it_is_called_faster_only_where_the_interval_leaves_no_other_reading() -> None:
    slow = [one(40 + day, acknowledged_at=20.0 + day) for day in range(8)]
    fast = [one(1 + day, acknowledged_at=2.0 + day / 10) for day in range(8)]
    found = card(*slow, *fast)
    assert messages.moved(found) == (["time to acknowledge"], [])
    assert "better: time to acknowledge" in messages.headline(found)
    assert messages.factor(found.time("acknowledge")).endswith("faster")
    assert messages.moved(card(*slow[:2], *fast[:2])) == ([], [])
    assert messages.factor(card(*slow[:2], *fast[:2]).time("acknowledge")) == "too few to tell"
    assert "neither better nor worse" in messages.headline(card(*slow, *[one(1, acknowledged_at=23.0)] * 5))


def test_more_false_alarms_are_worse_and_more_predicted_are_better() -> None:
    before = [one(40 + day, resolved_how="elsewhere") for day in range(20)]
    wrong = [one(1 + day, resolved_how="false_alarm") for day in range(10)]
    ahead = [one(1 + day, kind="predicted") for day in range(10)]
    better, worse = messages.moved(card(*before, *wrong, *ahead))
    assert "share predicted" in better
    assert "share false alarms" in worse


def test_where_the_time_goes_is_shown_with_the_incidents_in_which_it_went() -> None:
    found = card(
        one(1, acknowledged_at=120.0, diagnosed_at=121.0, resolved_at=130.0),
        one(2, acknowledged_at=1.0, diagnosed_at=2.0, resolved_at=12.0),
    )
    most = found.lost[0]
    assert most.step == "acknowledge"
    assert most.took == 121 * MINUTE
    assert most.of == sum((of.took for of in found.lost), timedelta(0)) == (5 + 130 + 5 + 12) * MINUTE
    assert most.incidents[0][1] == 120 * MINUTE
    assert "80 % of the 2 h 32 min between onset and end went into waiting" in messages.helps_most(found)


def test_a_week_is_a_period_and_of_a_long_time_four_weeks_are() -> None:
    weekly = card(*(one(days, acknowledged_at=1.0) for days in (1, 2, 9, 20))).time("acknowledge").periods
    assert [(of.ends - of.begins, of.spread.count) for of in weekly] == [
        (7 * DAY, 1),
        (7 * DAY, 1),
        (7 * DAY, 2),
    ]
    yearly = score_practice([one(days, acknowledged_at=1.0) for days in (1, 300)], NOW).time("acknowledge")
    assert [of.ends - of.begins for of in yearly.periods] == [28 * DAY, 28 * DAY]


def test_follow_ups_that_change_something_are_counted_by_how_far_they_came() -> None:
    change = Improvement(detect_faster="x", diagnose_faster="x", change="check", detail="hourly")
    agreed = {"follow_up": change, "closed_at": 5.0, "resolved_at": 4.0}
    done = Followed(done_at=NOW - DAY, done_by="replay")
    late = Followed(due_at=NOW - DAY)
    found = card(one(2, followed=done, **agreed), one(2, followed=late, **agreed), one(3, closed_at=9.0))
    assert (found.follow_ups.agreed, found.follow_ups.overdue) == (2, 1)
    learned = next(of for of in found.proportions if of.name == "learned from")
    assert (learned.lately.held, learned.lately.of) == (1, 3)


def test_of_no_incident_nothing_is_said_and_nothing_breaks() -> None:
    empty = score_practice([], NOW)
    assert messages.headline(empty) == "0 incidents so far"
    assert messages.helps_most(empty) == ""
    assert "Scorecard" in messages.html(empty)
    assert messages.blocks(card())[0]["type"] == "header"


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_the_difference_of_two_shares_lies_in_its_interval_which_is_never_of_width_zero(
    then: int, others: int, now: int, more: int
) -> None:
    before, lately = (Counted.model_validate(_so(held, of)) for held, of in ((then, others), (now, more)))
    found = more_than_before(before, lately)
    assert found is not None and found.value is not None and found.low is not None and found.high is not None
    assert -1 <= found.low < found.high <= 1
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9
    back = more_than_before(lately, before)
    assert back is not None and back.value == -found.value


def _so(held: int, others: int) -> dict[str, object]:
    return counted([True] * held + [False] * others, "incidents").model_dump()

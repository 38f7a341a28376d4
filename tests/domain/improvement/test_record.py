"""How often a check spoke and was right, what everybody missed, and what that earns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.improvement.advice import Advice
from domain.improvement.evidenced import Looks
from domain.improvement.record import LEAST_CONFIRMED, Alarm, Record, records, written
from domain.incident import commands as c
from domain.incident.decide import decide
from domain.incident.events import Recorded
from domain.incident.state import Incident, evolve
from domain.recommender.check import Check
from domain.recommender.recommender import SHADOW
from domain.values import Finding, Severity
from tests.domain.incident.given import FINDING, MORNING, WORKER

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LIVE = Check(name="impressions_by_slice", kind="slice_volume", table="impressions")
TRIAL = Check(name="trial", kind="slice_volume", table="impressions", shadow=True)
NOW = MORNING + 60 * DAY
ON_RECORD = {check.name: MORNING - DAY for check in (LIVE, TRIAL)}


def moved(finding: Finding, by: timedelta) -> Finding:
    times = {"window_start": finding.window_start + by, "window_end": finding.window_end + by}
    return finding.model_copy(update=times)


def incident(
    day: float, *commands: c.Command, finding: Finding | None = FINDING, number: int = 1
) -> Incident:
    """One that was opened so many days after the first morning; each command came an hour later."""
    first: c.Command = c.DeclareIncident(number=number, title="slow", severity=Severity.SEV3)
    if finding is not None:
        times = {
            "window_start": finding.window_start + day * DAY,
            "window_end": finding.window_end + day * DAY,
        }
        first = c.OpenIncident(number=number, finding=finding.model_copy(update=times))
    folded: Incident | None = None
    stream = f"s{number}-{day}"
    for place, command in enumerate((first, *commands)):
        at = MORNING + day * DAY + place * timedelta(hours=1)
        for event in decide(folded, command, WORKER, at):
            version = folded.version + 1 if folded else 1
            record = Recorded(stream, version, at, "worker", "w", cause=None, key="k", event=event)
            folded = evolve(folded, record)
    assert folded is not None
    return folded


REAL, FALSE = c.Resolve(how="elsewhere", reason="fixed"), c.Dismiss(reason="a sale")


def alarm(day: float, minutes: float = 5, quiet: str = SHADOW) -> Alarm:
    since = MORNING + day * DAY
    return Alarm(
        fingerprint="f",
        title="fewer",
        table="impressions",
        severity=Severity.SEV2,
        quiet=quiet,
        since=since,
        told_at=since + minutes * MINUTE,
        until=since + 30 * MINUTE,
    )


def record(check: Check, incidents: list[Incident], *alarms: Alarm) -> Record:
    (one,) = records([check], incidents, [("trial", alarm) for alarm in alarms], ON_RECORD, NOW)
    return one


def test_a_check_that_pages_people_is_judged_by_how_its_incidents_ended() -> None:
    one = record(LIVE, [incident(0, REAL), incident(1, FALSE), incident(2), incident(3, REAL)])
    assert (one.alarms, one.confirmed, one.false, one.undecided) == (4, 2, 1, 1)


def test_an_alarm_in_the_shadow_is_right_when_there_was_an_incident_and_false_when_there_was_none() -> None:
    one = record(TRIAL, [incident(0, REAL), incident(1, FALSE)], alarm(0), alarm(1), alarm(2), alarm(59))
    assert (one.alarms, one.confirmed, one.false, one.undecided) == (4, 1, 2, 1)


def test_an_incident_of_another_table_or_slice_or_day_confirms_nothing() -> None:
    elsewhere = FINDING.model_copy(update={"table": "plays"})
    spain = alarm(1).model_copy(update={"slice": (("country", "Spain"),)})
    one = record(
        TRIAL, [incident(0, REAL, finding=elsewhere), incident(1, REAL), incident(3, REAL)], alarm(0), spain
    )
    assert one.confirmed == 0


def test_what_people_declared_and_no_check_had_found_was_missed_by_all() -> None:
    declared = incident(0, REAL, finding=None, number=7)
    assert record(LIVE, [declared]).missed == (7,)
    assert record(LIVE, [declared, incident(0, REAL)]).missed == ()
    assert record(TRIAL, [declared], alarm(0)).missed == ()
    assert record(LIVE, [incident(0, FALSE, finding=None, number=8)]).missed == ()


def test_time_to_detect_counts_from_the_onset_and_planned_times_count_apart() -> None:
    began = c.CorrectOnset(event="s1-0:1", since=MORNING - 10 * MINUTE, reason="from the feed's own log")
    declared = incident(0, began, REAL, finding=None)
    one = record(TRIAL, [declared], alarm(0, minutes=5), alarm(5, quiet="planned: a launch"))
    assert one.to_detect == 15 * MINUTE
    assert (one.alarms, one.quiet) == (1, 1)


@pytest.mark.parametrize(
    ("right", "wrong", "lacking"),
    [
        (LEAST_CONFIRMED, 0, ""),
        (LEAST_CONFIRMED - 1, 0, "alarms confirmed"),
        (LEAST_CONFIRMED, 2, "60 % of its judged alarms"),
        (60, 15, "false alarms a week"),
    ],
)
def test_a_record_earns_it_that_people_are_paged_when_it_is_long_and_right(
    right: int, wrong: int, lacking: str
) -> None:
    days = [place / 2 for place in range(right)]
    alarms = [alarm(day) for day in (*days, *(40 + place for place in range(wrong)))]
    one = record(TRIAL, [incident(day, REAL) for day in days], *alarms)
    assert one.earned is (lacking == "")
    assert lacking in one.verdict


def test_a_record_of_a_few_days_earns_nothing_yet() -> None:
    (one,) = records([TRIAL], [], [], {"trial": NOW - 3 * DAY}, NOW)
    assert not one.earned
    assert "3 of 14 days" in one.verdict


def test_a_finding_reported_twice_is_one_and_one_after_a_pause_is_another() -> None:
    alarms = written((), FINDING, SHADOW, NOW)
    assert written(alarms, FINDING, SHADOW, NOW) == alarms
    later = moved(FINDING, MINUTE)
    (longer,) = written(alarms, later, SHADOW, NOW)
    assert (longer.findings, longer.until) == (2, later.window_end)
    tomorrow = moved(FINDING, DAY)
    assert len(written(alarms, tomorrow, SHADOW, NOW)) == 2
    assert len(written(alarms, later, "planned: a launch", NOW)) == 2


def off(change: float) -> Finding:
    return FINDING.model_copy(update={"expected": 100.0, "observed": 100.0 * (1 + change)})


def test_small_changes_that_were_false_ask_for_a_least_change_that_leaves_them_out_and_nothing_else() -> None:
    incidents = [
        *(incident(day, FALSE, finding=off(-0.3), number=day) for day in range(1, 4)),
        *(incident(day, REAL, finding=off(-0.6), number=day) for day in range(4, 7)),
    ]
    one = record(LIVE, incidents)
    assert one.advice == Advice(
        move="tighten",
        says="it would have left out 3 of 3 false alarms and none of 3 that were right",
        key="least_change = 0.45",
    )
    assert one.precision is not None and one.precision.value == 0.5
    assert one.last_right == incidents[-1].opened_at


def test_where_false_alarms_are_as_large_as_those_that_were_right_no_least_change_is_named() -> None:
    incidents = [
        *(incident(day, FALSE, finding=off(-0.7), number=day) for day in range(1, 4)),
        *(incident(day, REAL, finding=off(-0.6), number=day) for day in range(4, 7)),
    ]
    assert record(LIVE, incidents).advice is None


def test_what_was_never_right_for_long_is_to_be_retired() -> None:
    wrong = [incident(day, FALSE, number=day) for day in range(1, 6)]
    (one,) = records([LIVE], wrong, [], ON_RECORD, NOW + 40 * DAY)
    assert one.advice is not None
    assert (one.advice.move, one.advice.says) == ("retire", "none of its 5 alarms was right in 101 days")
    assert record(LIVE, wrong).advice is None  # not for so long yet


def test_what_others_find_in_its_table_and_it_does_not_counts_against_it_and_asks_to_loosen_it() -> None:
    others = FINDING.model_copy(update={"check": "another"})
    incidents = [
        *(incident(day, REAL, number=day) for day in range(1, 5)),
        *(incident(day, REAL, finding=others, number=day) for day in (5, 6)),
    ]
    one = record(LIVE, incidents)
    assert one.unseen == (5, 6)
    assert one.recall is not None and one.recall.value == pytest.approx(4 / 6)
    assert one.advice is not None
    assert (one.advice.move, one.advice.key) == ("loosen", "least_change = 0.12")
    assert "it missed #5, #6, and none of its 4 alarms was false" in one.advice.says


def test_a_check_in_shadow_mode_whose_record_earns_it_is_to_be_promoted() -> None:
    beside = [incident(day, REAL, number=day) for day in range(1, 5)]
    one = record(TRIAL, beside, *(alarm(day) for day in range(1, 5)))
    assert one.advice is not None and one.advice.move == "promote"
    assert one.unseen == ()
    assert record(TRIAL, [], alarm(1)).advice is None


def test_what_it_costs_is_by_its_newest_looks_a_day() -> None:
    looks = Looks(count=9, judged=9, failed=0, seconds=20.0, since=NOW - 4 * DAY, last_at=NOW, failing=False)
    (one,) = records([LIVE], [], [], ON_RECORD, NOW, {LIVE.name: looks})
    assert one.seconds_a_day == 5.0
    assert record(LIVE, []).seconds_a_day is None

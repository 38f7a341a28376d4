"""What shows that a follow-up is done, and what shows that it made something worse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.improvement.record import Record
from domain.improvement.shown import done, lacking, made_worse, not_found, too_many_alarms
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.replayed import AgreedCheck, Comparable, Replayed, Went
from domain.values import Estimate, Improvement
from tests.domain.incident.given import LESSON, OPEN, TRIED, after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
THEN = Went(raised_at=NOON, check="volume", named=None, offered=("standby",))
SURE = Comparable(raised=True, named=True, offered=True)
PROMISED = Estimate(value=0.0, low=0.0, high=0.5, unit="alarms a week", basis="replay")


def answered(change: Any = "check", check: str | None = None) -> Incident:
    answer = LESSON.model_copy(update={"change": change})
    steps = (OPEN, c.Resolve(reason="It stopped."), TRIED, c.AnswerFollowUp(improvement=answer, check=check))
    return after(*steps)[0]


def replayed(now: Went = THEN, **changes: Any) -> Replayed:
    fields: dict[str, Any] = {"number": 1, "title": "x", "then": THEN, "now": now, "judged": SURE}
    return Replayed.model_validate({**fields, "verdict": "same", **changes})


def by_hour(**changes: Any) -> AgreedCheck:
    return AgreedCheck.model_validate({"check": "by_hour", "sooner": HOUR, **changes})


def record(false: int, since: datetime | None = NOON - 2 * WEEK, **changes: Any) -> Record:
    fields: dict[str, Any] = {"check": "by_hour", "shadow": True, "since": since, "alarms": false}
    fields |= {"confirmed": 0, "false": false, "undecided": 0, "quiet": 0, "missed": (), "to_detect": None}
    return Record.model_validate({**fields, "earned": False, "verdict": "not yet: 3 of 14 days", **changes})


@pytest.mark.parametrize(
    ("agreed", "shown"),
    [
        (by_hour(), True),
        (by_hour(shadow=True), False),
        (by_hour(judged=False), False),
        (by_hour(sooner=timedelta(0)), False),
        (by_hour(sooner=-HOUR), False),
        (by_hour(sooner=None), False),
        (None, False),
    ],
)
def test_a_check_is_done_once_it_finds_its_incident_sooner_and_pages_somebody(
    agreed: AgreedCheck | None, shown: bool
) -> None:
    sooner = THEN.model_copy(update={"raised_at": NOON - HOUR, "check": "another"})
    said = done(answered(check="by_hour"), replayed(sooner, agreed=agreed))
    assert said == ("in a replay of this incident by_hour finds it 1 h sooner" if shown else None)


def test_words_are_done_by_any_check_that_finds_it_sooner() -> None:
    sooner = THEN.model_copy(update={"raised_at": NOON - HOUR, "check": "another"})
    assert done(answered(), replayed(sooner)) == "in a replay of this incident another finds it 1 h sooner"
    assert done(answered(), replayed()) is None
    assert done(answered(), replayed(sooner, judged=Comparable(False, True, True))) is None


def test_a_log_is_done_once_the_cause_is_named_that_was_not() -> None:
    named = THEN.model_copy(update={"named": "feed plays"})
    assert done(answered("log"), replayed(named)) == "its cause is named now: feed plays"
    assert done(answered("log"), replayed(named, then=named)) is None
    assert done(answered("log"), replayed(named, judged=Comparable(True, False, True))) is None


def test_of_what_was_no_incident_it_is_done_once_nobody_is_told_of_it() -> None:
    quiet = "a false alarm that is not raised any more"
    sooner = THEN.model_copy(update={"raised_at": NOON - HOUR})
    assert (
        done(answered("threshold"), replayed(false_alarm=True, verdict="better", reasons=(quiet,))) == quiet
    )
    assert done(answered("threshold"), replayed(sooner, false_alarm=True)) is None


def test_a_hotfix_is_done_once_one_is_offered_that_was_not() -> None:
    offered = THEN.model_copy(update={"offered": ("failover", "standby")})
    assert done(answered("hotfix"), replayed(offered)) == "failover is offered now"
    assert done(answered("hotfix"), replayed()) is None


@pytest.mark.parametrize(("false", "too_many"), [(0, False), (2, False), (3, False), (4, True), (9, True)])
def test_alarms_are_too_many_once_even_their_lower_end_is_above_what_was_promised(
    false: int, too_many: bool
) -> None:
    said = too_many_alarms(PROMISED, record(false), NOON)
    assert (said is not None) == too_many, said


def test_what_is_not_on_record_and_what_was_not_established_is_not_held_against_it() -> None:
    assert too_many_alarms(PROMISED, record(50, since=None), NOON) is None
    assert too_many_alarms(PROMISED.model_copy(update={"high": None}), record(50), NOON) is None


@pytest.mark.parametrize(
    ("agreed", "says"),
    [
        (by_hour(), None),
        (by_hour(sooner=timedelta(0)), None),
        (by_hour(sooner=None), "by_hour does not find this incident"),
        (by_hour(sooner=-HOUR), "by_hour finds this incident 1 h later than it was found"),
        (by_hour(sooner=None, on_kept=False), None),
        (by_hour(sooner=None, judged=False), None),
        (None, None),
    ],
)
def test_only_what_was_kept_proves_that_it_does_not_find_its_incident(
    agreed: AgreedCheck | None, says: str | None
) -> None:
    assert not_found(agreed) == says


def test_worse_with_it_than_without_it_is_its_doing_and_nothing_else_is() -> None:
    worse = replayed(verdict="worse", reasons=("it is raised 1 h later",))
    assert made_worse([worse], [replayed()]) == "#1: it is raised 1 h later"
    assert made_worse([worse], [worse]) is None
    assert made_worse([replayed()], [replayed(verdict="not judged")]) is None
    assert made_worse([worse], []) is None
    alarm = replayed(false_alarm=True)
    quiet = replayed(false_alarm=True, verdict="better")
    assert made_worse([alarm], [quiet]) == "#1, which was no incident, is raised by it"


@pytest.mark.parametrize(
    ("replay", "known", "says"),
    [
        (None, None, "the check by_hour is not declared"),
        (None, record(0), "no replay of this incident was made yet"),
        (
            replayed(agreed=by_hour(shadow=True)),
            record(0),
            "by_hour would find it 1 h sooner, and is in shadow mode, where it pages nobody "
            "(not yet: 3 of 14 days)",
        ),
        (
            replayed(agreed=by_hour(shadow=True)),
            record(0, earned=True),
            "by_hour would find it 1 h sooner, and is in shadow mode, where it pages nobody; "
            "remove `shadow = true` from [checks.by_hour] to let it",
        ),
        (replayed(agreed=by_hour(says="it was walked")), record(0), "it was walked"),
        (replayed(verdict="not judged", notes=("too short",)), record(0), "too short"),
        (replayed(), record(0), "the replay of this incident shows no difference yet"),
    ],
)
def test_whoever_is_reminded_hears_what_is_lacking(
    replay: Replayed | None, known: Record | None, says: str
) -> None:
    assert lacking(answered(check="by_hour"), replay, known) == says


def test_declined_nothing_shows_it_done() -> None:
    nothing = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="rare")
    incident, _ = after(OPEN, c.Resolve(reason="x"), c.AnswerFollowUp(improvement=nothing))
    assert done(incident.model_copy(update={"follow_up": None}), replayed()) is None
    assert done(incident, replayed()) is None

"""A check that guards a hotfix reverts it if it alarms on what the hotfix touches, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Finding
from tests.workers.conftest import NOON, make_finding, make_option
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.respond.resolve.guards import new_alarm, touches
from workers.respond.resolve.watch import guard, watch
from workers.store import cards

MINUTE = timedelta(minutes=1)
UNREAD = Table(name="impressions", path="none.parquet", time="at", window=MINUTE)
ON_CALL = Actor(kind="person", id="terminal:on-call")
WORKER = Actor(kind="worker", id="detect")
FOUND = make_finding(observed=50.0).model_copy(update={"slice": (("country", "DK"),)})


def alarm(check: str = "plays_by_slice", after: float = 1.0, **changes: object) -> Finding:
    """A finding of another check whose window begins so many minutes after the deployment."""
    start = NOON + after * MINUTE
    changed = {"check": check, "table": "plays", "window_start": start, "window_end": start + MINUTE}
    return FOUND.model_copy(update={**changed, "title": "plays: 40 % fewer rows", **changes})


class Guarded:
    """An incident whose hotfix, guarded by `plays_by_slice`, was applied at noon."""

    def __init__(self, log: Engine) -> None:
        self.log, self.asked, self.stream = log, 0, None
        self.stream = self.say(c.OpenIncident(number=0, finding=FOUND), -10)
        option = make_option().model_copy(update={"guards": ("plays_by_slice",)})
        self.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)), -9)
        self.say(c.PrepareMenu(options=(option,)), -8)
        self.say(c.ChooseHotfix(option="fill", menu=digest_of([option])), -7)
        self.say(c.RecordHotfixApplied(option="fill", receipt="done"), 0)

    stream: str | None

    def say(self, command: c.Command, minutes: float, stream: str | None = None) -> str:
        self.asked += 1
        at = NOON + minutes * MINUTE
        where = None if isinstance(command, c.OpenIncident) else stream or self.stream
        return handle(where, command, actor=ON_CALL, key=f"k{self.asked}", at=at, log=self.log).stream

    def alarmed(self, finding: Finding, minutes: float = 3) -> str:
        return self.say(c.OpenIncident(number=0, finding=finding), minutes)

    @property
    def incident(self) -> Incident:
        with self.log.connect() as connection:
            found = cards.find(connection, self.stream or "")
        assert found is not None
        return found

    def harm(self) -> c.RecordHarm | None:
        work = self.work()
        assert work.incident.hotfix is not None
        return new_alarm(work, work.incident.hotfix, NOON)

    def work(self, at: datetime = NOON + 5 * MINUTE) -> Work:
        incident = self.incident
        assert incident.hotfix is not None
        obligation = Obligation(kind="watch", event_id=incident.hotfix.event_id, since=NOON)
        return Work(self.log, incident, obligation, at)


@pytest.fixture
def guarded(log: Engine) -> Guarded:
    return Guarded(log)


def test_an_alarm_of_a_guard_on_what_the_hotfix_touches_is_harm_and_names_itself(guarded: Guarded) -> None:
    assert guarded.harm() is None
    guarded.alarmed(alarm())
    harm = guarded.harm()
    assert harm is not None
    assert harm.reason == (
        "its guard plays_by_slice alarmed in country = DK at 2026-03-03 12:02 UTC (#2): "
        "plays: 40 % fewer rows"
    )


@pytest.mark.parametrize("room", [watch, guard])
def test_an_alarm_of_a_guard_is_reported_before_the_metric_is_looked_at_and_after_the_verdict_too(
    guarded: Guarded, room: Callable[[Work, Recommender], Sequence[c.Command]]
) -> None:
    guarded.alarmed(alarm())
    nothing_to_measure = Recommender(name="cinema", tables={"impressions": UNREAD})
    (harm,) = room(guarded.work(), nothing_to_measure)
    assert harm == guarded.harm()


@pytest.mark.parametrize(
    ("finding", "reverts"),
    [
        (alarm(slice=()), True),  # the whole table holds what the hotfix touches
        (alarm(slice=(("device", "tv"),)), True),  # rows of Denmark may be among them
        (alarm(slice=(("country", "DK"), ("device", "tv"))), True),
        (alarm(slice=(("country", "SE"),)), True),  # what is shown more of one is shown less of another
        (alarm("another_check"), False),
        (alarm(after=-0.5), False),  # its window began before the deployment
        (alarm(kind="predicted", subject="7"), True),
        (alarm(kind="predicted", subject="8"), False),  # not one of its items
    ],
)
def test_only_a_guard_and_only_after_the_deployment_and_where_it_acts(
    guarded: Guarded, finding: Finding, reverts: bool
) -> None:
    guarded.alarmed(finding)
    assert (guarded.harm() is not None) is reverts


@pytest.mark.parametrize(("country", "reverts"), [("DK", True), ("SE", False)])
def test_what_changes_requests_of_its_slice_only_is_guarded_there(
    guarded: Guarded, country: str, reverts: bool
) -> None:
    guarded.alarmed(found := alarm(slice=(("country", country),)))
    parameters = {"kind": "popularity_fallback", "slice": {"country": "DK"}, "column": "views"}
    assert touches(make_option(parameters=parameters), guarded.incident, found) is reverts
    # A receiver is told where the symptom was, and does what it does everywhere.
    assert touches(make_option(parameters={**parameters, "kind": "webhook"}), guarded.incident, found)


def test_what_alarmed_before_the_deployment_and_goes_on_is_not_new(guarded: Guarded) -> None:
    guarded.alarmed(alarm(after=-6), minutes=-4)
    guarded.alarmed(alarm(after=2), minutes=4)
    assert guarded.harm() is None


def test_an_alarm_that_joined_the_incident_itself_counts_as_well(guarded: Guarded) -> None:
    guarded.say(c.JoinFinding(finding=alarm(), shares="slice"), 3)
    assert guarded.harm() is not None


def test_what_fell_with_the_alarm_and_is_not_back_is_no_harm_done_by_the_hotfix(guarded: Guarded) -> None:
    guarded.say(c.JoinFinding(finding=alarm(after=-3), shares="slice"), -2)
    guarded.alarmed(alarm(), minutes=3)
    assert guarded.harm() is None


def test_an_alarm_that_people_called_false_reverts_nothing(guarded: Guarded) -> None:
    stream = guarded.alarmed(alarm())
    guarded.say(c.Dismiss(reason="A holiday in Denmark."), 4, stream)
    assert guarded.harm() is None


def test_a_hotfix_without_guards_asks_for_nothing(guarded: Guarded) -> None:
    guarded.alarmed(alarm())
    unguarded = guarded.incident
    assert unguarded.hotfix is not None
    menu = tuple(one.model_copy(update={"guards": ()}) for one in unguarded.menu or ())
    work = Work(
        guarded.log,
        unguarded.model_copy(update={"menu": menu}),
        Obligation(kind="watch", event_id="x", since=NOON),
        NOON,
    )
    assert new_alarm(work, unguarded.hotfix, NOON) is None

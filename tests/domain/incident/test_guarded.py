"""When a hotfix that stays in force is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.events import Recorded
from domain.incident.menu import digest_of
from domain.incident.obligations import GUARD, expiry_of, guard_of, open_obligations, reminder_of, scheduled
from domain.incident.state import Incident
from domain.values import Option, Severity
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    FINDING,
    MORNING,
    OFFERED,
    OPEN,
    REVERTED,
    VERIFIED,
    WORKER,
    after,
    append,
    option,
)

IN_FORCE = (OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED)
MINUTE = timedelta(minutes=1)


def seen(minutes: float, repaired: float = 0.9, *, measured: bool = True) -> c.RecordWatch:
    return c.RecordWatch(
        option="fill",
        observed=1,
        expected=1,
        repaired_share=repaired,
        window_start=MORNING + (minutes - 1) * MINUTE,
        window_end=MORNING + minutes * MINUTE,
        low=repaired - 0.1 if measured else None,
        high=repaired + 0.1 if measured else None,
    )


def next_look(*steps: c.RecordWatch) -> datetime:
    incident, _ = after(*IN_FORCE, VERIFIED, *((step, WORKER) for step in steps))
    obligation = guard_of(incident)
    assert obligation is not None
    assert incident.hotfix is not None
    assert (obligation.kind, obligation.event_id) == (GUARD, incident.hotfix.event_id)
    assert obligation in scheduled(incident)
    assert GUARD not in {one.kind for one in open_obligations(incident)}
    return obligation.since


def test_it_is_looked_at_often_after_the_verdict_and_seldom_later() -> None:
    verified = MORNING + 5 * MINUTE
    assert next_look() == verified + MINUTE
    assert next_look(seen(35)) == MORNING + 38 * MINUTE
    assert next_look(seen(1445)) == MORNING + 1455 * MINUTE


def test_what_looked_worse_is_looked_at_again_as_soon_as_there_is_another_window() -> None:
    assert next_look(seen(1445, repaired=-0.5)) == MORNING + 1446 * MINUTE


@pytest.mark.parametrize("not_worse", [seen(1445, repaired=-0.1), seen(1445, repaired=-0.5, measured=False)])
def test_what_chance_may_explain_or_nobody_could_measure_is_no_reason_to_hurry(
    not_worse: c.RecordWatch,
) -> None:
    assert next_look(not_worse) == MORNING + 1455 * MINUTE


def test_a_look_before_the_verdict_does_not_bring_the_next_one_forward() -> None:
    incident, log = after(*IN_FORCE, (seen(2), WORKER), VERIFIED)
    obligation = guard_of(incident)
    assert obligation is not None
    assert obligation.since == log[-2].at + MINUTE


def test_no_look_comes_before_the_metric_has_another_window() -> None:
    hourly = FINDING.model_copy(update={"window_start": FINDING.window_end - timedelta(hours=1)})
    incident, log = after((c.OpenIncident(number=1, finding=hourly), WORKER), *IN_FORCE[1:], VERIFIED)
    obligation = guard_of(incident)
    assert obligation is not None
    assert obligation.since == log[-2].at + timedelta(hours=1)


@pytest.mark.parametrize(
    "ended", [(c.RevertHotfix(option="fill"),), (c.RevertHotfix(option="fill"), REVERTED)]
)
def test_what_is_taken_back_is_looked_at_no_more(ended: tuple[c.Command, ...]) -> None:
    incident, _ = after(*IN_FORCE, VERIFIED, *ended)
    assert guard_of(incident) is None


def test_what_is_being_watched_is_not_guarded_beside() -> None:
    assert guard_of(after(*IN_FORCE)[0]) is None


def declared_by_a_person(given: Option) -> tuple[Incident, list[Recorded]]:
    refuted = c.RefuteHotfix(option="fill", reason="no check raised it")
    return after(
        c.DeclareIncident(number=1, title="Something is off", severity=Severity.SEV3),
        DIAGNOSED,
        (c.PrepareMenu(options=(given,)), WORKER),
        c.ChooseHotfix(option="fill", menu=digest_of([given])),
        APPLIED,
        (refuted, WORKER),
    )


def test_where_nothing_measures_harm_nobody_looks() -> None:
    assert guard_of(declared_by_a_person(option())[0]) is None


def test_where_only_its_guards_measure_harm_they_are_looked_at_each_minute_at_first() -> None:
    incident, log = declared_by_a_person(option().model_copy(update={"guards": ("plays_by_slice",)}))
    obligation = guard_of(incident)
    assert obligation is not None
    assert obligation.since == log[-1].at + MINUTE


def test_a_hotfix_that_an_earlier_release_took_off_the_menu_is_owed_no_look_and_no_word_before_its_end() -> (
    None
):
    incident, log = declared_by_a_person(option().model_copy(update={"guards": ("plays_by_slice",)}))
    assert reminder_of(incident) is not None
    changed, _ = append(incident, log, (e.MenuPrepared(options=()),), WORKER, log[-1].at)
    assert changed is not None
    assert (guard_of(changed), reminder_of(changed)) == (None, None)
    assert expiry_of(incident) is not None
    assert expiry_of(changed) == expiry_of(incident)

"""When a hotfix that stays in force is looked at again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.incident import commands as c
from domain.incident.debts import GUARD, guard_of, owed, scheduled
from domain.incident.menu import digest_of
from domain.values import Option, Severity
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    MORNING,
    OFFERED,
    OPEN,
    REVERTED,
    VERIFIED,
    WORKER,
    after,
    option,
)

IN_FORCE = (OPEN, DIAGNOSED, OFFERED, DEPLOYED, APPLIED)
MINUTE = timedelta(minutes=1)


def seen(minutes: float, repaired: float = 0.9) -> c.RecordWatch:
    return c.RecordWatch(
        option="fill",
        observed=1,
        expected=1,
        repaired_share=repaired,
        window_start=MORNING + (minutes - 1) * MINUTE,
        window_end=MORNING + minutes * MINUTE,
        low=repaired - 0.1,
        high=repaired + 0.1,
    )


def next_look(*steps: c.RecordWatch) -> datetime:
    incident, _ = after(*IN_FORCE, VERIFIED, *((step, WORKER) for step in steps))
    debt = guard_of(incident)
    assert debt is not None
    assert incident.hotfix is not None
    assert (debt.kind, debt.event_id) == (GUARD, incident.hotfix.event_id)
    assert debt in scheduled(incident)
    assert GUARD not in {one.kind for one in owed(incident)}
    return debt.since


def test_it_is_looked_at_often_after_the_verdict_and_seldom_later() -> None:
    verified = MORNING + 5 * MINUTE
    assert next_look() == verified + MINUTE
    assert next_look(seen(35)) == MORNING + 38 * MINUTE
    assert next_look(seen(1445)) == MORNING + 1455 * MINUTE


def test_what_looked_worse_is_looked_at_again_as_soon_as_there_is_another_window() -> None:
    assert next_look(seen(1445, repaired=-0.5)) == MORNING + 1446 * MINUTE


@pytest.mark.parametrize(
    "ended", [(c.RevertHotfix(option="fill"),), (c.RevertHotfix(option="fill"), REVERTED)]
)
def test_what_is_taken_back_is_looked_at_no_more(ended: tuple[c.Command, ...]) -> None:
    incident, _ = after(*IN_FORCE, VERIFIED, *ended)
    assert guard_of(incident) is None


def test_what_is_being_watched_is_not_guarded_beside() -> None:
    assert guard_of(after(*IN_FORCE)[0]) is None


def test_where_nothing_tells_of_harm_nobody_looks() -> None:
    def kept(given: Option) -> bool:
        opened = c.DeclareIncident(number=1, title="Something is off", severity=Severity.SEV3)
        chosen = c.ChooseHotfix(option="fill", menu=digest_of([given]))
        refuted = c.RefuteHotfix(option="fill", reason="no check raised it")
        steps = (
            opened,
            DIAGNOSED,
            (c.PrepareMenu(options=(given,)), WORKER),
            chosen,
            APPLIED,
            (refuted, WORKER),
        )
        return guard_of(after(*steps)[0]) is not None

    assert not kept(option())
    assert kept(option().model_copy(update={"guards": ("plays_by_slice",)}))

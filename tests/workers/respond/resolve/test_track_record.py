"""The record of past promises is read from the log: of other incidents, as measured by then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation
from domain.recommender.recommender import Recommender
from domain.resolution.track_record import TrackRecord
from domain.values import Actor, Diagnosis, Estimate, Option
from tests.domain.conftest import AT
from tests.domain.conftest import world as world  # noqa: PLC0414 (a fixture)
from tests.workers.conftest import NOON, declared_fill, make_finding, make_option
from tests.workers.respond.diagnose.test_diagnose import ONSET
from tests.workers.respond.diagnose.test_diagnose import recommender as recommender  # noqa: PLC0414 (a fixture)
from workers.log.handle import handle
from workers.log.obligations import Work
from workers.respond.resolve.resolve import settle
from workers.respond.resolve.track_record import outcomes_of, record_before, remembered
from workers.store import cards

PERSON = Actor(kind="person", id="terminal:on-call")
PROMISED = Estimate(value=0.9, low=0.8, high=1.0, unit="share", basis="replay")
DECLARED = Recommender(name="shop", tables={}, hotfixes={"fill_language": declared_fill()})


@pytest.fixture
def past(log: Engine) -> Callable[..., str]:
    """An incident in which a hotfix closed this share of the gap, so many minutes after noon; its stream."""

    def happened(genre: str, share: float, minutes: int = 0, **option: Any) -> str:
        offered: tuple[Option, ...] = (make_option(repairs=PROMISED, **option),)
        steps: tuple[c.Command, ...] = (
            c.OpenIncident(number=0, finding=make_finding(genre)),
            c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)),
            c.PrepareMenu(options=offered),
            c.ChooseHotfix(option="fill", menu=digest_of(offered)),
            c.RecordHotfixApplied(option="fill", receipt="done"),
            c.VerifyHotfix(
                option="fill",
                observed=1,
                expected=1,
                repaired_share=share,
                low=share - 0.01,
                high=share + 0.01,
            ),
        )
        stream = None
        for number, step in enumerate(steps):
            at, key = NOON + timedelta(minutes=minutes), f"{genre}-{number}"
            stream = handle(stream, step, actor=PERSON, key=key, at=at, log=log).stream
        assert stream is not None
        return stream

    return happened


def work_on(log: Engine, stream: str, at: datetime) -> Work:
    with log.connect() as connection:
        incident = cards.find(connection, stream)
    assert incident is not None
    return Work(log, incident, Obligation(kind="menu", event_id="e", since=at), at)


def test_what_other_incidents_measured_is_the_record_by_kind_as_declared_or_as_the_menu_said(
    log: Engine, past: Callable[..., str]
) -> None:
    past("Drama", 0.5, hotfix="fill_language")  # of a menu that named no kind
    past("Comedy", 0.9, kind="fill_feature", hotfix="since_renamed")
    past("Horror", 0.1, hotfix="nobody_knows_it_any_more")
    own = past("Western", 0.2, kind="fill_feature")
    found = record_before(work_on(log, own, NOON + timedelta(hours=1)), DECLARED)
    assert {kind: sorted(map(round, misses)) for kind, misses in found.misses.items()} == {
        "fill_feature": [-4, 0]
    }


def test_what_was_measured_later_is_not_known_yet_so_the_same_moment_gives_the_same_menu(
    log: Engine, past: Callable[..., str]
) -> None:
    own = past("Drama", 0.9, kind="fill_feature")
    past("Comedy", 0.2, minutes=30, kind="fill_feature")
    before = record_before(work_on(log, own, NOON + timedelta(minutes=29)), DECLARED)
    after = record_before(work_on(log, own, NOON + timedelta(minutes=30)), DECLARED)
    assert (before, len(after.misses["fill_feature"])) == (TrackRecord(), 1)


def test_a_hotfix_of_a_kind_that_is_not_installed_keeps_no_other_from_being_known(
    log: Engine, past: Callable[..., str]
) -> None:
    past("Drama", 0.5, hotfix="fill_language")
    own = past("Comedy", 0.9)
    strange = declared_fill(name="strange", kind="of_another_package")
    both = DECLARED.model_copy(update={"hotfixes": {"strange": strange, **DECLARED.hotfixes}})
    assert set(record_before(work_on(log, own, NOON), both).misses) == {"fill_feature"}


def test_of_a_false_alarm_nothing_is_remembered(log: Engine, past: Callable[..., str]) -> None:
    dismissed = past("Drama", 0.1, kind="fill_feature")
    own = past("Comedy", 0.9)
    before = record_before(work_on(log, own, NOON), DECLARED)
    steps: tuple[c.Command, ...] = (
        c.RevertHotfix(option="fill"),
        c.RecordHotfixReverted(option="fill", receipt="done"),
        c.Reopen(reason="it was no incident"),
        c.Dismiss(reason="a load test"),
    )
    for number, step in enumerate(steps):
        handle(dismissed, step, actor=PERSON, key=f"dismissed-{number}", at=NOON, log=log)
    assert len(before.misses["fill_feature"]) == 1
    assert record_before(work_on(log, own, NOON), DECLARED) == TrackRecord()


def test_it_is_bounded_to_the_newest_incidents(log: Engine, past: Callable[..., str]) -> None:
    past("Drama", 0.5, kind="fill_feature")
    newest = [past(genre, 0.9, kind="fill_feature") for genre in ("Comedy", "Western")]
    with log.connect() as connection:
        found = remembered(connection, limit=2)
    assert {one.stream for one in found} == set(newest)
    assert len(outcomes_of(found)) == 2


def test_the_menu_of_the_next_incident_promises_no_more_than_the_past_ones_kept(
    log: Engine, past: Callable[..., str], recommender: Recommender, world: SimpleNamespace
) -> None:
    """From the tables to the command, on the way that production takes."""
    for genre, share in (("Drama", 0.5), ("Comedy", 0.4), ("Western", 0.9)):
        past(genre, share, minutes=-48 * 60, kind="fill_feature")
    found = Diagnosis(
        cause="x",
        cause_kind="feature",
        feature="language",
        items=world.concerned,
        suggested_value="French",
        since=ONSET,
    )
    opened = handle(
        None, c.OpenIncident(number=0, finding=world.finding), actor=PERSON, key="o", at=AT, log=log
    )
    handle(opened.stream, c.RecordDiagnosis(diagnosis=found), actor=PERSON, key="d", at=AT, log=log)
    work = work_on(log, opened.stream, AT)
    (menu,) = settle(work, recommender)
    assert isinstance(menu, c.PrepareMenu)
    fill = next(one for one in menu.options if one.kind == "fill_feature")
    assert fill.from_log is not None and fill.from_log.low is not None and fill.repairs.low is not None
    assert fill.repairs.low < fill.from_log.low
    assert fill.repairs.basis == (
        f"{fill.from_log.basis}; widened: 1 of 3 of the log's promises of `fill_feature` held in past "
        "incidents"
    )
    assert settle(work, recommender) == (menu,)

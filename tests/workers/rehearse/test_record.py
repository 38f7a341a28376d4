"""What rehearsals showed is in the log, once a day, for the next menu, the audit and the doctor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.answer import WATCH, Advice
from domain.errors import Tampered
from domain.incident import commands as c
from domain.incident.events import REHEARSALS, HotfixRehearsed, NoteAdded, Recorded
from domain.recommender.recommender import Recommender
from domain.values import Actor, Diagnosis, Estimate
from tests.domain.conftest import AT
from tests.domain.conftest import world as world  # noqa: PLC0414 (a fixture)
from tests.workers.conftest import NOON, declared_fill
from tests.workers.respond.diagnose.test_diagnose import ONSET
from tests.workers.respond.diagnose.test_diagnose import recommender as recommender  # noqa: PLC0414 (a fixture)
from tests.workers.respond.resolve.test_track_record import work_on
from workers.audit.ml_test_score import read_audit
from workers.doctor.log import examine_log
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.log.rehearsals import BY_ITSELF, record, rehearsals
from workers.respond.resolve.resolve import settle
from workers.respond.resolve.track_record import record_before
from workers.store.integrity.rebuild import rebuild
from workers.store.integrity.verify import verify
from workers.store.log.encoder import Origin
from workers.store.log.events import append, head_of

DAY = timedelta(days=1)
PROMISED = Estimate(value=90.0, low=80.0, high=100.0, unit="%", basis="replay")
Ran = Callable[..., tuple[Recorded, ...]]
FILL = Recommender(
    name="shop",
    tables={},
    hotfixes={"fill_language": declared_fill(evidences=("monitor-1",))},
)


def said(days: int = 0, **changes: Any) -> HotfixRehearsed:
    """A rehearsal so many days before noon's, in which the promise held; `changes` are other fields."""
    fields = {
        "hotfix": "fill_language",
        "kind": "fill_feature",
        "day": date(2026, 3, 3) - days * DAY,
        "verdict": "repairs",
        "says": "92 % of the fault, as promised",
        "promised": PROMISED,
        "repaired": 0.92,
    }
    return HotfixRehearsed.model_validate({**fields, **changes})


@pytest.fixture
def ran(log: Engine) -> Ran:
    """Rehearsals that came to this are recorded: `ran(said(), days=3, by=on_call)`."""

    def write(*events: HotfixRehearsed, days: int = 0, by: Actor = BY_ITSELF) -> tuple[Recorded, ...]:
        at = NOON - days * DAY
        key = f"{by.id}:{at.isoformat()}:{hash(events)}"
        return record(log, events, actor=by, key=key, at=at)

    return write


def test_twice_on_a_day_is_recorded_once_and_another_answer_again(
    log: Engine, ran: Ran, on_call: Actor
) -> None:
    assert len(ran(said())) == 1
    assert ran(said(repaired=0.93), by=on_call) == ()
    assert len(ran(said(verdict="nothing", says="it is gone"), by=on_call)) == 1
    assert len(ran(said(), by=on_call)) == 1  # fixed, the same day
    with log.connect() as connection:
        found = rehearsals(connection)
    assert [one.event.verdict for one in found] == ["repairs", "nothing", "repairs"]
    assert [one.by_itself for one in found] == [True, False, False]


def test_the_chain_the_cards_and_the_followers_hold_with_incidents_beside(
    log: Engine, ran: Ran, opened: Callable[..., Answer]
) -> None:
    opened("Drama", "a")
    ran(said())
    verified = verify(log)
    assert (verified.streams, verified.cards) == (2, 1)
    assert rebuild(log).cards == 1
    sent: list[str] = []
    from workers.log.obligations import hand_over

    def send(_job: str, kind: str, *_: object) -> bool:
        sent.append(kind)
        return True

    assert catch_up(log, "obligations", hand_over(send)) == 2
    assert sent == ["diagnose"]


def test_what_is_no_rehearsal_is_found_in_their_stream(log: Engine, ran: Ran, on_call: Actor) -> None:
    ran(said())
    with log.begin() as connection:
        origin = Origin(actor=on_call, key="b", at=NOON)
        append(connection, head_of(connection, REHEARSALS), [NoteAdded(text="slipped in")], origin)
    with pytest.raises(Tampered, match="is of an incident, and stands in the stream of the rehearsals"):
        verify(log)


def test_the_record_of_promises_holds_rehearsals_apart_the_newest_of_each_day(
    log: Engine, ran: Ran, opened: Callable[..., Answer]
) -> None:
    ran(said(200), days=200)
    ran(said(3, verdict="misses", repaired=0.5), days=3)
    ran(said(2), days=2)
    ran(said(2, verdict="misses", repaired=0.7), days=2)
    ran(said(1, verdict="nothing", repaired=0.0, says="it is gone"), days=1)
    found = record_before(work_on(log, opened().stream, NOON), FILL)
    assert found.misses == {}
    assert {kind: sorted(map(round, missed)) for kind, missed in found.rehearsed.items()} == {
        "fill_feature": [-4, -2]
    }
    assert found.useless == {"fill_language": "it is gone (2026-03-02)"}
    earlier = record_before(work_on(log, opened().stream, NOON - 2 * DAY - timedelta(hours=1)), FILL)
    assert (len(earlier.rehearsed["fill_feature"]), earlier.useless) == (1, {})


def test_the_next_menu_says_how_rehearsals_went(
    log: Engine, ran: Ran, recommender: Recommender, world: SimpleNamespace
) -> None:
    def rehearsal(days: int, **changes: Any) -> None:
        at = AT - (days + 1) * DAY
        event = said(0, day=at.date(), **changes)
        record(log, (event,), actor=BY_ITSELF, key=f"r-{days}", at=at)

    for days, repaired in ((4, 0.3), (3, 0.92), (2, 0.95), (1, 0.9)):
        rehearsal(days, repaired=repaired, verdict="misses" if repaired < 0.8 else "repairs")
    rehearsal(0, verdict="nothing", hotfix="rollback", kind="webhook", says="all deliveries hold the same")
    found = Diagnosis(
        cause="x",
        cause_kind="feature",
        feature="language",
        items=world.concerned,
        suggested_value="French",
        since=ONSET,
    )
    person = Actor(kind="person", id="terminal:on-call")
    opened = handle(
        None, c.OpenIncident(number=0, finding=world.finding), actor=person, key="o", at=AT, log=log
    )
    handle(opened.stream, c.RecordDiagnosis(diagnosis=found), actor=person, key="d", at=AT, log=log)
    (menu,) = settle(work_on(log, opened.stream, AT), recommender)
    assert isinstance(menu, c.PrepareMenu)
    options = {one.hotfix: one for one in menu.options}
    fill = options["fill_language"]
    assert fill.repairs.basis.endswith(
        "widened: the log's promises of `fill_feature` held in 3 of 4 rehearsals"
    )
    assert fill.from_log is not None and (fill.repairs.low or 0.0) < (fill.from_log.low or 0.0)
    assert options["rollback"].repairs.basis.endswith(
        "it repaired nothing when it was last rehearsed: all deliveries hold the same (2026-03-01)"
    )


def points(log: Engine, test: str) -> tuple[float, list[str]]:
    found = read_audit(log, FILL, NOON)
    (judged,) = [one for part in found.parts for one in part.tests if one.test.id == test]
    return judged.points, [proof.says for proof in judged.proofs]


def test_a_rollback_that_repairs_by_itself_again_and_again_speaks_in_full(log: Engine, ran: Ran) -> None:
    assert points(log, "infra-7") == (0.0, [])
    ran(said(1, undoes="model"), days=1)
    assert points(log, "infra-7")[0] == 0.5
    ran(said(undoes="model"))
    proof = "“Fill language in” repaired a planted fault in 2 of 2 rehearsals, last on 2026-03-03"
    assert points(log, "infra-7") == (1.0, [proof])
    assert points(log, "monitor-1")[0] == 1.0


def test_what_a_person_rehearses_speaks_half_and_what_repairs_nothing_not_at_all(
    log: Engine, ran: Ran, on_call: Actor
) -> None:
    for days in (3, 2, 1):
        ran(said(days, undoes="model"), days=days, by=on_call)
    assert points(log, "infra-7")[0] == 0.5
    ran(said(undoes="model", verdict="nothing", says="version v7 ranks as v8 does"))
    assert points(log, "infra-7") == (
        0.0, ["“Fill language in” repaired nothing on 2026-03-03: version v7 ranks as v8 does"],
    )  # fmt: skip


def test_the_doctor_names_what_repaired_nothing_until_it_repairs_again(
    log: Engine, ran: Ran, database_url: str, on_call: Actor
) -> None:
    def told(environment: dict[str, str]) -> list[Advice]:
        every = examine_log(FILL, environment, datetime(2026, 3, 4, tzinfo=UTC))
        return [one for one in every if one.where != WATCH]

    environment = {"DATABASE_URL": database_url}
    assert told(environment) == []
    ran(said(verdict="nothing", says="the file is gone"))
    (advice,) = told(environment)
    assert (advice.level, advice.where) == ("warning", "hotfixes.fill_language")
    assert advice.says == "repaired nothing when it was last rehearsed, on 2026-03-03: the file is gone"
    ran(said(), by=on_call)
    assert told(environment) == []
    assert told({}) == []
    assert told({"DATABASE_URL": "postgresql://localhost:1/none"}) == []

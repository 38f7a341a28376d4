from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.errors import MayStillAct, Refused
from domain.incident import commands as c
from domain.incident.events import DiagnosisFailed, DiagnosisGathered, EvidenceFound, NoteAdded
from domain.incident.menu import digest_of
from domain.incident.obligations import BOTS_OWN, DUE_AFTER
from domain.incident.state import Incident
from domain.values import Diagnosis, Evidence, EvidenceStage, Improvement, Piece
from tests.workers.conftest import make_option
from workers.environment import clock
from workers.log import open_obligations
from workers.log.follow import catch_up
from workers.log.handle import Answer
from workers.log.obligations import MOST_TRIES, Handler, Work, hand_over, remind, settle
from workers.log.obligations import _given_up_untried as given_up_untried
from workers.log.open_obligations import OpenObligation
from workers.process.handlers import HANDLERS
from workers.store import cards
from workers.store.lock import alone
from workers.store.log.events import read_stream

Opened = Callable[..., Answer]


class Sent:
    """A broker that only writes down what it was given, and loses it."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Any, ...]] = []

    def send(self, job: str, *arguments: object) -> bool:
        self.jobs.append((job, *arguments))
        return True


def diagnosis(work: Work) -> Sequence[c.Command]:
    return (c.RecordDiagnosis(diagnosis=Diagnosis(cause="language is unset", cause_kind="feature")),)


def fails(work: Work) -> Sequence[c.Command]:
    raise RuntimeError("the warehouse hangs")


def events(log: Engine, stream: str) -> list[str]:
    with log.connect() as connection:
        return [record.event.wire_name for record in read_stream(connection, stream)]


def card(log: Engine, stream: str) -> Incident:
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def owed_now(log: Engine) -> list[OpenObligation]:
    with log.connect() as connection:
        return open_obligations.every(connection, clock.now())


def retried(log: Engine, stream: str, kind: str | None = None) -> list[OpenObligation]:
    with log.begin() as connection:
        return open_obligations.retry(connection, card(log, stream), kind, clock.now())


def test_while_one_clock_hands_over_another_does_not(log: Engine, opened: Opened) -> None:
    opened()
    sent, late = Sent(), clock.now() + timedelta(hours=1)
    with alone(log, "remind"):
        assert remind(log, sent.send, late) == 0
    assert remind(log, sent.send, late) == 1


def test_every_kind_of_obligation_has_somebody_who_settles_it_and_nobody_settles_anything_else() -> None:
    assert set(HANDLERS) == (set(DUE_AFTER) - BOTS_OWN) | {"expire"}


def test_an_opened_incident_is_handed_over_for_diagnosis_once(log: Engine, opened: Opened) -> None:
    stream, sent = opened().stream, Sent()
    opened(key="again", minutes=5)
    catch_up(log, "obligations", hand_over(sent.send))
    assert sent.jobs == [("recsysops.settle", "diagnose", stream, f"{stream}:1")]


def test_a_settled_obligation_is_answered_under_its_key_and_caused_by_its_event(
    log: Engine, opened: Opened
) -> None:
    stream = opened().stream
    assert settle(log, {"diagnose": diagnosis}, "diagnose", stream, f"{stream}:1")
    with log.connect() as connection:
        last = read_stream(connection, stream)[-1]
    assert isinstance(last.event, DiagnosisGathered)
    assert (last.key, last.cause, last.actor) == (f"{stream}:1:diagnose", f"{stream}:1", "worker:diagnose")


def test_a_task_carried_three_times_does_the_work_once(log: Engine, opened: Opened) -> None:
    stream, calls = opened().stream, []

    def counted(work: Work) -> Sequence[c.Command]:
        calls.append(work.obligation.kind)
        return diagnosis(work)

    answers = [settle(log, {"diagnose": counted}, "diagnose", stream, f"{stream}:1") for _ in range(3)]
    assert answers == [True, False, False]
    assert calls == ["diagnose"]


def test_a_task_carried_twice_at_once_is_done_by_one_worker(log: Engine, opened: Opened) -> None:
    stream, together = opened().stream, Barrier(2)

    def slow(work: Work) -> Sequence[c.Command]:
        together.wait(60)
        together.wait(60)
        return diagnosis(work)

    def second() -> bool:
        return settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(settle, log, {"diagnose": slow}, "diagnose", stream, f"{stream}:1")
        together.wait(60)
        assert not second()
        together.wait(60)
        assert first.result(60)
    assert events(log, stream) == ["incident.opened", "diagnosis.gathered"]


def test_while_follow_ups_are_tried_for_one_incident_another_s_wait_and_a_diagnosis_does_not(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    first, second, third = (opened(genre, genre).stream for genre in ("Drama", "Crime", "Music"))
    for stream in (first, second):
        pressed(stream, c.Resolve(reason="went away"), f"{stream}:resolve")

    def proposes(work: Work) -> Sequence[c.Command]:
        learned = Improvement(
            detect_faster="no", diagnose_faster="no", change="nothing", detail="none needed"
        )
        return (c.ProposeFollowUp(improvement=learned),)

    def beside(work: Work) -> Sequence[c.Command]:
        assert not settle(log, {"follow_up": proposes}, "follow_up", second, f"{second}:2")
        assert settle(log, {"diagnose": diagnosis}, "diagnose", third, f"{third}:1")
        return proposes(work)

    assert settle(log, {"follow_up": beside}, "follow_up", first, f"{first}:2")
    assert settle(log, {"follow_up": proposes}, "follow_up", second, f"{second}:2")


def test_a_lost_task_is_sent_again_when_it_is_overdue_and_ever_more_slowly(
    log: Engine, opened: Opened
) -> None:
    stream, sent = opened().stream, Sent()
    catch_up(log, "obligations", hand_over(sent.send))
    start, due = clock.now(), DUE_AFTER["diagnose"]
    sent.jobs.clear()
    with log.begin() as connection:
        connection.execute(text("UPDATE attempts SET next_at = :at"), {"at": start + due})
    assert remind(log, sent.send, start + due - timedelta(seconds=1)) == 0
    assert remind(log, sent.send, start + due) == 1
    assert remind(log, sent.send, start + due) == 0
    assert remind(log, sent.send, start + 2 * due) == 0
    assert remind(log, sent.send, start + 3 * due) == 1
    assert sent.jobs == [("recsysops.settle", "diagnose", stream, f"{stream}:1")] * 2


def test_an_obligation_whose_follower_died_before_handing_it_over_is_sent_by_the_clock(
    log: Engine, opened: Opened
) -> None:
    stream, sent = opened().stream, Sent()
    assert remind(log, sent.send, clock.now() + timedelta(hours=1)) == 1
    assert sent.jobs == [("recsysops.settle", "diagnose", stream, f"{stream}:1")]


def test_nothing_is_reminded_of_once_it_is_answered(log: Engine, opened: Opened) -> None:
    stream, sent = opened().stream, Sent()
    handlers: dict[str, Handler] = {"diagnose": diagnosis, "menu": lambda w: (c.PrepareMenu(options=()),)}
    settle(log, handlers, "diagnose", stream, f"{stream}:1")
    settle(log, handlers, "menu", stream, f"{stream}:2")
    assert remind(log, sent.send, clock.now() + timedelta(days=1)) == 0


def test_what_keeps_failing_is_given_up_where_people_see_it(log: Engine, opened: Opened) -> None:
    stream = opened().stream
    answers = [
        settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1") for _ in range(MOST_TRIES + 1)
    ]
    assert answers == [False] * (MOST_TRIES - 1) + [True, False]
    with log.connect() as connection:
        last = read_stream(connection, stream)[-1]
    assert isinstance(last.event, DiagnosisFailed)
    assert "RuntimeError" in last.event.reason


def test_one_failure_is_forgotten_after_a_success(log: Engine, opened: Opened) -> None:
    stream = opened().stream
    assert not settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
    assert [one.trouble for one in owed_now(log)] == [None, "RuntimeError"]
    assert settle(log, {"diagnose": diagnosis}, "diagnose", stream, f"{stream}:1")
    assert [one.trouble for one in owed_now(log)] == [None, None]


def test_what_a_worker_found_on_the_way_stays_though_it_fails_and_is_there_once_when_it_is_tried_again(
    log: Engine, opened: Opened
) -> None:
    stream, tries = opened().stream, list[int]()

    def in_pieces(work: Work) -> Sequence[c.Command]:
        tries.append(work.tries)
        stages: tuple[EvidenceStage, ...] = ("metric", "slices") if len(tries) > 1 else ("metric",)
        for stage in stages:
            work.tell(
                c.AddEvidence(
                    piece=Piece(stage=stage, lines=(Evidence(kind="size", statement=f"of {stage}"),))
                ),
                stage,
            )
        return diagnosis(work) if len(tries) > 1 else fails(work)

    assert not settle(log, {"diagnose": in_pieces}, "diagnose", stream, f"{stream}:1")
    assert events(log, stream)[-1] == "evidence.found"
    assert settle(log, {"diagnose": in_pieces}, "diagnose", stream, f"{stream}:1")
    assert events(log, stream)[-3:] == ["evidence.found", "evidence.found", "diagnosis.gathered"]
    assert [one.stage for one in found_in_pieces(log, stream)] == ["metric", "slices"]


def found_in_pieces(log: Engine, stream: str) -> list[Piece]:
    with log.connect() as connection:
        every = [record.event for record in read_stream(connection, stream)]
    return [event.piece for event in every if isinstance(event, EvidenceFound)]


def test_an_obligation_over_which_no_worker_comes_to_an_end_is_given_up_without_saying_why(
    log: Engine, opened: Opened
) -> None:
    stream = opened().stream

    def dies(work: Work) -> Sequence[c.Command]:
        raise SystemExit("killed")

    for _ in range(MOST_TRIES):
        with pytest.raises(SystemExit):
            settle(log, {"diagnose": dies}, "diagnose", stream, f"{stream}:1")
    assert settle(log, {"diagnose": dies}, "diagnose", stream, f"{stream}:1")
    assert card(log, stream).diagnosis_failure == (
        f"Given up after {MOST_TRIES} attempts, none of which came to an end."
    )


def test_that_something_may_still_act_is_noted_once_no_try_is_left(log: Engine, opened: Opened) -> None:
    stream = opened().stream

    def may_still_act(work: Work) -> Sequence[c.Command]:
        raise MayStillAct("its target is down")

    for _ in range(MOST_TRIES):
        assert "note.added" not in events(log, stream)
        assert not settle(log, {"diagnose": may_still_act}, "diagnose", stream, f"{stream}:1")
    assert events(log, stream).count("note.added") == 1


def test_what_may_act_is_given_up_untried_only_where_nobody_ever_came_to_take_it_back() -> None:
    twice = 2 * MOST_TRIES
    assert [given_up_untried("apply", begun, None) for begun in (twice, twice + 1)] == [False, True]
    assert not given_up_untried("apply", 10 * MOST_TRIES, "it could not be taken back")
    assert [given_up_untried("watch", begun, "it hangs") for begun in (MOST_TRIES, MOST_TRIES + 1)] == [
        False,
        True,
    ]


def test_a_follow_up_that_cannot_be_proposed_is_said_so_once_and_tried_on(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream
    pressed(stream, c.Resolve(reason="went away"), "r")
    for _ in range(MOST_TRIES + 3):
        assert not settle(log, {"follow_up": fails}, "follow_up", stream, f"{stream}:2")
    with log.connect() as connection:
        notes = [r.event for r in read_stream(connection, stream) if isinstance(r.event, NoteAdded)]
    assert len(notes) == 1
    assert "RuntimeError" in notes[0].text
    assert "follow_up" in card(log, stream).awaits


def test_an_answer_that_came_too_late_is_not_written(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream

    def dismissed_meanwhile(work: Work) -> Sequence[c.Command]:
        pressed(stream, c.Dismiss(reason="a planned sale"), "dismiss")
        return (c.RecordDiagnosisFailure(reason="too late"),)

    settle(log, {"diagnose": dismissed_meanwhile}, "diagnose", stream, f"{stream}:1")
    assert events(log, stream) == ["incident.opened", "incident.resolved"]


def answering(command: c.Command) -> Handler:
    return lambda work: (command,)


nothing_fits = answering(c.PrepareMenu(options=(), note="None fits."))


def give_up(log: Engine, kind: str, stream: str) -> None:
    """Whatever is owed of this kind fails until it is given up."""
    for _ in range(MOST_TRIES):
        settle(log, {kind: fails}, kind, stream, card(log, stream).awaits[kind][0])


def test_what_is_owed_is_listed_with_its_tries_and_what_went_wrong(log: Engine, opened: Opened) -> None:
    stream, sent = opened().stream, Sent()
    assert [(one.kind, one.tries, one.next_try_at) for one in owed_now(log)] == [
        ("announce", 0, None),
        ("diagnose", 0, None),
    ]
    catch_up(log, "obligations", hand_over(sent.send))
    settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
    settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
    found = owed_now(log)[1]
    assert (found.number, found.handed_over, found.tries) == (1, 1, 2)
    assert found.trouble == "RuntimeError"
    assert found.next_try_at is not None
    assert found.next_try_at > clock.now()


def test_a_person_has_it_tried_at_once_with_all_tries_before_it_again(log: Engine, opened: Opened) -> None:
    stream, sent = opened().stream, Sent()
    catch_up(log, "obligations", hand_over(sent.send))
    for _ in range(MOST_TRIES - 1):
        settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
    sent.jobs.clear()
    assert remind(log, sent.send) == 0
    assert [(one.kind, one.tries) for one in retried(log, stream)] == [("diagnose", 0)]
    assert remind(log, sent.send) == 1
    assert remind(log, sent.send) == 0
    assert sent.jobs == [("recsysops.settle", "diagnose", stream, f"{stream}:1")]
    for _ in range(MOST_TRIES - 1):
        assert not settle(log, {"diagnose": fails}, "diagnose", stream, f"{stream}:1")
    assert settle(log, {"diagnose": diagnosis}, "diagnose", stream, f"{stream}:1")


def test_a_clock_that_dies_while_it_hands_over_what_a_person_asked_for_loses_nothing(
    log: Engine, opened: Opened
) -> None:
    stream, sent = opened().stream, Sent()
    retried(log, stream, "diagnose")

    def dies(*_: object) -> bool:
        raise SystemExit("killed")

    with pytest.raises(SystemExit):
        remind(log, dies)
    assert remind(log, sent.send) == 1


def test_what_cannot_be_tried_again_is_said_in_words(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream
    with pytest.raises(Refused, match="does not owe “menu” but: diagnose"):
        retried(log, stream, "menu")
    with pytest.raises(Refused, match="announced by the bot's own process"):
        retried(log, stream, "announce")
    give_up(log, "diagnose", stream)
    give_up(log, "menu", stream)
    with pytest.raises(Refused, match="`recsysops look-again 1`"):
        retried(log, stream)
    pressed(stream, c.Resolve(reason="went away"), "r")
    settle(log, {"follow_up": lambda work: ()}, "follow_up", stream, card(log, stream).last_event_id)
    assert [one.kind for one in retried(log, stream)] == ["follow_up"]


def test_a_diagnosis_and_a_menu_that_were_given_up_are_made_when_a_person_looks_again(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream, sent = opened().stream, Sent()
    give_up(log, "diagnose", stream)
    give_up(log, "menu", stream)
    assert card(log, stream).menu == ()
    catch_up(log, "obligations", hand_over(sent.send))
    sent.jobs.clear()
    asked = pressed(stream, c.LookAgain(), "look").events[0].id
    catch_up(log, "obligations", hand_over(sent.send))
    assert sent.jobs == [("recsysops.settle", "diagnose", stream, asked)]
    assert not settle(log, {"diagnose": fails}, "diagnose", stream, asked)  # the first of its own tries
    assert settle(log, {"diagnose": diagnosis}, "diagnose", stream, asked)
    assert not settle(log, {"diagnose": diagnosis}, "diagnose", stream, f"{stream}:1")
    assert settle(log, {"menu": nothing_fits}, "menu", stream, card(log, stream).last_event_id)
    after = card(log, stream)
    assert (after.diagnosis_failure, after.menu_note) == (None, "None fits.")
    assert after.diagnosis is not None


def test_a_second_look_that_keeps_failing_is_given_up_as_visibly_and_can_be_asked_for_again(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream
    for key in ("once", "twice"):
        give_up(log, "diagnose", stream)
        settle(log, {"menu": nothing_fits}, "menu", stream, card(log, stream).last_event_id)
        assert "RuntimeError" in (card(log, stream).diagnosis_failure or "")
        pressed(stream, c.LookAgain(), key)
    names = events(log, stream)
    assert names.count("diagnosis.failed") == names.count("diagnosis.requested") == 2


def test_a_deployment_and_a_revert_that_were_given_up_are_done_when_a_person_presses_again(
    log: Engine, opened: Opened, pressed: Callable[..., Answer]
) -> None:
    stream = opened().stream
    press = c.ChooseHotfix(option="fill", menu=digest_of([make_option()]))
    settle(log, {"diagnose": diagnosis}, "diagnose", stream, f"{stream}:1")
    settle(log, {"menu": answering(c.PrepareMenu(options=(make_option(),)))}, "menu", stream, f"{stream}:2")
    pressed(stream, press, "deploy")
    give_up(log, "apply", stream)
    pressed(stream, press, "deploy again")
    applied = {"apply": answering(c.RecordHotfixApplied(option="fill", receipt="ok"))}
    assert settle(log, applied, "apply", stream, card(log, stream).awaits["apply"][0])
    pressed(stream, c.RevertHotfix(option="fill"), "revert")
    give_up(log, "revert", stream)
    pressed(stream, c.RevertHotfix(option="fill"), "revert again")
    reverted = {"revert": answering(c.RecordHotfixReverted(option="fill", receipt="ok"))}
    assert settle(log, reverted, "revert", stream, card(log, stream).awaits["revert"][0])
    hotfix = card(log, stream).hotfix
    assert hotfix is not None
    assert hotfix.stage == "reverted"
    names = events(log, stream)
    assert (names.count("hotfix.failed"), names.count("hotfix.revert_failed")) == (1, 1)

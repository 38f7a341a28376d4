"""Laws of decide and evolve, for any sequence of commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.card import buttons
from domain.incident.codec import EVENTS, decode_text, encode
from domain.incident.decide import decide
from domain.incident.events import Event, Recorded
from domain.incident.obligations import DUE_AFTER, open_obligations
from domain.incident.sentence import SENTENCES
from domain.incident.state import Incident, replay
from domain.incident.timeline import timeline
from domain.values import Actor, Severity
from tests.domain.incident.given import (
    APPLIED,
    DEPLOYED,
    DIAGNOSED,
    FINDING,
    LESSON,
    MENU,
    MORNING,
    OFFERED,
    ON_CALL,
    OPEN,
    PIECE,
    PROPOSED,
    REPRICED,
    SECOND,
    TRIED,
    WORKER,
    append,
)

_KEYS = st.sampled_from(["fill", "rollback", "gone"])
BY_KEY: list[Callable[[str], c.Command]] = [
    lambda key: c.ChooseHotfix(option=key, menu=MENU),
    lambda key: c.ApproveHotfix(option=key, menu=MENU),
    lambda key: c.BreakGlass(option=key, menu=MENU, reason="nobody answers"),
    lambda key: c.RejectHotfix(option=key, reason="no"),
    lambda key: c.RecordHotfixApplied(option=key, receipt="ok"),
    lambda key: c.RecordHotfixFailed(option=key, reason="no"),
    lambda key: c.RecordWatch(option=key, observed=50, expected=100, repaired_share=0.3, window_end=MORNING),
    lambda key: c.VerifyHotfix(option=key, observed=96, expected=100, repaired_share=0.94),
    lambda key: c.RefuteHotfix(option=key, reason="not measured"),
    lambda key: c.RefuteHotfix(option=key, reason="not back", repaired_share=0.1, low=-0.1, high=0.3),
    lambda key: c.PassStage(option=key, share=0.05),
    lambda key: c.RecordHotfixWidened(option=key, share=1.0, receipt="ok"),
    lambda key: c.RecordHarm(option=key, reason="the gap grew by 40 %"),
    lambda key: c.RevertHotfix(option=key),
    lambda key: c.RecordHotfixReverted(option=key, receipt="ok"),
    lambda key: c.RecordRevertFailed(option=key, reason="no"),
    lambda key: c.ExpireHotfix(option=key),
    lambda key: c.RemindOfExpiry(option=key),
    lambda key: c.RenewHotfix(option=key, reason="the feed is not fixed yet"),
    lambda key: c.RecordHotfixRenewed(option=key, receipt="ok"),
    lambda key: c.RecordRenewalFailed(option=key, reason="no"),
]
PLAIN: list[c.Command] = [
    OPEN[0],
    c.OpenIncident(number=2, finding=FINDING.model_copy(update={"window_end": MORNING + timedelta(days=1)})),
    c.DeclareIncident(number=3, title="Something is off", severity=Severity.SEV3),
    c.JoinFinding(
        finding=FINDING.model_copy(update={"table": "plays", "severity": Severity.SEV1}), shares="slice"
    ),
    c.ClearFinding(observed=99, expected=100, window_end=MORNING),
    c.Acknowledge(),
    c.Assign(person="slack:U-ml"),
    c.ChangeSeverity(severity=Severity.SEV1, reason="it grows"),
    c.AddNote(text="looking"),
    c.Silence(until=MORNING + timedelta(days=9)),
    c.RecordMessage(channel="C1", message="1.2"),
    PIECE[0],
    DIAGNOSED[0],
    c.RecordDiagnosisFailure(reason="the source is locked"),
    c.RecordBundle(diagnosis="incident-1:2", root="9f" * 32, files=14, bytes=2_481_190),
    c.RecordBundleFailure(diagnosis="incident-1:2", reason="the disk is full"),
    c.RecordPicture(picture="5e" * 32),
    c.LookAgain(),
    OFFERED[0],
    REPRICED[0],
    c.PrepareMenu(options=(), note="None fits."),
    c.ScorePrediction(observed=10, forecast=12, low=5, high=20),
    c.Resolve(reason="It stopped."),
    c.Dismiss(reason="A holiday."),
    c.Reopen(reason="It is back."),
    c.MergeInto(into="incident-1", number=1, cause="its language is not set"),
    PROPOSED[0],
    c.AnswerFollowUp(improvement=LESSON),
    c.AcceptFollowUp(),
    TRIED[0],
    c.AcceptFollowUp(check="by_hour"),
    c.AssignFollowUp(owner="person:1", due_at=MORNING + timedelta(days=14)),
    c.RemindOfFollowUp(lacking="it is in shadow mode"),
    c.RecordFollowUpDone(says="found sooner"),
    c.DropFollowUp(reason="the table goes"),
    c.RecordChangeWritten(check="by_hour", diff="+"),
    c.RecordChangeProposed(check="by_hour", diff="+", url="https://hub.example/1"),
    c.RecordChangeHandedOver(check="by_hour", diff="+", reason="as declared"),
    c.RecordPullRequestClosed(check="by_hour", url="https://hub.example/1"),
    c.RecordChangeEarned(check="by_hour", says="by its record"),
    c.RequestTakeBack(check="by_hour", reason="too many alarms"),
    c.RecordChangeTakenBack(check="by_hour", diff="-"),
    c.RecordChangeLeft(check="by_hour", diff="-", reason="changed by hand"),
    c.Close(),
    c.RequestTicket(tracker="issues"),
    c.RecordTicketOpened(ticket="#7", url="https://issues.example/7"),
    c.RequestTicketUpdate(),
    c.RecordTicketUpdated(),
    c.RecordTicketClosed(),
]
_CORRECTIONS = [
    lambda event, minute: c.CorrectTime(event=event, at=MORNING + timedelta(minutes=minute), reason="paged"),
    lambda event, minute: c.CorrectOnset(
        event=event, since=MORNING - timedelta(minutes=minute), reason="the feed's log"
    ),
    lambda event, minute: c.CorrectNote(event=event, text=f"minute {minute}", reason="a slip"),
    lambda event, minute: c.CorrectSeverity(
        event=event, severity=(Severity.SEV1, Severity.SEV4)[minute % 2], reason="a slip"
    ),
]
CORRECTIONS = st.builds(
    lambda make, version, minute: make(f"incident-1:{version}", minute),
    st.sampled_from(_CORRECTIONS),
    st.integers(1, 12),
    st.integers(-5, 30),
)
COMMANDS = st.one_of(
    st.sampled_from(PLAIN),
    st.builds(lambda make, key: make(key), st.sampled_from(BY_KEY), _KEYS),
    CORRECTIONS,
)
STEPS = st.lists(st.tuples(COMMANDS, st.sampled_from([ON_CALL, SECOND, WORKER])), max_size=40)


def walk(steps: list[tuple[c.Command, Actor]]) -> tuple[Incident | None, list[Recorded]]:
    """The incident after these steps; what a rule refuses is left out."""
    incident: Incident | None = None
    log: list[Recorded] = []
    for number, (command, actor) in enumerate([(OPEN[0], WORKER), *steps]):
        at = MORNING + timedelta(minutes=number)
        try:
            events = decide(incident, command, actor, at)
        except Refused:
            continue
        incident, log = append(incident, log, events, actor, at)
    return incident, log


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_the_incident_kept_equals_the_incident_replayed_from_json(
    steps: list[tuple[c.Command, Actor]],
) -> None:
    incident, log = walk(steps)
    read = [
        record._replace(
            event=decode_text(
                record.event.wire_name, record.event.schema_version, json.dumps(encode(record.event))
            )
        )
        for record in log
    ]
    assert replay(read) == incident


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_every_command_repeated_at_once_changes_nothing_that_acts_on_the_world(
    steps: list[tuple[c.Command, Actor]],
) -> None:
    incident, log = walk(steps)
    doubled, doubled_log = walk([step for step in steps for _ in range(2)])
    acts = {"hotfix.approved", "hotfix.applied", "hotfix.revert_requested", "incident.closed"}
    assert [r.event.wire_name for r in log if r.event.wire_name in acts] == [
        r.event.wire_name for r in doubled_log if r.event.wire_name in acts
    ]
    assert incident is not None
    assert doubled is not None
    assert incident.status == doubled.status


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_from_every_state_there_is_a_way_to_the_end(steps: list[tuple[c.Command, Actor]]) -> None:
    incident, _ = walk(steps)
    assert incident is not None
    key = incident.hotfix.option if incident.hotfix else "fill"
    way: list[tuple[c.Command, Actor]] = [
        (c.RecordHotfixFailed(option=key, reason="no"), WORKER),
        (c.RefuteHotfix(option=key, reason="not back"), WORKER),
        (c.RevertHotfix(option=key), ON_CALL),
        (c.RecordHotfixReverted(option=key, receipt="ok"), WORKER),
        (c.Resolve(reason="It stopped."), ON_CALL),
        (c.AnswerFollowUp(improvement=LESSON), ON_CALL),
        (c.Close(), ON_CALL),
    ]
    ended, _ = walk([*steps, *way])
    assert ended is not None
    assert ended.status == "closed"


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_what_is_owed_names_an_event_of_the_log_and_a_kind_with_a_due_time(
    steps: list[tuple[c.Command, Actor]],
) -> None:
    incident, log = walk(steps)
    assert incident is not None
    ids = {record.id for record in log}
    for obligation in open_obligations(incident):
        assert obligation.event_id in ids
        assert obligation.kind in DUE_AFTER


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_no_button_stands_twice_on_a_card_and_every_event_has_its_line(
    steps: list[tuple[c.Command, Actor]],
) -> None:
    incident, log = walk(steps)
    assert incident is not None
    shown = buttons(incident)
    assert len(shown) == len(set(shown))
    assert all(entry.what and "{" not in entry.what for entry in timeline(log))
    assert len(timeline(log)) == len(log)


def test_every_event_has_a_wire_name_of_its_own_and_a_sentence() -> None:
    members = set(EVENTS.values())
    assert members == set(SENTENCES)
    assert all(issubclass(member, Event) for member in members)
    assert len(EVENTS) == len(members) == 68


def test_every_command_is_in_exactly_one_group() -> None:
    groups = [c.Opening, c.Understanding, c.ByPerson, c.ByWorker, c.Ending, c.OfFollowUp, c.OfTicket]
    members = [member for group in [*groups, c.Correction] for member in get_args(group)] + [c.ChooseHotfix]
    assert len(members) == len(set(members))
    assert set(members) == set(get_args(c.Command))


def test_an_event_from_a_later_release_is_refused_in_words() -> None:
    with pytest.raises(Exception, match="cannot read"):
        decode_text("incident.renamed", 1, "{}")


def test_an_applied_hotfix_is_watched_until_its_time() -> None:
    incident, _ = walk([DIAGNOSED, OFFERED, (DEPLOYED, ON_CALL), APPLIED])
    assert incident is not None
    assert incident.hotfix is not None
    assert incident.hotfix.watch_until is not None
    assert incident.hotfix.watch_until > incident.hotfix.at

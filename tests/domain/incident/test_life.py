"""
Any commands by anybody at any time: what holds in every state they lead to.

Once by walking at random with everything looked at after each step, once by going through each state that
there is, as far as what can still happen in it goes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident import events as e
from domain.incident.card import Action, Button, buttons
from domain.incident.codec import decode_text, encode
from domain.incident.decide import decide, missing_to_close
from domain.incident.decide.hotfix import CHOICE_HOLDS
from domain.incident.obligations import DUE_AFTER, open_obligations
from domain.incident.redecide import redecided
from domain.incident.state import Incident, evolve, replay
from domain.incident.timeline import timeline
from domain.incident.times import durations
from domain.values import Actor, Severity
from tests.domain.incident.given import (
    FINDING,
    LESSON,
    MORNING,
    ON_CALL,
    PROPOSED,
    SECOND,
    WORKER,
    append,
    reread,
)
from tests.domain.incident.test_laws import BY_KEY, COMMANDS, PLAIN

THIRD = Actor(kind="person", id="slack:U-third", groups=("oncall", "ml", "leads"))
LATER = MORNING + timedelta(hours=12)
OVER = MORNING + timedelta(days=8)
"""When a hotfix that was applied in the morning has expired."""

MINUTE = timedelta(minutes=1)
PREDICTED = FINDING.model_copy(update={"kind": "predicted", "subject": "film-1"})
BEGINNINGS: list[tuple[c.Opening, Actor]] = [
    (c.OpenIncident(number=1, finding=FINDING), WORKER),
    (c.OpenIncident(number=1, finding=PREDICTED), WORKER),
    (c.DeclareIncident(number=1, title="Something is off", severity=Severity.SEV2), ON_CALL),
]
SAID_AGAIN = (e.NoteAdded, e.HotfixWatched)
"""What may be said twice in the same words: each is another look, or another remark."""

ON_PURPOSE: dict[Action, Callable[[Incident], bool]] = {
    "acknowledge": lambda incident: incident.status == "acknowledged",  # taking over is Assign
    "note": lambda incident: incident.status == "closed",  # a closed card is at rest: Reopen first
    "follow_up_accept": lambda incident: incident.follow_up is not None,
    "follow_up_edit": lambda incident: incident.follow_up is not None,
    "follow_up_decline": lambda incident: incident.follow_up is not None,
}
"""Where a rule would let something happen, and the card has no button for it."""

PRESSED: dict[Action, Callable[[Incident, str], c.Command]] = {
    "acknowledge": lambda incident, option: c.Acknowledge(),
    "assign": lambda incident, option: c.Assign(person="slack:U-fourth"),
    "severity": lambda incident, option: c.ChangeSeverity(
        severity=next(one for one in Severity if one != incident.severity), reason="it is"
    ),
    "look_again": lambda incident, option: c.LookAgain(),
    "note": lambda incident, option: c.AddNote(text="looking"),
    "silence": lambda incident, option: c.Silence(until=LATER + timedelta(hours=4)),
    "dismiss": lambda incident, option: c.Dismiss(reason="A holiday."),
    "deploy": lambda incident, option: c.ChooseHotfix(option=option, menu=incident.menu_digest),
    "approve": lambda incident, option: c.ApproveHotfix(option=option, menu=incident.menu_digest),
    "break_glass": lambda incident, option: c.BreakGlass(
        option=option, menu=incident.menu_digest, reason="nobody answers"
    ),
    "reject": lambda incident, option: c.RejectHotfix(option=option, reason="no"),
    "revert": lambda incident, option: c.RevertHotfix(option=option),
    "renew": lambda incident, option: c.RenewHotfix(option=option, reason="the feed is not fixed yet"),
    "resolve": lambda incident, option: c.Resolve(reason="It stopped."),
    "reopen": lambda incident, option: c.Reopen(reason="It is back."),
    "follow_up_accept": lambda incident, option: c.AcceptFollowUp(check=option or None),
    "follow_up_edit": lambda incident, option: c.AnswerFollowUp(improvement=LESSON),
    "follow_up_decline": lambda incident, option: c.AnswerFollowUp(
        improvement=LESSON.model_copy(update={"change": "nothing"})
    ),
    "close": lambda incident, option: c.Close(),
    "correct": lambda incident, option: c.CorrectTime(
        event=f"{incident.stream}:1", at=_before_all(incident), reason="paged"
    ),
}
BY_OPTION = frozenset({"deploy", "approve", "break_glass", "reject", "revert", "renew"})


def _before_all(incident: Incident) -> datetime:
    given: list[datetime] = [getattr(incident, field) for field in incident.given_by]
    return min(given) - timedelta(minutes=1)


def asked(incident: Incident, command: c.Command, actor: Actor, at: datetime) -> tuple[e.IncidentEvent, ...]:
    """What the rules let happen; nothing where they refuse."""
    try:
        return decide(incident, command, actor, at)
    except Refused:
        return ()


def buttons_work(incident: Incident) -> None:
    """Each is accepted from somebody who may press it; only Close may say what is missing instead."""
    for button in buttons(incident):
        if button.action in ("report", "why"):
            continue
        command = PRESSED[button.action](incident, button.option or "")
        if button.action == "close" and not asked(incident, command, THIRD, LATER):
            with pytest.raises(Refused, match="cannot be closed"):
                decide(incident, command, THIRD, LATER)
            continue
        assert decide(incident, command, THIRD, LATER), f"{button.action} does nothing"


def no_button_is_missing(incident: Incident) -> None:
    shown = buttons(incident)
    assert len(shown) == len(set(shown))
    keys = [option.key for option in incident.menu or ()]
    for action, press in PRESSED.items():
        if action in ON_PURPOSE and ON_PURPOSE[action](incident):
            continue
        named = [None, *(one.change.name for one in incident.changes)] if incident.changes else [None]
        choices = named[1:] if action == "follow_up_accept" and incident.changes else [None]
        for key in keys if action in BY_OPTION else choices:
            if Button(action=action, option=key) not in shown:
                happens = asked(incident, press(incident, key or ""), THIRD, LATER)
                assert happens == (), f"{action} of {key} works and has no button"


Step = tuple[c.Command, Actor]
State = tuple[object, ...]


def state_of(incident: Incident) -> State:
    """What decides on the way from here; who has it and what the numbers say does not."""
    hotfix = incident.hotfix
    return (
        incident.status,
        hotfix
        and (
            hotfix.option,
            hotfix.stage,
            hotfix.share,
            hotfix.renewing_until is None,
            hotfix.approved_by is None,
            hotfix.menu,
        ),
        incident.acknowledged_by is None,
        None if incident.menu is None else incident.menu_digest,
        incident.finding is None,
        incident.diagnosis is None,
        incident.proposed is None,
        incident.follow_up is None,
        frozenset({"diagnose", "menu", "follow_up"} & set(incident.awaits)),
        frozenset(one.option for one in incident.spent),
    )


def after_one(incident: Incident, step: Step) -> Incident | None:
    """The incident after one more command, where it lets something happen."""
    command, actor = step
    at = OVER if isinstance(command, c.ExpireHotfix) else MORNING
    events = asked(incident, command, actor, at)
    if not events:
        return None
    padding = [record_of(incident)] * incident.version  # `append` numbers by the length of the log
    return append(incident, padding, events, actor, at)[0]


def record_of(incident: Incident) -> e.Recorded:
    return e.Recorded(
        stream=incident.stream,
        version=incident.version,
        at=incident.last_at,
        actor_kind="worker",
        actor="detect",
        cause=None,
        key="k",
        event=e.IncidentAcknowledged(),
    )


def steps_of(incident: Incident) -> Iterator[Step]:
    """Whatever may matter: every button, and every answer that a worker may give."""
    for button in buttons(incident):
        if button.action not in ("report", "why", "correct", "note", "assign", "severity", "silence"):
            yield PRESSED[button.action](incident, button.option or ""), THIRD
    key = incident.hotfix.option if incident.hotfix else "fill"
    for make in BY_KEY:
        command = make(key)
        if isinstance(command, c.ByWorker):
            yield command, WORKER
    yield PROPOSED


def ends(incident: Incident) -> bool:
    """True where buttons and workers' answers can lead to the end from here: it is searched for."""
    reached, seen = deque([incident]), {state_of(incident)}
    while reached:
        one = reached.popleft()
        if one.status == "closed":
            return True
        for step in steps_of(one):
            later = after_one(one, step)
            if later is not None and state_of(later) not in seen:
                seen.add(state_of(later))
                reached.append(later)
    return False


ENDED: set[State] = set()
"""States from which a way to the end was found in this run."""


def as_kept(incident: Incident) -> Incident:
    """The same without what only a correction asks for, as a card keeps it."""
    return incident.model_copy(update={"correctable": {}})


class Life(RuleBasedStateMachine):
    """One incident, and the log of it."""

    incident: Incident
    log: list[e.Recorded]

    @initialize(beginning=st.sampled_from(BEGINNINGS))
    def begin(self, beginning: Step) -> None:
        events = decide(None, beginning[0], beginning[1], MORNING)
        opened, self.log = append(None, [], events, beginning[1], MORNING)
        assert opened is not None
        self.incident = opened
        assert redecided(None, self.log)

    @rule(data=st.data(), actor=st.sampled_from([ON_CALL, SECOND]), minutes=st.integers(0, 60))
    def correct(self, data: st.DataObject, actor: Actor, minutes: int) -> None:
        event = data.draw(st.sampled_from(sorted(self.incident.correctable)))
        part = data.draw(st.sampled_from(self.incident.correctable[event].parts))
        right = MORNING + timedelta(minutes=data.draw(st.integers(-5, minutes)))
        command: c.Correction
        if part == "time":
            command = c.CorrectTime(event=event, at=right, reason="paged")
        elif part == "onset":
            command = c.CorrectOnset(event=event, since=right, reason="the feed's log")
        elif part == "note":
            command = c.CorrectNote(event=event, text=f"{right:%H:%M} it was", reason="a slip")
        else:
            command = c.CorrectSeverity(event=event, severity=list(Severity)[minutes % 4], reason="a slip")
        self.ask(command, actor, minutes)

    @rule(
        command=COMMANDS,
        actor=st.sampled_from([ON_CALL, SECOND, WORKER]),
        minutes=st.one_of(st.integers(0, 60), st.just((OVER - MORNING) // MINUTE)),
    )
    def ask(self, command: c.Command, actor: Actor, minutes: int) -> None:
        at = MORNING + timedelta(minutes=minutes)
        before, log = self.incident, self.log
        events = asked(before, command, actor, at)
        kept, self.log = append(before, self.log, events, actor, at)
        assert kept is not None
        self.incident = kept
        if not isinstance(command, c.Correction):
            assert asked(as_kept(before), command, actor, at) == events
            from_card, _ = append(as_kept(before), log, events, actor, at)
            assert from_card is not None
            assert as_kept(from_card) == as_kept(kept)
        again = asked(kept, command, actor, at)
        if events:
            assert all(isinstance(event, SAID_AGAIN) for event in again), f"{command} happens twice"
            written = [reread(record) for record in self.log[-len(events) :]]
            assert redecided(before, written), f"{command} would not be decided again"

    @invariant()
    def kept_equals_replayed(self) -> None:
        read = [
            record._replace(
                event=decode_text(
                    record.event.wire_name, record.event.schema_version, json.dumps(encode(record.event))
                )
            )
            for record in self.log
        ]
        assert [record.event for record in read] == [record.event for record in self.log]
        assert replay(read) == self.incident == replay(self.log)
        assert Incident.model_validate_json(self.incident.model_dump_json()) == as_kept(self.incident)

    @invariant()
    def every_button_works_and_none_is_missing(self) -> None:
        buttons_work(self.incident)
        no_button_is_missing(self.incident)

    @invariant()
    def there_is_a_way_to_the_end(self) -> None:
        if state_of(self.incident) not in ENDED:
            assert ends(self.incident), f"no way out of {state_of(self.incident)}"
            ENDED.add(state_of(self.incident))

    @invariant()
    def what_is_owed_was_asked_for(self) -> None:
        ids = {record.id for record in self.log}
        assert all(
            obligation.event_id in ids and obligation.kind in DUE_AFTER
            for obligation in open_obligations(self.incident)
        )

    @invariant()
    def what_is_approved_is_what_was_chosen_and_nothing_is_after_the_end(self) -> None:
        so_far: Incident | None = None
        for record in self.log:
            if isinstance(record.event, e.HotfixChosen | e.HotfixApproved):
                assert so_far is not None
                assert so_far.status in ("open", "acknowledged")
                assert record.actor_kind == "person"
                assert record.event.menu == so_far.menu_digest
            if isinstance(record.event, e.HotfixApproved):
                assert so_far is not None
                assert so_far.hotfix is not None
                assert (so_far.hotfix.option, so_far.hotfix.menu) == (record.event.option, record.event.menu)
                assert record.at - so_far.hotfix.at <= CHOICE_HOLDS
                option = so_far.option(record.event.option)
                assert option is not None
                assert (so_far.hotfix.chosen_by != record.actor) or not option.needs_second_person
            if isinstance(record.event, e.HotfixExpired):
                assert so_far is not None
                assert so_far.hotfix is not None
                assert so_far.hotfix.expires_at is not None
                assert record.at >= so_far.hotfix.expires_at
            if isinstance(record.event, e.IncidentClosed):
                assert so_far is not None
                assert missing_to_close(so_far) == ()
            so_far = evolve(so_far, record)

    @invariant()
    def what_can_be_corrected_stands_in_the_log_and_no_step_took_less_than_no_time(self) -> None:
        ids = {record.id for record in self.log}
        assert ids >= set(self.incident.correctable) >= set(self.incident.given_by.values())
        took = durations(self.incident)
        assert took.to_detect is None or took.to_detect >= timedelta(0)

    @invariant()
    def every_event_has_its_line(self) -> None:
        entries = timeline(self.log)
        assert sorted(entry.id for entry in entries) == sorted(record.id for record in self.log)
        assert all(entry.what and "{" not in entry.what for entry in entries)
        corrections = sum(isinstance(record.event, e.Correction) for record in self.log)
        assert sum(len(entry.amendments) for entry in entries) == corrections


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_from_every_state_there_is_a_way_to_the_end_and_its_buttons_work() -> None:
    states, before = every_state()
    count = len(states)
    assert count > 300  # or it was not everything
    ended, to_go = set(), deque(key for key, one in states.items() if one.status == "closed")
    while to_go:
        key = to_go.popleft()
        if key not in ended:
            ended.add(key)
            to_go.extend(before.get(key, ()))
    stranded = set(states) - ended
    assert not stranded
    for one in states.values():
        buttons_work(one)
        no_button_is_missing(one)


def every_state() -> tuple[dict[State, Incident], dict[State, set[State]]]:
    """All states that commands lead to, one incident for each; and which states lead to which."""
    by_option: list[c.Command] = [make(key) for make in BY_KEY for key in ("fill", "rollback")]
    everything = [(command, ON_CALL) for command in (*PLAIN, *by_option)]
    everything += [(command, SECOND) for command in by_option if isinstance(command, c.ApproveHotfix)]
    first = [append(None, [], decide(None, *one, MORNING), one[1], MORNING)[0] for one in BEGINNINGS]
    states = {state_of(one): one for one in first if one is not None}
    before: dict[State, set[State]] = {}
    reached = deque(states.values())
    while reached:
        one = reached.popleft()
        for step in everything:
            later = after_one(one, step)
            if later is None:
                continue
            before.setdefault(state_of(later), set()).add(state_of(one))
            if state_of(later) not in states:
                states[state_of(later)] = later
                reached.append(later)
    return states, before

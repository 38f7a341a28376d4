"""Tickets kept in step with incidents, through the store and a tracker over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.state import Incident, Ticket
from domain.recommender.practice.tracker import Tracker as Declared
from domain.recommender.recommender import Recommender
from domain.values import Actor, Improvement
from tests.workers.respond.resolve.test_deploy import Story, recommender
from tests.workers.trackers.github import REPOSITORY, TOKEN, Github
from tests.workers.trackers.site import listening
from workers.environment import clock
from workers.log.handle import Answer
from workers.log.obligations import MOST_TRIES, Handler, Work
from workers.log.obligations import settle as settled
from workers.log.open_obligations import due
from workers.store.connection import present
from workers.store.memory import recall_beginning
from workers.trackers import settle as rooms
from workers.trackers.file import FileOptions
from workers.trackers.github import GithubOptions
from workers.trackers.settle import open_ticket, update_ticket
from workers.trackers.step import OPEN, keep_in_step

__all__ = ["recommender"]
AROUND = {"ISSUES_TOKEN": TOKEN}
LESSON = Improvement(
    detect_faster="yes", diagnose_faster="no", change="check", detail="alarm on unset language @all"
)
NOTHING = LESSON.model_copy(update={"change": "nothing", "detail": "it cannot come back"})
APPLIED = c.RecordHotfixApplied(option="fill", receipt="done")
VERIFIED = c.VerifyHotfix(option="fill", observed=96, expected=100, repaired_share=0.94)
REVERT = (c.RevertHotfix(option="fill"), c.RecordHotfixReverted(option="fill", receipt="done"))


class Kept:
    """An incident with a hotfix that was approved, whose tickets are kept at a tracker."""

    def __init__(self, story: Story, *trackers: Declared) -> None:
        self.story = story
        self.declared = story.recommender.model_copy(update={"trackers": {one.name: one for one in trackers}})
        self.later = timedelta(0)

    def say(self, *commands: c.Command) -> None:
        for command in commands:
            self.story.say(command)

    def beat(self, later: timedelta = timedelta(0)) -> None:
        """The clock, and whatever the workers then owe."""
        self.later += later
        self.step()
        for kind in ("ticket", "ticket_update"):
            while self.settle(kind):
                self.step()

    def step(self) -> None:
        keep_in_step(self.story.log, self.declared, AROUND, present(self.story.log) + self.later)

    def settle(self, kind: str, room: Callable[..., Any] | None = None) -> bool:
        does = room or {"ticket": open_ticket, "ticket_update": update_ticket}[kind]
        found = [obligation.event_id for obligation in due(self.card, clock.now()) if obligation.kind == kind]
        handlers: dict[str, Handler] = {kind: lambda work: does(work, self.declared)}
        return bool(found) and settled(self.story.log, handlers, kind, self.story.stream, found[0])

    @property
    def card(self) -> Incident:
        return self.story.card

    @property
    def ticket(self) -> Ticket:
        assert self.card.ticket is not None
        return self.card.ticket


@pytest.fixture
def github() -> Iterator[Github]:
    with listening(Github()) as running:
        yield running


@pytest.fixture
def kept(
    log: Engine,
    recommender: Recommender,
    opened: Callable[..., Answer],
    on_call: Actor,
    github: Github,
    monkeypatch: pytest.MonkeyPatch,
) -> Kept:
    monkeypatch.setattr(rooms, "surroundings", lambda: AROUND)
    given = {"name": "issues", "kind": "github", "url": github.url, "repository": REPOSITORY}
    declared = GithubOptions.model_validate({**given, "token_env": "ISSUES_TOKEN", "timeout": "2s"})
    return Kept(Story(log, recommender, opened().stream, on_call), declared)


def comments(github: Github, number: int = 1) -> list[str]:
    return [text.partition("\n")[0] for text in github.comments.get(number, [])]


def test_a_hotfix_that_stays_in_force_has_a_ticket_which_is_closed_once_it_is_reverted(
    kept: Kept, github: Github
) -> None:
    kept.say(APPLIED)
    kept.beat()
    assert github.issues == {}
    kept.say(VERIFIED)
    kept.beat()
    assert github.issues[1]["title"].startswith("Replace the hotfix “Fill language in” by a fix for good: ")
    assert "The hotfix “Fill language in” is in force until 20" in github.issues[1]["body"]
    assert kept.ticket.url == f"https://github.example/{REPOSITORY}/issues/1"
    kept.say(*REVERT)
    kept.beat()
    assert comments(github) == ["The hotfix “Fill language in” is reverted. Nothing is left to do."]
    assert github.issues[1]["state"] == "closed"
    assert (kept.ticket.is_open, kept.ticket.closed_by_somebody) == (False, False)
    kept.beat(timedelta(hours=1))
    assert len(github.issues) == 1
    assert not kept.ticket.closed_by_somebody


def test_the_follow_up_that_is_agreed_later_is_added_to_the_same_ticket(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.beat()
    kept.say(c.AnswerFollowUp(improvement=LESSON))
    kept.beat()
    assert comments(github)[0].startswith("To do: check: alarm on unset language ＠all. The hotfix “Fill")
    kept.say(*REVERT)
    kept.beat()
    assert comments(github)[1] == (
        "To do: check: alarm on unset language ＠all. The hotfix “Fill language in” is reverted."
    )
    assert github.issues[1]["state"] == "open"


def test_a_follow_up_alone_has_a_ticket_and_one_that_is_withdrawn_closes_it(
    kept: Kept, github: Github
) -> None:
    kept.say(APPLIED, *REVERT, c.Resolve(reason="over"), c.AnswerFollowUp(improvement=LESSON))
    kept.beat()
    assert github.issues[1]["title"] == "alarm on unset language ＠all"
    assert "Could it be detected faster, or predicted? yes" in github.issues[1]["body"]
    kept.say(c.AnswerFollowUp(improvement=NOTHING))
    kept.beat()
    withdrawn = "The follow-up is withdrawn: nothing changes: it cannot come back. Nothing is left to do."
    assert comments(github) == [withdrawn]
    assert github.issues[1]["state"] == "closed"
    kept.say(c.AnswerFollowUp(improvement=LESSON))
    kept.beat()
    assert github.issues[2]["state"] == "open"
    kept.say(c.Reopen(reason="it is back"))
    kept.beat()
    again = "The follow-up is withdrawn: the incident was opened again. Nothing is left to do."
    assert comments(github, 2) == [again]


def test_nothing_that_changes_has_no_ticket(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, *REVERT, c.Resolve(reason="over"), c.AnswerFollowUp(improvement=NOTHING))
    kept.beat()
    assert (github.issues, kept.card.ticket) == ({}, None)


def test_a_ticket_that_somebody_closes_marks_the_follow_up_done_and_asks_for_the_revert_and_reverts_nothing(
    kept: Kept, github: Github
) -> None:
    kept.say(APPLIED, VERIFIED, c.AnswerFollowUp(improvement=LESSON), c.Close())
    kept.beat()
    github.issues[1]["state"] = "closed"
    kept.beat(timedelta(minutes=4))
    assert kept.ticket.is_open
    kept.beat(timedelta(minutes=2))
    assert (kept.ticket.is_open, kept.ticket.closed_by_somebody) == (False, True)
    assert kept.card.follow_up_ended_at == kept.ticket.closed_at
    assert kept.story.hotfix.stage == "verified"
    kept.beat(timedelta(hours=1))
    kept.say(*REVERT)
    kept.beat(timedelta(hours=1))
    assert (len(github.issues), comments(github)) == (1, [])


def test_what_was_agreed_on_after_somebody_closed_the_ticket_gets_one_of_its_own(
    kept: Kept, github: Github
) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.beat()
    github.issues[1]["state"] = "closed"
    kept.say(c.AnswerFollowUp(improvement=LESSON))
    kept.step()
    kept.beat(timedelta(minutes=6))
    kept.beat()
    assert kept.card.follow_up_ended_at is None
    assert kept.ticket.is_open
    assert "alarm on unset language" in github.issues[2]["title"] + github.issues[2]["body"]


def test_a_worker_killed_between_opening_and_recording_leaves_one_ticket(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.step()

    def killed(work: Work, recommender: Recommender) -> None:
        open_ticket(work, recommender)
        raise SystemExit("killed")

    with pytest.raises(SystemExit):
        kept.settle("ticket", killed)
    assert (len(github.issues), kept.ticket.id) == (1, None)
    assert kept.settle("ticket")
    assert (len(github.issues), kept.ticket.id) == (1, f"{REPOSITORY}#1")
    kept.say(*REVERT)
    kept.step()

    def killed_after(work: Work, recommender: Recommender) -> None:
        update_ticket(work, recommender)
        raise SystemExit("killed")

    with pytest.raises(SystemExit):
        kept.settle("ticket_update", killed_after)
    kept.beat()
    assert (len(comments(github)), github.issues[1]["state"]) == (1, "closed")


@pytest.mark.parametrize("fault", ["late", "lost", 500])
def test_an_answer_that_does_not_come_leaves_one_ticket(kept: Kept, github: Github, fault: Any) -> None:
    github.late_seconds = 2.5  # type: ignore[misc]  # of this one
    github.faults.append(("POST", "/issues", fault))
    kept.say(APPLIED, VERIFIED)
    kept.step()
    assert not kept.settle("ticket")
    assert kept.settle("ticket")
    assert (len(github.issues), kept.ticket.id) == (1, f"{REPOSITORY}#1")


def test_two_clocks_and_two_workers_open_one(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, VERIFIED)
    for _ in range(2):
        kept.step()
    asked = kept.card.awaits["ticket"][0]
    for _ in range(2):
        handlers: dict[str, Handler] = {"ticket": lambda work: open_ticket(work, kept.declared)}
        settled(kept.story.log, handlers, "ticket", kept.story.stream, asked)
    assert len(github.issues) == 1


def test_a_tracker_that_refuses_is_noted_on_the_incident_and_asked_again_and_no_secret_is_said(
    kept: Kept, github: Github, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(rooms, "surroundings", lambda: {"ISSUES_TOKEN": "a-wrong-token-99"})
    kept.say(APPLIED, VERIFIED)
    kept.step()
    for _ in range(MOST_TRIES):
        assert not kept.settle("ticket")
    with kept.story.log.connect() as connection:
        query = "SELECT data FROM events WHERE wire_name = 'note.added'"
        (note,) = connection.exec_driver_sql(query).scalars()
        everything = " ".join(
            connection.exec_driver_sql(
                "SELECT string_agg(data::text, '') FROM events UNION ALL SELECT string_agg(trouble, '') "
                "FROM attempts UNION ALL SELECT string_agg(value::text, '') FROM memory"
            ).scalars()
        )
    assert "GitHub does not accept the secret in ISSUES_TOKEN (401)" in str(note)
    assert "a-wrong-token-99" not in everything + caplog.text
    monkeypatch.setattr(rooms, "surroundings", lambda: AROUND)
    assert kept.settle("ticket")
    assert len(github.issues) == 1


def test_a_tracker_that_does_not_answer_closes_nothing(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.beat()
    for fault in ("lost", 500, 429):
        github.faults.append(("GET", "/issues/1", fault))
        kept.beat(timedelta(minutes=6))
    github.hidden = True
    kept.beat(timedelta(minutes=6))
    assert kept.ticket.is_open
    assert github.faults == []
    github.hidden = False
    github.issues[1] |= {"state": "closed", "state_reason": "not_planned"}
    kept.beat(timedelta(minutes=6))
    assert kept.ticket.dropped


def test_what_is_long_ago_gets_no_ticket_when_a_first_tracker_is_declared(kept: Kept, github: Github) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.beat(timedelta(days=8))
    assert github.issues == {}


def test_a_tracker_that_is_declared_no_more_keeps_its_tickets_and_says_so(
    kept: Kept, github: Github, tmp_path: Path
) -> None:
    kept.say(APPLIED, VERIFIED)
    kept.beat()
    file = FileOptions(name="notes", kind="file", path=str(tmp_path / "notes.md"))
    both = {"notes": file, "issues": kept.declared.trackers["issues"]}
    kept.declared = kept.declared.model_copy(update={"trackers": both})
    kept.say(c.AnswerFollowUp(improvement=LESSON))
    kept.beat()
    assert len(comments(github)) == 1
    kept.declared = kept.declared.model_copy(update={"trackers": {"notes": file}})
    kept.say(*REVERT)
    kept.step()
    assert not kept.settle("ticket_update")
    with kept.story.log.connect() as connection:
        trouble = connection.exec_driver_sql("SELECT trouble FROM attempts WHERE kind = 'ticket_update'")
        assert "no tracker “issues” is declared" in str(trouble.scalars().all())
    assert not (tmp_path / "notes.md").exists()


def test_a_box_that_is_ticked_in_a_file_is_noticed(kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "follow-ups.md"
    file = FileOptions(name="notes", kind="file", path=str(path))
    kept.declared = kept.declared.model_copy(update={"trackers": {"notes": file}})
    kept.say(APPLIED, VERIFIED)
    kept.beat()
    path.write_text(path.read_text().replace("- [ ]", "- [x]"))
    kept.beat(timedelta(minutes=6))
    assert kept.ticket.closed_by_somebody
    kept.beat()
    with kept.story.log.connect() as connection:
        assert recall_beginning(connection, OPEN) == {}

"""A hotfix renewed, reminded of and listed, through the store and the file that a recommender reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine

from bot.messages.in_force import in_force, repaired
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Diagnosis
from tests.workers.conftest import make_option
from tests.workers.respond.resolve.test_deploy import Story, ahead, recommender, story
from workers.deployers.file import FileOptions
from workers.environment import clock
from workers.log.handle import Answer
from workers.log.obligations import Work
from workers.log.obligations import remind as beat
from workers.log.obligations import settle as settled
from workers.log.open_obligations import due
from workers.respond.resolve.deploy import apply, expire, revert
from workers.respond.resolve.renew import remind, renew
from workers.store import cards

__all__ = ["recommender", "story"]
WHY = c.RenewHotfix(option="fill", reason="the feed is not fixed yet")
DAY = timedelta(days=1)


def ends(story: Story) -> list[datetime]:
    """When the entries of the file end."""
    path = Path(cast(FileOptions, story.recommender.deployers["overrides"]).path)
    return [datetime.fromisoformat(one["expires_at"]) for one in json.loads(path.read_text())["overrides"]]


def settle(story: Story, kind: str) -> bool:
    """The obligation of this kind, under the id of the event that asked for it."""
    rooms = {"renew": renew, "remind_of_expiry": remind}
    found = [obligation.event_id for obligation in due(story.card, clock.now()) if obligation.kind == kind]
    handlers = {kind: lambda work: rooms[kind](work, story.recommender)}
    return bool(found) and settled(story.log, handlers, kind, story.stream, found[0])


def test_a_renewal_moves_the_end_where_it_acts_and_once_for_each_press(story: Story) -> None:
    assert story.settle("apply", apply)
    (before,) = ends(story)
    story.say(WHY)
    story.say(WHY)
    assert settle(story, "renew")
    assert not settle(story, "renew")
    (after,) = ends(story)
    assert story.hotfix.expires_at == after
    assert DAY - timedelta(minutes=1) < after - before < DAY + timedelta(minutes=1)
    assert len(story.overrides) == 1
    story.say(c.RevertHotfix(option="fill"))
    assert story.settle("revert", revert)
    assert story.overrides == []


def test_a_worker_killed_between_the_new_end_and_its_record_does_it_once_more_and_no_harm(
    story: Story,
) -> None:
    assert story.settle("apply", apply)
    story.say(WHY)

    def killed(work: Work) -> Iterator[c.Command]:
        next(renew(work, story.recommender))
        raise SystemExit("killed")
        yield

    asked = story.card.awaits["renew"][0]
    with pytest.raises(SystemExit):
        settled(story.log, {"renew": killed}, "renew", story.stream, asked)
    moved = ends(story)
    assert settle(story, "renew")
    assert ends(story) == moved == [story.hotfix.expires_at]


def test_what_was_reverted_while_it_was_renewed_is_not_left_in_force(story: Story) -> None:
    assert story.settle("apply", apply)
    story.say(WHY)
    asked = story.card.awaits["renew"][0]

    def slow(work: Work) -> Iterator[c.Command]:
        for command in renew(work, story.recommender):
            story.say(c.RevertHotfix(option="fill"))
            assert story.settle("revert", revert)
            yield command

    settled(story.log, {"renew": slow}, "renew", story.stream, asked)
    assert story.hotfix.stage == "reverted"
    assert story.overrides == []


def test_the_clock_reminds_before_the_end_and_reverts_at_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.settle("apply", apply)
    sent: list[str] = []

    def send(job: str, kind: str, stream: str, event: str) -> bool:
        sent.append(kind)
        return True

    def due_after(minutes: float) -> list[str]:
        sent.clear()
        ahead(monkeypatch, minutes)
        beat(story.log, send)
        return [kind for kind in sent if kind in ("remind_of_expiry", "expire")]

    assert due_after(22 * 60) == []
    assert due_after(23 * 60 + 1) == ["remind_of_expiry"]
    assert settle(story, "remind_of_expiry")
    assert story.hotfix.reminded_of == story.hotfix.expires_at
    assert due_after(23 * 60 + 30) == []
    assert due_after(24 * 60 + 1) == ["expire"]
    assert story.settle("expire", expire)
    assert (story.hotfix.stage, story.overrides) == ("expired", [])


def test_all_that_is_in_force_is_found_with_its_owner_and_what_it_repaired(story: Story, log: Engine) -> None:
    assert acting(log) == []
    story.say(c.RecordHotfixApplied(option="fill", receipt="done"))
    (one,) = in_force(acting(log), clock.now() + timedelta(hours=2))
    assert (one.number, one.hotfix, one.stage, one.share) == (1, "Fill language in", "applied", 1.0)
    assert one.age_seconds == pytest.approx(7200, abs=60)
    assert one.expires_in_seconds == pytest.approx(22 * 3600, abs=60)
    assert one.owner == story.hotfix.approved_by
    assert repaired(one) == "not measured yet"
    look = c.RecordWatch(
        option="fill",
        observed=9,
        expected=10,
        repaired_share=0.9,
        window_end=clock.now() + DAY,
        low=0.8,
        high=1.0,
    )
    story.say(look)
    (one,) = in_force(acting(log), clock.now())
    assert repaired(one) == "90 % [80–100]"
    story.say(c.RevertHotfix(option="fill"))
    assert [one.stage for one in in_force(acting(log), clock.now())] == ["reverting"]
    story.say(c.RecordHotfixReverted(option="fill", receipt="undone"))
    assert acting(log) == []


def test_what_never_expires_is_in_force_too_and_stands_last(
    story: Story, log: Engine, opened: Callable[..., Answer]
) -> None:
    story.say(c.RecordHotfixApplied(option="fill", receipt="done"))
    forever = make_option(expires_after=None, key="forever", label="Roll back")
    stream = opened("Comedy", key="two").stream
    other = Story.__new__(Story)
    other.log, other.recommender, other.stream, other.on_call = log, story.recommender, stream, story.on_call
    other.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)))
    other.say(c.PrepareMenu(options=(forever,)))
    other.say(c.ChooseHotfix(option="forever", menu=other.card.menu_digest))
    other.say(c.RecordHotfixApplied(option="forever", receipt="done"))
    found = in_force(acting(log), clock.now())
    assert [(one.number, one.expires_in_seconds is None) for one in found] == [(1, False), (2, True)]


def acting(log: Engine) -> list[Incident]:
    with log.connect() as connection:
        return cards.in_force(connection)

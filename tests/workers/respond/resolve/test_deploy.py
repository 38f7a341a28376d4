from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import psycopg
import pytest
from sqlalchemy import Engine

from domain.detection.judge.again.measure import Measurement
from domain.errors import DeployError, DeployUncertain, Refused, SourceError, Unmeasurable
from domain.incident import commands as c
from domain.incident.events import NoteAdded
from domain.incident.menu import digest_of
from domain.incident.state import Hotfix, Incident
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Option
from tests.workers.conftest import declared_fill, make_option
from workers.deployers.file import FileOptions
from workers.environment import clock
from workers.log.handle import Answer, handle
from workers.log.obligations import MOST_TRIES, Handler, Work, remind, settle
from workers.respond.resolve.deploy import apply, expire, in_stage, revert
from workers.respond.resolve.watch import guard, watch
from workers.store import cards
from workers.store.log.events import read_stream

Room = Callable[[Work, Recommender], Sequence[c.Command]]


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))
    overrides = FileOptions(name="overrides", kind="file", path=str(tmp_path / "overrides.json"))
    return Recommender(
        name="cinema",
        tables={"impressions": table},
        hotfixes={"fill_language": declared_fill()},
        deployers={"overrides": overrides},
    )


class Story:
    """One incident with a hotfix approved, and short words for what happens to it."""

    def __init__(
        self,
        log: Engine,
        recommender: Recommender,
        stream: str,
        on_call: Actor,
        ago: timedelta = timedelta(hours=1),
        option: Option | None = None,
    ) -> None:
        self.log, self.recommender, self.stream, self.on_call = log, recommender, stream, on_call
        at = clock.now() - ago
        self.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")), at)
        offered = option or make_option()
        self.say(c.PrepareMenu(options=(offered,)), at)
        self.say(c.ChooseHotfix(option="fill", menu=digest_of([offered])), at)

    def say(self, command: c.Command, at: datetime | None = None) -> Answer:
        key = f"{type(command).__name__}-{clock.now().timestamp()}"
        return handle(self.stream, command, actor=self.on_call, key=key, at=at, log=self.log)

    def settle(self, kind: str, room: Room) -> bool:
        handlers: dict[str, Handler] = {kind: lambda work: room(work, self.recommender)}
        event = self.hotfix.event_id
        return settle(self.log, handlers, kind, self.stream, event)

    @property
    def card(self) -> Incident:
        with self.log.connect() as connection:
            found = cards.find(connection, self.stream)
        assert found is not None
        return found

    @property
    def hotfix(self) -> Hotfix:
        assert self.card.hotfix is not None
        return self.card.hotfix

    @property
    def overrides(self) -> list[str]:
        path = Path(cast(FileOptions, self.recommender.deployers["overrides"]).path)
        return [entry["id"] for entry in json.loads(path.read_text())["overrides"]]


@pytest.fixture
def story(log: Engine, recommender: Recommender, opened: Callable[..., Answer], on_call: Actor) -> Story:
    return Story(log, recommender, opened().stream, on_call)


def test_an_approved_hotfix_is_applied_under_its_approval_and_taken_back_under_the_same(story: Story) -> None:
    approval = story.hotfix.event_id
    assert story.settle("apply", apply)
    assert story.overrides == [approval]
    story.say(c.RevertHotfix(option="fill"))
    assert story.settle("revert", revert)
    assert story.hotfix.stage == "reverted"
    assert story.overrides == []


def test_a_revert_is_tried_however_often_somebody_says_it_was(
    story: Story, owner: psycopg.Connection
) -> None:
    def dies(work: Work) -> Sequence[c.Command]:
        raise SystemExit("killed")

    assert story.settle("apply", apply)
    story.say(c.RevertHotfix(option="fill"))
    with pytest.raises(SystemExit):
        story.settle("revert", lambda work, _: dies(work))
    owner.execute("UPDATE attempts SET begun = 99, next_at = '2099-01-01' WHERE kind = 'revert'")
    assert story.settle("revert", revert)
    assert (story.hotfix.stage, story.overrides) == ("reverted", [])


@pytest.mark.parametrize(
    ("changes", "share", "added"),
    [
        ({}, 1.0, {}),
        ({"stages": (0.05, 1.0)}, 0.05, {"share": 0.05, "salt": "approval"}),
        ({"stages": (0.05, 1.0)}, 1.0, {}),
        ({"hold_out": 0.25}, 1.0, {"share": 0.75, "salt": "approval"}),
    ],
)
def test_a_target_is_told_a_share_of_members_where_some_are_left_out_and_none_else(
    changes: dict[str, object], share: float, added: dict[str, object]
) -> None:
    option = make_option(**changes)
    assert in_stage(option, share, "approval").parameters == {**option.parameters, **added}


def killed(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """A worker that dies once it is done, before anybody knows."""
    apply(work, recommender)
    raise SystemExit("killed")


def test_a_worker_killed_between_doing_and_recording_deploys_once(story: Story) -> None:
    with pytest.raises(SystemExit):
        story.settle("apply", killed)
    assert story.hotfix.stage == "approved"
    assert story.settle("apply", apply)
    assert len(story.overrides) == 1
    assert "already holds" in (story.hotfix.receipt or "")


def test_a_worker_killed_after_doing_it_and_then_nobody_there_to_ask_is_not_called_failed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        story.settle("apply", killed)
    with monkeypatch.context() as away:
        away.setattr(
            "workers.respond.resolve.deploy.build_deployer",
            lambda *_: Receiver(DeployError("is it running?")),
        )
        assert not story.settle("apply", apply)
    assert (story.hotfix.stage, story.overrides) == ("approved", [story.hotfix.event_id])
    assert story.settle("apply", apply)
    assert (story.hotfix.stage, len(story.overrides)) == ("applied", 1)


def test_what_no_worker_could_confirm_is_taken_back_before_it_is_called_failed(story: Story) -> None:
    for _ in range(MOST_TRIES):
        with pytest.raises(SystemExit):
            story.settle("apply", killed)
    assert len(story.overrides) == 1
    assert story.settle("apply", apply)
    assert (story.hotfix.stage, story.overrides) == ("failed", [])
    assert story.hotfix.reason == f"Not confirmed after {MOST_TRIES} attempts; it was taken back."


def test_what_may_be_in_force_is_not_called_failed_before_it_can_be_taken_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        story.settle("apply", killed)
    approval = story.hotfix.event_id
    with monkeypatch.context() as away:
        away.setattr("workers.respond.resolve.deploy.build_deployer", lambda *_: Away())
        assert not any(story.settle("apply", apply) for _ in range(3 * MOST_TRIES))
    assert (story.hotfix.stage, story.overrides) == ("approved", [approval])
    (warning,) = (note for note in notes(story) if "goes on being tried" in note)
    assert "it may be in force, and could not be taken back: is it running?" in warning
    assert story.settle("apply", apply)
    assert (story.hotfix.stage, story.overrides) == ("failed", [])


def notes(story: Story) -> list[str]:
    with story.log.connect() as connection:
        events = read_stream(connection, story.stream)
    return [one.event.text for one in events if isinstance(one.event, NoteAdded)]


class Away:
    """A target that is down."""

    in_stages = True

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        raise DeployError("is it running?")

    def revert(self, key: str, option: Option) -> str:
        raise DeployError("is it running?")


class Receiver:
    """A deployer that answers as it is told, and remembers what it was asked."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, list[str]()

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        self.asked.append(f"apply {key}")
        raise self.error

    def revert(self, key: str, option: Option) -> str:
        self.asked.append(f"revert {key}")
        return "undone"


def test_a_refused_deployment_is_said_at_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(DeployError("the receiver said no"))
    monkeypatch.setattr("workers.respond.resolve.deploy.build_deployer", lambda *_: receiver)
    assert story.settle("apply", apply)
    assert (story.hotfix.stage, story.hotfix.reason) == ("failed", "the receiver said no")


def test_a_deployment_nobody_can_confirm_is_asked_again_then_taken_back_and_called_failed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval, receiver = story.hotfix.event_id, Receiver(DeployUncertain("no answer"))
    monkeypatch.setattr("workers.respond.resolve.deploy.build_deployer", lambda *_: receiver)
    answers = [story.settle("apply", apply) for _ in range(MOST_TRIES)]
    assert answers == [False] * (MOST_TRIES - 1) + [True]
    assert receiver.asked == [f"apply {approval}"] * MOST_TRIES + [f"revert {approval}"]
    assert story.hotfix.stage == "failed"
    assert "no answer" in (story.hotfix.reason or "")


def test_an_expired_hotfix_is_taken_back_by_the_clock(
    log: Engine, recommender: Recommender, opened: Callable[..., Answer], on_call: Actor
) -> None:
    story = Story(log, recommender, opened().stream, on_call, ago=timedelta(days=3))
    sent: list[object] = []
    story.say(c.RecordHotfixApplied(option="fill", receipt="done"), at=clock.now() - timedelta(days=2))
    story.say(c.VerifyHotfix(option="fill", observed=1, expected=1, repaired_share=1))

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    remind(story.log, send)
    remind(story.log, send)
    expiry = ("recsysops.settle", "expire", story.stream, story.hotfix.event_id)
    assert sent.count(expiry) == 1
    assert story.settle("expire", expire)
    assert story.hotfix.stage == "expired"


def test_a_hotfix_whose_time_is_not_over_is_left_alone(story: Story) -> None:
    story.settle("apply", apply)
    assert not story.settle("expire", expire)
    assert len(story.overrides) == 1


def applied(story: Story, ago: timedelta) -> None:
    story.say(c.RecordHotfixApplied(option="fill", receipt="done"), at=clock.now() - ago)


def seen(observed: float) -> Measurement:
    return Measurement(observed=observed, expected=100.0, low=80.0, high=120.0, p_value=0.5)


@pytest.mark.parametrize(
    ("ago", "observed", "stage"),
    [
        (2, 97.0, "verified"),
        (2, 110.0, "verified"),
        (2, 40.0, "applied"),
        (6, 40.0, "reverting"),
        (6, 97.0, "verified"),
    ],
)
def test_a_watched_hotfix_is_judged_by_the_metric_that_raised_the_alarm(
    story: Story, monkeypatch: pytest.MonkeyPatch, ago: int, observed: float, stage: str
) -> None:
    applied(story, timedelta(minutes=ago))
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(observed))
    assert story.settle("watch", watch)
    assert story.hotfix.stage == stage
    share = min((observed - 29.0) / 71.0, 1.0)  # more than all of it is chance
    assert story.hotfix.repaired_share == pytest.approx(share)
    assert story.card.status == ("resolved" if stage == "verified" else "open")


def test_nothing_is_judged_before_a_whole_window_has_passed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(story, timedelta(seconds=30))
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(97.0))
    assert not story.settle("watch", watch)
    assert story.hotfix.stage == "applied"


def test_a_look_is_written_down_at_most_every_quarter_minute(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(story, timedelta(minutes=2))
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(40.0))
    assert [story.settle("watch", watch) for _ in range(3)] == [True, False, False]


def test_a_metric_that_cannot_be_measured_refutes_only_when_the_time_is_over(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Measurement:
        raise SourceError("the warehouse is away")

    monkeypatch.setattr("workers.respond.resolve.watch.measure", away)
    applied(story, timedelta(minutes=2))
    assert not any(story.settle("watch", watch) for _ in range(MOST_TRIES + 2))
    assert story.hotfix.stage == "applied"


def test_a_fix_of_what_cannot_be_measured_is_left_to_people_at_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> Measurement:
        raise Unmeasurable('kind "moved" cannot be measured again; judge it yourself')

    monkeypatch.setattr("workers.respond.resolve.watch.measure", cannot)
    applied(story, timedelta(minutes=2))
    assert story.settle("watch", watch)
    assert story.hotfix.stage == "refuted"


def test_a_look_sees_nothing_from_before_the_deployment(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[datetime, datetime]] = []

    def measured(
        recommender: object, finding: object, start: datetime, end: datetime, past: object
    ) -> Measurement:
        asked.append((start, end))
        return seen(40.0)

    monkeypatch.setattr("workers.respond.resolve.watch.measure", measured)
    applied(story, timedelta(seconds=61))
    story.settle("watch", watch)
    start, end = asked[0]
    assert start >= (story.hotfix.applied_at or end)
    assert timedelta(seconds=60) <= end - start <= timedelta(seconds=61)


def test_a_wide_interval_is_made_up_for_by_a_second_window_that_is_good_too(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(story, timedelta(minutes=4))
    uncertain = Measurement(observed=97.0, expected=100.0, low=0.0, high=260.0, p_value=0.9)
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: uncertain)
    earlier = clock.now() - timedelta(minutes=2)
    assert story.settle("watch", watch)
    stages = [story.hotfix.stage]
    story.say(
        c.RecordWatch(option="fill", observed=97, expected=100, repaired_share=0.95, window_end=earlier)
    )
    monkeypatch.setattr("workers.respond.resolve.watch.LOOK_AGAIN_AFTER", timedelta(microseconds=1))
    assert story.settle("watch", watch)
    stages.append(story.hotfix.stage)
    assert stages == ["applied", "verified"]


def test_a_hotfix_that_does_not_work_is_taken_back_by_itself_and_offered_no_more(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert story.settle("apply", apply)
    assert len(story.overrides) == 1
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(31.0))
    monkeypatch.setattr("workers.log.obligations.clock.now", lambda: datetime.now(UTC) + timedelta(minutes=6))
    assert story.settle("watch", watch)
    assert (story.hotfix.stage, story.hotfix.because) == ("reverting", "no_effect")
    assert story.settle("revert", revert)
    assert (story.hotfix.stage, story.overrides) == ("reverted", [])
    assert [one.option for one in story.card.spent] == ["fill"]
    again = c.ChooseHotfix(option="fill", menu=story.card.menu_digest)
    with pytest.raises(Refused, match="found not to work here"):
        story.say(again)


def test_what_helps_but_not_enough_stays_in_force_and_is_left_to_people(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(story, timedelta(minutes=6))
    partly = Measurement(observed=74.0, expected=100.0, low=95.0, high=105.0, p_value=1e-9)
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: partly)
    assert story.settle("watch", watch)
    assert (story.hotfix.stage, story.card.spent) == ("refuted", ())
    assert story.hotfix.low == pytest.approx(45 / 71 - 5 / 71)


def test_a_verified_hotfix_that_does_harm_later_is_taken_back_by_the_clock(
    log: Engine,
    recommender: Recommender,
    opened: Callable[..., Answer],
    on_call: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(log, recommender, opened(observed=70).stream, on_call)
    assert story.settle("apply", apply)
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(97.0))
    ahead(monkeypatch, minutes=2)
    assert story.settle("watch", watch)
    assert story.hotfix.stage == "verified"
    assert not story.settle("guard", guard)  # it is not time yet
    monkeypatch.setattr("workers.respond.resolve.watch.measure", lambda *_: seen(10.0))
    for minutes in (4, 6):
        assert story.hotfix.stage == "verified"
        ahead(monkeypatch, minutes)
        assert due_by_the_clock(story) == ["guard"]
        assert story.settle("guard", guard)
    assert (story.hotfix.stage, story.hotfix.because, story.card.status) == ("reverting", "harm", "open")
    assert story.settle("revert", revert)
    assert (story.hotfix.stage, story.overrides) == ("reverted", [])


def ahead(monkeypatch: pytest.MonkeyPatch, minutes: float) -> None:
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("workers.log.obligations.clock.now", lambda: now)
    monkeypatch.setattr("workers.log.handle.present", lambda log: now)


def due_by_the_clock(story: Story) -> list[object]:
    sent: list[object] = []

    def send(job: str, kind: str, stream: str, event: str) -> bool:
        sent.append(kind)
        return True

    remind(story.log, send)
    return [kind for kind in sent if kind not in ("follow_up", "announce", "cost")]

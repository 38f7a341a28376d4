"""What a worker does once for each obligation and for nobody else's, and how a hotfix is reverted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import Engine, text

from domain.errors import ConfigurationError, DeployError, DeployUncertain, Refused
from domain.incident import commands as c
from domain.incident.events import AttestationGiven
from domain.incident.menu import digest_of
from domain.incident.obligations import Obligation, expiry_of
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Actor, Diagnosis, Improvement, Option
from tests.workers.conftest import NOON, declared_fill, make_finding, make_option
from workers.log.attest import attest
from workers.log.follow import catch_up
from workers.log.handle import Answer, handle
from workers.log.obligations import MOST_TRIES, Work, hand_over, settle
from workers.log.open_obligations import due, retry
from workers.respond.resolve.deploy import (
    APPROVAL_HOLDS,
    against_deploying_now,
    apply,
    build_deployer,
    expire,
    in_hand,
    revert,
)
from workers.store import cards, reminders
from workers.store.lock import alone

DAY, SOON = timedelta(days=1), timedelta(microseconds=1)
IMPRESSIONS = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))
RECOMMENDER = Recommender(
    name="cinema", tables={"impressions": IMPRESSIONS}, hotfixes={"fill_language": declared_fill()}
)


class Receiver:
    """A deployer that says what it is told to, and remembers what it was asked."""

    def __init__(self, says: Exception | None = None) -> None:
        self.says, self.asked = says, list[str]()
        self.expires_at: datetime | None = None

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        self.expires_at = expires_at
        return self._answer(f"apply {key}")

    def revert(self, key: str, option: Option) -> str:
        return self._answer(f"revert {key}")

    def _answer(self, asked: str) -> str:
        self.asked.append(asked)
        if self.says:
            raise self.says
        return "done"


class Story:
    """An incident with a hotfix that was approved at noon, and in force since then where it was `applied`."""

    def __init__(self, log: Engine, stream: str, option: Option) -> None:
        self._log, self._stream, self._asked = log, stream, 0
        self.say(c.RecordDiagnosis(diagnosis=Diagnosis(cause=None)))
        self.say(c.PrepareMenu(options=(option,)))
        self.say(c.ChooseHotfix(option="fill", menu=digest_of([option])))
        self.approval = self.incident.last_event_id

    def say(self, command: c.Command) -> Answer:
        self._asked += 1
        actor, key = Actor(kind="person", id="terminal:on-call"), f"k{self._asked}"
        return handle(self._stream, command, actor=actor, key=key, at=NOON, log=self._log)

    def applied(self) -> Story:
        self.say(c.RecordHotfixApplied(option="fill", receipt="done"))
        return self

    @property
    def incident(self) -> Incident:
        with self._log.connect() as connection:
            found = cards.find(connection, self._stream)
        assert found is not None
        return found

    def work(self, kind: str, tries: int = 1) -> Work:
        incident = self.incident
        obligation = Obligation(kind=kind, event_id=incident.last_event_id, since=NOON)
        return Work(self._log, incident, obligation, NOON, tries=tries)


Begin = Callable[..., Story]


@pytest.fixture
def begin(log: Engine, opened: Callable[..., Answer]) -> Begin:
    def story(**changes: object) -> Story:
        return Story(log, opened().stream, make_option(**changes))

    return story


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    made = Receiver()
    monkeypatch.setattr("workers.respond.resolve.deploy.build_deployer", lambda *_: made)
    return made


@pytest.mark.parametrize("lasts", [DAY, None])
def test_the_receiver_is_told_when_a_hotfix_expires_and_that_one_never_does(
    begin: Begin, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, lasts: timedelta | None
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.against_deploying_now", lambda *_: None)
    story = begin(expires_after=lasts)
    assert [type(said) for said in apply(story.work("apply"), RECOMMENDER)] == [c.RecordHotfixApplied]
    assert receiver.expires_at == (NOON + lasts if lasts else None)
    hotfix = story.applied().incident.hotfix
    assert hotfix is not None
    assert hotfix.expires_at == (NOON + lasts if lasts else None)


@pytest.mark.parametrize(
    ("says", "tries", "recorded"),
    [
        (None, 1, c.RecordHotfixReverted),
        (None, 3, c.RecordHotfixReverted),
        (DeployError("no such hotfix"), 1, c.RecordRevertFailed),
        (DeployError("no such hotfix"), 2, None),  # the try before may have done it
        (DeployUncertain("no answer"), 1, None),
        (DeployUncertain("no answer"), 2, None),
    ],
)
def test_a_revert_is_called_failed_only_where_the_first_try_was_refused(
    begin: Begin, receiver: Receiver, says: Exception | None, tries: int, recorded: type[c.Command] | None
) -> None:
    story, receiver.says = begin().applied(), says
    story.say(c.RevertHotfix(option="fill"))
    work = story.work("revert", tries)
    if recorded is None:
        with pytest.raises(DeployError, match=str(says)):
            revert(work, RECOMMENDER)
    else:
        assert [type(said) for said in revert(work, RECOMMENDER)] == [recorded]
    assert receiver.asked == [f"revert {story.approval}"]


def test_what_expires_is_taken_back_before_it_is_called_expired(begin: Begin, receiver: Receiver) -> None:
    story = begin().applied()
    assert [type(said) for said in expire(story.work("expire"), RECOMMENDER)] == [c.ExpireHotfix]
    assert receiver.asked == [f"revert {story.approval}"]
    receiver.says = DeployError("nobody there")
    with pytest.raises(DeployError):
        expire(story.work("expire"), RECOMMENDER)


def test_where_no_hotfix_of_the_menu_is_in_hand_there_is_nothing_to_deploy(begin: Begin) -> None:
    incident = begin().incident
    assert in_hand(incident) == (incident.hotfix, incident.option("fill"))
    with pytest.raises(ConfigurationError, match="#1 has no hotfix in hand"):
        in_hand(incident.model_copy(update={"hotfix": None}))
    with pytest.raises(ConfigurationError, match="hotfix of #1 is not on its menu any more"):
        in_hand(incident.model_copy(update={"menu": ()}))


def test_what_was_chosen_before_a_choice_named_its_menu_is_held_to_no_menu(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.rights.against_deploying", lambda *_: None)
    story = begin()
    hotfix, option = in_hand(story.incident)
    work = story.work("apply")
    old, other = (hotfix.model_copy(update={"menu": menu}) for menu in (None, "0" * 16))
    assert against_deploying_now(work, RECOMMENDER, hotfix, option) is None
    assert against_deploying_now(work, RECOMMENDER, old, option) is None
    assert "not the one that it was chosen from" in str(
        against_deploying_now(work, RECOMMENDER, other, option)
    )


@pytest.mark.parametrize(("waited", "deployed"), [(APPROVAL_HOLDS, True), (APPROVAL_HOLDS + SOON, False)])
def test_an_approval_holds_for_a_day_and_not_a_moment_longer(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, waited: timedelta, deployed: bool
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.rights.against_deploying", lambda *_: None)
    story = begin()
    work = replace(story.work("apply"), at=NOON + waited)
    assert (against_deploying_now(work, RECOMMENDER, *in_hand(story.incident)) is None) == deployed


def test_only_for_a_launch_may_a_hotfix_last_longer_than_is_declared(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.rights.against_deploying", lambda *_: None)
    work = begin(expires_after=3 * DAY).work("apply")
    launch = replace(work, incident=work.incident.model_copy(update={"kind": "predicted"}))
    assert "was changed since" in str(against_deploying_now(work, RECOMMENDER, *in_hand(work.incident)))
    assert against_deploying_now(launch, RECOMMENDER, *in_hand(launch.incident)) is None


@pytest.mark.parametrize("tries", [1, 2, MOST_TRIES + 1])
def test_what_may_not_be_deployed_is_taken_back_only_where_a_try_before_may_have_done_it(
    begin: Begin, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr("workers.respond.resolve.deploy.against_deploying_now", lambda *_: "it was closed")
    story = begin()
    assert [type(said) for said in apply(story.work("apply", tries), RECOMMENDER)] == [c.RecordHotfixFailed]
    assert receiver.asked == ([] if tries == 1 else [f"revert {story.approval}"])


def test_a_hotfix_goes_to_no_deployer_that_is_not_declared() -> None:
    with pytest.raises(
        ConfigurationError, match=r"“?'overrides' is not declared; add \[deployers.overrides\]"
    ):
        build_deployer(RECOMMENDER, make_option())


def test_a_hotfix_is_due_to_be_taken_back_when_its_time_is_over_and_not_a_moment_before(begin: Begin) -> None:
    incident = begin().applied().incident

    def kinds(at: datetime) -> set[str]:
        return {obligation.kind for obligation in due(incident, at)}

    reminded = {"watch", "remind_of_expiry"}
    assert (kinds(NOON + DAY - SOON), kinds(NOON + DAY)) == (reminded, {*reminded, "expire"})


def test_what_does_not_act_or_never_expires_is_never_due_to_be_taken_back(begin: Begin) -> None:
    story = begin()
    story.applied()
    acting = story.incident
    assert acting.hotfix is not None
    assert expiry_of(acting) is not None
    story.say(c.RevertHotfix(option="fill"))
    for incident in (
        story.incident,
        acting.model_copy(update={"hotfix": None}),
        acting.model_copy(update={"hotfix": acting.hotfix.model_copy(update={"expires_at": None})}),
    ):
        assert expiry_of(incident) is None


def test_an_obligation_that_somebody_is_at_is_left_to_them(
    log: Engine, opened: Callable[..., Answer]
) -> None:
    stream, begun = opened().stream, Event()

    def handler(work: Work) -> Sequence[c.Command]:
        begun.set()
        return ()

    obligation = ("diagnose", stream, f"{stream}:1")
    with alone(log, f"settle:diagnose:{stream}:1") as mine:
        assert mine
        assert not settle(log, {"diagnose": handler}, *obligation)
        assert not begun.is_set()
    settle(log, {"diagnose": handler}, *obligation)
    assert begun.is_set()


def test_what_is_of_no_incident_is_handed_over_to_nobody(log: Engine, on_call: Actor) -> None:
    said = AttestationGiven(
        test="infra-1", how="automatic", link="https://ci.example.org/twice", until=NOON + DAY
    )
    attest(log, said, actor=on_call, key="vouch", at=NOON)
    sent: list[object] = []

    def send(*job: object) -> bool:
        sent.append(job)
        return True

    assert catch_up(log, "obligations", hand_over(send)) == 1
    assert sent == []


def test_who_has_nothing_tried_again_is_told_to_look_again_where_that_may_be(
    begin: Begin, log: Engine
) -> None:
    story = begin()
    story.say(c.RecordHotfixFailed(option="fill", reason="refused"))

    def refusal() -> str:
        with log.begin() as connection, pytest.raises(Refused) as refused:
            retry(connection, story.incident, None, NOON)
        return str(refused.value)

    assert refusal().endswith("could try again. `recsysops look-again 1` has its cause looked into again.")
    story.say(c.Resolve(reason="It stopped."))
    lesson = Improvement(detect_faster="No", diagnose_faster="No", change="nothing", detail="Rare.")
    story.say(c.ProposeFollowUp(improvement=lesson))
    assert refusal().endswith("could try again.")


def test_what_only_waits_to_expire_is_not_looked_at_before(begin: Begin, log: Engine) -> None:
    story = begin().applied()
    story.say(c.RevertHotfix(option="fill"))
    story.say(c.RecordRevertFailed(option="fill", reason="500"))
    story.say(c.RemindOfExpiry(option="fill"))
    with log.connect() as connection:
        assert reminders.look(connection, NOON + timedelta(hours=1), 10) == []
        (look,) = reminders.look(connection, NOON + DAY, 10)
    assert [issue.obligation.kind for issue in look.now] == ["expire"]


def test_of_what_is_due_the_longest_due_is_looked_at_first(log: Engine, detector: Actor) -> None:
    streams = []
    for genre, minutes in (("Drama", 5), ("Comedy", 0), ("Horror", 9)):
        command, at = c.OpenIncident(number=0, finding=make_finding(genre)), NOON + timedelta(minutes=minutes)
        streams.append(handle(None, command, actor=detector, key=genre, at=at, log=log).stream)
    with log.connect() as connection:
        for way in ("indexscan", "bitmapscan"):  # an index would give them in order, asked or not
            connection.execute(text(f"SET enable_{way} = off"))
        first = reminders.look(connection, NOON + timedelta(hours=1), 2)
    assert [look.card.stream for look in first] == [streams[1], streams[0]]

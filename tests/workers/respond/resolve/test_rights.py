"""One person, one identity; and whoever settles what was approved checks again whether they may."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from domain.errors import NotAllowed, Refused, RightsUnknown
from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.obligations import open_obligations
from domain.incident.permitted import STALE
from domain.incident.state import Hotfix
from domain.values import Actor, Diagnosis, Hours
from tests.workers.conftest import make_option
from workers.declaration.current import recommender
from workers.door import Door
from workers.environment import clock
from workers.environment.settings import Settings
from workers.log.handle import Answer, handle
from workers.log.obligations import MOST_TRIES, Work, settle
from workers.respond.resolve.deploy import apply
from workers.store import cards

DECLARED = """
[recommender]
name = "shop"
[tables.impressions]
path = "none.parquet"
time = "at"
window = "1m"
[hotfixes.fill_language]
kind = "fill_feature"
label = "Fill language in"
does = "fills it in"
causes = ["feature"]
deployer = "overrides"
expires = "1d"
watch = "5m"
second_person_above = 0.5
[deployers.overrides]
kind = "file"
path = "overrides.json"
[people.ada]
slack = "U0ADA"
terminal = "ada"
[permissions]
deploy = ["oncall"]
approve = ["ml"]
"""
WIDE = {
    "label": "Fill language in: all",
    "blast_share": 0.9,
    "needs_second_person": True,
    "break_glass": True,
}
MENU = (make_option(), make_option(key="wide", **WIDE))
ALONE = c.ChooseHotfix(option="fill", menu=digest_of(MENU))
ASK = c.ChooseHotfix(option="wide", menu=digest_of(MENU))
APPROVE = c.ApproveHotfix(option="wide", menu=digest_of(MENU))
BREAK = c.BreakGlass(option="wide", menu=digest_of(MENU), reason="Nobody answers.")
GLASS = DECLARED + 'break_glass = ["leads"]\n'
MEMBERS = {"oncall": {"U0ADA", "U0BEN"}, "ml": {"U0ADA", "U0BEN", "U0CAM"}}


def person(known_as: str) -> Actor:
    return Actor(kind="person", id=known_as)


ADA, BEN, CAM = person("slack:U0ADA"), person("slack:U0BEN"), person("slack:U0CAM")
ADA_AT_A_TERMINAL, ROOT = person("terminal:ada"), person("terminal:root")


class Shop:
    """One incident with a menu of a hotfix that one person deploys, and one that takes two."""

    def __init__(self, door: Door, file: Path, stream: str) -> None:
        self.door, self.file, self.stream = door, file, stream
        self._key = 0
        self.declare(DECLARED)
        self.worker = Actor(kind="worker", id="worker:test")
        self.press(self.worker, c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")))
        self.press(self.worker, c.PrepareMenu(options=MENU))
        door.keep_groups(MEMBERS, {})

    def declare(self, toml: str) -> None:
        self.file.write_text(toml)

    def press(self, who: Actor, command: c.Command) -> Answer:
        self._key += 1
        return self.door.submit(self.stream, command, who, f"press {self._key} on {self.stream}")

    def settle(self) -> bool:
        declared = recommender(self.file)
        handlers = {"apply": lambda work: apply(work, declared)}
        return settle(self.door.log, handlers, "apply", self.stream, self.hotfix.event_id)

    @property
    def hotfix(self) -> Hotfix:
        found = self.door.incident(self.stream)
        assert found is not None
        assert found.hotfix is not None
        return found.hotfix

    @property
    def deployed(self) -> list[str]:
        overrides = self.file.with_name("overrides.json")
        return (
            [one["id"] for one in json.loads(overrides.read_text())["overrides"]]
            if overrides.exists()
            else []
        )

    def not_deployed(self, words: str) -> None:
        assert self.settle()
        assert self.hotfix.stage == "failed"
        assert words in (self.hotfix.reason or "")
        assert self.deployed == []


@pytest.fixture
def shop(database_url: str, tmp_path: Path, opened: Callable[..., Answer]) -> Shop:
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED)
    return Shop(Door(Settings(database_url=database_url, config=file)), file, opened().stream)


# At the press


def test_one_s_own_request_is_refused_in_words_also_where_the_button_is_of_no_option(shop: Shop) -> None:
    shop.press(ADA, ASK)
    with pytest.raises(Refused, match="You asked for this yourself"):
        shop.press(ADA_AT_A_TERMINAL, APPROVE.model_copy(update={"option": "gone"}))


@pytest.mark.parametrize(("asks", "approves"), [(ADA, ADA_AT_A_TERMINAL), (ADA_AT_A_TERMINAL, ADA)])
def test_one_s_own_request_is_not_approved_through_another_account(
    shop: Shop, asks: Actor, approves: Actor
) -> None:
    shop.press(asks, ASK)
    with pytest.raises(Refused, match="You asked for this yourself"):
        shop.press(approves, APPROVE)
    shop.press(BEN, APPROVE)
    assert (shop.hotfix.stage, shop.hotfix.chosen_by, shop.hotfix.approved_by) == (
        "approved",
        "slack:U0ADA",
        "slack:U0BEN",
    )


def test_an_account_that_is_nobody_s_asks_nobody_and_approves_nothing_and_is_told_how_to_be_somebody(
    shop: Shop,
) -> None:
    for command in (ASK, APPROVE):
        with pytest.raises(NotAllowed, match=r"“root” at a terminal is nobody.*\[people.NAME\]"):
            shop.press(ROOT, command)
    shop.press(ADA, ASK)
    with pytest.raises(NotAllowed, match="“root” at a terminal is nobody"):
        shop.press(ROOT, APPROVE)


def test_without_a_declaration_nobody_approves_at_a_terminal(shop: Shop) -> None:
    shop.press(BEN, ASK)
    shop.declare("[")
    with pytest.raises(NotAllowed, match="“ada” at a terminal is nobody"):
        shop.press(ADA_AT_A_TERMINAL, APPROVE)


def test_what_an_account_that_is_nobody_s_asked_for_before_is_approved_by_nobody(
    shop: Shop, log: Engine
) -> None:
    handle(shop.stream, ASK, actor=ROOT, key="an earlier release", log=log)
    with pytest.raises(Refused, match=r"asked for at a terminal by “root”.*could be you"):
        shop.press(BEN, APPROVE)


def test_what_was_asked_for_before_the_accounts_were_declared_to_be_one_is_still_one_s_own(
    shop: Shop,
) -> None:
    shop.press(ADA_AT_A_TERMINAL, c.Acknowledge())
    apart = DECLARED.replace('slack = "U0ADA"', "").replace('["oncall"]', '["ada"]')
    shop.declare(apart)
    shop.press(ADA_AT_A_TERMINAL, ASK)
    shop.declare(DECLARED)
    with pytest.raises(Refused, match="You asked for this yourself"):
        shop.press(ADA, APPROVE)


def test_at_a_terminal_somebody_may_what_they_may_in_slack(shop: Shop) -> None:
    shop.press(BEN, ASK)
    shop.door.keep_groups({**MEMBERS, "ml": {"U0BEN"}}, {})
    with pytest.raises(NotAllowed, match=r"may not approve by \[permissions\]"):
        shop.press(ADA_AT_A_TERMINAL, APPROVE)
    shop.declare(DECLARED.replace('approve = ["ml"]', 'approve = ["ada"]'))
    shop.press(ADA_AT_A_TERMINAL, APPROVE)
    assert shop.hotfix.approved_by == "slack:U0ADA"


def test_a_second_press_from_another_account_of_the_same_person_is_the_first_one(shop: Shop) -> None:
    assert shop.press(ADA, ALONE).events
    assert not shop.press(ADA_AT_A_TERMINAL, ALONE).events


@pytest.mark.parametrize("asks", [ADA, ADA_AT_A_TERMINAL])
@pytest.mark.parametrize("breaks", [ADA, ADA_AT_A_TERMINAL])
def test_whoever_is_named_for_it_has_their_own_request_deployed_by_break_glass(
    shop: Shop, asks: Actor, breaks: Actor
) -> None:
    shop.declare(GLASS)
    shop.door.keep_groups({**MEMBERS, "leads": {"U0ADA"}}, {})
    shop.press(asks, ASK)
    shop.press(breaks, BREAK)
    assert shop.settle()
    assert (shop.hotfix.stage, shop.hotfix.break_glass) == ("applied", "Nobody answers.")
    assert len(shop.deployed) == 1


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({**MEMBERS}, "may not break_glass by"),
        ({"oncall": set(), "leads": {"U0ADA"}}, "may not deploy by"),
    ],
)
def test_at_a_terminal_break_glass_takes_both_rights(
    shop: Shop, members: dict[str, set[str]], words: str
) -> None:
    shop.declare(GLASS)
    shop.press(ADA, ASK)
    shop.door.keep_groups(members, {})
    with pytest.raises(NotAllowed, match=words):
        shop.press(ADA_AT_A_TERMINAL, BREAK)
    assert shop.hotfix.stage == "chosen"


def test_an_account_that_is_nobody_s_breaks_no_glass(shop: Shop) -> None:
    shop.declare(GLASS)
    shop.press(ADA, ASK)
    with pytest.raises(NotAllowed, match="“root” at a terminal is nobody"):
        shop.press(ROOT, BREAK)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({**MEMBERS, "leads": {"U0CAM"}}, "may not break_glass by"),
        ({"oncall": {"U0BEN"}, "leads": {"U0ADA"}}, "may not deploy by"),
    ],
)
def test_who_may_break_no_glass_any_more_has_nothing_deployed_by_it(
    shop: Shop, members: dict[str, set[str]], words: str
) -> None:
    shop.declare(GLASS)
    shop.press(ADA, ASK)
    shop.press(ADA, BREAK)
    shop.door.keep_groups(members, {})
    shop.not_deployed(words)


def test_break_glass_that_was_taken_out_of_the_file_deploys_nothing(shop: Shop) -> None:
    shop.press(ADA, ASK)
    shop.press(ADA, BREAK)
    shop.not_deployed("[permissions] break_glass in recsysops.toml names nobody now")


NEVER = Hours(start=time(0), end=time(0, 0, 0, 1), days=(0,), zone="UTC")
"""A microsecond of Monday."""


def by_hour(shop: Shop, hours: Hours) -> tuple[c.ChooseHotfix, c.ApproveHotfix]:
    menu = (make_option(alone=hours),)
    worker = Actor(kind="worker", id="worker:test")
    shop.press(worker, c.LookAgain())
    shop.press(worker, c.RecordDiagnosis(diagnosis=Diagnosis(cause="unset", cause_kind="feature")))
    shop.press(worker, c.PrepareMenu(options=menu))
    digest = digest_of(menu)
    return c.ChooseHotfix(option="fill", menu=digest), c.ApproveHotfix(option="fill", menu=digest)


def test_outside_the_hours_what_one_person_deploys_by_day_takes_two(shop: Shop) -> None:
    choose, approve = by_hour(shop, NEVER)
    with pytest.raises(NotAllowed, match="“root” at a terminal is nobody"):
        shop.press(ROOT, choose)
    shop.press(ADA, choose)
    assert shop.hotfix.stage == "chosen"
    with pytest.raises(Refused, match="second person has to approve it, as it was asked for outside Mon"):
        shop.press(ADA_AT_A_TERMINAL, approve)
    shop.press(CAM, approve)
    assert shop.settle()
    assert len(shop.deployed) == 1


def test_one_s_own_approval_outside_the_hours_written_around_the_rules_is_not_deployed(
    shop: Shop, log: Engine
) -> None:
    choose, approve = by_hour(shop, NEVER)
    shop.press(ADA, choose)
    handle(shop.stream, approve, actor=ADA_AT_A_TERMINAL, key="forged", log=log)
    shop.not_deployed("it needs a second person")


@pytest.mark.parametrize("kinds", ["[]", '["fill_feature"]'])
def test_what_one_person_deployed_before_hours_were_declared_is_held_to_those_of_now(
    shop: Shop, kinds: str
) -> None:
    shop.press(ADA, ALONE)
    now = f'alone = {{ from = 00:00:00, to = 00:00:00.000001, days = ["mon"], kinds = {kinds} }}\n'
    shop.declare(DECLARED + now)
    shop.not_deployed("it needs a second person")


def test_within_the_hours_that_are_declared_now_one_person_s_press_is_deployed(shop: Shop) -> None:
    shop.press(ADA, ALONE)
    shop.declare(DECLARED + "alone = { from = 00:00:00, to = 00:00:00 }\n")
    assert shop.settle()
    assert shop.hotfix.stage == "applied"


# Forgetting


def test_nobody_is_forgotten_while_something_of_theirs_is_in_hand(shop: Shop) -> None:
    shop.press(ADA, ASK)
    for who in ("slack:U0ADA", "terminal:ada"):
        with pytest.raises(Refused, match=r"cannot be forgotten yet: .*waits to be approved in #1; rej"):
            shop.door.forget(who)
    shop.press(BEN, APPROVE)
    with pytest.raises(Refused, match="is being deployed in #1; wait"):
        shop.door.forget("slack:U0BEN")
    assert not shop.door.forget("slack:U0CAM")


def test_who_comes_back_after_being_forgotten_is_somebody_new_with_nothing_in_hand(shop: Shop) -> None:
    shop.press(ADA, ASK)
    shop.press(BEN, c.RejectHotfix(option="wide"))
    assert shop.door.forget("terminal:ada")
    shop.press(BEN, ASK)
    shop.press(ADA, APPROVE)
    assert shop.hotfix.stage == "approved"


def test_a_request_of_somebody_whom_the_database_was_made_to_forget_is_approved_by_nobody(
    shop: Shop, log: Engine
) -> None:
    shop.press(ADA, ASK)
    with log.begin() as connection:
        connection.execute(text("DELETE FROM people"))
    for actor in (ADA, BEN):
        with pytest.raises(Refused, match="is no longer known who asked for this, so it could be you"):
            shop.press(actor, APPROVE)


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE people SET known_as = 'slack:U0BEN-too' WHERE known_as = 'slack:U0ADA'",
        "UPDATE memory SET value = '\"00\"' WHERE name LIKE 'people.seal.%'",
        "UPDATE memory SET value = '7' WHERE name LIKE 'people.seal.%'",
        "DELETE FROM memory WHERE name LIKE 'people.seal.%'",
    ],
)
def test_who_asked_is_not_believed_where_somebody_wrote_into_the_store_who_it_was(
    shop: Shop, owner: psycopg.Connection, forged: str
) -> None:
    shop.press(ADA, ASK)
    owner.execute(forged)
    with pytest.raises(Refused, match="is no longer known who asked for this"):
        shop.press(ADA, APPROVE)
    assert shop.hotfix.stage == "chosen"


def test_who_was_known_before_there_were_seals_is_believed_from_their_next_choice_on(
    shop: Shop, owner: psycopg.Connection
) -> None:
    shop.press(ADA, c.Acknowledge())
    owner.execute("DELETE FROM memory WHERE name LIKE 'people.seal.%'")
    shop.press(ADA, ASK)
    shop.press(BEN, APPROVE)
    assert shop.settle()
    assert shop.hotfix.stage == "applied"


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE memory SET value = replace(value, 'U0CAM', 'U0EVE') WHERE name = 'slack.groups'",
        "UPDATE memory SET value = (value::jsonb -> 'said')::text WHERE name = 'slack.groups'",
        "UPDATE memory SET value = replace(value, '\"seal\":\"', '\"seal\":\"x') WHERE name = 'slack.groups'",
    ],
)
def test_groups_that_somebody_wrote_into_the_store_are_no_groups(
    shop: Shop, owner: psycopg.Connection, forged: str
) -> None:
    assert shop.door.kept_groups() is not None
    owner.execute(forged)
    assert shop.door.kept_groups() is None
    shop.press(BEN, ASK)
    with pytest.raises(RightsUnknown, match="never said who is in which group"):
        shop.press(ADA_AT_A_TERMINAL, APPROVE)
    shop.door.keep_groups(MEMBERS, {})
    assert shop.door.kept_groups() is not None


# Before it is deployed


def test_what_somebody_approved_who_may_is_deployed(shop: Shop) -> None:
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    assert shop.settle()
    assert shop.deployed == [f"{shop.stream}:5"]


def test_what_an_operator_at_a_terminal_has_deployed_alone_is_deployed(shop: Shop) -> None:
    shop.press(ROOT, ALONE)
    assert shop.settle()
    assert shop.hotfix.stage == "applied"


def test_who_may_no_more_has_nothing_deployed(shop: Shop) -> None:
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    shop.door.keep_groups({**MEMBERS, "ml": {"U0BEN"}}, {})
    shop.not_deployed("whoever approved it may not approve by [permissions]")


def test_who_chose_alone_and_may_deploy_no_more_has_nothing_deployed(shop: Shop) -> None:
    shop.press(ADA, ALONE)
    shop.declare(DECLARED.replace('deploy = ["oncall"]', "deploy = []"))
    shop.not_deployed("[permissions] deploy in recsysops.toml names nobody now")


def test_an_approval_that_was_written_around_the_rules_is_not_deployed(shop: Shop, log: Engine) -> None:
    """The approver had no right, or is the one who asked: what a press would have been refused for."""
    outsider = person("slack:U0EVE")
    shop.press(ADA, ASK)
    handle(shop.stream, APPROVE, actor=outsider, key="forged", log=log)
    shop.not_deployed("whoever approved it may not approve")


def test_one_s_own_approval_that_was_written_around_the_rules_is_not_deployed(
    shop: Shop, log: Engine
) -> None:
    shop.press(ADA, ASK)
    handle(shop.stream, APPROVE, actor=ADA_AT_A_TERMINAL, key="forged", log=log)
    shop.not_deployed("it needs a second person")


def test_an_approval_by_an_account_that_is_nobody_s_is_not_deployed(shop: Shop, log: Engine) -> None:
    shop.press(ADA, ASK)
    handle(shop.stream, APPROVE, actor=ROOT, key="an earlier release", log=log)
    shop.not_deployed("“root” at a terminal is nobody")


@pytest.mark.parametrize(("who", "verb"), [("U0ADA", "asked for it"), ("U0CAM", "approved it")])
def test_what_somebody_asked_for_or_approved_who_was_forgotten_is_not_deployed(
    shop: Shop, log: Engine, who: str, verb: str
) -> None:
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    with log.begin() as connection:
        connection.execute(text("DELETE FROM people WHERE known_as = :who"), {"who": f"slack:{who}"})
    shop.not_deployed(f"it is no longer known who {verb}")


@pytest.mark.parametrize("said", [None, STALE + timedelta(seconds=9), -timedelta(hours=1)])
def test_while_nobody_knows_who_may_it_is_tried_again_and_given_up_visibly(
    shop: Shop, log: Engine, said: timedelta | None
) -> None:
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    with log.begin() as connection:
        connection.execute(text("DELETE FROM memory WHERE name = 'slack.groups'"))
    if said is not None:
        shop.door.keep_groups(MEMBERS, {}, said.total_seconds())
    assert [shop.settle() for _ in range(MOST_TRIES)] == [False] * (MOST_TRIES - 1) + [True]
    assert shop.deployed == []
    assert "who is in which group, so nobody knows who may" in (shop.hotfix.reason or "")


def test_once_slack_answers_again_it_is_deployed(shop: Shop, log: Engine) -> None:
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    shop.door.keep_groups(MEMBERS, {}, 2 * STALE.total_seconds())
    assert not shop.settle()
    shop.door.keep_groups(MEMBERS, {})
    assert shop.settle()
    assert shop.hotfix.stage == "applied"


def test_who_is_named_by_id_needs_no_word_of_slack(shop: Shop, log: Engine) -> None:
    shop.declare(DECLARED.replace('approve = ["ml"]', 'approve = ["U0CAM"]'))
    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    with log.begin() as connection:
        connection.execute(text("DELETE FROM memory WHERE name = 'slack.groups'"))
    assert shop.settle()
    assert shop.hotfix.stage == "applied"


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_an_earlier_try_may_have_put_in_force_is_taken_back(
    shop: Shop, log: Engine, ends_well: bool
) -> None:
    def killed(work: Work) -> list[c.Command]:
        apply(work, recommender(shop.file))
        raise SystemExit("killed")

    shop.press(ADA, ASK)
    shop.press(CAM, APPROVE)
    with pytest.raises(SystemExit):
        settle(log, {"apply": killed}, "apply", shop.stream, shop.hotfix.event_id)
    assert len(shop.deployed) == 1
    if ends_well:
        shop.door.keep_groups({}, {})
        shop.not_deployed("may not approve")
        return
    shop.door.keep_groups(MEMBERS, {}, 2 * STALE.total_seconds())
    while not shop.settle():
        assert len(shop.deployed) == 1
    assert (shop.hotfix.stage, shop.deployed) == ("failed", [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("hotfixes.fill_language", "hotfixes.another"), "[hotfixes.fill_language] is not declared any more"),
        (
            ('does = "fills it in"', 'does = "hides them"'),
            "changed since: it does: hides them; look again",
        ),
        (("second_person_above = 0.5", "second_person_above = 0.05"), "a second person has to approve it"),
    ],
)
def test_what_was_taken_out_of_the_file_or_changed_in_it_after_the_press_is_not_deployed(
    shop: Shop, change: tuple[str, str], words: str
) -> None:
    shop.press(ADA, ALONE)
    shop.declare(DECLARED.replace(*change))
    shop.not_deployed(words)


def test_what_nobody_came_to_for_a_day_is_not_deployed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.press(ADA, ALONE)
    later = clock.now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.door.keep_groups(MEMBERS, {})
    shop.not_deployed("it was approved 1 d 1 h ago")


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_what_was_approved_is_not_deployed_after_the_end(shop: Shop, log: Engine, status: str) -> None:
    """No rule of today leads there; the log of an earlier release may."""
    shop.press(ADA, ALONE)
    with log.connect() as connection:
        found = cards.find(connection, shop.stream)
    assert found is not None
    over = found.model_copy(update={"status": status})
    (obligation,) = (one for one in open_obligations(found) if one.kind == "apply")
    work = Work(log, over, obligation, clock.now())
    (command,) = apply(work, recommender(shop.file))
    assert isinstance(command, c.RecordHotfixFailed)
    assert command.reason == f"#1 was {status} before it was deployed"
    forged = found.model_copy(update={"menu": (make_option(label="Other"),)})
    (command,) = apply(Work(log, forged, work.obligation, clock.now()), recommender(shop.file))
    assert isinstance(command, c.RecordHotfixFailed)
    assert "not the one that it was chosen from" in command.reason


def test_that_nobody_knows_is_a_refusal_that_may_be_asked_again() -> None:
    assert issubclass(RightsUnknown, NotAllowed)

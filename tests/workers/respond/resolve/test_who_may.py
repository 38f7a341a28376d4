"""Who may have something deployed, checked against what is declared and known now; each condition alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.errors import NotAllowed
from domain.incident.commands import ApproveHotfix, ChooseHotfix
from domain.incident.permitted import STALE
from domain.incident.state import Hotfix
from domain.recommender.person import Person
from domain.recommender.recommender import Recommender
from domain.recommender.route import Permissions
from domain.recommender.table import Table
from tests.domain.incident.given import DIAGNOSED, OFFERED, OPEN, after
from tests.workers.conftest import NOON, make_option
from workers.log import groups
from workers.respond.resolve.rights import against_deploying, authorise, check_press

ADA = Person(name="ada", slack="U0ADA", terminal=("ada",))
BEN = Person(name="ben", terminal=("ben",))
TABLE = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))


def shop(deploy: tuple[str, ...] = ("oncall",), approve: tuple[str, ...] = ("ml",)) -> Recommender:
    return Recommender(
        name="shop",
        tables={"impressions": TABLE},
        people={"ada": ADA, "ben": BEN},
        permissions=Permissions(deploy=deploy, approve=approve),
    )


def hotfix(chosen_by: str, approved_by: str | None) -> Hotfix:
    return Hotfix(
        option="fill", stage="approved", event_id="e", at=NOON, chosen_by=chosen_by, approved_by=approved_by
    )


def test_what_nobody_approved_is_not_deployed(log: Engine) -> None:
    said = against_deploying(log, shop(), hotfix("slack:U0ADA", None), make_option())
    assert said == "nobody approved “Fill language in”"


def may(log: Engine, known_as: str, recommender: Recommender) -> str:
    """`yes`, or the kind of refusal, of somebody who wants to approve."""
    with log.begin() as connection:
        try:
            authorise(connection, recommender, known_as, "approve")
        except NotAllowed as refusal:
            return type(refusal).__name__
    return "yes"


@pytest.fixture
def grouped(log: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """At noon Slack said who is in which group."""
    monkeypatch.setattr("workers.environment.clock.now", lambda: NOON)
    with log.begin() as connection:
        groups.keep(connection, {"ml": {"U0ADA", "U0CAM"}, "oncall": {"U0EVE"}}, {})
    return log


def test_whoever_is_in_a_named_group_or_named_may_and_nobody_else(grouped: Engine) -> None:
    assert {who: may(grouped, who, shop()) for who in ("slack:U0CAM", "slack:U0ADA", "terminal:ada")} == {
        "slack:U0CAM": "yes",
        "slack:U0ADA": "yes",
        "terminal:ada": "yes",
    }
    assert may(grouped, "slack:U0EVE", shop()) == "NotAllowed"
    assert may(grouped, "terminal:ben", shop()) == "NotAllowed"
    assert may(grouped, "terminal:ben", shop(approve=("ben",))) == "yes"
    assert may(grouped, "slack:U0EVE", shop(approve=("U0EVE",))) == "yes"
    assert may(grouped, "slack:U0CAM", shop(approve=())) == "NotAllowed"


def test_who_is_in_no_group_as_they_have_no_account_in_slack_waits_for_no_word_of_it(log: Engine) -> None:
    assert may(log, "terminal:ben", shop()) == "NotAllowed"
    assert may(log, "slack:U0CAM", shop()) == "RightsUnknown"


@pytest.mark.parametrize(("age", "answer"), [(STALE, "yes"), (STALE + timedelta(seconds=1), "RightsUnknown")])
def test_what_slack_said_holds_for_an_hour_and_not_longer(
    grouped: Engine, monkeypatch: pytest.MonkeyPatch, age: timedelta, answer: str
) -> None:
    monkeypatch.setattr("workers.environment.clock.now", lambda: NOON + age)
    assert may(grouped, "slack:U0CAM", shop()) == answer


def test_an_account_at_a_terminal_that_is_nobody_s_approves_nothing_and_one_in_slack_as_its_groups_say(
    grouped: Engine,
) -> None:
    with grouped.begin() as connection:
        authorise(connection, shop(), "terminal:root", "deploy")
        with pytest.raises(NotAllowed, match="could be whoever asked"):
            authorise(connection, shop(), "terminal:root", "approve")
        with pytest.raises(NotAllowed, match="may not deploy"):
            authorise(connection, shop(), "slack:U0CAM", "deploy")
        with pytest.raises(NotAllowed, match="may not deploy"):
            authorise(connection, shop(), "terminal:ada", "deploy")


def chosen(option: str) -> ChooseHotfix:
    return ChooseHotfix(option=option, menu="")


def approved(option: str) -> ApproveHotfix:
    return ApproveHotfix(option=option, menu="")


def test_an_approval_takes_somebody_whatever_the_option_takes_and_is_declared(log: Engine) -> None:
    begun, _ = after(OPEN, DIAGNOSED, OFFERED)
    with log.begin() as connection:
        by_two: list[ChooseHotfix | ApproveHotfix] = [chosen("rollback")]
        by_two += [approved(option) for option in ("fill", "rollback", "gone")]
        for command in by_two:
            with pytest.raises(NotAllowed, match="could be whoever asked"):
                check_press(connection, None, begun, command, "terminal:root")
        for option in ("fill", "gone"):
            check_press(connection, None, begun, chosen(option), "terminal:root")


def test_who_presses_in_slack_was_authorised_there_and_who_presses_at_a_terminal_is_here(log: Engine) -> None:
    begun, _ = after(OPEN, DIAGNOSED, OFFERED)
    with log.begin() as connection:
        check_press(connection, shop(), begun, chosen("fill"), "slack:U0EVE")
        check_press(connection, shop(), begun, approved("fill"), "slack:U0EVE")
        with pytest.raises(NotAllowed, match="may not deploy"):
            check_press(connection, shop(), begun, chosen("fill"), "terminal:ben")
        with pytest.raises(NotAllowed, match="may not approve"):
            check_press(connection, shop(deploy=("ben",)), begun, approved("fill"), "terminal:ben")

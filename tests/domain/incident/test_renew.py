"""A hotfix announces that it will expire, and stays longer only if a person wants it and gives a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.decide import decide
from domain.incident.decide.rule import renewal
from domain.incident.menu import digest_of
from domain.incident.obligations import REMIND, open_obligations, reminder_of
from domain.incident.state import Incident
from domain.values import Actor, Option
from tests.domain.incident.given import (
    APPLIED,
    DIAGNOSED,
    MORNING,
    ON_CALL,
    OPEN,
    REVERTED,
    SECOND,
    VERIFIED,
    WORKER,
    after,
    option,
)
from tests.domain.incident.test_buttons import on

DAY = timedelta(days=1)
RENEW = c.RenewHotfix(option="fill", reason="the feed is not fixed yet")
RENEWED = (c.RecordHotfixRenewed(option="fill", receipt="ok"), WORKER)
REMINDED = (c.RemindOfExpiry(option="fill"), WORKER)
LATER = MORNING + DAY
NEVER = option().model_copy(update={"expires_after": None})
Step = c.Command | tuple[c.Command, Actor]


def deployed(given: Option, *steps: Step) -> Incident:
    chosen = c.ChooseHotfix(option="fill", menu=digest_of([given]))
    return after(OPEN, DIAGNOSED, (c.PrepareMenu(options=(given,)), WORKER), chosen, APPLIED, *steps)[0]


def test_a_renewal_is_owed_to_the_deployer_and_holds_once_it_is_done() -> None:
    before, asked, done = (deployed(option(), *steps) for steps in ((), (RENEW,), (RENEW, RENEWED)))
    assert before.hotfix and asked.hotfix and done.hotfix
    assert asked.hotfix.expires_at == before.hotfix.expires_at
    assert {"watch", "renew"} <= {obligation.kind for obligation in open_obligations(asked)}
    assert before.hotfix.expires_at is not None
    assert done.hotfix.expires_at == before.hotfix.expires_at + timedelta(days=7)
    assert "renew" not in {obligation.kind for obligation in open_obligations(done)}
    assert "renew" in on(before)
    assert "renew" not in on(asked)
    assert "renew" in on(done)


def test_two_people_press_at_once_and_it_is_renewed_once() -> None:
    asked = deployed(option(), RENEW)
    assert decide(asked, RENEW, SECOND, LATER) == ()
    assert decide(asked, RENEW, ON_CALL, LATER) == ()


def test_a_renewal_survives_the_verdict_and_not_a_revert() -> None:
    assert "renew" in {
        obligation.kind for obligation in open_obligations(deployed(option(), RENEW, VERIFIED))
    }
    reverting = deployed(option(), RENEW, c.RevertHotfix(option="fill"))
    assert {obligation.kind for obligation in open_obligations(reverting)} - {"announce"} == {"revert"}
    assert decide(reverting, *RENEWED, LATER) == ()


def test_what_the_deployer_refuses_leaves_the_former_end() -> None:
    failed = (c.RecordRenewalFailed(option="fill", reason="the receiver said no"), WORKER)
    incident, before = deployed(option(), RENEW, failed), deployed(option())
    assert incident.hotfix and before.hotfix
    assert incident.hotfix.expires_at == before.hotfix.expires_at
    assert "renew" in on(incident)


@pytest.mark.parametrize(
    ("given", "steps", "words"),
    [
        (NEVER, (), "never expires"),
        (option(stages=(0.05, 1.0)), (), "not served to all members yet"),
        (option(), (c.RevertHotfix(option="fill"),), "no hotfix in force"),
    ],
)
def test_what_cannot_be_renewed_says_why(given: Option, steps: tuple[Step, ...], words: str) -> None:
    with pytest.raises(Refused, match=words):
        decide(deployed(given, *steps), RENEW, ON_CALL, LATER)


def test_where_nothing_was_deployed_nothing_can_be_renewed() -> None:
    assert renewal(after(OPEN)[0]) == "There is no hotfix in force that could be renewed."


def test_a_renewal_needs_a_reason() -> None:
    with pytest.raises(Refused, match="Say why"):
        decide(deployed(option()), c.RenewHotfix(option="fill", reason=" "), ON_CALL, LATER)


@pytest.mark.parametrize(
    ("lasts", "declared", "before"),
    [
        (timedelta(days=7), None, timedelta(hours=1)),
        (timedelta(hours=2), None, timedelta(minutes=12)),
        (timedelta(days=7), timedelta(hours=5), timedelta(hours=5)),
    ],
)
def test_people_are_reminded_an_hour_before_or_a_tenth_of_its_time_or_as_declared(
    lasts: timedelta, declared: timedelta | None, before: timedelta
) -> None:
    incident = deployed(option().model_copy(update={"expires_after": lasts, "remind": declared}))
    obligation = reminder_of(incident)
    assert obligation is not None
    assert incident.hotfix and incident.hotfix.expires_at
    assert (obligation.kind, obligation.since) == (REMIND, incident.hotfix.expires_at - before)


def test_people_are_reminded_once_of_each_end() -> None:
    reminded = deployed(option(), REMINDED)
    assert reminder_of(reminded) is None
    assert decide(reminded, *REMINDED, LATER) == ()
    first, again = reminder_of(deployed(option())), reminder_of(deployed(option(), REMINDED, RENEW, RENEWED))
    assert first and again
    assert again.event_id != first.event_id  # so that the word is another one, and not taken for the first
    assert again.since == first.since + timedelta(days=7)


def test_nobody_is_reminded_of_what_never_ends() -> None:
    assert reminder_of(deployed(NEVER)) is None
    assert decide(deployed(NEVER), *REMINDED, LATER) == ()


def test_nobody_is_reminded_of_what_is_reverted_already() -> None:
    for steps in ((c.RevertHotfix(option="fill"),), (c.RevertHotfix(option="fill"), REVERTED)):
        assert decide(deployed(option(), *steps), *REMINDED, LATER) == ()

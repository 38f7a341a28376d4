"""People vouch for a test with a link and an end, and can take it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Refused
from domain.improvement.attestation import LONGEST, Attest, Attestation, Withdraw, attested, vouch
from domain.incident import events as e

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
ADA, BEN = "person:0000000000000000000000000000000a", "person:0000000000000000000000000000000b"


def attest(**changes: object) -> Attest:
    said = {
        "test": "infra-1",
        "how": "automatic",
        "link": "https://ci.example.org/twice",
        "until": NOON + YEAR,
    }
    return Attest.model_validate({**said, **changes})


def recorded(*events: e.Attestation, by: str = ADA) -> list[e.Recorded]:
    return [
        e.Recorded(
            stream=e.AUDIT,
            version=version,
            at=NOON,
            actor_kind="person",
            actor=by,
            cause=None,
            key=str(version),
            event=event,
        )
        for version, event in enumerate(events, start=1)
    ]


def after(*commands: Attest | Withdraw) -> dict[str, Attestation]:
    """What stands after these, each decided on what came before."""
    events: list[e.Attestation] = []
    for command in commands:
        events += vouch(attested(recorded(*events)), command, ADA, NOON)
    return attested(recorded(*events))


def test_who_vouches_is_remembered_with_the_link_and_the_end() -> None:
    (standing,) = after(attest()).values()
    assert standing.model_dump() == {**attest().model_dump(), "by": ADA, "at": NOON}


def test_it_stands_up_to_its_end_and_not_at_it() -> None:
    standing = after(attest())["infra-1"]
    assert standing.stands(NOON + YEAR - timedelta(seconds=1))
    assert not standing.stands(NOON + YEAR)


def test_the_newest_word_on_a_test_replaces_the_one_before_and_leaves_other_tests_alone() -> None:
    standing = after(attest(), attest(test="model-5"), attest(how="manual"))
    assert {test: one.how for test, one in standing.items()} == {"infra-1": "manual", "model-5": "automatic"}


def test_what_is_withdrawn_stands_no_more() -> None:
    assert after(attest(), attest(test="model-5"), Withdraw(test="infra-1")).keys() == {"model-5"}
    assert after(attest(), Withdraw(test="infra-1"), attest()).keys() == {"infra-1"}


def test_nobody_withdraws_what_nobody_vouches_for() -> None:
    with pytest.raises(Refused, match="infra-1 is not attested"):
        after(Withdraw(test="infra-1"))


def test_the_same_word_twice_is_written_once_and_another_persons_is_written() -> None:
    standing = attested(recorded(*vouch({}, attest(), ADA, NOON)))
    assert vouch(standing, attest(), ADA, NOON) == ()
    assert vouch(standing, attest(), BEN, NOON) != ()


@pytest.mark.parametrize(
    "link",
    [
        "",
        "wiki",
        "ftp://ci.example.org/x",
        "javascript:alert(1)",
        "https://",
        "https:///page",
        "https://[::1",
        "https://ci.example.org/a b",
        "https://ci.example.org/<x>",
        "https://ci.example.org/a|b",
        "https://ci.example.org/" + 2_000 * "a",
    ],
)
def test_a_link_that_nobody_can_follow_is_refused(link: str) -> None:
    with pytest.raises(Refused, match=r"no link that others can follow; give the http:// or https://"):
        vouch({}, attest(link=link), ADA, NOON)


def test_an_end_that_is_over_or_more_than_a_year_away_is_refused_with_what_would_do() -> None:
    for until in (NOON, NOON - timedelta(days=1)):
        with pytest.raises(Refused, match="is over already"):
            vouch({}, attest(until=until), ADA, NOON)
    with pytest.raises(Refused, match="more than a year away; look again by 2027-03-02 at the latest"):
        vouch({}, attest(until=NOON + LONGEST + timedelta(seconds=1)), ADA, NOON)
    assert vouch({}, attest(until=NOON + LONGEST), ADA, NOON)


def test_a_test_that_there_is_not_is_refused_with_the_nearest() -> None:
    for command in (attest(test="infra1"), Withdraw(test="infra1")):
        with pytest.raises(Refused, match="did you mean infra-1"):
            vouch({}, command, ADA, NOON)

"""People vouch for a test with a link and an end; the newest event about a test counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Refused
from domain.improvement.attestation import LONGEST, attested, require_sound
from domain.incident import events as e

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
ADA = "person:0000000000000000000000000000000a"


def given(**changes: object) -> e.AttestationGiven:
    said = {
        "test": "infra-1",
        "how": "automatic",
        "link": "https://ci.example.org/twice",
        "until": NOON + YEAR,
    }
    return e.AttestationGiven.model_validate({**said, **changes})


def recorded(*events: e.AttestationGiven) -> list[e.Recorded]:
    return [
        e.Recorded(
            stream=e.AUDIT,
            version=version,
            at=NOON,
            actor_kind="person",
            actor=ADA,
            cause=None,
            key=str(version),
            event=event,
        )
        for version, event in enumerate(events, start=1)
    ]


def test_the_newest_attestation_of_a_test_counts_with_who_gave_it_and_until_its_end() -> None:
    standing = attested(recorded(given(how="manual"), given(test="model-5"), given()))
    assert standing.keys() == {"infra-1", "model-5"}
    assert standing["infra-1"].model_dump() == {**given().model_dump(), "by": ADA, "at": NOON}
    assert standing["infra-1"].stands(NOON + YEAR - timedelta(seconds=1))
    assert not standing["infra-1"].stands(NOON + YEAR)


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
        "https://ci.example.org/" + 2_001 * "a",
    ],
)
def test_a_link_that_nobody_can_follow_is_refused(link: str) -> None:
    with pytest.raises(Refused, match=r"no link that others can follow; give the http:// or https://"):
        require_sound(given(link=link), NOON)


def test_an_end_that_is_over_or_more_than_a_year_away_is_refused_with_what_would_do() -> None:
    for until in (NOON, NOON - timedelta(days=1)):
        with pytest.raises(Refused, match="is over already"):
            require_sound(given(until=until), NOON)
    with pytest.raises(Refused, match="more than a year away; look again by 2027-03-02 at the latest"):
        require_sound(given(until=NOON + LONGEST + timedelta(seconds=1)), NOON)
    require_sound(given(until=NOON + LONGEST), NOON)


def test_a_test_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(Refused, match="did you mean infra-1"):
        require_sound(given(test="infra1"), NOON)

"""What people vouch for in an audit: orders, the rules for them, and what stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from domain.errors import Refused
from domain.improvement.rubric import criterion
from domain.incident import events as e
from domain.values import How, Moment, Value

LONGEST = timedelta(days=366)
"""Nobody vouches for longer than a year: what was true is looked at again."""

LINK_CHARACTERS = 2_000
_LINK = re.compile(r"https?://[^\s<>|\"`\\]+", re.IGNORECASE)


class Attest(Value):
    """Vouch for a test up to `until`; what was vouched before for the same test is replaced."""

    test: str
    how: How
    link: str
    until: Moment


class Withdraw(Value):
    """Withdraw an attestation."""

    test: str


class Attestation(Value):
    """That somebody (`by`, an id) vouches for a test, since `at`."""

    test: str
    how: How
    link: str
    until: Moment
    by: str
    at: Moment

    def stands(self, at: datetime) -> bool:
        """False once it has expired."""
        return at < self.until


def attested(recorded: Iterable[e.Recorded]) -> dict[str, Attestation]:
    """Test → the newest attestation of it that was not withdrawn, expired ones too."""
    standing: dict[str, Attestation] = {}
    for record in recorded:
        match record.event:
            case e.AttestationGiven():
                given = record.event.model_dump()
                standing[record.event.test] = Attestation(**given, by=record.actor, at=record.at)
            case e.AttestationWithdrawn():
                standing.pop(record.event.test, None)
            case _:
                continue
    return standing


def vouch(
    standing: Mapping[str, Attestation], command: Attest | Withdraw, by: str, at: datetime
) -> tuple[e.Attestation, ...]:
    """
    What happens when `by` orders this at `at`; nothing where the same was said before.

    Raises:
        Refused: there is no such test, the link leads nowhere, the time is over or too far away, or nobody
            vouches for what is to be withdrawn.
    """
    test = criterion(command.test).id
    before = standing.get(test)
    if isinstance(command, Withdraw):
        if before is None:
            raise Refused(f"{test} is not attested; `recsysops audit` shows which tests are")
        return (e.AttestationWithdrawn(test=test),)
    _leads_somewhere(command.link)
    _ends(command.until, at)
    said = e.AttestationGiven(**command.model_dump())
    if before is not None and before.by == by and said == e.AttestationGiven(**_said(before)):
        return ()
    return (said,)


def _said(before: Attestation) -> dict[str, object]:
    return before.model_dump(include={"test", "how", "link", "until"})


def _leads_somewhere(link: str) -> None:
    try:
        host = urlsplit(link).hostname
    except ValueError:  # for instance a bracket that is never closed
        host = None
    if not host or not _LINK.fullmatch(link) or len(link) > LINK_CHARACTERS:
        raise Refused(
            f"{link!r} is no link that others can follow; give the http:// or https:// address where the "
            "result can be seen"
        )


def _ends(until: datetime, at: datetime) -> None:
    day = f"{until.astimezone(UTC):%Y-%m-%d}"
    if until <= at:
        raise Refused(f"{day} is over already; give a day to come, at most a year from now")
    if until > at + LONGEST:
        raise Refused(f"{day} is more than a year away; look again by {at + LONGEST:%Y-%m-%d} at the latest")

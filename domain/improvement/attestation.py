"""What people vouch for in an audit: the commands, their rules, and which attestations are in force."""

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
"""Nobody can vouch for longer than a year: what was true then has to be looked at again."""

LINK_CHARACTERS = 2_000
_LINK = re.compile(r"https?://[^\s<>|\"`\\]+", re.IGNORECASE)


class Attest(Value):
    """Vouch for a test up to `until`; replaces an earlier attestation of the same test."""

    test: str
    how: How
    link: str
    until: Moment


class Withdraw(Value):
    """Withdraw an attestation."""

    test: str


class Attestation(Value):
    """Somebody (`by`, an id) has vouched for a test since `at`."""

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
    """Test → its newest attestation that was not withdrawn, including expired ones."""
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
    The events when `by` gives this command at `at`; none where it only repeats an earlier one.

    Raises:
        Refused: there is no such test, the link leads nowhere, the time is past or too far off, or there is
            no attestation to withdraw.
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

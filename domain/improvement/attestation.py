"""What people vouch for in an audit: events of the log, of which the newest about a test counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from domain.errors import Refused
from domain.improvement.rubric import criterion
from domain.incident import events as e
from domain.values import How, Moment, Value

LONGEST = timedelta(days=366)
"""Nobody can vouch for longer than a year: what was true then has to be looked at again."""

_LINK = re.compile(r"https?://[^\s/<>|\"`\\\[]+(/[^\s<>|\"`\\]{0,2000})?", re.IGNORECASE)


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
    """Test → its newest attestation, including expired ones."""
    standing: dict[str, Attestation] = {}
    for record in recorded:
        if isinstance(record.event, e.AttestationGiven):
            given = record.event.model_dump()
            standing[record.event.test] = Attestation(**given, by=record.actor, at=record.at)
    return standing


def require_sound(said: e.AttestationGiven, at: datetime) -> None:
    """
    Raises:
        Refused: there is no such test, the link leads nowhere, or the time is past or too far off.
    """
    criterion(said.test)
    if not _LINK.fullmatch(said.link):
        raise Refused(
            f"{said.link!r} is no link that others can follow; give the http:// or https:// address where "
            "the result can be seen"
        )
    day = f"{said.until.astimezone(UTC):%Y-%m-%d}"
    if said.until <= at:
        raise Refused(f"{day} is over already; give a day to come, at most a year from now")
    if said.until > at + LONGEST:
        raise Refused(f"{day} is more than a year away; look again by {at + LONGEST:%Y-%m-%d} at the latest")

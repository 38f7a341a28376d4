"""What somebody who vouches for a test enters: as options in the terminal, as words in Slack."""

from __future__ import annotations

from datetime import UTC, date, datetime

from domain.errors import Refused
from workers.door import Attest, Withdraw

ATTEST = "write `/recsysops audit attest infra-1 https://… 2027-01-31`, then `manual` if people do it"
WITHDRAW = "write `/recsysops audit withdraw infra-1`"


def day_of(text: str) -> datetime:
    """
    The beginning of a day in UTC.

    Raises:
        Refused: the text is not a day.

    >>> day_of("2027-01-31").isoformat()
    '2027-01-31T00:00:00+00:00'
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a day; write for instance 2027-01-31") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def said_in(rest: str) -> Attest | Withdraw | None:
    """
    What was typed after `audit`: an attestation or a withdrawal; None where the audit is only asked for.

    Raises:
        Refused: the text is neither.

    >>> said_in("withdraw infra-1")
    Withdraw(test='infra-1')
    """
    match rest.split():
        case []:
            return None
        case ["withdraw", test]:
            return Withdraw(test=test)
        case ["withdraw", *_]:
            raise Refused(f"Withdraw what? Please {WITHDRAW}.")
        case ["attest", test, link, until, *how] if how in ([], ["manual"]):
            # Slack writes an address as a link: <https://…> or <https://…|shown>.
            address = link.strip("<>").partition("|")[0]
            given = "manual" if how else "automatic"
            return Attest(test=test, how=given, link=address, until=day_of(until))
        case _:
            raise Refused(f"To attest a test, {ATTEST}; to withdraw that, {WITHDRAW}.")

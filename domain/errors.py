"""
Every error of the project.

    RecsysopsError
    ├── Refused               a rule says no; an answer for the person, not a crash
    │   ├── NotAllowed        the person is not in a group that may do this
    │   │   └── RightsUnknown nobody can say now whether they are; it may be known later
    │   └── Stale             the button belongs to an earlier state
    ├── ConfigurationError    recsysops.toml or the environment: what, where, what to do
    ├── OwnCheckError         a check of a team's own: cannot be imported, or raises
    │   └── Unmeasurable      its kind does not say how a finding is measured again
    ├── SourceError           a table: missing, locked, of another shape, or silent
    │   └── TooFewRows        not enough to say anything
    │       └── NoRows        none at all, where there always are
    ├── DeployError           a deployer did not do it
    │   └── DeployUncertain   nobody knows whether it did; asking again with the same key is safe
    │       └── MayStillAct   what it may have put in force could not be taken back
    ├── CannotRehearse        nothing that a hotfix repairs can be planted in this log
    ├── BundleError           what a diagnosis read cannot be kept, or not be read back
    ├── TrackerError          a tracker did not take a ticket, or does not show one
    ├── WitnessError          a witness did not take a checkpoint, or does not show what it holds
    └── LogError              the store
        ├── Unanswered        its answer was lost: nobody knows yet whether it was done
        ├── VersionConflict   somebody else appended first; decide again
        │   └── NumberTaken   another card has the number of the incident
        └── Tampered          the log is not what was written

What any other error says is foreign: a driver quotes the address that it could not read, with the password in
it. So it is neither stored nor shown, and `sanitized` is the one way from an error to a text.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from tomllib import TOMLDecodeError

from pydantic import ValidationError


class RecsysopsError(Exception):
    """What went wrong, where, and what to do about it, in one message."""


class Refused(RecsysopsError):
    """A rule says no, in words for the person who asked."""


class NotAllowed(Refused):
    """The person is in none of the groups that may do this."""


class RightsUnknown(NotAllowed):
    """Whether the person may do this cannot be determined now: fails closed, and may be tried again."""


class Stale(Refused):
    """The button was drawn for an earlier state of the incident."""


class ConfigurationError(RecsysopsError):
    """Something declared is wrong; the message names file, line or key, and the nearest right name."""


class OwnCheckError(RecsysopsError):
    """A check of a team's own could not be imported, or raised; the message names its kind and its line."""


class NotAJudgement(RecsysopsError, ValueError):
    """What a kind's judge gave is no judgement, or its numbers are out of range."""


class Unmeasurable(OwnCheckError):
    """A finding of this kind cannot be measured again: people have to say whether it is over."""


class SourceError(RecsysopsError):
    """A table could not be read as declared."""


class TooFewRows(SourceError):
    """Fewer rows than the method needs."""


class NoRows(TooFewRows):
    """A table holds no rows at all where it always has some."""


class DeployError(RecsysopsError):
    """A deployer answered that it did not do what was asked."""


class DeployUncertain(DeployError):
    """A deployer gave no answer; it may or may not have acted."""


class MayStillAct(DeployUncertain):
    """What a deployer may have put in force could not be reverted; it is not over until it can be."""


class CannotRehearse(RecsysopsError):
    """A hotfix cannot be rehearsed; the message says why. It does not mean that the hotfix does not work."""


class BundleError(RecsysopsError):
    """What a diagnosis read cannot be kept, or differs from what was kept."""


class TrackerError(RecsysopsError):
    """A tracker did not open, update or show a ticket; asking again with the same key is safe."""


class WitnessError(RecsysopsError):
    """A witness did not take a checkpoint, or does not show what it holds."""


class LogError(RecsysopsError):
    """The store could not do what was asked."""


class Unanswered(LogError):
    """
    The store was asked to write something and did not answer, so it may or may not have written it.

    Attributes:
        key: the idempotency key of the request, by which its result can be looked up.
        since: when the answer was lost, in seconds of the process's own clock (`time.monotonic`).
    """

    def __init__(self, key: str, since: float) -> None:
        super().__init__("The store did not answer, so it is not known whether this was done.")
        self.key = key
        self.since = since


class VersionConflict(LogError):
    """The stream moved on since it was read."""


class NumberTaken(VersionConflict):
    """Another card has the number of the incident `stream`, which no event gave to it."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"Another card has the number of {stream}; `recsysops events rebuild` removes it.")
        self.stream = stream


class Tampered(LogError):
    """The hash chain or a card does not fit the events."""


_PLACE = re.compile(r"\(at (line \d+, column \d+)\)$")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_CODE = re.compile(r"[a-z][a-z0-9_:.,]{0,99}")
listeners: list[Callable[[BaseException], None]] = []
"""Called with each error whose own words are left out, for the log of the process."""


def sanitized(error: BaseException) -> str:
    """
    What may be stored or shown of an error: our own words; of anybody else's, only what it is.

    A FileNotFoundError is "FileNotFoundError (ENOENT)", a refused login "OperationalError (SQLSTATE 28P01)".

    >>> sanitized(SourceError('table "plays": it is locked'))
    'table "plays": it is locked'
    """
    if isinstance(error, RecsysopsError):
        return str(error)
    for hear in listeners:
        hear(error)
    cause = getattr(error, "orig", None) or error  # SQLAlchemy wraps what a driver raised
    known = ", ".join(_known_of(cause))
    return f"{type(cause).__name__} ({known})" if known else type(cause).__name__


def _known_of(error: BaseException) -> Iterator[str]:
    """The parts of an error that are codes and places, and so can quote nothing."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        yield from (f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in found)
    if isinstance(error, TOMLDecodeError) and (place := _PLACE.search(str(error))):
        yield place[1]
    under: BaseException | None = error  # a broker's client wraps what the system said
    while under is not None and not (isinstance(under, OSError) and under.errno is not None):
        under = under.__cause__ or under.__context__
    if isinstance(under, OSError) and under.errno is not None:
        yield errno.errorcode.get(under.errno, str(under.errno))
    answer = getattr(error, "response", None)
    given = getattr(answer, "get", lambda name: None)  # Slack answers with codes
    numbers = {
        "SQLSTATE": getattr(error, "sqlstate", None) or "",
        "HTTP": getattr(answer, "status_code", None),
        "module": error.name if isinstance(error, ImportError) else None,
        "line": getattr(error, "lineno", None),
        "byte": getattr(error, "start", None),
    }
    for name, value in {**numbers, "says": given("error"), "needs": given("needed")}.items():
        code = isinstance(value, str) and (_SQLSTATE if name == "SQLSTATE" else _CODE).fullmatch(value)
        if isinstance(value, int) or code:
            yield f"{name} {value}"

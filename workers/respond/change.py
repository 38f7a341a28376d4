"""
Carries out an accepted follow-up: its check goes into the declaration, into a pull request, or to a person;
and is taken out again if it made something worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from domain.errors import ConfigurationError, DeployError, DeployUncertain, Refused, sanitized
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import AddedCheck
from workers.declaration.addition import add, as_added, as_removed, diff_of, holds, remove
from workers.doctor import doctor
from workers.environment import redaction
from workers.environment.settings import settings, surroundings
from workers.log.obligations import Work
from workers.respond.pull_request import propose_addition, propose_removal
from workers.store import cards

AS_DECLARED = "[follow_ups] does not say apply = “write”; put these lines into the declaration"
NOT_OURS = "it was handed to a person, who put it in"


def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Make the check that was agreed on, as `[follow_ups]` says; what does not apply goes to a person.

    If the worker died between making and recording it, the next try finds the check, or the pull request, and
    says so.
    """
    change, path = work.incident.change, settings().config
    if change is None:
        return
    try:
        against_others(work.log, work.incident, change)
        if recommender.follow_ups.apply == "pull_request":
            diff_of(path, change)  # what does not fit the current declaration is not proposed either
            yield propose_addition(
                recommender, surroundings(), work.incident, change, work.obligation.event_id
            )
        else:
            yield make(path, recommender, change)
    except DeployUncertain:
        raise
    except (Refused, ConfigurationError, DeployError) as error:
        yield c.RecordChangeHandedOver(check=change.name, diff=as_added(change), reason=_said(error))


def make(path: Path, recommender: Recommender, change: AddedCheck) -> c.Command:
    """Make the change in the declaration at `path`; returns what is to be recorded about it."""
    try:
        if recommender.follow_ups.apply == "propose":
            # There already: somebody has added it meanwhile.
            diff = diff_of(path, change)
            if diff:
                return c.RecordChangeHandedOver(check=change.name, diff=diff, reason=AS_DECLARED)
        diff = add(path, change, partial(_goes_with_the_sources, change))
    except (Refused, ConfigurationError) as error:
        return c.RecordChangeHandedOver(check=change.name, diff=as_added(change), reason=str(error))
    except OSError as error:
        return c.RecordChangeHandedOver(check=change.name, diff=as_added(change), reason=_unwritten(error))
    return c.RecordChangeWritten(check=change.name, diff=diff or as_added(change))


def against_others(log: Engine, incident: Incident, change: AddedCheck) -> None:
    """
    Compare the change with follow-ups that are not done: their checks may not be in any file yet. Those that
    are done are in the declaration, with which a check is compared where it is written.

    Raises:
        Refused: the follow-up of another incident declares a check of this name with other content, and is
            neither taken back nor in a pull request that was closed; says both.
    """
    with log.connect() as connection:
        others = [one for one in cards.followed(connection) if one.stream != incident.stream]
    for other in others:
        theirs, came = other.change, other.change_came
        if theirs is None or theirs.name != change.name or theirs.lines == change.lines:
            continue
        gone = other.followed is not None and other.followed.gone is not None
        if came is not None and not came.closed and not gone:
            raise Refused(
                f"it contradicts the follow-up of #{other.number}.\nThis one says:\n{change.lines}"
                f"#{other.number} says:\n{theirs.lines}"
            )


def take_back(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Take out the check that made something worse: only if it still reads as it was written, else that is left
    to a person.
    """
    incident, change, path = work.incident, work.incident.change, settings().config
    if change is None or incident.change_came is None:
        return
    try:
        if incident.change_came.url:
            yield propose_removal(recommender, surroundings(), incident, change)
        elif incident.change_came.written:
            yield c.RecordChangeTakenBack(check=change.name, diff=remove(path, change))
        elif holds(path, change):
            yield c.RecordChangeLeft(check=change.name, diff=as_removed(change), reason=NOT_OURS)
        else:
            yield c.RecordChangeTakenBack(check=change.name, diff="")
    except DeployUncertain:
        raise
    except (Refused, ConfigurationError, DeployError) as error:
        yield c.RecordChangeLeft(check=change.name, diff=as_removed(change), reason=_said(error))
    except OSError as error:
        yield c.RecordChangeLeft(check=change.name, diff=as_removed(change), reason=_unwritten(error))


def _said(error: Exception) -> str:
    return redaction.prose(sanitized(error))


def _unwritten(error: OSError) -> str:
    return f"the declaration cannot be written ({sanitized(error)})"


def _goes_with_the_sources(change: AddedCheck, draft: Path) -> None:
    """
    Raises:
        Refused: the doctor finds an error in what the check asks of its table.
    """
    of_check = f"checks.{change.name}"
    for advice in doctor.check(draft):
        whole = advice.where in (str(draft), of_check) or advice.where.startswith(f"{of_check}.")
        if advice.level == "error" and whole:
            raise Refused(f"the doctor says of {advice.where}: {advice.says}; {advice.fix}")

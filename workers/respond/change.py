"""A follow-up that was accepted, made: the check comes into the declaration, or is handed to a person."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from domain.errors import ConfigurationError, Refused
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from domain.values import AddedCheck
from workers.declaration.addition import add, as_added, diff_of
from workers.doctor import doctor
from workers.environment.settings import settings
from workers.log.obligations import Work

AS_DECLARED = "[follow_ups] does not say apply = “write”; put these lines into the declaration"


def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Write the check that was agreed on, as `[follow_ups]` says; what does not apply is a person's.

    Asked again after a death between written and recorded, it finds the check there and says so.
    """
    if (change := work.incident.change) is not None:
        yield make(settings().config, recommender, change)


def make(path: Path, recommender: Recommender, change: AddedCheck) -> c.Command:
    """The change made in the declaration at `path`, as what is to be recorded of it."""
    try:
        if recommender.follow_ups.apply == "propose":
            # There already: somebody has put it in meanwhile.
            diff = diff_of(path, change)
            if diff:
                return c.RecordChangeHandedOver(check=change.name, diff=diff, reason=AS_DECLARED)
        diff = add(path, change, partial(_goes_with_the_sources, change))
    except (Refused, ConfigurationError) as error:
        return c.RecordChangeHandedOver(check=change.name, diff=as_added(change), reason=str(error))
    except OSError as error:
        reason = f"the declaration cannot be written ({error.strerror})"
        return c.RecordChangeHandedOver(check=change.name, diff=as_added(change), reason=reason)
    return c.RecordChangeWritten(check=change.name, diff=diff or as_added(change))


def _goes_with_the_sources(change: AddedCheck, draft: Path) -> None:
    """
    Raises:
        Refused: the doctor finds an error in what the check asks of its table.
    """
    of_check = f"checks.{change.name}"
    for advice in doctor.check(draft):
        whole = advice.where in (str(draft), of_check) or advice.where.startswith(f"{of_check}.")
        if advice.level == "error" and whole:
            raise Refused(f"the doctor says of {advice.where}: {advice.says}; {advice.mend}")

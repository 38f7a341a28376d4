"""One person, one identity: the accounts that somebody acts with, in Slack and at a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, model_validator

from domain.values import Value

SLACK, TERMINAL = "slack:", "terminal:"
"""Prefixes of external ids, by where they come from."""

_MEMBER = re.compile(r"[UW][A-Za-z0-9-]{1,40}")


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


class Person(Value):
    """
    Somebody with an account in Slack (a member id, `U0123ABCD`), accounts at terminals (user names of the
    operating system), or both.
    """

    name: str
    slack: str | None = None
    """Member id in Slack, such as `U0123ABCD`."""
    terminal: Annotated[tuple[str, ...], BeforeValidator(_several)] = ()
    """User name in the operating system, or several."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.slack is None and not self.terminal:
            raise ValueError('needs slack = "U0123ABCD" (a member id), terminal = "account", or both')
        if self.slack is not None and not _MEMBER.fullmatch(self.slack):
            raise ValueError(f'slack = "{self.slack}" is no member id; it is on the profile, like U0123ABCD')
        return self

    @property
    def ids(self) -> tuple[str, ...]:
        """Their external ids (`slack:U123`, `terminal:maria`); everyone knows them by the first one."""
        member = (SLACK + self.slack,) if self.slack else ()
        return (*member, *(TERMINAL + account for account in self.terminal))


def person_of(people: Mapping[str, Person], known_as: str) -> Person | None:
    """The person behind an external id; None where nobody is declared for it."""
    return next((person for person in people.values() if known_as in person.ids), None)


def same_person(people: Mapping[str, Person], one: str, other: str) -> bool:
    """Whether two external ids belong to one person."""
    person = person_of(people, one)
    return one == other or (person is not None and other in person.ids)


def shared(people: Iterable[Person]) -> Iterator[tuple[Person, Person, str]]:
    """Accounts that are declared for two people: the later person, the earlier one, and the id."""
    owners: dict[str, Person] = {}
    for person in people:
        for known_as in person.ids:
            if owners.setdefault(known_as, person) is not person:
                yield person, owners[known_as], known_as

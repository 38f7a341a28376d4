"""The page of incidents: the query in its address, and how the result is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import get_args
from urllib.parse import urlencode

from pydantic import Field, ValidationError, field_validator

from bot.messages import words
from bot.messages.link import Link
from bot.messages.report import ENVIRONMENT, utc
from domain.incident.state import Incident, Status
from domain.incident.times import MeanTimes
from domain.values import Severity, Value

PAGE_INCIDENTS = 50
MEANS_DAYS = 90
STATUSES: tuple[Status, ...] = get_args(Status)


class IncidentQuery(Value):
    """Incidents with these statuses and severities (any, if none is named), with numbers below `below`."""

    status: tuple[Status, ...] = ()
    severity: tuple[Severity, ...] = ()
    below: int | None = Field(default=None, ge=1, lt=2**63)

    @field_validator("status", "severity", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value

    def address(self, **changes: object) -> str:
        """The address of the page with these changes."""
        asked = {**self.model_dump(mode="json"), **changes}
        said = {k: ",".join(map(str, v)) if isinstance(v, list | tuple) else v for k, v in asked.items() if v}
        return "/?" + urlencode(said, safe=",") if said else "/"


def choices(asked: IncidentQuery) -> Mapping[str, Sequence[tuple[str, str, bool]]]:
    """The filters to choose from, by name: (label, address, whether it is selected)."""

    def offered(name: str, values: Sequence[str]) -> list[tuple[str, str, bool]]:
        chosen = getattr(asked, name)
        everything = ("all", asked.address(below=None, **{name: ()}), not chosen)
        return [
            everything,
            *((one, asked.address(below=None, **{name: (one,)}), chosen == (one,)) for one in values),
        ]

    return {
        "Status": offered("status", STATUSES),
        "Severity": offered("severity", [one.value for one in Severity]),
    }


def wrong(error: ValidationError) -> str:
    """What is wrong with the query in an address, for the person who wrote it."""
    said = "".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}\n" for one in error.errors())
    return f"This address is not valid.\n{said}"


def html(
    incidents: Sequence[Incident],
    asked: IncidentQuery,
    means: MeanTimes,
    link: Link,
    names: words.Names = words.NOBODY,
    *,
    logged_in: bool = False,
) -> str:
    """
    One page of incidents, newest first.

    Args:
        incidents: those found; a full page is followed by another one.
        means: over incidents opened in the last `MEANS_DAYS`.
        link: addresses the reader may follow from here. logged_in: they may log out.
    """
    full = len(incidents) >= PAGE_INCIDENTS
    return ENVIRONMENT.get_template("listing.html.j2").render(
        incidents=incidents,
        choices=choices(asked),
        newest=asked.address(below=None) if asked.below else None,
        older=asked.address(below=incidents[-1].number) if full else None,
        filtered=bool(asked.status or asked.severity or asked.below),
        means=means,
        means_days=MEANS_DAYS,
        words=words,
        who=partial(words.spoken, names=names),
        utc=utc,
        link=link,
        logged_in=logged_in,
    )

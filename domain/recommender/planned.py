"""What is known beforehand: times in which a metric will be off, or in which nobody wants to be notified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from domain.values import Finding, Moment, Slice, Value, name_slice, slice_of

LONGEST = timedelta(days=366)  # whatever is planned ends: if a check is wrong for longer, change the check


def _slice(written: object) -> object:
    """A slice as written: `{country = "France"}`."""
    if isinstance(written, dict):
        return slice_of(**{str(dimension): str(value) for dimension, value in written.items()})
    return written


class Planned(Value):
    """
    An announced period: a holiday, a launch, a backfill (`[[planned]]`), or one in which nobody is to be
    notified (`[[silences]]`). It always ends.

    It covers findings of `checks`, in `tables`, and in `slices` and what lies within them; all of them where
    none is named. A prediction is covered only where its check is named.
    """

    name: str = Field(min_length=1)
    """What it is called in messages."""
    since: Moment = Field(alias="from")
    """When it begins: a day, or a time."""
    until: Moment = Field(alias="to")
    """When it ends: a whole day, or a time; at most 366 days later."""
    tables: tuple[str, ...] = ()
    """Tables that it is about; all if none is named."""
    checks: tuple[str, ...] = ()
    """Checks that it is about; all if none is named."""
    slices: tuple[Annotated[Slice, BeforeValidator(_slice)], ...] = ()
    """Slices that it is about, and what lies within them."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until <= self.since:
            raise ValueError("ends before it begins: to must be later than from")
        if self.until - self.since > LONGEST:
            raise ValueError(
                f"lasts longer than {LONGEST.days} days; what is so for ever is for the check to say"
            )
        return self

    def concerns(self, check: str, table: str | None) -> bool:
        """Whether a check of a table may find what is announced here."""
        return (not self.checks or check in self.checks) and (not self.tables or table in self.tables)

    def covers(self, finding: Finding) -> bool:
        """
        Whether a finding belongs to this period. A silence that lasts longer than usual beyond it does not.
        """
        if finding.kind == "predicted" and finding.check not in self.checks:
            return False
        inside = not self.slices or any(set(one) <= set(finding.slice) for one in self.slices)
        return self.concerns(finding.check, finding.table) and inside and self._meets(finding)

    def _meets(self, finding: Finding) -> bool:
        if finding.unit == "seconds":
            usual = timedelta(seconds=finding.high if finding.high is not None else finding.expected)
            return self.since < finding.window_end <= self.until + usual
        return finding.window_start < self.until and self.since < finding.window_end

    def words(self) -> str:
        """
        >>> Planned.model_validate({"name": "sale", "from": "2026-11-27T00:00Z", "to": "2026-11-28T00:00Z",
        ...                         "slices": [{"country": "France"}]}).words()
        'sale, 2026-11-27 00:00 to 2026-11-28 00:00 UTC, country = France'
        """
        where = [*self.tables, *self.checks, *map(name_slice, self.slices)]
        return ", ".join(
            [self.name, f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC", *where]
        )


def planned_at(written: Any, zone: Any, *, end: bool) -> Any:
    """
    A moment as written in TOML: with a zone as it is, without one in `zone`; a whole day begins at its
    midnight, and as the `end` of something it ends at the next.

    >>> from datetime import UTC, date
    >>> planned_at(date(2026, 12, 24), UTC, end=True)
    datetime.datetime(2026, 12, 25, 0, 0, tzinfo=datetime.timezone.utc)
    """
    if isinstance(written, str):
        try:
            day = len(written.strip()) <= len("2026-12-24")
            written = datetime.fromisoformat(written.strip())
            written = written.date() if day else written
        except ValueError:
            return written
    if isinstance(written, datetime):
        return written if written.tzinfo else written.replace(tzinfo=zone)
    if hasattr(written, "toordinal"):
        midnight = datetime(written.year, written.month, written.day)  # noqa: DTZ001 - its zone is added below
        return (midnight + timedelta(days=int(end))).replace(tzinfo=zone)
    return written
